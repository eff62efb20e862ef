"""Collecting what crashes and dead processes left behind, and versions whose time is up.

Everything that a process leaves is listed under a lease, a lock file or a pack, so that looking for it costs what
there is to find.
"""

from __future__ import annotations

from typing import NamedTuple

from artstore.catalog import chunks, events, needed, pack_space, stat_cache
from artstore.catalog import leases as held
from artstore.catalog.catalog_file import remove_unfinished
from artstore.catalog.db import Db
from artstore.catalog.timestamps import now
from artstore.core.versions import Version
from artstore.operations import delete, reclaim_space
from artstore.runtime.progress import SILENT, Progress
from artstore.storage import process_locks
from artstore.storage.packs import Packs


class Collected(NamedTuple):
    """What a collection did, or would do."""

    expired: list[Version]
    """Versions past their ttl."""
    sessions: int
    """Processes that ended without closing the store."""
    leases: int
    """Open drafts that died with them."""
    content: int
    """Bytes of content that nothing needs."""
    disk: int
    """Bytes given back to the disk."""


def collect(db: Db, packs: Packs, *, dry_run: bool = False, progress: Progress = SILENT) -> Collected:
    """Find and remove what nothing needs. With `dry_run`, only tell."""
    with db.reading() as connection:
        expired = needed.expired(connection, now())
        dead = [each for each in held.process_locks(connection) if not process_locks.is_alive(db.folder, each)]
        dead_leases = held.count(connection, dead)
    gone = (
        delete.delete(db, packs, expired, dry_run=dry_run, delete_aliases=True, only_expired=True) if expired else None
    )
    if dry_run:
        loose = sum(_truncate_all(db, packs, dry_run=True)) + pack_space.free_bytes(db.connection)
        sessions = len(process_locks.remove_dead(db.folder, dry_run=True))
        return Collected(expired, sessions, dead_leases, gone.content if gone else 0, loose)
    freed = 0
    if dead_leases:
        with db.writing() as connection:
            freed = delete.reap(db, connection).content
            events.record(connection, "garbage-collected", "", leases=dead_leases, content=freed)
    loose = sum(_truncate_all(db, packs, dry_run=False))
    swept = reclaim_space.sweep(db, packs, everywhere=True, progress=progress)
    if swept.disk or freed or gone:
        with db.writing(durable=False) as connection:
            stat_cache.forget_deleted(connection)
    sessions = len(process_locks.remove_dead(db.folder, dry_run=False))
    remove_unfinished(db.folder)
    return Collected(
        expired,
        sessions,
        dead_leases,
        freed + (gone.content if gone else 0),
        loose + swept.disk + (gone.disk if gone else 0),
    )


def _truncate_all(db: Db, packs: Packs, *, dry_run: bool) -> list[int]:
    connection = db.connection
    return [
        packs.truncate(name, lambda each: chunks.published_end(connection, each), dry_run=dry_run)
        for name in packs.names()
    ]
