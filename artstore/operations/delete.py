"""Delete versions: those that were named, those of a collection, or those that a rule selects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from artstore.catalog import collections, events, garbage, leases, links, needed, usage, versions
from artstore.catalog.connection import Connection
from artstore.catalog.garbage import Freed
from artstore.catalog.repository import Repository
from artstore.catalog.timestamps import now, timestamp
from artstore.core.versions import Version
from artstore.errors import InvalidInput, StoreError
from artstore.operations import edit
from artstore.operations.reclaim_space import reclaim_space
from artstore.runtime.progress import SILENT, Progress
from artstore.storage import process_locks


class DeleteResult(NamedTuple):
    """The result of a deletion or its dry run."""

    versions: list[Version]
    content: int
    """Bytes of content that nothing needs any more."""
    disk: int
    """Bytes given back to the disk."""
    links: tuple[Version, ...] = ()
    """The links that are removed: those to `versions`; of a collection of links all of them, without their versions."""
    left_to_gc: str | None = None
    """Why not all space could be given back to the disk. The versions are deleted nevertheless; `gc` frees it."""


def release_dead_leases(repository: Repository, connection: Connection) -> Freed:
    """Close the leases of dead processes and release what only they held. Call it with the write lock held."""
    claims = leases.reap(connection, lambda name: process_locks.is_alive(repository.folder, name))
    return garbage.release(connection, claims=claims) if claims else Freed()


def delete(
    repository: Repository,
    wanted: Iterable[Version],
    *,
    delete_aliases: bool = False,
    force: bool = False,
    dry_run: bool = False,
    only_expired: bool = False,
    progress: Progress = SILENT,
) -> DeleteResult:
    """Delete versions, all of them or none. Content that nothing else needs is gone from the disk when this returns.

    Links to them are removed too, and returned. Raises `StillNeeded` if one has aliases, itself or on a link, or is
    referenced by a version that stays, and `InvalidInput` for a link.
    """
    wanted = list(wanted)
    for version in wanted:
        _check_not_link(version)
    ids = list(dict.fromkeys(version.id for version in wanted))
    also = set(ids)
    with repository.db.reading() as connection:
        current = [versions.by_id(connection, id) for id in ids]
        for version in current:
            needed.check_deletable(connection, version, delete_aliases=delete_aliases, force=force, also=also)
        if dry_run:
            content = usage.reclaimable_together(connection, also)
            return DeleteResult(current, content, 0, _links(connection, current))
    repository.db.make_room()
    with repository.db.writing() as connection:
        release_dead_leases(repository, connection)
        expired = {version.id for version in needed.expired(connection, now())} if only_expired else also
        deleted = []
        removed: list[Version] = []
        for id in ids:
            if versions.exists(connection, id) and id in expired:
                version = versions.by_id(connection, id)
                needed.check_deletable(connection, version, delete_aliases=delete_aliases, force=force, also=also)
                removed += _links(connection, [version])
                _mark_deleted(connection, version)
                deleted.append(version)
        freed = garbage.release(connection, versions=[version.id for version in deleted])
    disk, left = reclaim_what_can_be(repository, progress=progress)
    repository.db.keep_reserve()
    return DeleteResult(deleted, freed.content, disk, tuple(removed), left)


def reclaim_what_can_be(repository: Repository, *, progress: Progress = SILENT) -> tuple[int, str | None]:
    """Give back space after a deletion that is durable; return the bytes, and why some could not be given back."""
    try:
        reclaimed = reclaim_space(repository, progress=progress)
        return reclaimed.disk, reclaimed.left
    except (StoreError, OSError) as error:
        return 0, str(error)


def _links(connection: Connection, shown: Iterable[Version]) -> tuple[Version, ...]:
    return tuple(
        versions.by_link(connection, link) for version in shown for link in links.of_version(connection, version.id)
    )


def _check_not_link(version: Version) -> None:
    if version.link is not None:
        raise InvalidInput(
            f"{version.link.collection}:v{version.link.number} is a link to {version.qualified_name}: unlink it, "
            "or delete that version by its own name"
        )


def _mark_deleted(connection: Connection, version: Version) -> None:
    linked = [
        f"{link.project}/{link.collection}:v{link.number}" for link, _ in links.of_version(connection, version.id)
    ]
    versions.mark_deleted(connection, version.id)
    events.record(
        connection,
        "version-deleted",
        version.qualified_name,
        digest=version.digest,
        aliases=list(version.aliases),
        **({"links": linked} if linked else {}),
    )


def delete_collection(
    repository: Repository, project: str, name: str, *, force: bool = False, dry_run: bool = False
) -> DeleteResult:
    """Delete every version of a collection, or remove every link. Its name, type and numbering stay."""
    with repository.db.reading() as connection:
        collection = collections.get(connection, project, name)
        members = list(versions.page(connection, collection, beyond=None, limit=-1))
    if not any(version.link for version in members):
        return delete(repository, members, delete_aliases=True, force=force, dry_run=dry_run)
    if not dry_run:
        edit.unlink(repository, members, force=force)
    return DeleteResult([], 0, 0, tuple(members))


def prune(
    repository: Repository,
    project: str,
    name: str,
    *,
    keep_last: int | None = None,
    older_than: timedelta | None = None,
    dry_run: bool = False,
) -> DeleteResult:
    """Delete the versions of a collection that a rule selects; with two rules, those that both select.

    Raises `NotFound` or `InvalidInput`.
    """
    if keep_last is None and older_than is None:
        raise InvalidInput("say which versions to keep: keep_last=N, older_than=AGE, or both")
    if older_than is not None and older_than < timedelta(0):
        raise InvalidInput(
            f"older_than must not be negative, as {older_than} is: say how old, as in timedelta(days=30)"
        )
    if keep_last is not None and keep_last < 1:
        raise InvalidInput(f"keep_last must be 1 or more, not {keep_last}: delete a whole collection by its name")
    with repository.db.reading() as connection:
        collection = collections.get(connection, project, name)
        selected = _select(connection, collection.id, keep_last or 0, older_than)
    return delete(repository, selected, dry_run=dry_run)


def _time_before(age: timedelta) -> str:
    """Return the timestamp of a time that is so long ago: before every other one if no calendar goes back so far."""
    try:
        return timestamp(datetime.now(UTC) - age)
    except OverflowError:
        return ""


def _select(connection: Connection, collection: int, keep_last: int, older_than: timedelta | None) -> list[Version]:
    """Return the versions that all rules select.

    None has an alias, itself or on a link, and none is referenced by a version that stays.
    """
    limit = None if older_than is None else _time_before(older_than)
    selected = [
        version
        for version in list(versions.of_collection(connection, collection))[keep_last:]
        if not version.aliases
        and (limit is None or version.created_at < limit)
        and not needed.pending_dependents(connection, version.id)
        and not links.held_by_alias(connection, version.id)
    ]
    while True:
        ids = {version.id for version in selected}
        free = [
            version
            for version in selected
            if all(dependent.id in ids for dependent in needed.dependents(connection, version.id))
        ]
        if len(free) == len(selected):
            return free
        selected = free
