"""Taking content into the store for one draft: what is there is claimed, what is new is made durable and published.

An intake writes at most one pack at a time, and holds a lease once it has something to hold (docs/lifecycle.md). Full
packs are synced beside the work and published, a few together, in the order in which they were written, so memory
stays bounded however much is added; what is left is published by the transaction that commits the draft.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from artstore.catalog import chunks as content
from artstore.catalog import leases, reclaim
from artstore.catalog.chunks import NewChunk, NewFile
from artstore.catalog.connection import Connection
from artstore.catalog.db import Db
from artstore.catalog.leases import Claim
from artstore.errors import ArtstoreError, StoreError
from artstore.ingest.claims import DraftLease
from artstore.runtime.source_file import Stat
from artstore.runtime.threads import ThreadPool
from artstore.storage import codec
from artstore.storage.codec import Bytes, Encode
from artstore.storage.packs import SEAL_AT, Packs, PackWriter
from artstore.storage.process_locks import ProcessLock

_MANY_FILES = 32_768
_PACKS_TOGETHER = 4
"""So many full packs are published in one transaction, or fewer if they hold many files."""
_IDS_REMEMBERED = 262_144


@dataclass(eq=False)
class Batch:
    """What was appended to one pack and is not published."""

    writer: PackWriter
    chunks: dict[bytes, NewChunk] = field(default_factory=dict)
    files: dict[bytes, NewFile] = field(default_factory=dict)
    synced: Future[int] | None = None

    @property
    def empty(self) -> bool:
        return not self.chunks and not self.files


class ContentWriter:
    """The way into the store for one draft. Safe for use by several threads."""

    def __init__(self, db: Db, packs: Packs, session: ProcessLock, purpose: str) -> None:
        self._db = db
        self._packs = packs
        self.compression = db.compression
        self._encode = codec.encoder(db.compression)
        self._guard = threading.RLock()
        self._pid = os.getpid()
        self.hold = DraftLease(db, session, purpose, self._guard)
        self._current: Batch | None = None
        self._lent: list[Batch] = []
        self._returned: list[Batch] = []
        self._rolled: list[Batch] = []
        self._pending_chunks: set[bytes] = set()
        self._pending_files: set[bytes] = set()
        self._syncer: ThreadPool | None = None
        self._unused: list[Claim] = []
        self._broken: BaseException | None = None
        self.lost = 0
        """Bytes that were written and then found stored by another writer: they wait to be given back."""
        self.ids: dict[bytes, int] = {}
        """The ids of files that were published or found, as far as they are remembered."""
        self.seen: dict[str, list[tuple[str, Stat, bytes]]] = {}
        """What files on disk held, to be remembered once that is published: folder -> (name, stat, digest)."""

    def put_files(self, files: Iterable[tuple[bytes, bytes]]) -> None:
        """Take whole files of one chunk or none: (digest, content)."""
        with self._working():
            unknown = {digest: data for digest, data in files if digest not in self._pending_files}
            self._claim_files(unknown)
            for digest, data in unknown.items():
                if data and digest not in self._pending_chunks:
                    self._append(digest, len(data), *self._encode(data))
                self._add_file(self._pending(), NewFile(digest, len(data), [digest] if data else []))
                self._roll_if_full()

    def put_chunks(self, chunks: Sequence[tuple[bytes, memoryview]], encode: Encode) -> None:
        """Take chunks of a large file: (digest, content). The memory may be reused afterwards."""
        with self._working():
            unknown = {digest: data for digest, data in chunks if digest not in self._pending_chunks}
            for digest in self.hold.claim_chunks(unknown):
                del unknown[digest]
        # Beside the other files' threads: what one of them stores meanwhile is stored once more at worst, and given up.
        encoded = [(digest, len(data), *encode(data)) for digest, data in unknown.items()]
        with self._working():
            for chunk in encoded:
                if chunk[0] not in self._pending_chunks:
                    self._append(*chunk)
            self._settle()
            self._roll_if_full()

    def put_file(self, digest: bytes, size: int, chunks: Sequence[bytes]) -> None:
        """Take a file whose chunks were all put before."""
        with self._working():
            if digest not in self._pending_files:
                unknown: dict[bytes, object] = {digest: None}
                self._claim_files(unknown)
                if unknown:
                    self._add_file(self._pending(), NewFile(digest, size, chunks))

    def lend(self) -> Batch:
        """Give out a pack of its own, which the catalog does not know yet, for a worker process to write into."""
        with self._guard:
            self._check()
            batch = self._returned.pop() if self._returned else Batch(self._packs.create())
            self._lent.append(batch)
            return batch

    def take_back(
        self, batch: Batch, end: int, files: Sequence[tuple[bytes, int, int]], compressed: Mapping[bytes, int]
    ) -> None:
        """Note what a worker has written: the new end of the pack, and (digest, size, offset) of each file.

        `compressed` tells how many bytes a file takes, by its digest, where that is not its size.
        """
        with self._guard:
            batch.writer.extend(end)
            for digest, size, offset in files:
                if size:
                    how = codec.ZSTD if digest in compressed else codec.PLAIN
                    chunk = NewChunk(digest, offset, compressed.get(digest, size), size, how)
                    batch.chunks.setdefault(digest, chunk)
                    self._pending_chunks.add(digest)
                if digest not in self._pending_files:
                    self._add_file(batch, NewFile(digest, size, [digest] if size else []))
            self._lent.remove(batch)
            if batch.writer.full or len(batch.files) >= _MANY_FILES:
                self._roll(batch)
            else:
                self._returned.append(batch)

    def give_up(self, lent: Iterable[Batch]) -> None:
        """Take back packs that were lent, without what was written into them. No worker may be writing there."""
        with self._guard:
            for batch in lent:
                batch.writer.cut_back()
                self.take_back(batch, batch.writer.end, (), {})

    def hold_stored(self, digests: Iterable[bytes]) -> set[bytes]:
        """Claim files by their digests; return those that are not stored, nor about to be."""
        with self._guard:
            unknown: dict[bytes, object] = {each: None for each in digests if each not in self._pending_files}
            self._claim_files(unknown)
            return set(unknown)

    def _add_file(self, batch: Batch, file: NewFile) -> None:
        batch.files[file.digest] = file
        self._pending_files.add(file.digest)

    def _claim_files(self, unknown: dict[bytes, bytes] | dict[bytes, object]) -> None:
        """Claim those files that are stored, and take them out of `unknown`."""
        found = self.hold.claim_files(unknown)
        self._remember_ids(found)
        for digest in found:
            del unknown[digest]

    def _remember_ids(self, found: dict[bytes, int]) -> None:
        if len(self.ids) < _IDS_REMEMBERED:
            self.ids.update(found)

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Take the guard for a step that must not be left half done: one that is interrupted breaks the draft."""
        with self._guard:
            self._check()
            try:
                yield
            except (ArtstoreError, OSError):
                raise
            except BaseException as error:
                self._broken = error
                raise

    def _check(self) -> None:
        if os.getpid() != self._pid:
            raise StoreError(
                "this draft was begun before the process forked, and belongs to the parent: make a new one"
            )
        if self._broken is not None:
            raise StoreError(
                "this draft lost what was added when it was interrupted, or writing failed: make a new one"
            ) from self._broken

    def _open_batches(self) -> list[Batch]:
        batches = [*self._returned, self._current] if self._current else self._returned
        return [batch for batch in batches if not batch.empty]

    def _pending(self) -> Batch:
        if self._current is None:
            self._current = self._open_batch()
        return self._current

    def _open_batch(self) -> Batch:
        for name in [] if self._sees_the_past() else self._unsealed_packs():
            writer = self._packs.adopt(name, self._published_end)
            if writer is not None:
                return Batch(writer)
        return Batch(self._packs.create())

    def _unsealed_packs(self) -> list[str]:
        with self._db.reading() as connection:
            return content.unsealed_packs(connection, SEAL_AT)

    def _sees_the_past(self) -> bool:
        """Whether this is the handler of a signal that came while its thread was reading.

        What the catalog says then may be older than what is published, and no pack may be cut back to that.
        """
        return self._db.in_transaction

    def _published_end(self, pack: str) -> int | None:
        with self._db.reading() as connection:
            return content.published_end(connection, pack)

    def _append(self, digest: bytes, size: int, data: Bytes, how: int) -> None:
        batch = self._pending()
        try:
            offset = batch.writer.append(data)
        except OSError:
            self._forget_unwritten(batch)
            raise
        batch.chunks[digest] = NewChunk(digest, offset, len(data), size, how)
        self._pending_chunks.add(digest)

    def _settle(self) -> None:
        if self._current:
            try:
                self._current.writer.flush()
            except OSError:
                self._forget_unwritten(self._current)
                raise

    def settle(self) -> None:
        """Have the system hold everything that was put, so that a full disk is found by whoever filled it."""
        with self._guard:
            self._settle()

    def _forget_unwritten(self, batch: Batch) -> None:
        end = batch.writer.end
        lost = {digest for digest, chunk in batch.chunks.items() if chunk.offset + chunk.length > end}
        gone = [digest for digest, file in batch.files.items() if not lost.isdisjoint(file.chunks)]
        for digest in lost:
            del batch.chunks[digest]
        for digest in gone:
            del batch.files[digest]
        self._pending_chunks -= lost
        self._pending_files.difference_update(gone)

    def _roll_if_full(self) -> None:
        batch = self._current
        if batch is not None and (batch.writer.full or len(batch.files) >= _MANY_FILES):
            self._settle()
            self._current = None
            self._roll(batch)

    def _roll(self, batch: Batch) -> None:
        """Bring a batch to the disk beside the work, and publish what was rolled before it.

        What workers have returned goes first: a file of this batch may consist of chunks that are there.
        """
        if self._syncer is None:
            self._syncer = ThreadPool(1, "artstore-sync")
        earlier = [each for each in self._returned if not each.empty and each is not batch]
        self._returned = [each for each in self._returned if each.empty]
        for each in (*earlier, batch):
            each.synced = self._syncer.submit(each.writer.sync)
            self._rolled.append(each)
        older = self._rolled[:-1]
        if len(older) >= _PACKS_TOGETHER or sum(len(each.files) for each in older) >= _MANY_FILES // 2:
            self._publish_rolled(len(older))

    def _publish_rolled(self, count: int) -> None:
        """Publish the oldest of what was rolled, in one transaction: each of them waits for the disk."""
        batches = self._rolled[:count]
        if not batches:
            return
        for batch in batches:
            self._sync(batch)
        lease = self.hold.lease()
        try:
            with self._db.writing() as connection:
                for batch in batches:
                    published = self._publish(connection, batch)
                    leases.claim(connection, lease, "chunk", published.chunks.values())
                    leases.claim(connection, lease, "file", published.files.values())
        except BaseException:
            self.rolled_back()
            raise
        del self._rolled[:count]
        for batch in batches:
            self._pending_chunks.difference_update(batch.chunks)
            self._pending_files.difference_update(batch.files)
            batch.writer.close()

    def _sync(self, batch: Batch) -> None:
        try:
            if batch.synced is None:
                batch.writer.sync()
            else:
                batch.synced.result()
        except BaseException as error:
            self._broken = error
            raise

    def _publish(self, connection: Connection, batch: Batch) -> content.Published:
        published = content.publish(
            connection,
            batch.writer.name,
            batch.writer.end,
            batch.writer.full,
            list(batch.chunks.values()),
            list(batch.files.values()),
        )
        self._remember_ids(published.files)
        self.lost += published.lost
        return published

    def make_durable(self) -> None:
        """Bring everything that was put to the disk, and publish what is full.

        Call it before the write lock is taken.
        """
        with self._guard:
            self._check()
            self._settle()
            self._publish_rolled(len(self._rolled))
            for batch in self._open_batches():
                self._sync(batch)

    def publish_everything(self) -> None:
        """Have all that was put readable, held by this draft."""
        with self._guard:
            self._check()
            self._settle()
            self._rolled += self._open_batches()
            self._returned = [each for each in self._returned if each.empty]
            if self._current is not None and not self._current.empty:
                self._current = None
            self._publish_rolled(len(self._rolled))

    def publish(self, connection: Connection) -> None:
        """Within the transaction that commits the draft: publish what is left."""
        self._unused = []
        for batch in self._open_batches():
            published = self._publish(connection, batch)
            self._unused += [Claim("file", *each) for each in leases.ranges(published.files.values())]
            self._unused += [Claim("chunk", *each) for each in leases.ranges(published.chunks.values())]

    def rolled_back(self) -> None:
        """After a transaction that published came to nothing: the ids that it gave may be another's by now."""
        self.ids.clear()
        self._unused = []

    def end(self, connection: Connection) -> reclaim.Freed:
        """Within the same transaction, once the version's entries are there: let go of what it did not take."""
        unused, self._unused = self._unused, []
        unused += self.hold.end(connection)
        return reclaim.release(connection, claims=unused) if unused else reclaim.Freed()

    def ended(self) -> None:
        """After that transaction is committed: nothing is held any more, and the packs are let go."""
        with self._guard:
            self.hold.ended()
            self._let_go_of_packs()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """For the length of a commit: nobody else drops the draft, as closing the store in another thread would."""
        with self._guard:
            yield

    def drop(self) -> reclaim.Freed:
        """Give up the draft: end its lease, and let go of what only it held. In a forked child, the parent's stays."""
        if os.getpid() != self._pid:
            return reclaim.Freed()
        with self._guard:
            freed = reclaim.Freed()
            self._broken = self._broken or StoreError("it was given up, or the store was closed")
            if self.hold.is_open:
                with self._db.writing() as connection:
                    freed = reclaim.release(connection, claims=self.hold.end(connection))
                self.hold.ended()
            self._let_go_of_packs()
            return freed

    def _let_go_of_packs(self) -> None:
        if self._syncer is not None:
            self._syncer.shutdown()
            self._syncer = None
        for batch in [*self._rolled, *self._lent, *self._returned, *([self._current] if self._current else [])]:
            try:
                if not self._sees_the_past():
                    batch.writer.close_at(self._published_end(batch.writer.name))
            finally:
                batch.writer.close()
        self._rolled, self._lent, self._returned, self._current = [], [], [], None
        self._pending_chunks.clear()
        self._pending_files.clear()
