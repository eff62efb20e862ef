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
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from artstore import chunking, collector, ingest, names, reading, system, workers
from artstore.catalog import stats
from artstore.db import Db
from artstore.digests import Algorithm
from artstore.draft import Draft
from artstore.errors import InvalidPath, LinkCycle, SourceUnreadable
from artstore.ingest import STORED, Ingested, Ingestion
from artstore.intake import Batch, Intake
from artstore.manifest import Entry, Kind
from artstore.progress import SILENT, Progress, step
from artstore.reading import Problem, SmallFile, Stat, is_executable, stat_of

_BATCH_FILES = 512
_WINDOW = 8 * 1024 * 1024
_PIPELINED = 4 * _WINDOW
"""From this size on, a file's writing and whole-file hash run beside its reading."""
_TICK_NS = 100_000_000
_COARSE_TICK_NS = 2_000_000_000


class Found(NamedTuple):
    """A file that a walk came upon: where it is, what it is called in the artifact, and its state."""

    folder: str
    name: str
    path: str
    stat: Stat

    @property
    def source(self) -> str:
        """Where to read it."""
        return os.path.join(self.folder, self.name)


@dataclass
class _Walked:
    """One folder's worth of a walk: its files as (name, path in the artifact, status), and what needs no reading."""

    folder: str
    files: list[tuple[str, str, os.stat_result]] = field(default_factory=list)
    followed: list[Found] = field(default_factory=list)
    """Files outside the folder that links in it lead to."""
    others: list[Entry] = field(default_factory=list)


class _Hit(NamedTuple):
    """A file that is as it was when it was last read: the id of the stored file, and where it is."""

    id: int
    folder: str
    name: str
    path: str


class Gathering:
    """One call of `file` or `folder`: what it found, and what it still has to read."""

    def __init__(self, db: Db, intake: Intake, progress: Progress) -> None:
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

    def run(self, walk: Iterator[_Walked]) -> list[Entry]:
        """Take in everything that a walk finds; return its entries, in no order."""
        spread = workers.spread(self._small_batches(walk), here=self._read_here, work=ingest.ingest, job=self._job)
        try:
            with closing(spread):
                for batch, results in spread:
                    self._take_small(batch, results)
        finally:
            self._intake.give_up_lent()
        lost = self._hold_hits()
        if lost:
            self._read_again(lost)
        self._take_large_files()
        self._intake.settle()
        return self.entries

    def _read_here(self, batch: list[Found]) -> Ingestion:
        results = reading.read_small(_sources(batch), self._algorithm.name)
        self._intake.put_files((result.digest, result.data) for result in results if isinstance(result, SmallFile))
        files = [each if isinstance(each, Problem) else Ingested(*each[:3], STORED) for each in results]
        return Ingestion(files, None)

    def _job(self, batch: list[Found]) -> tuple[list[str], str, str, str, int]:
        lent = self._lent[id(batch)] = self._intake.lend()
        return _sources(batch), str(self._db.folder), self._algorithm.name, str(lent.writer.path), lent.writer.end

    def _small_batches(self, walk: Iterator[_Walked]) -> Iterator[list[Found]]:
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

    def _not_remembered(self, walked: _Walked) -> Iterator[Found]:
        """Make entries of the files that are as they were when they were last read; yield the others."""
        folder, entries, hits, text = walked.folder, self.entries, self._hits, self._algorithm.text
        remembered = stats.remembered(self._db.connection, folder)
        known = 0
        for name, path, status in walked.files:
            now = stat_of(status)
            cached = remembered.get(name)
            if cached is None or cached[1:6] != now:
                yield Found(folder, name, path, now)
                continue
            entries.append(Entry(path, Kind.FILE, text(cached[7]), now[2], is_executable(status.st_mode)))
            hits.append(_Hit(cached[6], folder, name, path))
            known += now[2]
        self._progress.advance(known)
        yield from walked.followed

    def _hold_hits(self) -> list[Found]:
        """Claim what the stat cache named; what is not stored any more is to be read after all."""
        gone = self._intake.hold_files([hit.id for hit in self._hits])
        lost = [hit for hit in self._hits if hit.id in gone] if gone else []
        return [_found(hit.folder, hit.name, hit.path) for hit in lost]

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
                raise reading.changed(result.path)
            else:
                raise reading.unreadable(result.path, result.reason)
        self._progress.advance(size)
        if again:
            self._take_small(again, self._read_here(again))

    def _take_back(self, batch: list[Found], ingestion: Ingestion) -> set[bytes]:
        """Take over what a worker wrote, and claim what it found stored; return what is not stored any more."""
        files = [each for each in ingestion.files if isinstance(each, Ingested)]
        new = {each.digest: (each.digest, each.stat.size, each.offset) for each in files if each.offset != STORED}
        assert ingestion.end is not None
        self._intake.take_back(self._lent.pop(id(batch)), ingestion.end, list(new.values()))
        stored = {each.digest for each in files if each.offset == STORED}
        return self._intake.hold_stored(stored) if stored else set()

    def _add_entry(self, found: Found, stat: Stat, executable: bool, digest: bytes) -> None:
        self.entries.append(Entry(found.path, Kind.FILE, self._algorithm.text(digest), stat.size, executable))
        if self._clearly_older(stat):
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
        with ThreadPoolExecutor(system.cores(), "artstore-read") as pool:
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
        descriptor = reading.open_source(found.source)
        try:
            for _ in range(reading.TRIES):
                before = os.fstat(descriptor)
                os.lseek(descriptor, 0, os.SEEK_SET)
                large = _LargeFile(
                    descriptor, before.st_size, self._algorithm, self._intake, self._progress, self._stop
                )
                digest, size, chunks = large.take()
                after = os.fstat(descriptor)
                if size == after.st_size and stat_of(before) == stat_of(after):
                    self._intake.put_file(digest, size, chunks)
                    return after, digest
        except OSError as error:
            if isinstance(error, SourceUnreadable) or error.errno not in (errno.EIO, errno.EACCES, errno.ESTALE):
                raise
            raise reading.unreadable(found.source, error.strerror or str(error)) from error
        finally:
            os.close(descriptor)
        raise reading.changed(found.source)


class _LargeFile:
    """Reads one open file in windows: cut and hashed here, written and hashed as a whole beside that where it pays."""

    def __init__(
        self,
        descriptor: int,
        size: int,
        algorithm: Algorithm,
        intake: Intake,
        progress: Progress,
        stop: threading.Event,
    ) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self._algorithm = algorithm
        self._intake = intake
        self._progress = progress
        pipelined = size >= _PIPELINED
        self._whole = algorithm.hasher()
        self._cutter = chunking.Cutter()
        self._beside = ThreadPoolExecutor(1, "artstore-write") if pipelined else None
        self._under_way: Future[None] | None = None
        # A window always holds more than the longest chunk, or no cut might be found in it.
        window = min(_WINDOW, size + chunking.LARGEST + 4096)
        self._buffers = [bytearray(window) for _ in range(2 if pipelined else 1)]

    def take(self) -> tuple[bytes, int, list[bytes]]:
        """Read to the end; return the digest, the size and the digests of the chunks."""
        try:
            return self._take()
        finally:
            if self._beside is not None:
                self._beside.shutdown()

    def _take(self) -> tuple[bytes, int, list[bytes]]:
        size, digests, kept = 0, list[bytes](), b""
        for turn in range(1 << 62):
            window = memoryview(self._buffers[turn % len(self._buffers)])
            window[: len(kept)] = kept
            filled = len(kept) + self._fill(window[len(kept) :])
            last = filled < len(window)
            window = window[:filled]
            chunks, start = list[tuple[bytes, memoryview]](), 0
            for length in self._cutter.lengths(window, last=last):
                piece = window[start : start + length]
                chunks.append((self._algorithm.raw(piece), piece))
                start += length
            size += start
            digests += [digest for digest, _ in chunks]
            kept = bytes(window[start:])
            self._hand_over(window[:start], chunks)
            if self._stop.is_set():
                raise CancelledError
            if last:
                self._wait()
                return self._whole.digest(), size, digests
        raise AssertionError("a file ends")

    def _fill(self, window: memoryview) -> int:
        filled = 0
        while filled < len(window):
            count = (
                os.readv(self._descriptor, [window[filled:]]) if hasattr(os, "readv") else self._read(window[filled:])
            )
            if count == 0:
                break
            filled += count
        return filled

    def _read(self, window: memoryview) -> int:
        data = os.read(self._descriptor, len(window))
        window[: len(data)] = data
        return len(data)

    def _hand_over(self, window: memoryview, chunks: list[tuple[bytes, memoryview]]) -> None:
        self._wait()
        if self._beside is None:
            self._store(window, chunks)
        else:
            self._under_way = self._beside.submit(self._store, window, chunks)

    def _wait(self) -> None:
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            under_way.result()

    def _store(self, window: memoryview, chunks: list[tuple[bytes, memoryview]]) -> None:
        self._whole.update(window)
        self._intake.put_chunks(chunks)
        self._progress.advance(len(window))


def _found(folder: str, name: str, path: str) -> Found:
    source = os.path.join(folder, name)
    try:
        return Found(folder, name, path, stat_of(os.stat(source)))
    except OSError as error:
        raise reading.unreadable(source, error.strerror or str(error)) from error


def _sources(batch: list[Found]) -> list[str]:
    return [found.source for found in batch]


def file(
    draft: Draft,
    db: Db,
    intake: Intake,
    path: Path,
    name: str | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Entry:
    """Take one file into a draft, under its own name or another.

    Raises `SourceUnreadable`, `SourceChanged`, `InvalidPath` or `PathConflict`; the draft is then as it was.
    """
    entry_path = names.entry_path(name if name is not None else path.name)
    try:
        status = os.stat(path)
    except OSError as error:
        raise reading.unreadable(str(path), error.strerror or str(error), error) from error
    if not stat.S_ISREG(status.st_mode):
        raise reading.unreadable(
            str(path), "it is a folder: use add_dir" if stat.S_ISDIR(status.st_mode) else "it is no regular file"
        )
    absolute = os.path.realpath(path)
    check_not_ours(absolute, os.path.realpath(db.folder))
    walked = _Walked(os.path.dirname(absolute), [(os.path.basename(absolute), entry_path, status)])
    with step(progress, f"adding {path.name}", None, "bytes"):
        walk = iter([walked])
        return draft.add(Gathering(db, intake, progress).run(walk)[0], overwrite=overwrite)


def folder(
    draft: Draft,
    db: Db,
    intake: Intake,
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
        raise reading.unreadable(str(path), error.strerror or str(error), error) from error
    if not stat.S_ISDIR(status.st_mode):
        raise reading.unreadable(str(path), "it is no folder: use add_file")
    with step(progress, f"adding {path.name or path}", None, "bytes"), collector.paused():
        entries = Gathering(db, intake, progress).run(Walk(path, db.folder).run(prefix))
    if not draft.fill_new_folder(entries):
        draft.add_all(entries, overwrite=overwrite)
    return len(entries)


class Walk:
    """Goes through a folder, deciding for each thing in it what it will be in the artifact."""

    def __init__(self, root: Path, store: Path) -> None:
        self._root = os.path.realpath(root)
        self._store = os.path.realpath(store)
        status = os.stat(store)
        self._store_node = (status.st_dev, status.st_ino)
        check_not_ours(self._root, self._store)

    def run(self, prefix: str) -> Iterator[_Walked]:
        """Yield the folders below, each with what is right in it; `prefix` is the root's path in the artifact."""
        waiting: list[tuple[str, str, tuple[str, ...]]] = [(self._root, prefix, (self._root,))]
        while waiting:
            folder, path, above = waiting.pop()
            walked = _Walked(folder)
            below: list[tuple[str, str, tuple[str, ...]]] = []
            self._look(walked, path, above, below)
            if path and not (walked.files or walked.followed or walked.others or below):
                walked.others.append(Entry(path, Kind.FOLDER))
            yield walked
            waiting += reversed(below)

    def _look(
        self, walked: _Walked, path: str, above: tuple[str, ...], below: list[tuple[str, str, tuple[str, ...]]]
    ) -> None:
        prefix = path + "/" if path else ""
        files = walked.files
        try:
            with os.scandir(walked.folder) as entries:
                listed = list(entries)
        except OSError as error:
            raise reading.unreadable(walked.folder, error.strerror or str(error)) from error
        for entry in listed:
            name = entry.name
            inside = prefix + name
            if not name.isascii() or ":" in name or "\\" in name:
                inside = names.entry_path(inside)
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError as error:
                raise reading.unreadable(entry.path, error.strerror or str(error)) from error
            mode = status.st_mode
            if stat.S_ISREG(mode):
                files.append((name, inside, status))
            elif stat.S_ISDIR(mode):
                if (status.st_dev, status.st_ino) != self._store_node:
                    below.append((entry.path, inside, above))
            elif stat.S_ISLNK(mode):
                self._link(walked, entry.path, inside, above, below)
            else:
                raise reading.unreadable(entry.path, "it is neither a file, a folder nor a link")

    def _link(
        self,
        walked: _Walked,
        source: str,
        inside: str,
        above: tuple[str, ...],
        below: list[tuple[str, str, tuple[str, ...]]],
    ) -> None:
        target = os.path.realpath(source)
        if target == self._store:
            return
        check_not_ours(target, self._store, through=source)
        if any(_is_at_or_below(each, target) for each in (*above, walked.folder)):
            raise LinkCycle(f"the link {source!r} leads back to {target!r}: remove it, or add the folders one by one")
        if _is_at_or_below(target, self._root) and above == (self._root,):
            relative = os.path.relpath(target, walked.folder)
            if not names.is_utf8(relative):
                raise InvalidPath(
                    f"the link {source!r} leads to {target!r}, which is not UTF-8: rename what it leads to"
                )
            walked.others.append(Entry(inside, Kind.LINK, target=relative.replace(os.sep, "/")))
            return
        try:
            status = os.stat(target)
        except OSError as error:
            raise reading.unreadable(source, f"the link leads to {target!r}: {error.strerror}") from error
        if stat.S_ISREG(status.st_mode):
            walked.followed.append(_found(os.path.dirname(target), os.path.basename(target), inside))
        elif not stat.S_ISDIR(status.st_mode):
            raise reading.unreadable(source, "the link leads to neither a file nor a folder")
        else:
            below.append((target, inside, (*above, target)))


def check_not_ours(source: str, store: str, *, through: str | None = None) -> None:
    """Raise `SourceUnreadable` for what is the store's own: closing the catalog would drop SQLite's locks on it."""
    if _is_at_or_below(source, store):
        raise reading.unreadable(through or source, f"it is, or lies in, the store {store} itself")


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
