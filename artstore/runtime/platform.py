"""What operating systems do differently: locks, holes, folder syncs, links, clocks and kinds of file systems.

Every other module is written as if all systems were alike; what only POSIX or only Linux has is asked for here, with
a fallback.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from artstore.errors import ArtstoreError, DiskFull, StoreError

WINDOWS = sys.platform == "win32"
LINUX = sys.platform.startswith("linux")
FOLDER_DESCRIPTORS = os.open in os.supports_dir_fd and not WINDOWS
"""Whether folders can be opened and names looked up below them without following links."""

_LOCK_BYTE = 2**62
_PIECES_AT_ONCE = 1024
"""What Linux and macOS take in one call."""
_NETWORK = {
    *("9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "remote"),
    *("smb2", "smb3", "smbfs", "webdav"),
}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}

if sys.platform == "win32":
    import msvcrt

    def lock(descriptor: int, *, wait: bool, shared: bool = False) -> bool:
        """Lock an open file for this descriptor alone; False if another holds it and `wait` is not set.

        There are no shared locks here.
        """
        while True:
            os.lseek(descriptor, _LOCK_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                return True
            except OSError:
                if not wait:
                    return False
                time.sleep(0.01)

    def unlock(descriptor: int) -> None:
        """Let go of a lock taken by `lock`."""
        os.lseek(descriptor, _LOCK_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def lock(descriptor: int, *, wait: bool, shared: bool = False) -> bool:
        """Lock an open file for this descriptor alone; False if another holds it and `wait` is not set.

        A shared lock is not in the way of other shared ones.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(descriptor: int) -> None:
        """Let go of a lock taken by `lock`."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def open_locked(path: Path, *, create: bool, shared: bool = False) -> int | None:
    """Open a file and lock it; None if it is gone, or another process holds it.

    A file that was unlinked between the opening and the locking counts as gone.
    """
    flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        with translate_os_errors(str(path)):
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL if create else flags, 0o600)
    except FileNotFoundError:
        return None
    if not lock(descriptor, wait=False, shared=shared):
        os.close(descriptor)
        return None
    try:
        same = os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        same = False
    if not same:
        os.close(descriptor)
        return None
    return descriptor


def create_locked(name: Callable[[], Path]) -> tuple[Path, int]:
    """Make a file under a new name and lock it; again, if somebody who looks for leftovers was faster with the lock."""
    while True:
        path = name()
        descriptor = open_locked(path, create=True)
        if descriptor is not None:
            return path, descriptor


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, where the system needs that said."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _linux_fallocate() -> ctypes._NamedFuncPointer | None:
    if not LINUX:
        return None
    try:
        call = ctypes.CDLL(None, use_errno=True).fallocate64
    except (AttributeError, OSError):
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return call


_fallocate = _linux_fallocate()
_KEEP_SIZE, _PUNCH_HOLE = 1, 2


def punch(descriptor: int, offset: int, length: int) -> None:
    """Turn a range of a file into zeros, and give its whole blocks back to the file system where that is possible."""
    if _fallocate is not None and _fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, offset, length) == 0:
        return
    zeros = bytes(1 << 20)
    for start in range(0, length, len(zeros)):
        write_all_at(descriptor, memoryview(zeros)[: length - start], offset + start)


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> int:
    """Write at an offset of a file; return how many bytes were written. Moves the position on Windows."""
    if not WINDOWS:
        return os.pwrite(descriptor, data, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.write(descriptor, data)


def write_all_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write at an offset of a file, however many calls that takes."""
    rest = memoryview(data)
    while len(rest):
        written = write_at(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def write_pieces_at(descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> None:
    """Write pieces one behind the other at an offset of a file, where possible without putting them together."""
    if not hasattr(os, "pwritev"):
        write_all_at(descriptor, b"".join(pieces), offset)
        return
    for first in range(0, len(pieces), _PIECES_AT_ONCE):
        some = pieces[first : first + _PIECES_AT_ONCE]
        size = sum(map(len, some))
        written = os.pwritev(descriptor, some, offset)
        if written < size:
            write_all_at(descriptor, memoryview(b"".join(some))[written:], offset + written)
        offset += size


def read_into(descriptor: int, window: memoryview, offset: int) -> int:
    """Read from an offset of a file into memory that is there; return how many bytes there were."""
    filled = 0
    while filled < len(window):
        if hasattr(os, "preadv"):
            count = os.preadv(descriptor, [window[filled:]], offset + filled)
        else:
            data = read_at(descriptor, len(window) - filled, offset + filled)
            count = len(data)
            window[filled : filled + count] = data
        if count == 0:
            break
        filled += count
    return filled


def read_at(descriptor: int, length: int, offset: int) -> bytes:
    """Read a range of a file without moving its position; shorter at the end of the file."""
    if not WINDOWS:
        return os.pread(descriptor, length, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, length)


def allocated_bytes(status: os.stat_result) -> int:
    """What a file takes on the disk, holes not counted."""
    blocks: int = getattr(status, "st_blocks", -1)
    return blocks * 512 if blocks >= 0 else status.st_size


def clock(probe: Path) -> int:
    """Read the clock of a file system, in nanoseconds, by touching a file on it that nobody else needs."""
    descriptor = os.open(probe, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.utime(probe)
        return os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)


def network_file_system(path: Path) -> str | None:
    """Name the network or user-space file system that a path lies on; None if it lies on a local one."""
    import psutil

    best, kind = "", ""
    for partition in psutil.disk_partitions(all=True):
        if len(partition.mountpoint) >= len(best) and path.is_relative_to(partition.mountpoint):
            best = partition.mountpoint
            kind = "remote" if "remote" in partition.opts.split(",") else partition.fstype.lower()
    return kind if kind in _NETWORK or kind == "fuse" or kind.startswith("fuse.") else None


@contextmanager
def translate_os_errors(
    what: str,
    forbidden: type[ArtstoreError] = StoreError,
    remedy: str = "check the permissions of the folder and what is in it",
) -> Iterator[None]:
    """Turn the system's ways to say that there is no space, or no permission, into errors that say what to do."""
    try:
        yield
    except OSError as error:
        if isinstance(error, ArtstoreError) or error.errno not in _FULL | _FORBIDDEN:
            raise
        if error.errno in _FULL:
            raise DiskFull(
                f"no space left while writing {what} ({error.strerror}): free some, then run the same again; "
                "nothing was lost"
            ) from error
        raise forbidden(f"{what} cannot be read or written ({error.strerror}): {remedy}") from error


def remove_if_there(path: Path) -> None:
    """Unlink a file; it is fine if someone else did."""
    with suppress(FileNotFoundError):
        path.unlink()


def load() -> float | None:
    """How many threads wanted to run over the last minute, on average; None where the system does not count them."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
