"""Reading files whole and in one state: what was hashed is handed on, or it is said that the file kept changing."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

from artstore import chunking, digests
from artstore.errors import SourceChanged, SourceMissing, SourceUnreadable

TRIES = 4
_SIGNED = 2**63 - 1
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


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


class SmallFile(NamedTuple):
    """A file that is one chunk, or none."""

    stat: Stat
    executable: bool
    digest: bytes
    data: bytes


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
        descriptor = os.open(path, _FLAGS)
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


def read_small(paths: Sequence[str], algorithm: str) -> list[SmallFile | Problem]:
    """Read and hash files of up to 64 KiB, each in one state."""
    raw = digests.algorithm(algorithm).raw
    return [_read_one(path, raw) for path in paths]


def _read_one(path: str, raw: digests.Raw) -> SmallFile | Problem:
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        return Problem(path, error.strerror or str(error))
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return Problem(path, "it is no regular file")
        for _ in range(TRIES):
            data = os.read(descriptor, chunking.WHOLE + 1)
            after = os.fstat(descriptor)
            if len(data) > chunking.WHOLE:
                return Problem(path, "it grew", too_large=True)
            if len(data) == after.st_size and _same(before, after):
                return SmallFile(stat_of(after), is_executable(after.st_mode), raw(data), data)
            before = after
            os.lseek(descriptor, 0, os.SEEK_SET)
        return Problem(path, "it kept changing", changed=True)
    except OSError as error:
        return Problem(path, error.strerror or str(error))
    finally:
        os.close(descriptor)


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return before.st_mtime_ns == after.st_mtime_ns and before.st_size == after.st_size
