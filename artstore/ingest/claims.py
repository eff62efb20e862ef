"""What a draft holds of the store: claimed under a lease, so that nobody removes it before the draft is committed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

from artstore.catalog import chunks, leases, versions
from artstore.catalog.connection import Connection
from artstore.catalog.db import Db
from artstore.catalog.leases import Claim
from artstore.storage.process_locks import ProcessLock


class DraftLease:
    """The lease of one draft, opened once there is something to claim. Its guard is that of the draft's intake."""

    def __init__(self, db: Db, session: ProcessLock, purpose: str, guard: threading.RLock) -> None:
        self._db = db
        self._session = session
        self._purpose = purpose
        self._guard = guard
        self._lease: int | None = None

    def lease(self) -> int:
        """The lease, opened in a transaction of its own: no rollback leaves us with another's."""
        with self._guard:
            if self._lease is None:
                with self._db.writing(durable=False) as connection:
                    lease = leases.open_lease(connection, self._session.name, self._purpose)
                self._lease = lease
            return self._lease

    def claim_files(self, digests: Collection[bytes]) -> dict[bytes, int]:
        """Claim those files that are stored; return their ids."""
        return self._claim("file", chunks.file_ids, digests)

    def claim_chunks(self, digests: Collection[bytes]) -> dict[bytes, int]:
        """Claim those chunks that are stored; return their ids."""
        return self._claim("chunk", chunks.chunk_ids, digests)

    def _claim(
        self, kind: str, find: Callable[[Connection, Iterable[bytes]], dict[bytes, int]], digests: Collection[bytes]
    ) -> dict[bytes, int]:
        with self._db.reading() as connection:
            if not find(connection, digests):
                return {}
        with self._claiming() as (connection, lease):
            found = find(connection, digests)
            leases.claim(connection, lease, kind, found.values())
        return found

    @contextmanager
    def _claiming(self) -> Iterator[tuple[Connection, int]]:
        with self._guard:
            lease = self.lease()
            with self._db.writing(durable=False) as connection:
                yield connection, lease

    def claim_file_ids(self, ids: Iterable[int]) -> set[int]:
        """Claim stored files by their ids; return those that are gone."""
        wanted = list(leases.ranges(ids))
        if not wanted:
            return set()
        gone: set[int] = set()
        with self._claiming() as (connection, lease):
            for first, last in wanted:
                if chunks.count_files(connection, first, last) != last - first + 1:
                    gone |= chunks.missing_files(connection, first, last)
            kept = [id for first, last in wanted for id in range(first, last + 1) if id not in gone] if gone else None
            leases.claim_ranges(connection, lease, "file", wanted if kept is None else leases.ranges(kept))
        return gone

    def claim_version(self, id: int) -> bool:
        """Claim a version's manifest and with it all its content; False if it is deleted."""
        with self._claiming() as (connection, lease):
            if not versions.exists(connection, id):
                return False
            leases.claim_ranges(connection, lease, "version", [(id, id)])
        return True

    def end(self, connection: Connection) -> list[Claim]:
        """Within a transaction: end the lease; return what it held, which may now be held by nothing."""
        return [] if self._lease is None else leases.close_lease(connection, self._lease)

    def ended(self) -> None:
        """After that transaction is committed: nothing is held any more."""
        self._lease = None

    @property
    def is_open(self) -> bool:
        """Whether there is a lease, which is to be ended."""
        return self._lease is not None
