"""Source files: how they are opened, how a change is noticed, and the errors for those that cannot be read."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from artstore.errors import SourceChanged, SourceMissing, SourceUnreadable

TRIES = 4
"""How many times a file is read if it changes while it is read."""
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
NOT_REGULAR = "it is not a regular file"
GROWN = -1
"""In place of the inode of a file that grew while it was read."""
MAX_INTEGER = 2**63 - 1
"""The largest integer in SQLite."""


class Stat(NamedTuple):
    """The status fields that stay the same while a file is unchanged; sizes in bytes, times in nanoseconds."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def stat_of(status: os.stat_result) -> Stat:
    """Return the fields of a status that identify an unchanged file; numbers too large for SQLite lose a bit."""
    # Not by calling Stat, which takes longer: this runs for every file of every walk.
    return tuple.__new__(
        Stat,
        (
            status.st_dev & MAX_INTEGER,
            status.st_ino & MAX_INTEGER,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        ),
    )


def prefix_stat(status: os.stat_result) -> Stat:
    """Return the stat of a file that grew since then, and of which the content until then is stored.

    It has no inode, so that the stat cache never takes the file for unchanged.
    """
    return stat_of(status)._replace(inode=GROWN)


class Problem(NamedTuple):
    """Why a file was not read. One that is `too_large` is read in pieces instead."""

    path: str
    reason: str
    too_large: bool = False
    changed: bool = False


def is_executable(mode: int) -> bool:
    """Return whether the owner may execute a file; always False on Windows, which has no such bit."""
    return os.name != "nt" and bool(mode & stat.S_IXUSR)


def open_source(path: str) -> int:
    """Open a file for reading. Raises `SourceUnreadable` if it cannot be opened or is not a regular file."""
    try:
        descriptor = os.open(path, OPEN_FLAGS)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise unreadable(path, NOT_REGULAR)
    return descriptor


def unreadable(path: str, reason: str, error: OSError | None = None) -> SourceUnreadable:
    """Return the error for a file that cannot be read; with a `FileNotFoundError` the one for a missing file."""
    if isinstance(error, FileNotFoundError):
        return SourceMissing(f"cannot read {path!r}: {reason}. Nothing was added: check the path")
    return SourceUnreadable(f"cannot read {path!r}: {reason}. Nothing was added: make it readable, or leave it out")


def changed(path: str) -> SourceChanged:
    """Return the error for a file that changed during every attempt to read it."""
    return SourceChanged(
        f"{path!r} kept changing while it was read. Nothing was added: stop the program that writes it, or add a copy"
    )
