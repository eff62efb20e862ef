"""Deleting versions: which ones a rule means, whether they may go, and letting go of what only they held."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from artstore.catalog import aliases, events, needed, reclaim, usage, versions
from artstore.catalog import leases as held
from artstore.catalog.connection import Connection
from artstore.catalog.db import Db
from artstore.catalog.reclaim import Freed
from artstore.catalog.timestamps import now, timestamp
from artstore.core.versions import Version
from artstore.operations.reclaim_space import sweep
from artstore.runtime.progress import SILENT, Progress
from artstore.storage import process_locks
from artstore.storage.packs import Packs


class Deleted(NamedTuple):
    """What a deletion did, or would do: the versions, the bytes of content let go, and the bytes freed on the disk.

    `links` are those that go without the versions that they show.
    """

    versions: list[Version]
    content: int
    disk: int
    links: tuple[Version, ...] = ()


def reap(db: Db, connection: Connection) -> Freed:
    """End the leases of dead sessions, and let go of what only they held. Call it with the write lock held."""
    claims = held.reap(connection, lambda session: process_locks.is_alive(db.folder, session))
    return reclaim.release(connection, claims=claims) if claims else Freed()


def delete(
    db: Db,
    packs: Packs,
    wanted: Iterable[Version],
    *,
    delete_aliases: bool = False,
    force: bool = False,
    dry_run: bool = False,
    only_expired: bool = False,
    progress: Progress = SILENT,
) -> Deleted:
    """Delete versions, all of them or none. What nothing else needs is gone from the disk when this returns.

    Raises `StillNeeded` if one has aliases or is referenced by a living version that stays.
    """
    ids = list(dict.fromkeys(version.id for version in wanted))
    also = set(ids)
    with db.reading() as connection:
        wanted = [versions.by_id(connection, id) for id in ids]
        for version in wanted:
            needed.check_deletable(connection, version, delete_aliases=delete_aliases, force=force, also=also)
        if dry_run:
            return Deleted(wanted, usage.reclaimable_together(connection, also), 0)
    with db.writing() as connection:
        reap(db, connection)
        gone = []
        expired = {each.id for each in needed.expired(connection, now())} if only_expired else also
        for version in wanted:
            if not versions.exists(connection, version.id) or version.id not in expired:
                continue
            current = versions.by_id(connection, version.id)
            needed.check_deletable(connection, current, delete_aliases=delete_aliases, force=force, also=also)
            versions.mark_deleted(connection, version.id)
            events.record(
                connection,
                "version-deleted",
                current.qualified_name,
                digest=current.digest,
                aliases=list(current.aliases),
            )
            gone.append(current)
        freed = reclaim.release(connection, versions=[version.id for version in gone])
    swept = sweep(db, packs, progress=progress)
    return Deleted(gone, freed.content, swept.disk)


def by_rule(
    db: Db, connection: Connection, collection: int, *, keep_last: int | None, older_than: timedelta | None
) -> list[Version]:
    """The versions that all rules let go: never one with an alias, nor one that a version that stays references."""
    listed = list(versions.of_collection(connection, collection))[keep_last or 0 :]
    limit = timestamp(datetime.now(UTC) - older_than) if older_than is not None else None
    doomed = [each for each in listed if not each.aliases and (limit is None or each.created_at < limit)]
    doomed = [
        each
        for each in doomed
        if not (needed.pending_dependents(connection, each.id) or aliases.protected_of(connection, each.id))
    ]
    while True:
        also = {version.id for version in doomed}
        free = [each for each in doomed if all(v.id in also for v in needed.dependents(connection, each.id))]
        if len(free) == len(doomed):
            return free
        doomed = free
