"""Hold all content of a store while it is read as a whole, so that nothing is deleted from the packs meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from artstore.catalog import garbage, leases
from artstore.catalog.repository import Repository
from artstore.errors import DiskFull, StoreReadOnly
from artstore.operations.reclaim_space import reclaim_space


@contextmanager
def hold_everything(repository: Repository, purpose: str) -> Iterator[None]:
    """Claim all content for the length of a block; then reclaim what was released meanwhile.

    A store that this process cannot write is read without a claim: what another process deletes meanwhile is missing.
    """
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
            garbage.release(connection, claims=leases.close_lease(connection, lease))
        reclaim_space(repository)
