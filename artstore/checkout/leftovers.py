"""Files that a killed download left under a temporary name, `.NAME-0123456789ab`, where it was to replace `NAME`.

A file has such a name for an instant only, and is locked meanwhile, so the next download to its folder can tell one
that was left, and removes it. Links cannot be locked: those that are a minute old are removed.
"""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress

from artstore.runtime import platform

_NAME = re.compile(r"\.(.{1,50})-[0-9a-f]{12}", re.DOTALL)
_SECONDS = 60


def mark_in_use(descriptor: int) -> bool:
    """Lock a file that has a temporary name, or is to get one; return False if another download took it for left.

    Where files cannot be locked, none is removed.
    """
    try:
        return platform.lock(descriptor, wait=False) and os.fstat(descriptor).st_nlink <= 1
    except OSError:
        return True


def remove(folder: int, found: dict[str, os.stat_result]) -> None:
    """Remove what killed downloads left in an open folder. `found` is what is in it, in the order of the names."""
    for name in _hidden(found):
        match = _NAME.fullmatch(name)
        if match is not None and _is_replaced(match[1], found) and _remove(folder, name, found[name]):
            del found[name]


def _hidden(found: dict[str, os.stat_result]) -> list[str]:
    names = []
    for name in found:
        # Names with other first characters follow.
        if name >= "/":
            break
        if name[0] == ".":
            names.append(name)
    return names


def _is_replaced(start: str, found: dict[str, os.stat_result]) -> bool:
    """Whether a file is there whose name begins like that: the one that was to be replaced."""
    return start in found or (len(start) == 50 and any(name.startswith(start) for name in found))


def _remove(folder: int, name: str, status: os.stat_result) -> bool:
    if stat.S_ISLNK(status.st_mode):
        if time.time() - status.st_mtime < _SECONDS:
            return False
    elif not stat.S_ISREG(status.st_mode) or not _is_left(folder, name):
        return False
    with suppress(OSError):
        os.unlink(name, dir_fd=folder)
        return True
    return False


def _is_left(folder: int, name: str) -> bool:
    """Whether no download holds a file. Of another user's, and where files cannot be locked, that is not known."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return False
    try:
        return platform.lock(descriptor, wait=False)
    except OSError:
        return False
    finally:
        os.close(descriptor)
