"""Compare a version with a folder: which files a download must write, and which it may keep."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from artstore.catalog import entries as entry_rows
from artstore.catalog import stat_cache
from artstore.catalog.connection import Connection
from artstore.catalog.entries import PlainFiles
from artstore.catalog.file_ids import FileIds
from artstore.catalog.repository import Repository
from artstore.catalog.stat_cache import KnownFiles
from artstore.checkout.reader import SelectedGroup, entries_damaged
from artstore.checkout.small_files import WrittenFiles, runs
from artstore.checkout.target_folder import TargetFolder, mode_is_right
from artstore.core import names
from artstore.core.digests import LENGTH
from artstore.core.file_columns import SmallFiles, split_numbers, split_raw
from artstore.core.manifest import Entry, Kind, cut_groups
from artstore.core.versions import Version
from artstore.errors import StoreError
from artstore.runtime import stat_columns
from artstore.runtime.progress import Progress
from artstore.runtime.source_file import Stat, stat_of
from artstore.runtime.stable_files import StableFiles, devices_in_memory
from artstore.runtime.stat_columns import StatColumns


class FileToWrite(NamedTuple):
    """A file that is missing in a folder, or differs from its entry, by its folder and its name."""

    folder: str
    name: str
    entry: Entry

    @property
    def digest(self) -> str:
        """The digest of its content."""
        return self.entry.digest or ""


class Plan:
    """The comparison of a version with a folder, group by group, and what it found so far."""

    def __init__(self, repository: Repository, version: Version, target: TargetFolder, progress: Progress) -> None:
        self._db = repository.db
        self._version = version
        self._target = target
        self._progress = progress
        self._real_path = os.path.realpath(target.shown)
        self._has_stat_cache = names.is_utf8(self._real_path)
        self.kept = 0
        self.others: list[Entry] = []
        """The entries of folders, links and references."""
        self._verified: dict[str, list[tuple[str, Stat, bytes]]] = {}
        """For the stat cache: name, stat and digest of files, by their folder below the root."""
        self._written: list[tuple[SmallFiles, WrittenFiles]] = []
        """For the stat cache, too."""
        self._folder: str | None = None
        """The folder that is being compared. A large one belongs to many groups, and is read once for all of them."""
        self._stats: dict[str, os.stat_result] = {}
        self._known: KnownFiles | None = None
        """What the stat cache knows of the files in the folder."""

    def files_to_write(self, groups: Iterable[SelectedGroup]) -> Iterator[FileToWrite]:
        """Yield the files that are missing or differ. Raises `Damaged` if a group does not match its digest."""
        for group in groups:
            files: list[FileToWrite] = []
            before = len(self.others)
            for part in group.parts:
                if isinstance(part, PlainFiles) and group.is_selected(part) and self._is_unchanged(part):
                    continue
                files += self._compare(group.selected(entry_rows.make(self._db.connection, part)))
            if files or len(self.others) > before:
                self._check_group(group)
            yield from files

    def everything(self, segments: Iterable[SmallFiles | list[Entry]]) -> Iterator[SmallFiles | FileToWrite]:
        """Yield all files, for a folder that is new."""
        for segment in segments:
            if isinstance(segment, SmallFiles):
                yield segment
                continue
            for entry in segment:
                if entry.kind == Kind.FILE:
                    folder, _, name = entry.path.rpartition("/")
                    yield FileToWrite(folder, name, entry)
                else:
                    self.others.append(entry)

    def _check_group(self, selected: SelectedGroup) -> None:
        group = selected.group
        entries = chain.from_iterable(entry_rows.make(self._db.connection, part) for part in selected.parts)
        if [cut.digest for cut in cut_groups(self._db.algorithm, entries)] != [group.digest]:
            raise entries_damaged(self._version, group)

    def _is_unchanged(self, files: PlainFiles) -> bool:
        """Whether the stat cache knows that all of these files are right as they are; then they are kept."""
        names.check_entry_paths(files.paths)
        for folder, first, found in runs(files.paths):
            if folder != self._folder:
                self._enter(folder)
            known = self._unchanged
            if known is None:
                return False
            start = bisect_left(known.stats.names, found[0])
            end = start + len(found)
            digests = files.digests[LENGTH * first : LENGTH * (first + len(found))]
            if known.stats.names[start:end] != found or known.digests[LENGTH * start : LENGTH * end] != digests:
                return False
        self.kept += len(files.paths)
        self._progress.advance(sum(split_numbers(files.sizes)))
        return True

    def _compare(self, entries: list[Entry]) -> Iterator[FileToWrite]:
        """Go through entries folder by folder; yield the files that are missing or differ."""
        names.check_entry_paths([entry.path for entry in entries])
        current, stats, cached = self._folder, self._stats, self._cached
        file, text, unchanged = Kind.FILE, self._db.algorithm.text, 0
        for entry in entries:
            if entry.kind != file:
                self.others.append(entry)
                continue
            folder, _, name = entry.path.rpartition("/")
            if folder != current:
                self._enter(folder)
                current, stats, cached = folder, self._stats, self._cached
            status = stats.get(name)
            if status is None or not mode_is_right(status, entry.executable):
                yield FileToWrite(folder, name, entry)
                continue
            known = cached.get(name)
            if known is not None and known[0] == stat_of(status) and text(known[1]) == entry.digest:
                self.kept += 1
                unchanged += status.st_size
            elif status.st_size == entry.size and self._has_content(folder, name, entry):
                self.kept += 1
                self._progress.advance(status.st_size)
            else:
                yield FileToWrite(folder, name, entry)
        self._progress.advance(unchanged)

    def _enter(self, folder: str) -> None:
        """Read what is in a folder, and what the stat cache knows of it."""
        self._folder, self._stats, self._known = folder, self._target.stats(folder), None
        self.__dict__.pop("_cached", None)
        self.__dict__.pop("_unchanged", None)
        if self._stats:
            # Refuses a folder that is reached through a link.
            self._target.open_folder(folder)
            if self._has_stat_cache:
                self._known = stat_cache.cached(self._db.connection, self.absolute(folder))

    @cached_property
    def _cached(self) -> dict[str, tuple[Stat, bytes]]:
        """Return the stats and digests of the files of the folder that the stat cache knows, by name."""
        if self._known is None:
            return {}
        stats = map(Stat, *self._known.stats[1:])
        return dict(zip(self._known.stats.names, zip(stats, split_raw(self._known.digests), strict=True), strict=True))

    @cached_property
    def _unchanged(self) -> KnownFiles | None:
        """The files of the folder, if they are those that the stat cache knows, and not executable; else None."""
        if self._known is None or not all(mode_is_right(status, False) for status in self._stats.values()):
            return None
        now = stat_columns.of_statuses(list(self._stats), list(self._stats.values()))
        return self._known if self._known.stats == now else None

    def absolute(self, folder: str) -> str:
        """Return the absolute path of a folder below the root."""
        return os.path.join(self._real_path, *folder.split("/")) if folder else self._real_path

    def _has_content(self, folder: str, name: str, entry: Entry) -> bool:
        """Read a file; return whether it has the content of its entry."""
        hasher, stable_files = self._db.algorithm.hasher(), self._stable_files
        descriptor = self._target.open_file(folder, name)
        if descriptor is None:
            return False
        try:
            with open(descriptor, "rb") as source:
                before = os.fstat(source.fileno())
                stable_files.expect(stat_of(before))
                while piece := source.read(1 << 20):
                    hasher.update(piece)
                after = os.fstat(source.fileno())
        except OSError:
            return False
        is_same = self._db.algorithm.text(hasher.digest()) == entry.digest
        if is_same and stat_of(before) == stat_of(after) and stat_of(after) in stable_files:
            self.note_verified(folder, name, stat_of(after), self._db.algorithm.parse(entry.digest or ""))
        return is_same

    @cached_property
    def _stable_files(self) -> StableFiles:
        """The files in the folder that the stat cache may remember; none if the store is read-only."""
        try:
            clock = self._db.clock()
        except StoreError:
            clock = 0
        return StableFiles(clock, os.stat(self._db.folder).st_dev)

    def note_verified(self, folder: str, name: str, stat: Stat, digest: bytes) -> None:
        """Note for the stat cache that a file has the content of its entry."""
        self._verified.setdefault(folder, []).append((name, stat, digest))

    def note_written(self, files: SmallFiles, written: WrittenFiles) -> None:
        """Note for the stat cache what `note_verified` does, for files in columns."""
        self._written.append((files, written))

    def save_stat_cache(self) -> None:
        """Write the notes to the stat cache, so that the next download need not read these files.

        Where the store cannot be written the next download reads them, and nothing else is lost.
        """

        in_memory = devices_in_memory()

        def save(connection: Connection) -> None:
            known: dict[str, list[KnownFiles]] = {}
            for columns, written in self._written:
                if written.device not in in_memory:
                    for folder, files in known_files(columns, written):
                        known.setdefault(folder, []).append(files)
            for folder, verified in self._verified.items():
                kept = [file for file in verified if file[1].device not in in_memory]
                stats = stat_columns.of_stats([name for name, _, _ in kept], [stat for _, stat, _ in kept])
                digests = b"".join(digest for _, _, digest in kept)
                known.setdefault(folder, []).append(stat_cache.known_files(connection, stats, digests, FileIds()))
            for folder, parts in known.items():
                stat_cache.remember(connection, self.absolute(folder), stat_cache.joined(parts))

        if (self._verified or self._written) and self._has_stat_cache:
            self._db.try_writing(save)


def known_files(files: SmallFiles, written: WrittenFiles) -> Iterator[tuple[str, KnownFiles]]:
    """Yield what the stat cache remembers of files that were written, for runs of files in one folder."""
    sizes, ids = array("q", split_numbers(files.sizes)), array("q", split_numbers(files.ids))
    columns = array("q", [written.device]) * len(ids), written.inodes, sizes, written.mtimes, written.ctimes
    for folder, first, found in runs(files.paths.split("\0")):
        end = first + len(found)
        stats = StatColumns(found, *(column[first:end] for column in columns))
        yield folder, KnownFiles(stats, ids[first:end], files.digests[LENGTH * first : LENGTH * end])
