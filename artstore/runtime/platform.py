"""Differences between operating systems: locks, holes, folder syncs, clocks, file systems and their errors.

Other modules are written as if all systems were alike: calls that only POSIX or only Linux has are made here, with a
fallback.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from artstore.errors import ArtstoreError, Damaged, DiskFull, StoreError

if TYPE_CHECKING:
    import subprocess

WINDOWS = sys.platform == "win32"
LINUX = sys.platform.startswith("linux")
FOLDER_DESCRIPTORS = os.open in os.supports_dir_fd and not WINDOWS
"""Whether folders can be opened, and names be looked up in them without following links."""

_LOCK_BYTE = 2**62
_MAX_PIECES = 1024
"""How many pieces Linux and macOS write in one call."""
_NETWORK = {
    *("9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "remote"),
    *("smb2", "smb3", "smbfs", "webdav"),
}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_TOO_MANY_OPEN = {errno.EMFILE, errno.ENFILE}

if sys.platform == "win32":
    import msvcrt

    def lock(descriptor: int, *, wait: bool, shared: bool = False) -> bool:
        """Lock an open file for this descriptor; return False if another holds the lock and `wait` is not set.

        Windows has no shared locks: `shared` has no effect.
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
        """Release a lock taken by `lock`."""
        os.lseek(descriptor, _LOCK_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def lock(descriptor: int, *, wait: bool, shared: bool = False) -> bool:
        """Lock an open file for this descriptor; return False if another holds the lock and `wait` is not set.

        Several descriptors can hold a shared lock at a time.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(descriptor: int) -> None:
        """Release a lock taken by `lock`."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def open_regular(path: Path, flags: int) -> int:
    """Open a file of a store. Raises `Damaged` for a link, a FIFO or whatever else is not a file, without waiting."""
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise
        raise _not_a_file(path) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_a_file(path)
    return descriptor


def size_of_regular(path: Path) -> int:
    """Return the size of a file of a store. Raises `Damaged` for a link, a FIFO or whatever else is not a file."""
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        raise _not_a_file(path)
    return status.st_size


def _not_a_file(path: Path) -> Damaged:
    return Damaged(f"{path} is a link or not a regular file, which artstore does not create there: remove it")


def open_locked(path: Path, *, create: bool, shared: bool = False) -> int | None:
    """Open a file and lock it; return None if the file is gone or another process holds the lock.

    A file that was unlinked between opening and locking counts as gone.
    """
    try:
        with translate_os_errors(str(path)):
            descriptor = open_regular(path, os.O_RDWR | (os.O_CREAT | os.O_EXCL if create else 0))
    except FileNotFoundError:
        return None
    if not lock(descriptor, wait=False, shared=shared):
        os.close(descriptor)
        return None
    try:
        is_same = os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        is_same = False
    if not is_same:
        os.close(descriptor)
        return None
    return descriptor


def create_locked(new_path: Callable[[], Path]) -> tuple[Path, int]:
    """Create a file and lock it; with another new path if a process that removes leftovers locked the file first."""
    while True:
        path = new_path()
        descriptor = open_locked(path, create=True)
        if descriptor is not None:
            return path, descriptor


def some_descriptors(wanted: int) -> int:
    """Return how many descriptors one part of the program may keep open: at most an eighth of what is allowed."""
    if sys.platform == "win32":
        return wanted
    import resource  # not on Windows

    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted if allowed == resource.RLIM_INFINITY else max(4, min(wanted, allowed // 8))


def create_folder(path: Path) -> None:
    """Create a folder and those above it that are missing, durably; also one that was there is for its owner alone."""
    missing = [above for above in (path, *path.parents) if not above.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not missing and path.stat().st_mode & 0o077:
        # Of another user: what is put into it is for its owner alone anyway.
        with suppress(PermissionError):
            path.chmod(0o700)
    for created in missing:
        sync_folder(created.parent)


def create_private_file(path: Path) -> None:
    """Create an empty file that only its owner may read."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable; Windows does that by itself."""
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
    """Turn a range of a file into zeros, and free its whole blocks where the file system can."""
    if _fallocate is not None and _fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, offset, length) == 0:
        return
    zeros = bytes(1 << 20)
    for start in range(0, length, len(zeros)):
        write_all_at(descriptor, memoryview(zeros)[: length - start], offset + start)


def allocate(descriptor: int, size: int) -> None:
    """Give a file a size in bytes, and take the space for it from the disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        write_all_at(descriptor, bytes(size), 0)


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> int:
    """Write at an offset of a file; return how many bytes were written. Moves the file position on Windows."""
    if not WINDOWS:
        return os.pwrite(descriptor, data, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.write(descriptor, data)


def write_all_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write all bytes at an offset of a file, in as many calls as that takes."""
    rest = memoryview(data)
    while len(rest):
        written = write_at(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def write_pieces_at(descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> None:
    """Write consecutive pieces at an offset of a file, where possible without joining them in memory."""
    if not hasattr(os, "pwritev"):
        write_all_at(descriptor, b"".join(pieces), offset)
        return
    for first in range(0, len(pieces), _MAX_PIECES):
        batch = pieces[first : first + _MAX_PIECES]
        size = sum(map(len, batch))
        written = os.pwritev(descriptor, batch, offset)
        if written < size:
            write_all_at(descriptor, memoryview(b"".join(batch))[written:], offset + written)
        offset += size


def read_into(descriptor: int, window: memoryview, offset: int) -> int:
    """Read from an offset of a file into a buffer; return how many bytes were read: all, but at the end of the file."""
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


def drop_from_cache(descriptor: int) -> None:
    """Let the system use the memory in which it keeps a file that is durable; reading the file reads the disk."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def read_at(descriptor: int, length: int, offset: int) -> bytes:
    """Read a range of a file; fewer bytes only at its end. Moves the file position on Windows."""
    if not WINDOWS:
        return os.pread(descriptor, length, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, length)


def seek_data(descriptor: int, offset: int, size: int) -> int:
    """Return where the data of a file begins at or after an offset: at its size if there is only a hole."""
    if not hasattr(os, "SEEK_DATA"):
        return offset
    try:
        return min(os.lseek(descriptor, offset, os.SEEK_DATA), size)
    except OSError as error:
        return size if error.errno == errno.ENXIO else offset


def seek_hole(descriptor: int, offset: int, size: int) -> int:
    """Return where the first hole of a file begins at or after an offset: at its size if there is none."""
    if not hasattr(os, "SEEK_HOLE") or offset >= size:
        return size
    try:
        return min(os.lseek(descriptor, offset, os.SEEK_HOLE), size)
    except OSError:
        return size


def allocated_bytes(status: os.stat_result) -> int:
    """Return how many bytes a file occupies on the disk, without its holes."""
    blocks: int = getattr(status, "st_blocks", -1)
    return blocks * 512 if blocks >= 0 else status.st_size


def clock(probe: Path) -> int:
    """Return the time of a file system, in nanoseconds, by touching a file there that has no other use."""
    descriptor = open_regular(probe, os.O_CREAT | os.O_WRONLY)
    try:
        os.utime(probe)
        return os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)


def network_file_system(path: Path) -> str | None:
    """Return the kind of network or user-space file system that a path lies on; None if it is a local one."""
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
    """In a block, replace the system's errors for no space and no permission by errors that say what to do."""
    try:
        yield
    except OSError as error:
        if isinstance(error, ArtstoreError) or error.errno not in _FULL | _FORBIDDEN | _TOO_MANY_OPEN:
            raise
        if error.errno in _TOO_MANY_OPEN:
            raise StoreError(
                f"{what} cannot be opened, as this process has too many open files: raise the limit with `ulimit -n`"
            ) from error
        if error.errno in _FULL:
            raise DiskFull(
                f"no space left while writing {what} ({error.strerror}): free some, then run the same again; "
                "nothing was lost"
            ) from error
        raise forbidden(f"{what} cannot be read or written ({error.strerror}): {remedy}") from error


def temporary_name(name: str) -> str:
    """Return a new name for a file while it is written, next to its final name: `.NAME-` and 12 hexadecimal digits.

    It fits into 255 bytes also where each character takes four.
    """
    return f".{name[:50]}-{os.urandom(6).hex()}"


def remove_if_there(path: Path) -> None:
    """Unlink a file, if it exists."""
    with suppress(FileNotFoundError):
        path.unlink()


def start_without_interrupts(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process with pipes to this one; Ctrl-C at the terminal does not reach it."""
    import subprocess  # late, for the start-up time

    if sys.platform == "win32":
        flag = subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, creationflags=flag)
    # A new process has the signals blocked that the thread has that starts it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def load_average() -> float | None:
    """Return how many threads wanted to run over the last minute, on average; None where that is not counted."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
