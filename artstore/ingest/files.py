"""Add files and folders on disk to a draft, and their content to the store.

A walk compares each file with the stat cache. Files that are not known to be unchanged are read: small ones in worker
processes, large ones by threads that cut, hash and write at the same time. Each byte is read once, and the bytes that
were hashed are the bytes that are stored.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import stat_cache
from artstore.catalog.repository import Repository
from artstore.core import names
from artstore.core.digests import Algorithm
from artstore.core.manifest import Entry, Kind
from artstore.errors import SourceUnreadable
from artstore.ingest import large_file, small_files, walk
from artstore.ingest.content_writer import ContentWriter
from artstore.ingest.large_file import LargeFile
from artstore.ingest.open_draft import OpenDraft, SeenFiles
from artstore.ingest.pack_batch import Batch
from artstore.ingest.small_files import STORED, IngestedBatch, IngestedFile, SmallFile
from artstore.ingest.walk import FoundFile, Walk, WalkedFolder
from artstore.runtime import pause_gc, platform, processes, source_file, terminal
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.source_file import Problem, Stat, is_executable, stat_of
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.runtime.stable_files import StableFiles
from artstore.runtime.threads import ThreadPool
from artstore.storage import chunking

_BATCH_FILES = 512
_WINDOW = 1 << 20
_MAX_NOTES = 3
_LARGE_AT_ONCE = 8
"""Each of them needs windows of its own in memory."""


class _UnchangedFile(NamedTuple):
    """A file that the stat cache knows: the id of the stored file, and where it is on disk and in the artifact."""

    id: int
    folder: str
    name: str
    path: str


class FileReader:
    """Reads the files of one walk into the store; makes their entries."""

    def __init__(self, repository: Repository, writer: ContentWriter, progress: Progress) -> None:
        self._db = repository.db
        self._writer = writer
        self._progress = progress
        self._algorithm: Algorithm = repository.db.algorithm
        self.entries: list[Entry] = []
        self.seen: SeenFiles = {}
        self.grown: list[tuple[str, int]] = []
        """Files that grew while they were read, each with the size of what was read."""
        self._unchanged: list[_UnchangedFile] = []
        self._large: list[FoundFile] = []
        self._lent: dict[int, Batch] = {}
        self._stop = threading.Event()
        self._stable_files = StableFiles(repository.db.clock(), os.stat(repository.folder).st_dev)
        """Files that the stat cache may remember."""

    def run(self, folders: Iterator[WalkedFolder]) -> None:
        """Read everything that a walk finds. The entries are in no particular order."""
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

    def _small_batches(self, folders: Iterator[WalkedFolder]) -> Iterator[list[FoundFile]]:
        batch: list[FoundFile] = []
        for folder in folders:
            self.entries += folder.others
            for file in self._changed_files(folder):
                self._stable_files.expect(file.stat)
                if file.stat.size > chunking.WHOLE:
                    self._large.append(file)
                    continue
                batch.append(file)
                if len(batch) == _BATCH_FILES:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def _changed_files(self, walked: WalkedFolder) -> Iterator[FoundFile]:
        """Make the entries of files that did not change since they were last read; yield the others."""
        folder, entries, unchanged, text = walked.folder, self.entries, self._unchanged, self._algorithm.text
        new, kind = tuple.__new__, Kind.FILE
        # A folder whose files are added one by one is not looked up as a whole each time.
        only = walked.files[0][0] if len(walked.files) == 1 else None
        remembered = stat_cache.cached(self._db.connection, folder, only) if names.is_utf8(folder) else {}
        known = 0
        for name, path, status in walked.files:
            now = stat_of(status)
            cached = remembered.get(name)
            if cached is None or cached[1:6] != now:
                yield FoundFile(folder, name, path, now)
                continue
            # Made the way plain tuples are: this runs for every file of every walk.
            executable = is_executable(status.st_mode)
            entries.append(new(Entry, (path, kind, text(cached[7]), now[2], executable, None, None, None, None)))
            unchanged.append(new(_UnchangedFile, (cached[6], folder, name, path)))
            known += now[2]
        self._progress.advance(known)
        yield from walked.followed

    def _read_here(self, batch: list[FoundFile]) -> IngestedBatch:
        read = small_files.read_small(_sources(batch), self._algorithm.name)
        self._writer.put_files((file.digest, file.data) for file in read if isinstance(file, SmallFile))
        files = [file if isinstance(file, Problem) else IngestedFile(*file[:3], STORED) for file in read]
        return IngestedBatch(files, None, {})

    def _arguments(self, batch: list[FoundFile]) -> tuple[list[str], str, str, str | None, str, int]:
        lent = self._lent[id(batch)] = self._writer.lend()
        store, algorithm, compression = str(self._db.folder), self._algorithm.name, self._db.compression
        return _sources(batch), store, algorithm, compression, str(lent.pack.path), lent.pack.end

    def _add_small_files(self, batch: list[FoundFile], ingested: IngestedBatch) -> None:
        deleted = self._take_back(batch, ingested) if ingested.end is not None else set()
        again: list[FoundFile] = []
        size = 0
        for found, file in zip(batch, ingested.files, strict=True):
            if not isinstance(file, Problem):
                if file.offset == STORED and file.digest in deleted:
                    again.append(found)
                else:
                    self._add_entry(found, file.stat, file.executable, file.digest)
                    size += file.stat.size
            elif file.too_large:
                self._large.append(found)
            elif file.changed:
                raise source_file.changed(file.path)
            else:
                raise source_file.unreadable(file.path, file.reason)
        self._progress.advance(size)
        if again:
            self._add_small_files(again, self._read_here(again))

    def _take_back(self, batch: list[FoundFile], ingested: IngestedBatch) -> set[bytes]:
        """Take over the content that a worker wrote and claim what it found stored; return digests deleted since."""
        files = [file for file in ingested.files if isinstance(file, IngestedFile)]
        new = {file.digest: (file.digest, file.stat.size, file.offset) for file in files if file.offset != STORED}
        assert ingested.end is not None
        lent = self._lent.pop(id(batch))
        self._writer.take_back(lent, ingested.end, list(new.values()), ingested.compressed)
        stored = {file.digest for file in files if file.offset == STORED}
        return self._writer.claim_stored(stored) if stored else set()

    def _add_entry(self, found: FoundFile, stat: Stat, executable: bool, digest: bytes) -> None:
        self.entries.append(Entry(found.path, Kind.FILE, self._algorithm.text(digest), stat.size, executable))
        if stat.inode == source_file.GROWN:
            self.grown.append((found.source, stat.size))
        if stat in self._stable_files and names.is_utf8(found.folder):
            self.seen.setdefault(found.folder, []).append((found.name, stat, digest))

    def _claim_unchanged(self) -> list[FoundFile]:
        """Claim the files that the stat cache named; return those whose content was deleted since."""
        gone = self._writer.lease.claim_file_ids([file.id for file in self._unchanged])
        deleted = [file for file in self._unchanged if file.id in gone] if gone else []
        return [walk.find_file(file.folder, file.name, file.path) for file in deleted]

    def _read_again(self, files: list[FoundFile]) -> None:
        for file in files:
            self._stable_files.expect(file.stat)
        paths = {file.path for file in files}
        self.entries = [entry for entry in self.entries if entry.path not in paths]
        small = [file for file in files if file.stat.size <= chunking.WHOLE]
        self._large += [file for file in files if file.stat.size > chunking.WHOLE]
        self._add_small_files(small, self._read_here(small))

    def _read_large_files(self) -> None:
        if not self._large:
            return
        with ThreadPool(min(platform.cores(), _LARGE_AT_ONCE), "artstore-read") as pool:
            futures = [pool.submit(self._read_large_file, file) for file in self._large]
            try:
                for file, future in zip(self._large, futures, strict=True):
                    self._add_entry(file, *future.result())
            except BaseException:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _read_large_file(self, file: FoundFile) -> tuple[Stat, bool, bytes]:
        descriptor = source_file.open_source(file.source)
        try:
            for _ in range(source_file.TRIES):
                before = os.fstat(descriptor)
                large = LargeFile(descriptor, before.st_size, self._algorithm, self._writer, self._progress, self._stop)
                digest, size, chunks = large.store_chunks()
                after = os.fstat(descriptor)
                is_same = stat_of(before) == stat_of(after)
                if size == before.st_size and (is_same or self._has_grown(descriptor, before, after, digest)):
                    self._writer.put_file(digest, size, chunks)
                    stat = stat_of(after) if is_same else source_file.prefix_stat(before)
                    return stat, is_executable(after.st_mode), digest
        except OSError as error:
            if isinstance(error, SourceUnreadable) or error.errno not in (errno.EIO, errno.EACCES, errno.ESTALE):
                raise
            raise source_file.unreadable(file.source, error.strerror or str(error)) from error
        finally:
            os.close(descriptor)
        raise source_file.changed(file.source)

    def _has_grown(self, descriptor: int, before: os.stat_result, after: os.stat_result, digest: bytes) -> bool:
        """Whether a file only grew: its first bytes are those that were read, as a second reading shows."""
        if after.st_size <= before.st_size:
            return False
        hasher, window, offset = self._algorithm.hasher(), memoryview(bytearray(_WINDOW)), 0
        while offset < before.st_size and not self._stop.is_set():
            count = platform.read_into(descriptor, window[: before.st_size - offset], offset)
            if count == 0:
                return False
            hasher.update(window[:count])
            offset += count
        return hasher.digest() == digest


def _sources(batch: list[FoundFile]) -> list[str]:
    return [file.source for file in batch]


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
    walked = WalkedFolder(os.path.dirname(absolute), [(os.path.basename(absolute), entry_path, status)])
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
    if not opened.draft.fill_new_folder(reader.entries):
        opened.draft.add_all(reader.entries, overwrite=overwrite)
    _note_seen(opened, reader)
    return len(reader.entries)


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
