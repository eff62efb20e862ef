"""Folders that a download makes: built under a hidden name beside their place, and renamed once all is in them.

The hidden name is one of `platform.temporary_name`: `.NAME-0123456789ab`. A folder that is being built is locked, so
that the next download to the same place can tell one that a killed process left behind, and removes it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from artstore.runtime import platform

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


def can_build(root: Path) -> bool:
    """Whether a folder is built under a hidden name: it does not exist, and the system can open folders."""
    return platform.FOLDER_DESCRIPTORS and not os.path.lexists(root) and not os.path.lexists(root.resolve())


@contextmanager
def hidden(place: Path) -> Iterator[Path]:
    """Create the hidden folder for a place, and remove it when the block ends, unless it was moved to its place."""
    place.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(place)
    folder, lock = _create(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _create(place: Path) -> tuple[Path, int]:
    while True:
        folder = place.with_name(platform.temporary_name(place.name))
        folder.mkdir()
        with suppress(FileNotFoundError):
            lock = os.open(folder, _FOLDER)
            # Where folders cannot be locked, no other download removes this one.
            is_locked = _lock(lock) is not False
            # Elsewhere another download may have found it before it was locked.
            if is_locked and folder.exists():
                return folder, lock
            os.close(lock)


def _lock(descriptor: int) -> bool | None:
    """Lock an open folder; return whether it is locked, or None where folders cannot be locked."""
    try:
        return platform.lock(descriptor, wait=False)
    except OSError:
        return None


def _remove_abandoned(place: Path) -> None:
    """Remove the hidden folders of downloads to a place that were killed."""
    pattern = re.compile(rf"\.{re.escape(place.name[:50])}-[0-9a-f]{{12}}")
    for name in os.listdir(place.parent):
        if pattern.fullmatch(name):
            folder = place.with_name(name)
            try:
                lock = os.open(folder, _FOLDER)
            except OSError:
                # It is gone, not a folder, or another user's.
                continue
            if _lock(lock):
                shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
