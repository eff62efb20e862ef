"""Reading files whole and in one state: what was hashed is handed on, or it is said that the file kept changing."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from artstore.errors import SourceChanged, SourceMissing, SourceUnreadable

TRIES = 4
_SIGNED = 2**63 - 1
FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


class Stat(NamedTuple):
    """What identifies an unchanged file: device, inode, size in bytes, and its two times in nanoseconds."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def stat_of(status: os.stat_result) -> Stat:
    """Pick out of a status what identifies an unchanged file; numbers that SQLite cannot hold are folded."""
    # As a plain tuple is made: this is called for every file of every walk.
    return tuple.__new__(
        Stat,
        (status.st_dev & _SIGNED, status.st_ino & _SIGNED, status.st_size, status.st_mtime_ns, status.st_ctime_ns),
    )


class Problem(NamedTuple):
    """Why a file was not read. `too_large` is no fault: it is to be read in pieces."""

    path: str
    reason: str
    too_large: bool = False
    changed: bool = False


def is_executable(mode: int) -> bool:
    """Whether the owner may execute a file; always False where systems have no such bit."""
    return os.name != "nt" and bool(mode & stat.S_IXUSR)


def open_source(path: str) -> int:
    """Open a file for reading. `SourceUnreadable` if that is not possible, or if it is no regular file."""
    try:
        descriptor = os.open(path, FLAGS)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise unreadable(path, "it is no regular file")
    return descriptor


def unreadable(path: str, reason: str, error: OSError | None = None) -> SourceUnreadable:
    """The error for a file that cannot be taken in."""
    if isinstance(error, FileNotFoundError):
        return SourceMissing(f"cannot read {path!r}: {reason}. Nothing was added: check the path")
    return SourceUnreadable(f"cannot read {path!r}: {reason}. Nothing was added: make it readable, or leave it out")


def changed(path: str) -> SourceChanged:
    """The error for a file that was never the same before and after it was read."""
    return SourceChanged(
        f"{path!r} kept changing while it was read. Nothing was added: stop what writes it, or add a copy"
    )
