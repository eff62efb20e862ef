"""The lease of an open draft: stored content it needs, which must not be deleted before it commits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

from artstore.catalog import chunks, leases, quarantine, versions
from artstore.catalog.connection import Connection
from artstore.catalog.leases import Claim
from artstore.catalog.repository import Repository


class DraftLease:
    """The lease of one draft, opened when there is something to claim. It shares its lock with the draft's writer."""

    def __init__(self, repository: Repository, purpose: str, guard: threading.RLock) -> None:
        self._db = repository.db
        self._process_lock = repository.process_lock.name
        self._purpose = purpose
        self._guard = guard
        self._id: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the lease was opened and not closed since."""
        return self._id is not None

    def id(self) -> int:
        """Return the id of the lease, and open it if that was not done.

        It is opened in a transaction of its own: a rollback could otherwise leave us with an id that another gets.
        """
        with self._guard:
            if self._id is None:
                with self._db.writing(durable=False) as connection:
                    opened = leases.open_lease(connection, self._process_lock, self._purpose)
                self._id = opened
            return self._id

    def claim_files(self, digests: Collection[bytes]) -> dict[bytes, int]:
        """Claim those of the files that are stored and usable; return their ids."""
        return self._claim("file", quarantine.usable_files, digests)

    def claim_chunks(self, digests: Collection[bytes]) -> dict[bytes, int]:
        """Claim those of the chunks that are stored and usable; return their ids."""
        return self._claim("chunk", quarantine.usable_chunks, digests)

    def _claim(
        self, kind: str, find: Callable[[Connection, Iterable[bytes]], dict[bytes, int]], digests: Collection[bytes]
    ) -> dict[bytes, int]:
        with self._db.reading() as connection:
            if not find(connection, digests):
                return {}
        with self._claiming() as (connection, lease):
            ids = find(connection, digests)
            leases.claim(connection, lease, kind, ids.values())
        return ids

    @contextmanager
    def _claiming(self) -> Iterator[tuple[Connection, int]]:
        with self._guard:
            lease = self.id()
            with self._db.writing(durable=False) as connection:
                yield connection, lease

    def claim_file_ids(self, ids: Iterable[int]) -> set[int]:
        """Claim stored files by their ids; return the ids of those that were deleted or are in quarantine."""
        wanted = list(leases.ranges(ids))
        if not wanted:
            return set()
        with self._claiming() as (connection, lease):
            gone = quarantine.files_among(connection, wanted)
            for first, last in wanted:
                if chunks.count_files(connection, first, last) != last - first + 1:
                    gone |= chunks.missing_files(connection, first, last)
            kept = [id for first, last in wanted for id in range(first, last + 1) if id not in gone] if gone else None
            leases.claim_ranges(connection, lease, "file", wanted if kept is None else leases.ranges(kept))
        return gone

    def claim_version(self, id: int) -> bool:
        """Claim the manifest of a version and with it all its content; return False if the version was deleted."""
        with self._claiming() as (connection, lease):
            if not versions.exists(connection, id):
                return False
            leases.claim_ranges(connection, lease, "version", [(id, id)])
        return True

    def close(self, connection: Connection) -> list[Claim]:
        """Close the lease within a transaction; return its claims, whose content nothing may need any more.

        Call `forget` once the transaction is committed.
        """
        return [] if self._id is None else leases.close_lease(connection, self._id)

    def forget(self) -> None:
        """Note that the transaction that closed the lease was committed."""
        self._id = None
