"""Walk a folder and decide what each file, link and folder becomes in the artifact.

Links within the folder stay links; links to files and folders outside are followed, unless they lead back. The store,
if it lies in the folder, is left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from artstore.core import names
from artstore.core.manifest import Entry, Kind
from artstore.errors import ArtstoreError, InvalidPath, LinkCycle
from artstore.runtime import source_file, stat_columns
from artstore.runtime.source_file import Stat, is_executable, stat_of
from artstore.runtime.stat_columns import StatColumns

RUN_FOLDERS = "work"
"""The folder in a store that has a folder for the process of each run that is open."""
OLD_RUN_FOLDERS = "runs"
"""The folder in which earlier releases kept the files of runs."""


class FoundFile(NamedTuple):
    """A file that a walk found: where it is on disk, its path in the artifact, and its stat."""

    folder: str
    name: str
    path: str
    stat: Stat
    executable: bool

    @property
    def source(self) -> str:
        """The path to read it from."""
        return os.path.join(self.folder, self.name)

    def with_stat(self, stat: Stat, executable: bool) -> FoundFile:
        """Return the file as it was when it was read."""
        return self._replace(stat=stat, executable=executable)

    @property
    def columns(self) -> FoundFiles:
        """The file as columns."""
        return FoundFiles(self.folder, [self.path], stat_columns.of_stats([self.name], [self.stat]), [self.executable])


class FoundFiles(NamedTuple):
    """Files that a walk found in one folder: their paths in the artifact, and names and stats."""

    folder: str
    paths: list[str]
    stats: StatColumns
    executables: list[bool]

    @property
    def number(self) -> int:
        """The number of files."""
        return len(self.paths)

    @property
    def sources(self) -> list[str]:
        """The paths to read them from."""
        prefix = os.path.join(self.folder, "")
        return [prefix + name for name in self.stats.names]

    def part(self, start: int, end: int) -> FoundFiles:
        """Return the files between two positions."""
        stats = self.stats.part(self.stats.names[start:end], start)
        return FoundFiles(self.folder, self.paths[start:end], stats, self.executables[start:end])

    def chosen(self, positions: Sequence[int]) -> FoundFiles:
        """Return some of the files."""
        paths, executables = [self.paths[i] for i in positions], [self.executables[i] for i in positions]
        return FoundFiles(self.folder, paths, self.stats.chosen(positions), executables)

    def one(self, position: int) -> FoundFile:
        """Return one of the files."""
        name, stat = self.stats.names[position], self.stats.stat(position)
        return FoundFile(self.folder, name, self.paths[position], stat, self.executables[position])


@dataclass
class WalkedFolder:
    """The contents of one folder, without the folders in it."""

    folder: str
    names: list[str] = field(default_factory=list)
    """The names of the files, sorted."""
    paths: list[str] = field(default_factory=list)
    """Their paths in the artifact."""
    statuses: list[os.stat_result] = field(default_factory=list)
    followed: list[FoundFile] = field(default_factory=list)
    """Files outside the folder that links in it lead to."""
    others: list[Entry] = field(default_factory=list)
    """Entries for links, and for the folder itself if it is empty."""


class _Folder(NamedTuple):
    """A folder that is still to be walked."""

    source: str
    path: str
    """Its path in the artifact."""
    above: tuple[str, ...]
    """The root, and the folders outside it that links were followed to on the way here."""


class Walk:
    """A walk through one folder."""

    def __init__(self, root: Path, store: Path | None) -> None:
        self._root = os.path.realpath(root)
        self._store = None if store is None else os.path.realpath(store)
        status = None if store is None else os.stat(store)
        self._store_node = status and (status.st_dev, status.st_ino)
        check_outside_store(self._root, self._store)

    def run(self, prefix: str) -> Iterator[WalkedFolder]:
        """Yield the contents of each folder; `prefix` is the path of the root in the artifact."""
        waiting = [_Folder(self._root, prefix, (self._root,))]
        while waiting:
            folder = waiting.pop()
            walked = WalkedFolder(folder.source)
            below: list[_Folder] = []
            self._list(folder, walked, below)
            if folder.path and not (walked.names or walked.followed or walked.others or below):
                walked.others.append(Entry(folder.path, Kind.FOLDER))
            yield walked
            waiting += reversed(below)

    def _list(self, folder: _Folder, walked: WalkedFolder, below: list[_Folder]) -> None:
        prefix = folder.path + "/" if folder.path else ""
        # A name of a file system may be short enough, and its path in the artifact still too long.
        is_deep = 4 * len(prefix) > names.LONGEST_PATH - 4 * names.LONGEST_NAME
        try:
            listed = list_folder(folder.source)
        except OSError as error:
            raise source_file.unreadable(error.filename, error.strerror or str(error)) from error
        found = list(listed)
        joined = "".join(found)
        paths = [prefix + name for name in found]
        if is_deep or not joined.isascii() or ":" in joined or "\\" in joined:
            paths = list(map(names.entry_path, paths))
        kinds = {stat.S_IFMT(mode) for mode in {status.st_mode for status in listed.values()}}
        if kinds == {stat.S_IFREG}:
            walked.names, walked.paths, walked.statuses = found, paths, list(listed.values())
            return
        for (name, status), path in zip(listed.items(), paths, strict=True):
            source = os.path.join(folder.source, name)
            mode = status.st_mode
            if stat.S_ISREG(mode):
                walked.names.append(name)
                walked.paths.append(path)
                walked.statuses.append(status)
            elif stat.S_ISDIR(mode):
                if (status.st_dev, status.st_ino) != self._store_node:
                    below.append(_Folder(source, path, folder.above))
            elif stat.S_ISLNK(mode):
                self._add_link(folder, source, path, walked, below)
            else:
                raise source_file.unreadable(source, "it is neither a file, a folder nor a link")

    def _add_link(self, folder: _Folder, source: str, path: str, walked: WalkedFolder, below: list[_Folder]) -> None:
        target = os.path.realpath(source)
        if target == self._store:
            return
        check_outside_store(target, self._store, through=source)
        if _is_at_or_below(target, self._root) and folder.above == (self._root,):
            relative = names.link_target(path, _relative_target(source, target, folder.source))
            walked.others.append(Entry(path, Kind.LINK, target=relative))
        elif any(_is_at_or_below(above, target) for above in (*folder.above, folder.source)):
            raise LinkCycle(f"the link {source!r} leads back to {target!r}: remove it, or add the folders one by one")
        else:
            self._follow(folder, source, target, path, walked, below)

    def _follow(
        self, folder: _Folder, source: str, target: str, path: str, walked: WalkedFolder, below: list[_Folder]
    ) -> None:
        """Add the file or folder outside that a link leads to."""
        try:
            status = os.stat(target)
        except OSError as error:
            raise source_file.unreadable(source, f"the link leads to {target!r}: {error.strerror}") from error
        if stat.S_ISREG(status.st_mode):
            walked.followed.append(find_file(os.path.dirname(target), os.path.basename(target), path))
        elif stat.S_ISDIR(status.st_mode):
            below.append(_Folder(target, path, (*folder.above, target)))
        else:
            raise source_file.unreadable(source, "the link leads to neither a file nor a folder")


def list_folder(folder: str) -> dict[str, os.stat_result]:
    """Return the status of everything in a folder, by name and in the order of the names.

    Raises `OSError` with the path that cannot be read.
    """
    if os.scandir not in os.supports_fd:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat(follow_symlinks=False) for entry in sorted(entries, key=_name)}
    # Names relative to a descriptor are found faster than whole paths.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with os.scandir(descriptor) as entries:
            return {entry.name: entry.stat(follow_symlinks=False) for entry in sorted(entries, key=_name)}
    except OSError as error:
        place = os.path.join(folder, error.filename) if isinstance(error.filename, str) else folder
        raise OSError(error.errno, error.strerror, place) from error
    finally:
        os.close(descriptor)


def _relative_target(source: str, target: str, folder: str) -> str:
    relative = os.path.relpath(target, folder)
    if not names.is_utf8(relative):
        raise InvalidPath(f"the link {source!r} leads to {target!r}, which is not UTF-8: rename its target")
    return relative.replace(os.sep, "/")


def check_outside_store(source: str, store: str | None, *, through: str | None = None) -> None:
    """Raise `SourceUnreadable` for a path in the store: closing its catalog would drop SQLite's locks on it.

    The folders of runs are allowed: programs write files there and add them.
    """
    if store is None or not _is_at_or_below(source, store):
        return
    if not any(_is_at_or_below(source, os.path.join(store, name)) for name in (RUN_FOLDERS, OLD_RUN_FOLDERS)):
        raise source_file.unreadable(through or source, f"it is, or lies in, the store {store} itself")


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


_name = attrgetter("name")


def find_file(folder: str, name: str, path: str) -> FoundFile:
    """Return the file at a place, following links, as it is now."""
    source = os.path.join(folder, name)
    try:
        status = os.stat(source)
        return FoundFile(folder, name, path, stat_of(status), is_executable(status.st_mode))
    except OSError as error:
        raise source_file.unreadable(source, error.strerror or str(error)) from error


def total_size(root: Path, store: Path | None) -> int | None:
    """Return the bytes of the files below a folder; None if it cannot be read, which reading it will say."""
    try:
        walked = Walk(root, store).run("")
        return sum(status.st_size for folder in walked for status in folder.statuses)
    except (ArtstoreError, OSError):
        return None
