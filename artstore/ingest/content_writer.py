"""Write the content of a draft into the store: claim what is stored, append what is new, publish it with the commit.

A writer appends to one pack at a time, and opens a lease when there is something to claim (docs/lifecycle.md). Full
packs are synced in the background and published, a few together, in the order in which they were written, so memory
stays bounded however much is added. The rest is published by the transaction that commits the draft.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TypeVar

from artstore.catalog import chunks as chunk_rows
from artstore.catalog import garbage, leases
from artstore.catalog.connection import Connection
from artstore.catalog.file_ids import FileIds
from artstore.catalog.garbage import Freed
from artstore.catalog.leases import Claim
from artstore.catalog.publish import NewChunk, NewFile, Published, publish
from artstore.catalog.repository import Repository
from artstore.errors import ArtstoreError, StoreError
from artstore.ingest.draft_lease import DraftLease
from artstore.ingest.pack_batch import Batch
from artstore.runtime import pause_gc
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.runtime.threads import ThreadPool
from artstore.storage import codec
from artstore.storage.codec import Bytes, Encode
from artstore.storage.packs import SEAL_AT, PackWriter

_PACKS_TOGETHER = 4
"""This many full packs are published in one transaction, or fewer if they hold `_FILES_TOGETHER`."""
_FILES_TOGETHER = 131_072
_PACKS_CACHED = 8
"""This many full packs of a draft stay in the system's cache. Those after them would need memory that is not in use."""

Result = TypeVar("Result")


class ContentWriter:
    """Writes the content of one draft. Safe for use by several threads."""

    def __init__(self, repository: Repository, purpose: str) -> None:
        self._db = repository.db
        self._packs = repository.packs
        self.compression = repository.db.compression
        self._encode = codec.encoder(repository.db.compression)
        self._guard = threading.RLock()
        self._pid = os.getpid()
        self.lease = DraftLease(repository, purpose, self._guard)
        self._current: Batch | None = None
        self._lent: list[Batch] = []
        """Batches that worker processes write into."""
        self._returned: list[Batch] = []
        """Batches that workers wrote into, with room for more, unless they were set aside."""
        self._full: list[Batch] = []
        """Batches that are being synced, the oldest first."""
        self._unpublished_chunks: set[bytes] = set()
        self._unpublished_files: set[bytes] = set()
        self._syncer: ThreadPool | None = None
        self._filled = 0
        """The number of packs that were filled."""
        self._broken: BaseException | None = None
        self._duplicate_bytes = 0
        """Bytes that another writer published first: their ranges in our packs are free."""
        self.file_ids = FileIds()
        """The ids of files that were published or found."""

    # Put

    def put_files(self, files: Iterable[tuple[bytes, bytes]]) -> None:
        """Add whole files of at most one chunk: (digest, content)."""
        with self._working():
            unknown = {digest: data for digest, data in files if digest not in self._unpublished_files}
            self._claim_files(unknown)
            for digest, data in unknown.items():
                if data and digest not in self._unpublished_chunks:
                    self._append(digest, len(data), *self._encode(data))
                self._add_file(self._open_batch(), NewFile(digest, len(data), [digest] if data else []))
                self._replace_if_full()

    def put_chunks(self, chunks: Sequence[tuple[bytes, memoryview]], encode: Encode) -> None:
        """Add chunks of a large file: (digest, content). The memory may be reused afterwards."""
        with self._working():
            unknown = {digest: data for digest, data in chunks if digest not in self._unpublished_chunks}
            for digest in self.lease.claim_chunks(unknown):
                del unknown[digest]
        # Outside the lock, so that other files' threads can work: what one of them stores meanwhile is at worst
        # stored twice, and its space given back.
        encoded = [(digest, len(data), *encode(data)) for digest, data in unknown.items()]
        with self._working():
            for chunk in encoded:
                if chunk[0] not in self._unpublished_chunks:
                    self._append(*chunk)
            self._flush()
            self._replace_if_full()

    def put_file(self, digest: bytes, size: int, chunks: Sequence[bytes]) -> None:
        """Add a file whose chunks were all put before."""
        with self._working():
            if digest not in self._unpublished_files:
                unknown: dict[bytes, object] = {digest: None}
                self._claim_files(unknown)
                if unknown:
                    self._add_file(self._open_batch(), NewFile(digest, size, chunks))

    def lend(self) -> Batch:
        """Lend a batch, in a pack that the catalog does not know yet, to a worker process that writes into it."""
        with self._guard:
            self._check()
            usable = [batch for batch in self._returned if not batch.is_set_aside]
            batch = usable[-1] if usable else Batch(self._packs.create())
            self._returned = [other for other in self._returned if other is not batch]
            self._lent.append(batch)
            return batch

    def take_back(
        self,
        batch: Batch,
        end: int,
        digests: list[bytes],
        sizes: Sequence[int],
        offsets: Sequence[int],
        compressed: Mapping[bytes, int],
    ) -> None:
        """Take back a batch, with the new end of its pack and columns of the files written (`Batch.take`)."""
        with self._guard:
            batch.pack.extend_to(end)
            written = batch.take(digests, sizes, offsets, compressed, self._unpublished_files)
            self._unpublished_chunks.update(written)
            self._unpublished_files.update(written)
            self._lent.remove(batch)
            if batch.is_full:
                self._sync_in_background(batch)
            else:
                self._returned.append(batch)

    def discard_lent(self, lent: Iterable[Batch]) -> None:
        """Take back batches whose workers were killed, without what these wrote, and add no more to them."""
        with self._guard:
            for batch in lent:
                batch.set_aside()
                self._lent.remove(batch)
                self._returned.append(batch)

    def claim_stored(self, digests: Iterable[bytes]) -> set[bytes]:
        """Claim files by their digests; return those that are neither stored nor about to be."""
        with self._guard:
            unknown: dict[bytes, object] = {digest: None for digest in digests if digest not in self._unpublished_files}
            self._claim_files(unknown)
            return set(unknown)

    def flush(self) -> None:
        """Pass everything that was put to the operating system, so that a full disk is reported now."""
        with self._guard:
            self._flush()

    # Publish, commit, drop

    def publish_everything(self) -> None:
        """Make all that was put readable, claimed by this draft."""
        with self._guard:
            self._check()
            self._flush()
            self._full += self._open_batches()
            self._returned = [batch for batch in self._returned if batch.is_empty]
            if self._current is not None and not self._current.is_empty:
                self._current = None
            self._publish_full(len(self._full))

    def commit(self, action: Callable[[Connection], Result]) -> tuple[Result, bool]:
        """Publish all that was put in one transaction with `action`, and end the lease; durable when this returns.

        `action` is called within the transaction and adds the rows that need the content: the rest of it is released
        afterwards. The second result tells whether this left bytes in the packs that can be reclaimed. On an error
        nothing is committed, and the draft is as it was.
        """
        with self._guard, pause_gc.gc_paused():
            with translate_sqlite_errors(self._db.path):
                self._make_durable()
            try:
                with self._db.writing() as connection:
                    claims = self._publish_rest(connection)
                    result = action(connection)
                    claims += self.lease.close(connection)
                    freed = garbage.release(connection, claims=claims) if claims else Freed()
            except BaseException:
                # Ids that the transaction gave may be given to other files.
                self.file_ids.clear()
                raise
            # The commit is durable: what cannot be tidied up now is found by the next delete or gc.
            with suppress(StoreError, OSError):
                self.lease.forget()
                self._close_packs()
            return result, bool(freed.chunks or self._duplicate_bytes)

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Keep other threads from dropping the draft during a block, as closing the store would."""
        with self._guard:
            yield

    def drop(self) -> Freed:
        """End the lease and release what only the draft held; nothing of the parent is touched in a forked child."""
        if os.getpid() != self._pid:
            return Freed()
        with self._guard, ExitStack() as ending:
            ending.callback(self._close_packs)
            freed = Freed()
            self._broken = self._broken or StoreError("it was dropped, or the store was closed")
            if self.lease.is_open:
                if self._db.is_there:
                    with self._db.writing() as connection:
                        freed = garbage.release(connection, claims=self.lease.close(connection))
                self.lease.forget()
            return freed

    # Steps

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Hold the lock for a step that must not be left half done: the draft is unusable if it is interrupted."""
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
            raise StoreError("this draft was begun before the process forked, and is the parent's: begin a new one")
        if self._broken is not None:
            raise StoreError(
                "this draft lost what was added when it was interrupted, or writing failed: begin a new one"
            ) from self._broken

    def _claim_files(self, unknown: dict[bytes, bytes] | dict[bytes, object]) -> None:
        """Claim those files that are stored, and remove them from `unknown`."""
        ids = self.lease.claim_files(unknown)
        self.file_ids.add(ids)
        for digest in ids:
            del unknown[digest]

    def _add_file(self, batch: Batch, file: NewFile) -> None:
        batch.files[file.digest] = file
        self._unpublished_files.add(file.digest)

    def _append(self, digest: bytes, size: int, data: Bytes, how: int) -> None:
        batch = self._open_batch()
        try:
            offset = batch.pack.append(data)
        except OSError:
            self._forget_unwritten(batch)
            raise
        batch.chunks[digest] = NewChunk(digest, offset, len(data), size, how)
        self._unpublished_chunks.add(digest)

    def _flush(self) -> None:
        if self._current:
            try:
                self._current.pack.flush()
            except OSError:
                self._forget_unwritten(self._current)
                raise

    def _forget_unwritten(self, batch: Batch) -> None:
        chunks, files = batch.forget_unwritten()
        self._unpublished_chunks -= chunks
        self._unpublished_files -= files

    def _open_batch(self) -> Batch:
        """Return the batch to append to: in a pack that has room, or in a new one."""
        if self._current is None:
            self._current = Batch(self._adopted_pack() or self._packs.create())
        return self._current

    def _adopted_pack(self) -> PackWriter | None:
        if self._reads_old_state():
            return None
        with self._db.reading() as connection:
            names = chunk_rows.unsealed_packs(connection, SEAL_AT)
        adopted = (self._packs.adopt(name, self._published_end) for name in names)
        return next((pack for pack in adopted if pack is not None), None)

    def _reads_old_state(self) -> bool:
        """Whether this is a signal handler that interrupted its thread while it was reading.

        What the catalog says then may be older than what is published, and no pack may be cut back to that.
        """
        return self._db.in_transaction

    def _published_end(self, pack: str) -> int | None:
        with self._db.reading() as connection:
            return chunk_rows.published_end(connection, pack)

    # Publishing

    def _open_batches(self) -> list[Batch]:
        batches = [*self._returned, self._current] if self._current else self._returned
        return [batch for batch in batches if not batch.is_empty]

    def _replace_if_full(self) -> None:
        batch = self._current
        if batch is not None and batch.is_full:
            self._flush()
            self._current = None
            self._sync_in_background(batch)

    def _sync_in_background(self, batch: Batch) -> None:
        """Make a full batch durable in the background, and publish those before it if they are many.

        What workers have returned goes first: a file of this batch may consist of chunks that are there.
        """
        if self._syncer is None:
            self._syncer = ThreadPool(1, "artstore-sync")
        earlier = [other for other in self._returned if not other.is_empty and other is not batch]
        self._returned = [other for other in self._returned if other.is_empty]
        for full in (*earlier, batch):
            full.start_sync(self._syncer, cached=self._filled < _PACKS_CACHED)
            self._filled += 1
            self._full.append(full)
        older = self._full[:-1]
        if len(older) >= _PACKS_TOGETHER or sum(full.number_of_files for full in older) >= _FILES_TOGETHER:
            self._publish_full(len(older))

    def _publish_full(self, count: int) -> None:
        """Publish the oldest full batches in one transaction, as each transaction waits for the disk."""
        batches = self._full[:count]
        if not batches:
            return
        for batch in batches:
            self._sync(batch)
        lease = self.lease.id()
        try:
            with self._db.writing() as connection:
                published = self._publish(connection, batches)
                leases.claim_ranges(connection, lease, "chunk", published.chunk_ranges())
                leases.claim_ranges(connection, lease, "file", published.file_ranges())
        except BaseException:
            self.file_ids.clear()
            raise
        del self._full[:count]
        for batch in batches:
            self._unpublished_chunks.difference_update(batch.chunk_digests())
            self._unpublished_files.difference_update(batch.file_digests())
            batch.pack.close()

    def _sync(self, batch: Batch) -> None:
        try:
            batch.sync()
        except BaseException as error:
            self._broken = error
            raise

    def _publish(self, connection: Connection, batches: Sequence[Batch]) -> Published:
        """Add the rows of batches, which must be durable, to the catalog."""
        published = publish(connection, [batch.content for batch in batches])
        for run in published.small:
            self.file_ids.add_run(run.file, run.digests, run.starts)
        self.file_ids.add(published.files)
        self._duplicate_bytes += published.lost
        return published

    def _make_durable(self) -> None:
        """Write everything that was put to the disk, and publish what is full."""
        self._check()
        self._flush()
        self._publish_full(len(self._full))
        for batch in self._open_batches():
            self._sync(batch)

    def _publish_rest(self, connection: Connection) -> list[Claim]:
        """Publish what is left; return it as claims, since the lease does not hold it."""
        published = self._publish(connection, self._open_batches())
        files = [Claim("file", *ids) for ids in published.file_ranges()]
        return files + [Claim("chunk", *ids) for ids in published.chunk_ranges()]

    def _close_packs(self) -> None:
        if self._syncer is not None:
            self._syncer.shutdown()
            self._syncer = None
        for batch in [*self._full, *self._lent, *self._returned, *([self._current] if self._current else [])]:
            try:
                if not self._reads_old_state():
                    batch.pack.close_and_cut(self._published_end(batch.pack.name))
            finally:
                batch.pack.close()
        self._full, self._lent, self._returned, self._current = [], [], [], None
        self._unpublished_chunks.clear()
        self._unpublished_files.clear()
