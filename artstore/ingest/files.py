"""From files and folders on disk to entries of a draft, with their content taken into the store.

A walk compares each file with the stat cache; what is not known to be unchanged is read: small files in worker
processes, large ones by threads that cut, hash and write at the same time. Each byte is read once, and what was
hashed is what is stored.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import stat_cache
from artstore.catalog.db import Db
from artstore.core import names
from artstore.core.digests import Algorithm
from artstore.core.draft import Draft
from artstore.core.manifest import Entry, Kind
from artstore.errors import SourceUnreadable
from artstore.ingest import small_files
from artstore.ingest.content_writer import Batch, ContentWriter
from artstore.ingest.large_file import LargeFile
from artstore.ingest.small_files import STORED, Ingested, Ingestion, SmallFile
from artstore.ingest.walk import Found, Walk, Walked, at, check_not_ours
from artstore.runtime import pause_gc, platform, processes, source_file
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.source_file import Problem, Stat, is_executable, stat_of
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.runtime.threads import ThreadPool
from artstore.storage import chunking

_BATCH_FILES = 512
_LARGE_AT_ONCE = 8
"""Each of them has windows of its own in memory."""
_TICK_NS = 100_000_000
_COARSE_TICK_NS = 2_000_000_000


class _Hit(NamedTuple):
    """A file that is as it was when it was last read: the id of the stored file, and where it is."""

    id: int
    folder: str
    name: str
    path: str


class Gathering:
    """One call of `file` or `folder`: what it found, and what it still has to read."""

    def __init__(self, db: Db, intake: ContentWriter, progress: Progress) -> None:
        self._db = db
        self._intake = intake
        self._progress = progress
        self._algorithm: Algorithm = db.algorithm
        self._clock = db.clock()
        self._device = os.stat(db.folder).st_dev & 0x7FFFFFFFFFFFFFFF
        self.entries: list[Entry] = []
        self._hits: list[_Hit] = []
        self._large: list[Found] = []
        self._lent: dict[int, Batch] = {}
        self._stop = threading.Event()

    def run(self, walk: Iterator[Walked]) -> list[Entry]:
        """Take in everything that a walk finds; return its entries, in no order."""
        small = processes.map_batches(
            self._small_batches(walk), here=self._read_here, in_worker=small_files.ingest, arguments=self._job
        )
        try:
            with closing(small):
                for batch, results in small:
                    self._take_small(batch, results)
        finally:
            self._intake.give_up(self._lent.values())
            self._lent.clear()
        lost = self._hold_hits()
        if lost:
            self._read_again(lost)
        self._take_large_files()
        self._intake.settle()
        return self.entries

    def _read_here(self, batch: list[Found]) -> Ingestion:
        results = small_files.read_small(_sources(batch), self._algorithm.name)
        self._intake.put_files((result.digest, result.data) for result in results if isinstance(result, SmallFile))
        files = [each if isinstance(each, Problem) else Ingested(*each[:3], STORED) for each in results]
        return Ingestion(files, None, {})

    def _job(self, batch: list[Found]) -> tuple[list[str], str, str, str | None, str, int]:
        lent = self._lent[id(batch)] = self._intake.lend()
        store, algorithm, compression = str(self._db.folder), self._algorithm.name, self._db.compression
        return _sources(batch), store, algorithm, compression, str(lent.writer.path), lent.writer.end

    def _small_batches(self, walk: Iterator[Walked]) -> Iterator[list[Found]]:
        batch: list[Found] = []
        for walked in walk:
            self.entries += walked.others
            for found in self._not_remembered(walked):
                if found.stat.size > chunking.WHOLE:
                    self._large.append(found)
                    continue
                batch.append(found)
                if len(batch) == _BATCH_FILES:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def _not_remembered(self, walked: Walked) -> Iterator[Found]:
        """Make entries of the files that are as they were when they were last read; yield the others."""
        folder, entries, hits, text = walked.folder, self.entries, self._hits, self._algorithm.text
        new, file = tuple.__new__, Kind.FILE
        remembered = stat_cache.cached(self._db.connection, folder) if names.is_utf8(folder) else {}
        known = 0
        for name, path, status in walked.files:
            now = stat_of(status)
            cached = remembered.get(name)
            if cached is None or cached[1:6] != now:
                yield Found(folder, name, path, now)
                continue
            # Made as plain tuples are: this is done for every file of every walk.
            executable = is_executable(status.st_mode)
            entries.append(new(Entry, (path, file, text(cached[7]), now[2], executable, None, None, None, None)))
            hits.append(new(_Hit, (cached[6], folder, name, path)))
            known += now[2]
        self._progress.advance(known)
        yield from walked.followed

    def _hold_hits(self) -> list[Found]:
        """Claim what the stat cache named; what is not stored any more is to be read after all."""
        gone = self._intake.hold.claim_file_ids([hit.id for hit in self._hits])
        lost = [hit for hit in self._hits if hit.id in gone] if gone else []
        return [at(hit.folder, hit.name, hit.path) for hit in lost]

    def _read_again(self, lost: list[Found]) -> None:
        paths = {found.path for found in lost}
        self.entries = [entry for entry in self.entries if entry.path not in paths]
        small = [found for found in lost if found.stat.size <= chunking.WHOLE]
        self._large += [found for found in lost if found.stat.size > chunking.WHOLE]
        self._take_small(small, self._read_here(small))

    def _take_small(self, batch: list[Found], ingestion: Ingestion) -> None:
        lost = self._take_back(batch, ingestion) if ingestion.end is not None else set()
        again: list[Found] = []
        size = 0
        for found, result in zip(batch, ingestion.files, strict=True):
            if not isinstance(result, Problem):
                if result.offset == STORED and result.digest in lost:
                    again.append(found)
                else:
                    self._add_entry(found, result.stat, result.executable, result.digest)
                    size += result.stat.size
            elif result.too_large:
                self._large.append(found)
            elif result.changed:
                raise source_file.changed(result.path)
            else:
                raise source_file.unreadable(result.path, result.reason)
        self._progress.advance(size)
        if again:
            self._take_small(again, self._read_here(again))

    def _take_back(self, batch: list[Found], ingestion: Ingestion) -> set[bytes]:
        """Take over what a worker wrote, and claim what it found stored; return what is not stored any more."""
        files = [each for each in ingestion.files if isinstance(each, Ingested)]
        new = {each.digest: (each.digest, each.stat.size, each.offset) for each in files if each.offset != STORED}
        assert ingestion.end is not None
        lent = self._lent.pop(id(batch))
        self._intake.take_back(lent, ingestion.end, list(new.values()), ingestion.compressed)
        stored = {each.digest for each in files if each.offset == STORED}
        return self._intake.hold_stored(stored) if stored else set()

    def _add_entry(self, found: Found, stat: Stat, executable: bool, digest: bytes) -> None:
        self.entries.append(Entry(found.path, Kind.FILE, self._algorithm.text(digest), stat.size, executable))
        if self._clearly_older(stat) and names.is_utf8(found.folder):
            self._intake.seen.setdefault(found.folder, []).append((found.name, stat, digest))

    def _clearly_older(self, stat: Stat) -> bool:
        """Whether a later change of the file could not leave its times as they are now.

        Only what is older than a tick of the file system's clock, read before the file was, may be remembered: git
        calls the rest racily clean. File systems that count whole seconds, and those with a clock of their own, get
        two seconds.
        """
        coarse = stat.device != self._device or stat.mtime_ns % 1_000_000_000 == 0
        return max(stat.mtime_ns, stat.ctime_ns) < self._clock - (_COARSE_TICK_NS if coarse else _TICK_NS)

    def _take_large_files(self) -> None:
        if not self._large:
            return
        with ThreadPool(min(platform.cores(), _LARGE_AT_ONCE), "artstore-read") as pool:
            futures = [pool.submit(self._read_large, found) for found in self._large]
            try:
                for found, future in zip(self._large, futures, strict=True):
                    status, digest = future.result()
                    self._add_entry(found, stat_of(status), is_executable(status.st_mode), digest)
            except BaseException:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _read_large(self, found: Found) -> tuple[os.stat_result, bytes]:
        descriptor = source_file.open_source(found.source)
        try:
            for _ in range(source_file.TRIES):
                before = os.fstat(descriptor)
                os.lseek(descriptor, 0, os.SEEK_SET)
                large = LargeFile(descriptor, before.st_size, self._algorithm, self._intake, self._progress, self._stop)
                digest, size, chunks = large.take()
                after = os.fstat(descriptor)
                if size == after.st_size and stat_of(before) == stat_of(after):
                    self._intake.put_file(digest, size, chunks)
                    return after, digest
        except OSError as error:
            if isinstance(error, SourceUnreadable) or error.errno not in (errno.EIO, errno.EACCES, errno.ESTALE):
                raise
            raise source_file.unreadable(found.source, error.strerror or str(error)) from error
        finally:
            os.close(descriptor)
        raise source_file.changed(found.source)


def _sources(batch: list[Found]) -> list[str]:
    return [found.source for found in batch]


def file(
    draft: Draft,
    db: Db,
    intake: ContentWriter,
    path: Path,
    name: str | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Entry:
    """Take one file into a draft, under its own name or another.

    Raises `SourceUnreadable`, `SourceChanged`, `InvalidPath` or `PathConflict`; the draft is then as it was.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise source_file.unreadable(str(path), error.strerror or str(error), error) from error
    if not stat.S_ISREG(status.st_mode):
        raise source_file.unreadable(
            str(path), "it is a folder: use add_dir" if stat.S_ISDIR(status.st_mode) else source_file.NOT_REGULAR
        )
    entry_path = names.entry_path(name if name is not None else path.name)
    absolute = os.path.realpath(path)
    check_not_ours(absolute, os.path.realpath(db.folder))
    walked = Walked(os.path.dirname(absolute), [(os.path.basename(absolute), entry_path, status)])
    with step(progress, f"adding {path.name}", None, "bytes"), translate_sqlite_errors(db.path):
        walk = iter([walked])
        return draft.add(Gathering(db, intake, progress).run(walk)[0], overwrite=overwrite)


def folder(
    draft: Draft,
    db: Db,
    intake: ContentWriter,
    path: Path,
    name: str | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> int:
    """Take a folder with everything in it into a draft, below `name` if given; return the number of entries.

    The store itself is left out. Links within the folder stay links; links to files outside are followed, and so are
    links to folders outside, unless they lead back. Raises `SourceUnreadable`, `SourceChanged`, `LinkCycle`,
    `InvalidPath` or `PathConflict`; the draft is then as it was.
    """
    prefix = names.entry_path(name) if name else ""
    try:
        status = os.stat(path)
    except OSError as error:
        raise source_file.unreadable(str(path), error.strerror or str(error), error) from error
    if not stat.S_ISDIR(status.st_mode):
        raise source_file.unreadable(str(path), "it is no folder: use add_file")
    with (
        step(progress, f"adding {path.name or path}", None, "bytes"),
        pause_gc.gc_paused(),
        translate_sqlite_errors(db.path),
    ):
        entries = Gathering(db, intake, progress).run(Walk(path, db.folder).run(prefix))
    if not draft.fill_new_folder(entries):
        draft.add_all(entries, overwrite=overwrite)
    return len(entries)
