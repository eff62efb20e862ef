"""Clean up after crashes and delete expired versions.

Everything that a process leaves behind is listed under a lease, a lock file or a pack, or lies in its folder of
temporary files, so looking for it costs only what there is to find.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from artstore.catalog import chunks, events, leases, needed, pack_space, stat_cache
from artstore.catalog.catalog_file import remove_unfinished
from artstore.catalog.repository import Repository
from artstore.catalog.timestamps import now
from artstore.core.versions import Version
from artstore.errors import DiskFull, StoreError
from artstore.operations import last_verification
from artstore.operations.delete import delete, release_dead_leases
from artstore.operations.reclaim_space import reclaim_space
from artstore.operations.run_folders import remove_folders_of_deleted_runs, store_left_files
from artstore.runtime import scratch
from artstore.runtime.progress import SILENT, Progress
from artstore.storage import process_locks


class GcResult(NamedTuple):
    """The result of a clean-up or its dry run."""

    expired: list[Version]
    """Versions past their ttl."""
    process_locks: int
    """Process locks of processes that ended without closing the store."""
    leases: int
    """Their open drafts."""
    content: int
    """Bytes of content that nothing needs."""
    disk: int
    """Bytes given back to the disk."""
    run_files: int = 0
    """Files in the folders of runs that were killed, or of an earlier release, which are stored in the packs."""


def collect_garbage(repository: Repository, *, dry_run: bool = False, progress: Progress = SILENT) -> GcResult:
    """Find and remove what nothing needs. With `dry_run`, only report it.

    Raises `StoreError` at the end if a pack cannot be written, that of another user for example.
    """
    db, folder = repository.db, repository.folder
    run_files = None
    # What follows makes room on a full disk, and then it is tried again.
    with suppress(DiskFull):
        run_files = store_left_files(repository, dry_run=dry_run)
    with db.reading() as connection:
        expired = needed.expired(connection, now())
        dead = [name for name in leases.process_locks(connection) if not process_locks.is_alive(folder, name)]
        dead_leases = leases.count(connection, dead)
    deleted = delete(repository, expired, dry_run=dry_run, delete_aliases=True, only_expired=True) if expired else None
    if dry_run:
        unpublished = _truncate_packs(repository, dry_run=True)[0] + pack_space.free_bytes(db.connection)
        dead_locks = len(process_locks.remove_dead(folder, dry_run=True))
        return GcResult(
            expired, dead_locks, dead_leases, deleted.content if deleted else 0, unpublished, run_files or 0
        )
    released = 0
    db.make_room()
    if dead_leases:
        with db.writing() as connection:
            released = release_dead_leases(repository, connection).content
            events.record(connection, "garbage-collected", "", leases=dead_leases, content=released)
    unpublished, left = _truncate_packs(repository, dry_run=False)
    reclaimed = reclaim_space(repository, everywhere=True, progress=progress)
    if reclaimed.disk or released or deleted:
        with db.writing(durable=False) as connection:
            stat_cache.forget_deleted(connection)
    dead_locks = len(process_locks.remove_dead(folder, dry_run=False))
    remove_unfinished(folder)
    last_verification.remove_unfinished(folder)
    scratch.remove_leftovers()
    if run_files is None:
        run_files = store_left_files(repository)
    remove_folders_of_deleted_runs(repository)
    db.keep_reserve()
    left = left or reclaimed.left
    if left is not None:
        raise StoreError(f"everything else was cleaned up, but not all space was freed: {left}")
    return GcResult(
        expired,
        dead_locks,
        dead_leases,
        released + (deleted.content if deleted else 0),
        unpublished + reclaimed.disk + (deleted.disk if deleted else 0),
        run_files,
    )


def _truncate_packs(repository: Repository, *, dry_run: bool) -> tuple[int, str | None]:
    """Cut off what dead writers appended and did not publish; return the bytes, and why some could not be cut off.

    If a published pack is missing, a pack that the catalog does not know may be it, and none of those is removed.
    """
    connection, packs = repository.db.connection, repository.packs
    total, left, names = 0, None, packs.names()
    with repository.db.reading() as reading:
        known = {pack.name for pack in pack_space.packs(reading) if pack.live}
    for name in names if known <= set(names) else known & set(names):
        try:
            total += packs.truncate(name, lambda pack: chunks.published_end(connection, pack), dry_run=dry_run)
        except StoreError as error:
            left = left or str(error)
    return total, left
