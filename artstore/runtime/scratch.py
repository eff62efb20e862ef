"""Temporary files, in one folder for each process, so that those of a process that was killed are found and removed.

The folder lies in the folder for temporary files (`TMPDIR`), and its process keeps it locked. The next process that
needs such a folder, and `gc`, remove those that no process has locked.
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from artstore.runtime import forking, platform

_PREFIX = "artstore-"
_NAME = re.compile(_PREFIX + "[0-9a-f]{16}")
# A signal handler may need the folder while the function that it interrupted makes it.
_lock = threading.RLock()
_own: tuple[Path, int] | None = None
"""The folder of this process, and the descriptor that keeps it locked."""


def folder() -> Path:
    """Return the folder for temporary files of this process. Raises `DiskFull` or `StoreError` if it cannot be made."""
    global _own
    with _lock:
        if not _is_usable(_own):
            remove_leftovers()
            with platform.translate_os_errors(f"a temporary folder in {_parent()}"):
                created = _create()
            if _is_usable(_own):
                _discard(created)
            else:
                _own = created
        assert _own is not None
        return _own[0]


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Create a folder, and remove it with everything in it when the block ends."""
    with tempfile.TemporaryDirectory(dir=folder()) as path:
        yield Path(path)


def remove_leftovers() -> int:
    """Remove the temporary files of processes that were killed; return how many folders there were."""
    removed = 0
    if not platform.FOLDER_DESCRIPTORS:
        return removed
    for name in os.listdir(_parent()):
        if not _NAME.fullmatch(name):
            continue
        path = _parent() / name
        descriptor = _lock_folder(path)
        if descriptor is not None:
            # Files of other users stay: they are not ours to remove.
            if os.fstat(descriptor).st_uid == os.geteuid():
                shutil.rmtree(path, ignore_errors=True)
                removed += 1
            os.close(descriptor)
    return removed


def _is_usable(folder: tuple[Path, int] | None) -> bool:
    return folder is not None and folder[0].is_dir() and folder[0].parent == _parent()


def _parent() -> Path:
    return Path(tempfile.gettempdir())


def _create() -> tuple[Path, int]:
    while True:
        path = _parent() / f"{_PREFIX}{secrets.token_hex(8)}"
        path.mkdir(mode=0o700)
        if not platform.FOLDER_DESCRIPTORS:
            return path, -1
        # Another process may have removed it before it was locked.
        descriptor = _lock_folder(path)
        if descriptor is not None and path.exists():
            return path, descriptor
        if descriptor is not None:
            os.close(descriptor)


def _lock_folder(path: Path) -> int | None:
    """Open and lock a folder; return None if it is gone, or not a folder, or another process has locked it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    if platform.lock(descriptor, wait=False):
        return descriptor
    os.close(descriptor)
    return None


def _forget() -> None:
    global _lock, _own
    # The folder is that of the parent. Its lock is shared by this process, which keeps it until it ends.
    _lock, _own = threading.RLock(), None


def _remove() -> None:
    global _own
    own, _own = _own, None
    if own is not None:
        _discard(own)


def _discard(folder: tuple[Path, int]) -> None:
    shutil.rmtree(folder[0], ignore_errors=True)
    with suppress(OSError):
        os.close(folder[1])


forking.register(after_in_child=_forget)
atexit.register(_remove)
