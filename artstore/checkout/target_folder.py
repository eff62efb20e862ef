"""The folder that a download goes to: files appear complete or not at all, and nothing is written through a link.

In a folder that is there, a file has no name while it is written, where the system can do that (Linux: `O_TMPFILE`).
Elsewhere, and to replace a file that is there, it has a temporary name in the same folder, made by
`platform.temporary_name`: `.NAME-0123456789ab`. `TemporaryFile.publish` gives it its final name. In a new folder, which
no program uses before all of it is written (`checkout.new_folder`), a file is written under its final name.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from artstore.checkout import leftovers
from artstore.errors import UnsafeRoot
from artstore.runtime import platform
from artstore.runtime.source_file import Stat, stat_of

_MAX_OPEN_FOLDERS = platform.some_descriptors(64)
_BACKDATED_NS = 1_000_000_000
_HOLE = 64 * 1024
_ZEROS = bytes(_HOLE)
_LONGEST_WRITE = 128 * 1024
"""A longer write to a new part of a file can take three times as long: the system looks for long runs of memory."""
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | _BINARY
"""Flags for opening a file that is not a link; opening a FIFO does not block."""
_NEW = os.O_CREAT | os.O_EXCL | _BINARY
_NAMELESS: int = getattr(os, "O_TMPFILE", 0) if os.path.isdir("/proc/self/fd") else 0


class DownloadResult(NamedTuple):
    """The numbers of files a download wrote, of files that were right already, and of references that are gone."""

    written: int
    kept: int
    missing: int = 0


class TargetFolder:
    """A folder that a download goes to. Paths below it are opened without following links, and never into the store.

    `final` is the path that a new folder has in the end, None for a folder that is there.
    """

    def __init__(self, path: Path, store: Path, final: Path | None = None) -> None:
        self.path = path
        self.final = final
        self.shown = final or path
        """The path in messages."""
        self._store = os.stat(store)
        self._descriptors: OrderedDict[str, int] = OrderedDict()
        """The descriptors of open folders by their path below the root, the least recently used first."""

    def open_folder(self, relative: str) -> int | None:
        """Open a folder below the root, and create it if needed; return None on systems without folder descriptors.

        Raises `UnsafeRoot` if a link or a file is in the way.
        """
        if not platform.FOLDER_DESCRIPTORS:
            self._create_by_path(relative)
            return None
        descriptor = self._descriptors.get(relative)
        if descriptor is not None:
            self._descriptors.move_to_end(relative)
            return descriptor
        try:
            descriptor = self._descend(relative)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise blocked(self.shown / relative, "gone or replaced", "folder") from error
        self._descriptors[relative] = descriptor
        if len(self._descriptors) > _MAX_OPEN_FOLDERS:
            _, oldest = self._descriptors.popitem(last=False)
            os.close(oldest)
        return descriptor

    def _descend(self, relative: str) -> int:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | _BINARY)
        reached = ""
        for name in relative.split("/") if relative else ():
            reached = f"{reached}/{name}" if reached else name
            parent = descriptor
            try:
                descriptor = self._enter(parent, name, reached)
            finally:
                os.close(parent)
        return descriptor

    def _enter(self, parent: int, name: str, relative: str) -> int:
        with suppress(FileExistsError):
            os.mkdir(name, 0o777, dir_fd=parent)
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | _BINARY, dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.ENOENT):
                raise
            raise blocked(self.shown / relative, "a link or a file", "folder") from error
        if os.path.samestat(os.fstat(descriptor), self._store):
            os.close(descriptor)
            raise blocked(self.shown / relative, "the store itself", "folder of its own")
        return descriptor

    def _create_by_path(self, relative: str) -> None:
        path = self.path
        for name in relative.split("/") if relative else ():
            path = path / name
            with suppress(FileExistsError):
                path.mkdir()
            if path.is_symlink() or not path.is_dir() or os.path.samestat(path.stat(), self._store):
                raise blocked(path, "a link, a file or the store itself", "folder of its own")

    def stats(self, relative: str) -> dict[str, os.stat_result]:
        """Return the status of everything in a folder below the root, by name and in the order of the names.

        It is empty if the folder does not exist.

        Links are not followed, and subfolders not entered.
        """
        try:
            if not platform.FOLDER_DESCRIPTORS:
                return _stats(self.path / relative)
            # Names relative to a descriptor are found faster than whole paths.
            descriptor = os.open(self.path / relative, os.O_RDONLY | os.O_DIRECTORY)
            try:
                found = _stats(descriptor)
                leftovers.remove(descriptor, found)
                return found
            finally:
                os.close(descriptor)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG or not platform.FOLDER_DESCRIPTORS:
                raise
        opened = self.open_folder(relative)
        return _stats(opened) if opened is not None else {}

    def open_file(self, folder: str, name: str) -> int | None:
        """Open a file below the root for reading; return None if there is none, or a link or something else."""
        parent = self.open_folder(folder)
        try:
            descriptor = os.open(self._at(folder, name), READ_FLAGS, dir_fd=parent)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            return None
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        return None

    def link_at(self, folder: str, name: str) -> str | None:
        """Return the target of a link below the root; None if there is none."""
        parent = self.open_folder(folder)
        try:
            return os.readlink(self._at(folder, name), dir_fd=parent)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINVAL):
                return None
            raise

    def _at(self, folder: str, name: str) -> str:
        """Return the path to open a file by: its name in the open folder, or its path if folders are not opened."""
        return name if platform.FOLDER_DESCRIPTORS else str(self.path / folder / name)

    def close(self) -> None:
        """Close every folder that was opened."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    @contextmanager
    def new_file(self, folder: str, name: str, *, executable: bool) -> Iterator[TemporaryFile]:
        """Create a file, and publish it when the block ends, in place of a file that was there; not if it raises."""
        file = self.create(folder, name, executable=executable)
        try:
            yield file
            file.publish()
        finally:
            file.close()

    def create(self, folder: str, name: str, *, executable: bool) -> TemporaryFile:
        """Create a file that the caller publishes and closes.

        Only a few at a time: each needs the descriptor of its folder, and a limited number of them is kept open.
        """
        return TemporaryFile(
            self.path, folder, self.open_folder(folder), name, executable, in_new_folder=self.final is not None
        )

    def write_new(self, parent: int | None, name: str, data: bytes, mtime: int) -> os.stat_result | None:
        """Write a small file in an open folder of a new root; return its status, or None if the name is taken.

        `mtime` is a time that `backdated` has returned.
        """
        try:
            descriptor = os.open(name, os.O_WRONLY | _NEW, 0o666, dir_fd=parent)
        except FileExistsError:
            return None
        try:
            if os.write(descriptor, data) != len(data):
                os.lseek(descriptor, 0, os.SEEK_SET)
                write_all(descriptor, data)
            backdate(descriptor, mtime)
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def link(self, folder: str, name: str, target: str) -> None:
        """Create a symbolic link, in place of a file or link that was there."""
        descriptor = self.open_folder(folder)
        parent = self.path / folder if folder else self.path
        temporary = platform.temporary_name(name)
        if descriptor is None:
            os.symlink(target, parent / temporary)
            os.replace(parent / temporary, parent / name)
            return
        os.symlink(target, temporary, dir_fd=descriptor)
        try:
            os.rename(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        except OSError as error:
            os.unlink(temporary, dir_fd=descriptor)
            raise blocked(self.shown / folder / name, "a folder", "link") from error


class TemporaryFile:
    """A file that is being written, and gets its name when it is published."""

    def __init__(
        self,
        root: Path,
        relative: str,
        folder: int | None,
        name: str,
        executable: bool,
        *,
        in_new_folder: bool = False,
    ) -> None:
        self._root = root
        self._relative = relative
        self._folder = folder
        self._name = name
        self._temporary: str | None = None
        self._has_final_name = False
        self._in_new_folder = in_new_folder
        mode = 0o777 if executable else 0o666
        self.descriptor = self._open(mode)
        self.stat: Stat | None = None

    @property
    def _parent(self) -> Path:
        return self._root / self._relative

    def _open(self, mode: int) -> int:
        if self._in_new_folder:
            # Another file of the version has the name where names differ in case only, and the system ignores that.
            with suppress(FileExistsError):
                descriptor = os.open(self._name, os.O_RDWR | _NEW, mode, dir_fd=self._folder)
                self._has_final_name = True
                return descriptor
        if _NAMELESS and self._folder is not None:
            try:
                return os.open(".", _NAMELESS | os.O_RDWR | _BINARY, mode, dir_fd=self._folder)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
                    raise
        flags = os.O_RDWR | _NEW
        while True:
            self._temporary = platform.temporary_name(self._name)
            if self._folder is None:
                return os.open(self._parent / self._temporary, flags, mode)
            descriptor = os.open(self._temporary, flags, mode, dir_fd=self._folder)
            if leftovers.mark_in_use(descriptor):
                return descriptor
            os.close(descriptor)

    def publish(self) -> Stat:
        """Give the file its name; return its stat after that."""
        backdate(self.descriptor)
        written = os.fstat(self.descriptor).st_mtime_ns
        try:
            self._rename()
        except (IsADirectoryError, PermissionError) as error:
            raise blocked(self._parent / self._name, "a folder", "file") from error
        status = os.fstat(self.descriptor)
        self.stat = stat_of(status)
        if status.st_mtime_ns != written:
            # Another process wrote to it as soon as it had its name: its stat must never match.
            self.stat = self.stat._replace(inode=-1)
        return self.stat

    def _rename(self) -> None:
        if self._has_final_name:
            return
        if self._temporary is None:
            source = f"/proc/self/fd/{self.descriptor}"
            try:
                os.link(source, self._name, dst_dir_fd=self._folder, follow_symlinks=True)
                return
            except FileExistsError:
                self._temporary = platform.temporary_name(self._name)
                leftovers.mark_in_use(self.descriptor)
                os.link(source, self._temporary, dst_dir_fd=self._folder, follow_symlinks=True)
        if self._folder is None:
            os.replace(self._parent / self._temporary, self._parent / self._name)
        else:
            os.rename(self._temporary, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self._temporary = None

    def close(self) -> None:
        """Close the file, unless it is closed, and remove it if it was not published."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        if self._temporary is not None:
            with suppress(FileNotFoundError):
                if self._folder is None:
                    os.unlink(self._parent / self._temporary)
                else:
                    os.unlink(self._temporary, dir_fd=self._folder)


def backdate(descriptor: int, mtime: int | None = None) -> None:
    """Set the times of a file that was just written to `backdated`, a second in the past, where the system can do that.

    A change within the same tick of the clock then leaves another time on the file, and the stat cache can trust its
    note of the file.
    """
    if os.utime in os.supports_fd:
        mtime = backdated() if mtime is None else mtime
        os.utime(descriptor, ns=(mtime, mtime))


def backdated() -> int:
    """Return the time that files which are written now get, in nanoseconds."""
    return time.time_ns() - _BACKDATED_NS


def _stats(folder: Path | int) -> dict[str, os.stat_result]:
    by_name: dict[str, os.stat_result] = {}
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=attrgetter("name")):
            try:
                by_name[entry.name] = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
    return by_name


def blocked(path: Path, obstacle: str, wanted: str) -> UnsafeRoot:
    """Return the error for something that a download must not write through or replace."""
    return UnsafeRoot(
        errno.EEXIST,
        f"{str(path)!r} is {obstacle} where the download needs a {wanted}: move it away, or choose another root",
    )


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all bytes at the position of a file, in as many calls as that takes. Raises `DiskFull`."""
    data = memoryview(data)
    with platform.translate_os_errors("a download"):
        while len(data):
            data = data[os.write(descriptor, data) :]


def write_with_holes(descriptor: int, data: memoryview) -> None:
    """Write bytes at the position of a new file as `write_all` does, but leave long runs of zeros out, as holes.

    The caller sets the size of the file in the end, which may be in a hole.
    """
    start = 0
    for offset in range(0, len(data) - _HOLE + 1, _HOLE):
        # The first byte decides nearly always. Views are compared byte by byte, bytes at once.
        if data[offset] == 0 and bytes(data[offset : offset + _HOLE]) == _ZEROS:
            write_all(descriptor, data[start:offset])
            os.lseek(descriptor, _HOLE, os.SEEK_CUR)
            start = offset + _HOLE
        elif offset + _HOLE - start >= _LONGEST_WRITE:
            write_all(descriptor, data[start : offset + _HOLE])
            start = offset + _HOLE
    write_all(descriptor, data[start:])


def mode_is_right(status: os.stat_result, executable: bool) -> bool:
    """Return whether a file has the execute permission exactly if its entry says so; always True on Windows."""
    return os.name == "nt" or bool(status.st_mode & stat.S_IXUSR) == executable
