"""Writing files that appear under their names complete, verified and all at once, and never through a link.

Where the system can, a file is made without a name and linked to it when it is done; elsewhere it is renamed from a
temporary name. `write_small` runs in worker processes as well, so it takes and returns plain data.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from artstore.core import digests
from artstore.errors import UnsafeRoot
from artstore.runtime import platform
from artstore.runtime.source_file import Stat, stat_of
from artstore.storage.packs import Packs, Place

_FOLDERS_OPEN = 64
_BACKDATED_NS = 1_000_000_000
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NAMELESS: int = getattr(os, "O_TMPFILE", 0) if os.path.isdir("/proc/self/fd") else 0


class SmallJob(NamedTuple):
    """A file of one chunk, or of none, that is to be written."""

    folder: str
    name: str
    executable: bool
    digest: bytes
    place: Place | None


class TargetFolder:
    """The folder that a download goes to. Names below it are looked up without following links, nor into the store."""

    def __init__(self, path: Path, store: Path) -> None:
        self.path = path
        self._store = os.stat(store)
        self._open: OrderedDict[str, int] = OrderedDict()

    def folder(self, relative: str) -> int | None:
        """Open a folder below the root, making it if needed; None where systems have no descriptors of folders.

        Raises `UnsafeRoot` if a link or a file is in the way.
        """
        if not platform.FOLDER_DESCRIPTORS:
            self._check_by_name(relative)
            return None
        found = self._open.get(relative)
        if found is not None:
            self._open.move_to_end(relative)
            return found
        try:
            descriptor = self._reach(relative)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise in_the_way(self.path / relative, "moved away meanwhile", "folder") from error
        self._open[relative] = descriptor
        if len(self._open) > _FOLDERS_OPEN:
            _, oldest = self._open.popitem(last=False)
            os.close(oldest)
        return descriptor

    def _reach(self, relative: str) -> int:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | _BINARY)
        reached = ""
        for name in relative.split("/") if relative else ():
            reached = f"{reached}/{name}" if reached else name
            above = descriptor
            try:
                descriptor = self._enter(above, name, reached)
            finally:
                os.close(above)
        return descriptor

    def _enter(self, above: int, name: str, relative: str) -> int:
        with suppress(FileExistsError):
            os.mkdir(name, 0o777, dir_fd=above)
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | _BINARY, dir_fd=above)
        except OSError as error:
            raise in_the_way(self.path / relative, "a link or a file", "folder") from error
        if os.path.samestat(os.fstat(descriptor), self._store):
            os.close(descriptor)
            raise in_the_way(self.path / relative, "the store itself", "folder of its own")
        return descriptor

    def _check_by_name(self, relative: str) -> None:
        path = self.path
        for part in relative.split("/") if relative else ():
            path = path / part
            with suppress(FileExistsError):
                path.mkdir()
            if path.is_symlink() or not path.is_dir() or os.path.samestat(path.stat(), self._store):
                raise in_the_way(path, "a link, a file or the store itself", "folder of its own")

    def listed(self, relative: str) -> dict[str, os.stat_result]:
        """What is right in a folder below the root, links not followed; empty if the folder is not there."""
        found: dict[str, os.stat_result] = {}
        try:
            with os.scandir(self.path / relative) as entries:
                for entry in entries:
                    try:
                        found[entry.name] = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return found

    def close(self) -> None:
        """Close every folder that was opened."""
        while self._open:
            os.close(self._open.popitem()[1])

    @contextmanager
    def new_file(self, folder: str, name: str, *, executable: bool) -> Iterator[NewFile]:
        """Make a file that appears under its name when the block ends, replacing what was there; never if it raises."""
        new = self.begin(folder, name, executable=executable)
        try:
            yield new
            new.appear()
        finally:
            new.close()

    def begin(self, folder: str, name: str, *, executable: bool) -> NewFile:
        """Make a file that has no name before it is told to appear, and has to be closed.

        A few at a time: it needs the descriptor of its folder, of which only some are kept open.
        """
        return NewFile(self.path, folder, self.folder(folder), name, executable)

    def link(self, folder: str, name: str, target: str) -> None:
        """Make a symbolic link, replacing a file or link that was there."""
        descriptor = self.folder(folder)
        where = self.path / folder if folder else self.path
        temporary = f".{name[:100]}-{secrets.token_hex(6)}"
        if descriptor is None:
            os.symlink(target, where / temporary)
            os.replace(where / temporary, where / name)
            return
        os.symlink(target, temporary, dir_fd=descriptor)
        try:
            os.rename(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        except OSError as error:
            os.unlink(temporary, dir_fd=descriptor)
            raise in_the_way(where / name, "a folder", "link") from error


class NewFile:
    """A file without its name yet."""

    def __init__(self, root: Path, relative: str, folder: int | None, name: str, executable: bool) -> None:
        self._root = root
        self._relative = relative
        self._folder = folder
        self._name = name
        self._temporary: str | None = None
        mode = 0o777 if executable else 0o666
        self.descriptor = self._open(mode)
        self.stat: Stat | None = None

    @property
    def _where(self) -> Path:
        return self._root / self._relative

    def _open(self, mode: int) -> int:
        if _NAMELESS and self._folder is not None:
            try:
                return os.open(".", _NAMELESS | os.O_RDWR | _BINARY, mode, dir_fd=self._folder)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
                    raise
        self._temporary = f".{self._name[:100]}-{secrets.token_hex(6)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY
        if self._folder is None:
            return os.open(self._where / self._temporary, flags, mode)
        return os.open(self._temporary, flags, mode, dir_fd=self._folder)

    def appear(self) -> Stat:
        """Give the file its name; return what it is then."""
        # A second in the past: then whoever changes the file within the same tick of the clock leaves another time on
        # it, and the stat cache can trust what it notes of a file that was just written.
        then = time.time_ns() - _BACKDATED_NS
        if os.utime in os.supports_fd:
            os.utime(self.descriptor, ns=(then, then))
        written = os.fstat(self.descriptor).st_mtime_ns
        try:
            self._name_it()
        except (IsADirectoryError, PermissionError) as error:
            raise in_the_way(self._where / self._name, "a folder", "file") from error
        status = os.fstat(self.descriptor)
        self.stat = stat_of(status)
        if status.st_mtime_ns != written:
            # Somebody wrote to it as soon as it had its name: nothing is ever to match what is noted of it.
            self.stat = self.stat._replace(inode=-1)
        return self.stat

    def _name_it(self) -> None:
        if self._temporary is None:
            source = f"/proc/self/fd/{self.descriptor}"
            try:
                os.link(source, self._name, dst_dir_fd=self._folder, follow_symlinks=True)
                return
            except FileExistsError:
                self._temporary = f".{self._name[:100]}-{secrets.token_hex(6)}"
                os.link(source, self._temporary, dst_dir_fd=self._folder, follow_symlinks=True)
        if self._folder is None:
            os.replace(self._where / self._temporary, self._where / self._name)
        else:
            os.rename(self._temporary, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self._temporary = None

    def close(self) -> None:
        """Close the file, if it is not closed; one that did not appear is gone."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        if self._temporary is not None:
            with suppress(FileNotFoundError):
                if self._folder is None:
                    os.unlink(self._where / self._temporary)
                else:
                    os.unlink(self._temporary, dir_fd=self._folder)


def in_the_way(path: Path, what: str, wanted: str) -> UnsafeRoot:
    """The error for something that a download must not write through or over."""
    return UnsafeRoot(
        errno.EEXIST,
        f"{str(path)!r} is {what} where the download needs a {wanted}: move it away, or choose another root",
    )


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write bytes at the position of a file, however many calls that takes. Raises `DiskFull`."""
    data = memoryview(data)
    with platform.translate_os_errors("a download"):
        while len(data):
            data = data[os.write(descriptor, data) :]


def write_small(jobs: Sequence[SmallJob], root: Path, packs: Path, algorithm: str) -> list[Stat | None]:
    """Write files of one chunk; None for one whose bytes were not found where they should be."""
    raw = digests.algorithm(algorithm).raw
    store, target = Packs(packs), TargetFolder(root, packs)
    try:
        return [_write_one(job, store, target, raw) for job in jobs]
    finally:
        store.close()
        target.close()


def _write_one(job: SmallJob, store: Packs, target: TargetFolder, raw: digests.Raw) -> Stat | None:
    data = b"" if job.place is None else store.read(job.place)
    if raw(data) != job.digest:
        return None
    with target.new_file(job.folder, job.name, executable=job.executable) as new:
        write_all(new.descriptor, data)
    return new.stat


def mode_is_right(status: os.stat_result, executable: bool) -> bool:
    """Whether a file that is there may, or may not, be executed as its entry says."""
    return os.name == "nt" or bool(status.st_mode & stat.S_IXUSR) == executable
