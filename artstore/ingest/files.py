"""Add files and folders on disk to a draft, and their content to the store.

A walk compares each file with the stat cache. Files that are not known to be unchanged are read: small ones in worker
processes, large ones by threads that cut, hash and write at the same time. Each byte is read once, and the bytes that
were hashed are the bytes that are stored.
"""

from __future__ import annotations

import os
import stat
import threading
from array import array
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import stat_cache
from artstore.catalog.repository import Repository
from artstore.catalog.stat_cache import KnownFiles
from artstore.core import file_entries, names
from artstore.core.digests import LENGTH, Algorithm
from artstore.core.file_columns import split_raw
from artstore.core.file_entries import FileEntries
from artstore.core.manifest import Entry, Kind
from artstore.ingest import large_file, small_files, walk
from artstore.ingest.content_writer import ContentWriter
from artstore.ingest.open_draft import OpenDraft, SeenFiles, SeenFolders
from artstore.ingest.pack_batch import Batch
from artstore.ingest.small_files import STORED, FilesToRead, IngestedBatch
from artstore.ingest.walk import FoundFile, FoundFiles, Walk, WalkedFolder
from artstore.runtime import pause_gc, platform, processes, source_file, stat_columns, terminal
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.source_file import Problem, is_executable
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.runtime.stable_files import StableFiles
from artstore.runtime.threads import ThreadPool
from artstore.storage import chunking

_BATCH_FILES = 512
_MAX_NOTES = 3
_LARGE_AT_ONCE = 8
"""Each of them needs windows of its own in memory."""


class _UnchangedFiles(NamedTuple):
    """Files that the stat cache knows: the ids of the stored files, and where they are on disk and in the artifact."""

    ids: array[int]
    folder: str
    names: list[str]
    paths: list[str]


class FileReader:
    """Reads the files of one walk into the store; makes their entries."""

    def __init__(self, repository: Repository, writer: ContentWriter, progress: Progress) -> None:
        self._db = repository.db
        self._writer = writer
        self._progress = progress
        self._algorithm: Algorithm = repository.db.algorithm
        self.others: list[Entry] = []
        """The entries of links and empty folders."""
        self._files: list[FileEntries] = []
        self.seen: SeenFolders = {}
        self.grown: list[tuple[str, int]] = []
        """Files that grew while they were read, each with the size of what was read."""
        self._unchanged: list[_UnchangedFiles] = []
        self._large: list[FoundFile] = []
        self._lent: dict[int, Batch] = {}
        self._stop = threading.Event()
        self._stable_files = StableFiles(repository.db.clock(), os.stat(repository.folder).st_dev)
        """Files that the stat cache may remember."""

    def run(self, folders: Iterator[WalkedFolder]) -> None:
        """Read everything that a walk finds. The files are in no particular order."""
        batches = processes.map_batches(
            self._small_batches(folders), here=self._read_here, in_worker=small_files.ingest, arguments=self._arguments
        )
        try:
            with closing(batches):
                for batch, ingested in batches:
                    self._add_small_files(batch, ingested)
        finally:
            self._writer.discard_lent(self._lent.values())
            self._lent.clear()
        deleted = self._claim_unchanged()
        if deleted:
            self._read_again(deleted)
        self._read_large_files()
        self._writer.flush()

    @property
    def files(self) -> FileEntries:
        """The entries of all files."""
        return file_entries.joined(self._files)

    @property
    def entries(self) -> list[Entry]:
        """All entries."""
        return [*self.files.entries(self._algorithm), *self.others]

    def _small_batches(self, folders: Iterator[WalkedFolder]) -> Iterator[list[FoundFiles]]:
        batch: list[FoundFiles] = []
        room = _BATCH_FILES
        for files in self._small_files(folders):
            start = 0
            while start < files.number:
                part = files.part(start, start + room)
                batch.append(part)
                start += room
                room -= part.number
                if not room:
                    yield batch
                    batch, room = [], _BATCH_FILES
        if batch:
            yield batch

    def _small_files(self, folders: Iterator[WalkedFolder]) -> Iterator[FoundFiles]:
        """Yield the small files that are to be read, and put the large ones aside."""
        for folder in folders:
            self.others += folder.others
            for files in self._changed_files(folder):
                self._stable_files.expect_all(files.stats)
                if max(files.stats.sizes) > chunking.WHOLE:
                    sizes = list(enumerate(files.stats.sizes))
                    self._large += [files.one(i) for i, size in sizes if size > chunking.WHOLE]
                    files = files.chosen([i for i, size in sizes if size <= chunking.WHOLE])
                yield files

    def _changed_files(self, walked: WalkedFolder) -> Iterator[FoundFiles]:
        """Make the entries of files that did not change since they were last read; yield the others."""
        folder = walked.folder
        now = stat_columns.of_statuses(walked.names, walked.statuses)
        # A folder whose files are added one by one is not looked up as a whole each time.
        only = walked.names[0] if now.number == 1 else None
        is_cached = now.number > 0 and names.is_utf8(os.path.join(folder, only or ""))
        known = stat_cache.cached(self._db.connection, folder, only) if is_cached else stat_cache.NOTHING
        found = FoundFiles(folder, walked.paths, now, [is_executable(status.st_mode) for status in walked.statuses])
        if known.stats == now:
            self._add_unchanged(found, known)
        else:
            places = {name: i for i, name in enumerate(known.stats.names)}
            before = dict(zip(known.stats.names, zip(*known.stats[1:], strict=True), strict=True))
            stats = zip(*now[1:], strict=True)
            named = zip(now.names, stats, strict=True) if before else ()
            same = [i for i, (name, stat) in enumerate(named) if before.get(name) == stat]
            unchanged = found.chosen(same)
            self._add_unchanged(unchanged, known.chosen([places[name] for name in unchanged.stats.names]))
            changed = sorted(set(range(found.number)).difference(same))
            if changed:
                yield found if len(changed) == found.number else found.chosen(changed)
        for file in walked.followed:
            yield file.columns

    def _add_unchanged(self, files: FoundFiles, known: KnownFiles) -> None:
        self._files.append(FileEntries(files.paths, known.digests, known.stats.sizes, files.executables))
        self._unchanged.append(_UnchangedFiles(known.ids, files.folder, files.stats.names, files.paths))
        self._progress.advance(sum(known.stats.sizes))

    def _read_here(self, batch: list[FoundFiles]) -> IngestedBatch:
        read = small_files.read_small(_to_read(batch), self._algorithm.name)
        self._writer.put_files(zip(read.digests, read.contents, strict=True))
        return small_files.ingested(read, {})

    def _arguments(self, batch: list[FoundFiles]) -> tuple[list[FilesToRead], str, str, str | None, str, int]:
        lent = self._lent[id(batch)] = self._writer.lend()
        store, algorithm, compression = str(self._db.folder), self._algorithm.name, self._db.compression
        return _to_read(batch), store, algorithm, compression, str(lent.pack.path), lent.pack.end

    def _add_small_files(self, sent: list[FoundFiles], ingested: IngestedBatch) -> None:
        batch = sent
        if ingested.problems or ingested.changed:
            each = _each(sent)
            for position, problem in ingested.problems.items():
                self._note_problem(each[position], problem)
            for position, now in ingested.changed.items():
                each[position] = each[position].with_stat(*now)
            batch = [file.columns for i, file in enumerate(each) if i not in ingested.problems]
        deleted = self._take_back(sent, batch, ingested) if ingested.end is not None else set()
        again: list[FoundFiles] = []
        if deleted:
            each = _each(batch)
            digests = split_raw(ingested.digests)
            stored = {i for i, offset in enumerate(ingested.offsets) if offset == STORED and digests[i] in deleted}
            again = [each[i].columns for i in sorted(stored)]
            kept = [i for i in range(len(each)) if i not in stored]
            batch, ingested = [each[i].columns for i in kept], ingested.chosen(kept)
        start = 0
        for files in batch:
            end = start + files.number
            self._add_files(files, ingested.digests[LENGTH * start : LENGTH * end])
            self._progress.advance(sum(files.stats.sizes))
            start = end
        if again:
            self._add_small_files(again, self._read_here(again))

    def _note_problem(self, file: FoundFile, problem: Problem) -> None:
        if problem.too_large:
            self._large.append(walk.find_file(file.folder, file.name, file.path))
        elif problem.changed:
            raise source_file.changed(problem.path)
        else:
            raise source_file.unreadable(problem.path, problem.reason)

    def _take_back(self, sent: list[FoundFiles], batch: list[FoundFiles], ingested: IngestedBatch) -> set[bytes]:
        """Take over the content that a worker wrote and claim what it found stored; return digests deleted since.

        `batch` are those of the files sent to it that it read.
        """
        digests = split_raw(ingested.digests)
        sizes = [size for files in batch for size in files.stats.sizes]
        lent = self._lent.pop(id(sent))
        assert ingested.end is not None
        self._writer.take_back(lent, ingested.end, digests, sizes, ingested.offsets, ingested.compressed)
        if STORED not in ingested.offsets:
            return set()
        stored = {digest for digest, offset in zip(digests, ingested.offsets, strict=True) if offset == STORED}
        return self._writer.claim_stored(stored)

    def _add_files(self, files: FoundFiles, digests: bytes) -> None:
        """Add files that were read, with their stats then."""
        stats = files.stats
        if source_file.GROWN in stats.inodes:
            sources = zip(files.sources, stats.inodes, stats.sizes, strict=True)
            self.grown += [(source, size) for source, inode, size in sources if inode == source_file.GROWN]
        is_utf8 = names.is_utf8("".join((files.folder, *stats.names)))
        stable = self._stable_files.among(stats) if is_utf8 else []
        if stable:
            is_whole = len(stable) == stats.number
            seen = digests if is_whole else b"".join(digests[LENGTH * i : LENGTH * (i + 1)] for i in stable)
            columns = stats if is_whole else stats.chosen(stable)
            self.seen.setdefault(files.folder, []).append(SeenFiles.of(columns, seen))
        self._files.append(FileEntries(files.paths, digests, stats.sizes, files.executables))

    def _claim_unchanged(self) -> list[FoundFile]:
        """Claim the files that the stat cache named; return those whose content was deleted since."""
        gone = self._writer.lease.claim_file_ids(list(chain.from_iterable(files.ids for files in self._unchanged)))
        if not gone:
            return []
        return [
            walk.find_file(files.folder, name, path)
            for files in self._unchanged
            for id, name, path in zip(files.ids, files.names, files.paths, strict=True)
            if id in gone
        ]

    def _read_again(self, files: list[FoundFile]) -> None:
        for file in files:
            self._stable_files.expect(file.stat)
        paths = {file.path for file in files}
        self._files = [part.without(paths) for part in self._files]
        small = [file.columns for file in files if file.stat.size <= chunking.WHOLE]
        self._large += [file for file in files if file.stat.size > chunking.WHOLE]
        self._add_small_files(small, self._read_here(small))

    def _read_large_files(self) -> None:
        if not self._large:
            return
        with ThreadPool(min(platform.cores(), _LARGE_AT_ONCE), "artstore-read") as pool:
            arguments = self._algorithm, self._writer, self._progress, self._stop
            futures = [pool.submit(large_file.store_file, file.source, *arguments) for file in self._large]
            try:
                for file, future in zip(self._large, futures, strict=True):
                    read, executable, digest = future.result()
                    self._add_files(file.with_stat(read, executable).columns, digest)
            except BaseException:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                raise


def _to_read(batch: list[FoundFiles]) -> list[FilesToRead]:
    return [FilesToRead(files.folder, files.stats) for files in batch]


def _each(batch: list[FoundFiles]) -> list[FoundFile]:
    return [files.one(i) for files in batch for i in range(files.number)]


def add_file(
    repository: Repository,
    opened: OpenDraft,
    path: Path,
    name: str | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Entry:
    """Add one file to a draft, under its own name or another.

    Raises `SourceUnreadable`, `SourceChanged`, `InvalidPath` or `PathConflict`; the draft is then as it was.
    """
    status = _stat(path)
    if not stat.S_ISREG(status.st_mode):
        reason = "it is a folder: use add_dir" if stat.S_ISDIR(status.st_mode) else source_file.NOT_REGULAR
        raise source_file.unreadable(str(path), reason)
    entry_path = names.entry_path(name if name is not None else path.name)
    absolute = os.path.realpath(path)
    walk.check_outside_store(absolute, os.path.realpath(repository.folder))
    walked = WalkedFolder(os.path.dirname(absolute), [os.path.basename(absolute)], [entry_path], [status])
    with step(progress, f"adding {path.name}", status.st_size, "bytes"):
        reader = _read(repository, opened, iter([walked]), progress)
        entry = opened.draft.add(reader.entries[0], overwrite=overwrite)
    _note_seen(opened, reader)
    return entry


def add_folder(
    repository: Repository,
    opened: OpenDraft,
    path: Path,
    name: str | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> int:
    """Add a folder with everything in it to a draft, below `name` if given; return the number of entries.

    The store itself is left out. Links within the folder stay links. Links to files outside are followed, and so are
    links to folders outside unless they lead back. Raises `SourceUnreadable`, `SourceChanged`, `LinkCycle`,
    `InvalidPath` or `PathConflict`; the draft is then as it was.
    """
    prefix = names.entry_path(name) if name else ""
    if not stat.S_ISDIR(_stat(path).st_mode):
        raise source_file.unreadable(str(path), "it is not a folder: use add_file")
    total = partial(walk.total_size, path, repository.folder)
    with step(progress, f"adding {path.name or path}", total, "bytes"), pause_gc.gc_paused():
        reader = _read(repository, opened, Walk(path, repository.folder).run(prefix), progress)
        files, algorithm = reader.files, repository.db.algorithm
        is_filled = not reader.others and opened.draft.fill_with_files(files, algorithm)
        if not is_filled:
            entries = reader.entries
            if not opened.draft.fill_new_folder(entries):
                opened.draft.add_all(entries, overwrite=overwrite)
    _note_seen(opened, reader)
    return files.number + len(reader.others)


def add_bytes(repository: Repository, opened: OpenDraft, data: bytes, path: str, *, overwrite: bool = False) -> Entry:
    """Add a file to a draft by its content."""
    algorithm = repository.db.algorithm
    raw = large_file.store_bytes(opened.writer, data, algorithm)
    entry = Entry(names.entry_path(path), Kind.FILE, algorithm.text(raw), len(data))
    return opened.draft.add(entry, overwrite=overwrite)


def _stat(path: Path) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise source_file.unreadable(str(path), error.strerror or str(error), error) from error


def _read(repository: Repository, opened: OpenDraft, walked: Iterator[WalkedFolder], progress: Progress) -> FileReader:
    reader = FileReader(repository, opened.writer, progress)
    with translate_sqlite_errors(repository.db.path):
        reader.run(walked)
    return reader


def _note_seen(opened: OpenDraft, reader: FileReader) -> None:
    for folder, files in reader.seen.items():
        opened.seen.setdefault(folder, []).extend(files)
    for source, size in reader.grown[:_MAX_NOTES]:
        terminal.note(f"artstore: {source!r} grew while it was read: its first {size:,} bytes were added")
    if (more := len(reader.grown) - _MAX_NOTES) > 0:
        terminal.note(f"artstore: {more:,} more files grew while they were read: each was added as it was before")
