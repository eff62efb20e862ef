"""Taking content into the store for one draft: what is there is claimed, what is new is appended, made durable and published.

An intake writes at most one pack at a time, and holds a lease once it has something to hold (docs/lifecycle.md).
Full packs are synced beside the work and published in the order in which they were written, so memory stays bounded however much is added;
what is left is published by the transaction that commits the draft.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from artstore.catalog import content, leases, reclaim, versions
from artstore.catalog.content import NewChunk, NewFile
from artstore.catalog.leases import Claim
from artstore.db import Connection, Db
from artstore.errors import StoreError
from artstore.leases import Session
from artstore.packs import SEAL_AT, Packs, PackWriter
from artstore.reading import Stat

_MANY_FILES = 32_768


@dataclass
class _Batch:
    """What was appended to one pack and is not published."""

    writer: PackWriter
    chunks: dict[bytes, NewChunk] = field(default_factory=dict)
    files: dict[bytes, NewFile] = field(default_factory=dict)
    synced: Future[int] | None = None


class Intake:
    """The way into the store for one draft. Safe for use by several threads."""

    def __init__(self, db: Db, packs: Packs, session: Session, purpose: str) -> None:
        self._db = db
        self._packs = packs
        self._session = session
        self._purpose = purpose
        self._guard = threading.RLock()
        self._lease: int | None = None
        self._current: _Batch | None = None
        self._rolled: list[_Batch] = []
        self._syncer: ThreadPoolExecutor | None = None
        self._last: content.Published | None = None
        self._broken: BaseException | None = None
        self.seen: dict[str, list[tuple[str, Stat, bytes]]] = {}
        """What files on disk were read and may be remembered once they are published: folder -> (name, stat, digest)."""

    def put_files(self, files: Sequence[tuple[bytes, bytes]]) -> None:
        """Take whole files of one chunk or none: (digest, content)."""
        with self._guard:
            self._check()
            unknown = {digest: data for digest, data in files if not self._is_pending_file(digest)}
            self._claim_files(unknown)
            for digest, data in unknown.items():
                self._take(NewFile(digest, len(data), [digest] if data else []), data)

    def _take(self, file: NewFile, data: bytes) -> None:
        if data and not self._is_pending_chunk(file.digest):
            self._append(file.digest, data)
        self._pending().files[file.digest] = file
        self._roll_if_full()

    def put_chunks(self, chunks: Sequence[tuple[bytes, memoryview]]) -> None:
        """Take chunks of a large file: (digest, content). The memory may be reused afterwards."""
        with self._guard:
            self._check()
            unknown = {digest: data for digest, data in chunks if not self._is_pending_chunk(digest)}
            self._claim_chunks(unknown)
            for digest, data in unknown.items():
                self._append(digest, data)
            self._settle()
            self._roll_if_full()

    def put_file(self, digest: bytes, size: int, chunks: Sequence[bytes]) -> None:
        """Take a file whose chunks were all put before."""
        with self._guard:
            self._check()
            if not self._is_pending_file(digest):
                known: dict[bytes, object] = {digest: None}
                self._claim_files(known)
                for each in known:
                    self._pending().files[each] = NewFile(each, size, chunks)

    def hold_files(self, ids: Iterable[int]) -> set[int]:
        """Claim stored files by their ids; return those that are gone."""
        wanted = list(leases.ranges(ids))
        if not wanted:
            return set()
        gone: set[int] = set()
        with self._guard, self._db.writing(durable=False) as connection:
            for first, last in wanted:
                if content.count_files(connection, first, last) != last - first + 1:
                    gone |= content.missing_files(connection, first, last)
            kept = [id for first, last in wanted for id in range(first, last + 1) if id not in gone] if gone else None
            lease = self._lease_in(connection)
            leases.claim_ranges(connection, lease, "file", wanted if kept is None else leases.ranges(kept))
        return gone

    def hold_version(self, id: int) -> bool:
        """Claim a version's manifest and with it all its content; False if it is deleted."""
        with self._guard, self._db.writing(durable=False) as connection:
            if not versions.lives(connection, id):
                return False
            leases.claim_ranges(connection, self._lease_in(connection), "version", [(id, id)])
        return True

    def _lease_in(self, connection: Connection) -> int:
        if self._lease is None:
            self._lease = leases.open_lease(connection, self._session.name, self._purpose)
        return self._lease

    def _claim_files(self, unknown: dict[bytes, bytes] | dict[bytes, object]) -> None:
        """Claim those files that are stored, and take them out of `unknown`."""
        if not content.file_ids(self._db.connection, unknown):
            return
        with self._db.writing(durable=False) as connection:
            found = content.file_ids(connection, unknown)
            leases.claim(connection, self._lease_in(connection), "file", found.values())
        for digest in found:
            del unknown[digest]

    def _claim_chunks(self, unknown: dict[bytes, memoryview]) -> None:
        if not content.chunk_ids(self._db.connection, unknown):
            return
        with self._db.writing(durable=False) as connection:
            found = content.chunk_ids(connection, unknown)
            leases.claim(connection, self._lease_in(connection), "chunk", found.values())
        for digest in found:
            del unknown[digest]

    def _check(self) -> None:
        if self._broken is not None:
            raise StoreError(
                "this draft lost what was added to it when writing failed before: make a new draft and add again"
            ) from self._broken

    def _batches(self) -> list[_Batch]:
        return [*self._rolled, self._current] if self._current else self._rolled

    def _is_pending_file(self, digest: bytes) -> bool:
        return any(digest in batch.files for batch in self._batches())

    def _is_pending_chunk(self, digest: bytes) -> bool:
        return any(digest in batch.chunks for batch in self._batches())

    def _pending(self) -> _Batch:
        if self._current is None:
            self._current = _Batch(self._open_writer())
        return self._current

    def _open_writer(self) -> PackWriter:
        connection = self._db.connection
        for name in content.unsealed_packs(connection, SEAL_AT):
            writer = self._packs.adopt(name, lambda each: content.published_end(connection, each))
            if writer is not None:
                return writer
        return self._packs.create()

    def _append(self, digest: bytes, data: bytes | memoryview) -> None:
        batch = self._pending()
        try:
            offset = batch.writer.append(data)
        except OSError:
            self._forget_unwritten(batch)
            raise
        batch.chunks[digest] = NewChunk(digest, offset, len(data), len(data))

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

    def _forget_unwritten(self, batch: _Batch) -> None:
        end = batch.writer.end
        batch.chunks = {digest: chunk for digest, chunk in batch.chunks.items() if chunk.offset + chunk.length <= end}
        batch.files = {
            digest: file for digest, file in batch.files.items() if all(chunk in batch.chunks for chunk in file.chunks)
        }

    def _roll_if_full(self) -> None:
        batch = self._current
        if batch is None or not (batch.writer.full or len(batch.files) >= _MANY_FILES):
            return
        if self._syncer is None:
            self._syncer = ThreadPoolExecutor(1, "artstore-sync")
        self._settle()
        batch.synced = self._syncer.submit(batch.writer.sync)
        self._rolled.append(batch)
        self._current = None
        if len(self._rolled) > 1:
            self._publish_oldest()

    def _publish_oldest(self) -> None:
        batch = self._rolled[0]
        self._sync(batch)
        with self._db.writing() as connection:
            published = self._publish(connection, batch)
            lease = self._lease_in(connection)
            leases.claim(connection, lease, "chunk", published.chunks.values())
            leases.claim(connection, lease, "file", published.files.values())
        del self._rolled[0]
        batch.writer.close()

    def _sync(self, batch: _Batch) -> None:
        try:
            if batch.synced is None:
                batch.writer.sync()
            else:
                batch.synced.result()
        except BaseException as error:
            self._broken = error
            raise

    def _publish(self, connection: Connection, batch: _Batch) -> content.Published:
        return content.publish(
            connection,
            batch.writer.name,
            batch.writer.end,
            batch.writer.full,
            list(batch.chunks.values()),
            list(batch.files.values()),
        )

    def make_durable(self) -> None:
        """Bring everything that was put to the disk, and publish all but the last pack. Call it before the lock is taken."""
        with self._guard:
            self._check()
            while self._rolled:
                self._publish_oldest()
            if self._current:
                self._settle()
                self._sync(self._current)

    def publish(self, connection: Connection) -> None:
        """Within the transaction that commits the draft: publish what is left."""
        if self._current:
            self._last = self._publish(connection, self._current)

    def end(self, connection: Connection, used: set[bytes]) -> reclaim.Freed:
        """Within the same transaction, once the version's entries are there: let go of what it did not take.

        `used` are the digests of the files that the version consists of.
        """
        unused: list[Claim] = []
        if self._current and self._last:
            ids = [id for digest, id in self._last.files.items() if digest not in used]
            unused = [Claim("file", *each) for each in leases.ranges(ids)]
            in_files = {chunk for file in self._current.files.values() for chunk in file.chunks}
            ids = [id for digest, id in self._last.chunks.items() if digest not in in_files]
            unused += [Claim("chunk", *each) for each in leases.ranges(ids)]
        if self._lease is not None:
            unused += leases.close_lease(connection, self._lease)
        return reclaim.release(connection, claims=unused) if unused else reclaim.Freed()

    def ended(self) -> None:
        """After that transaction is committed: nothing is held any more, and the pack is let go."""
        with self._guard:
            self._lease = None
            self._let_go_of_packs()

    def drop(self) -> reclaim.Freed:
        """Give up the draft: end its lease, and let go of what only it held."""
        with self._guard:
            freed = reclaim.Freed()
            if self._lease is not None:
                with self._db.writing() as connection:
                    freed = reclaim.release(connection, claims=leases.close_lease(connection, self._lease))
                self._lease = None
            for batch in self._batches():
                if batch.synced is not None:
                    batch.synced.exception()
            self._let_go_of_packs()
            return freed

    def _let_go_of_packs(self) -> None:
        for batch in self._batches():
            batch.writer.close()
        self._rolled, self._current = [], None
        if self._syncer is not None:
            self._syncer.shutdown()
            self._syncer = None
