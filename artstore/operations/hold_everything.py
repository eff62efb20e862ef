"""Hold all content of a store while it is read as a whole, so that nothing is deleted from the packs meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from artstore.catalog import garbage, leases
from artstore.catalog.repository import Repository
from artstore.errors import Damaged, DiskFull, StoreReadOnly
from artstore.operations.reclaim_space import reclaim_space


@contextmanager
def hold_everything(repository: Repository, purpose: str) -> Iterator[None]:
    """Claim all content for the length of a block; then reclaim what was released meanwhile.

    A store that this process cannot write is read without a claim: what another process deletes meanwhile is missing.
    If something was not used by anything before, rows are damaged which may need it, and nothing is released: `repair`
    does that once they are healed.
    """
    orphans = _has_orphans(repository)
    try:
        with repository.db.writing(durable=False) as connection:
            lease = leases.open_lease(connection, repository.process_lock.name, purpose)
            leases.claim_everything(connection, lease)
    except (StoreReadOnly, DiskFull):
        yield
        return
    try:
        yield
    finally:
        with repository.db.writing() as connection:
            claims = leases.close_lease(connection, lease)
            if not orphans:
                garbage.release(connection, claims=claims)
        reclaim_space(repository)


def _has_orphans(repository: Repository) -> bool:
    try:
        with repository.db.reading() as connection:
            return any(garbage.orphans(connection).values())
    except Damaged:
        return True
