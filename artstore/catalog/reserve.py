"""Space on the disk that a store keeps, so that versions can be deleted from it where the disk is full.

Deleting writes to the journal before it frees anything. So a file beside the catalog takes as much space as that needs:
a transaction changes each page of the catalog once at most. The file is given up when the disk is full, and made again
once there is space. It is a help: nothing fails because it cannot be made.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from artstore.catalog.connection import FILE
from artstore.errors import Damaged
from artstore.runtime import platform

NAME = f"{FILE}-reserve"
_LITTLE = 128 * 1024
"""SQLite needs this much besides the pages: the memory that readers share, and the frames of the journal."""
_AT_MOST = 16 * 1024 * 1024
_PLENTY = 2
"""The reserve is made where this many times its size is free."""


def keep(folder: Path, catalog_size: int) -> None:
    """Make the reserve of a store whose catalog has a size in bytes, or make it larger, if there is plenty of space."""
    path, needed = folder / NAME, min(_AT_MOST, catalog_size + _LITTLE)
    if _size(path) >= needed:
        return
    # Larger than needed now, so that it grows rarely.
    size = min(_AT_MOST, needed + needed // 2)
    # Also if something else has its name.
    with suppress(OSError, Damaged):
        if shutil.disk_usage(folder).free < _PLENTY * size:
            return
        descriptor = platform.open_regular(path, os.O_RDWR | os.O_CREAT)
        try:
            platform.allocate(descriptor, size)
        finally:
            os.close(descriptor)


def make_room_to_open(folder: Path) -> None:
    """Give a part of the reserve back to a disk that has no room for what SQLite creates when it opens the catalog.

    Otherwise a file system whose blocks are smaller than pages, such as a small ext4, ends the process with SIGBUS.
    """
    path = folder / NAME
    with suppress(OSError):
        if shutil.disk_usage(folder).free < _LITTLE and _size(path) > _LITTLE:
            os.truncate(path, _size(path) - _LITTLE)


def give_up_if_full(folder: Path) -> bool:
    """Give the reserve back to a disk that has less space than it; return whether it was there."""
    path = folder / NAME
    size = _size(path)
    if not size or shutil.disk_usage(folder).free >= size:
        return False
    platform.remove_if_there(path)
    return True


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
