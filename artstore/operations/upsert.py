"""Parallel writers: each adds its entries to one pending version, and one of them makes that a version.

An upsert is one transaction: its content was made durable before, and its rows hold the content from then on, whatever
becomes of the process. Finishing reads the rows, cuts the manifest without the write lock, and commits if nothing was
added meanwhile. Otherwise it cuts again, the last time with the lock held.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from artstore.catalog import aliases as alias_rows
from artstore.catalog import entries as entry_rows
from artstore.catalog import events, garbage, pending, runs, usage, versions
from artstore.catalog.collections import Collection
from artstore.catalog.connection import Connection
from artstore.catalog.pending import Snapshot
from artstore.catalog.repository import Repository
from artstore.core import names
from artstore.core.draft import Draft, check_description, check_distributed_id, check_metadata, check_no_base
from artstore.core.versions import Pending, Version
from artstore.errors import NotFound
from artstore.ingest.open_draft import OpenDraft
from artstore.operations import commit, delete, edit
from artstore.operations.commit import CutManifest

_TRIES_WITHOUT_LOCK = 3


def upsert(
    repository: Repository,
    opened: OpenDraft,
    distributed_id: str,
    *,
    aliases: Iterable[str] = (),
    run: int | None = None,
    begin: bool = True,
) -> int:
    """Add a draft to the pending version of its collection; return its number. Durable when this returns.

    Each collection has one for each id; if there is none it is begun, unless `begin` is not set. Raises `PathConflict`
    if one of the paths has other content, `WrongType`, `InvalidInput` for a draft with a base, or `NotFound`; nothing
    is added then.
    """
    draft = opened.draft
    check_distributed_id(distributed_id)
    aliases = [names.alias(alias) for alias in dict.fromkeys(aliases)]
    check_metadata(draft.metadata)
    check_description(draft.description)
    check_no_base(draft)
    entries = list(draft.changes.added())
    refs = entry_rows.ref_rows(repository.db.algorithm, entries)

    def add(connection: Connection) -> int:
        runs.check_exists(connection, run)
        collection = commit.ensure_collection(connection, draft)
        id = pending.find(connection, collection.id, distributed_id)
        if id is None:
            if not begin:
                raise _nothing_pending(connection, collection, distributed_id)
            id = pending.begin(connection, collection.id, distributed_id)
        for alias in aliases:
            alias_rows.check_unprotected(connection, collection.id, alias)
        pending.add(connection, id, entries, refs, opened.writer.file_ids, run)
        pending.update(connection, id, description=draft.description, metadata=draft.metadata, ttl=draft.ttl)
        dependencies = versions.dependency_ids(connection, draft.dependencies)
        pending.note_upsert(
            connection, id, run=run, aliases=aliases, prefixes=draft.prefixes, dependencies=dependencies
        )
        events.record(
            connection,
            "artifact-upserted",
            f"{draft.project}/{draft.name}",
            distributed_id=distributed_id,
            entries=len(entries),
            run=run,
        )
        return id

    return commit.commit_content(repository, opened, add)


def _nothing_pending(connection: Connection, collection: Collection, distributed_id: str) -> NotFound:
    last = pending.last_finished(connection, collection.id, distributed_id)
    was = f" (the last one became {versions.by_id(connection, last).name})" if last is not None else ""
    return NotFound(
        f"nothing is pending in {collection.project}/{collection.name} under {distributed_id!r}{was}: "
        "upsert something first, or add it to the artifact that finishes"
    )


class _Prepared(NamedTuple):
    """The version that a pending version would become."""

    draft: Draft
    snapshot: Snapshot
    manifest: CutManifest


def finish(
    repository: Repository, id: int, *, aliases: Iterable[str] = (), run: int | None = None, force: bool = False
) -> Version:
    """Make a pending version the next version of its collection; durable when this returns.

    Every run that upserted to it is a producer of the version, and so is `run`. If it was finished already, the version
    it became is returned. Raises `NotFound` if it was dropped, or if aliases are given and the version it became was
    deleted, and `ProtectedAlias` if one of its aliases is protected and `force` is not set.
    """
    aliases = [names.alias(alias) for alias in dict.fromkeys(aliases)]
    db = repository.db
    for _ in range(_TRIES_WITHOUT_LOCK):
        with db.reading() as connection:
            prepared = _prepare(repository, connection, id)
        with db.writing() as connection:
            # None means that it was dropped: `_finish` reports that, and trying again would not help.
            if prepared is None or pending.upserts(connection, id) in (None, prepared.snapshot.upserts):
                return _finish(connection, id, prepared, aliases, run, force)
    with db.writing() as connection:
        return _finish(connection, id, _prepare(repository, connection, id), aliases, run, force)


def _prepare(repository: Repository, connection: Connection, id: int) -> _Prepared | None:
    """Read and cut a pending version; return None if it was finished."""
    if pending.finished_as(connection, id) is not None:
        return None
    row = pending.by_id(connection, id)
    snapshot = pending.snapshot(connection, id)
    draft = Draft(
        row.collection,
        row.type,
        project=row.project,
        description=row.description,
        metadata=row.metadata,
        ttl=snapshot.ttl,
    )
    draft.changes.adopt(dict(snapshot.entries))
    draft.prefixes = snapshot.prefixes
    draft.dependencies = set(snapshot.dependencies.values())
    return _Prepared(draft, snapshot, commit.cut_manifest(repository, draft))


def _finish(
    connection: Connection, id: int, prepared: _Prepared | None, aliases: list[str], run: int | None, force: bool
) -> Version:
    runs.check_exists(connection, run)
    became = pending.finished_as(connection, id)
    if became is None:
        row = pending.by_id(connection, id)
        assert prepared is not None
        became = _make_version(connection, row, prepared, run)
        aliases = list(dict.fromkeys([*row.aliases, *aliases]))
    version = versions.by_id(connection, became)
    if aliases and not versions.exists(connection, became):
        raise NotFound(f"{version.name}, which the pending version became, was deleted: it takes no aliases")
    for alias in aliases:
        edit.set_alias(connection, version, alias, force=force)
    if run is not None:
        runs.add_product(connection, run, version.id)
    return versions.by_id(connection, version.id)


def _make_version(connection: Connection, row: Pending, prepared: _Prepared, run: int | None) -> int:
    """Make a pending version a version; return its id."""
    draft, snapshot, manifest = prepared
    # The collection may have been renamed since.
    draft.name = row.collection
    # What it references may have been deleted by force since, and is still referenced.
    version, is_new = commit.find_or_add_version(
        connection, draft, manifest, snapshot.files, list(snapshot.dependencies)
    )
    for writer, at in pending.writers(connection, row.id):
        runs.add_product(connection, writer, version.id, at if is_new else None)
    pending.mark_finished(connection, row.id, version.id)
    events.record(
        connection,
        "artifact-finished",
        version.qualified_name,
        distributed_id=row.distributed_id,
        upserts=row.upserts,
        run=run,
    )
    return version.id


def finished(repository: Repository, id: int) -> Version | None:
    """Return the version that a pending one became; None while it is pending, and if it was dropped."""
    with repository.db.reading() as connection:
        became = pending.finished_as(connection, id)
        return None if became is None else versions.by_id(connection, became)


class DropResult(NamedTuple):
    """The result of dropping a pending version or its dry run: bytes of content deleted, and bytes freed on disk.

    `left_to_gc` says why not all space could be given back to the disk; `gc` does that later.
    """

    content: int
    disk: int
    left_to_gc: str | None = None


def drop(repository: Repository, id: int, *, dry_run: bool = False) -> DropResult:
    """Drop a pending version; content that nothing else needs is gone from the disk when this returns.

    Raises `NotFound` if it was finished or dropped.
    """
    if dry_run:
        with repository.db.reading() as connection:
            pending.by_id(connection, id)
            return DropResult(usage.reclaimable_pending(connection, id), 0)
    repository.db.make_room()
    with repository.db.writing() as connection:
        row = pending.by_id(connection, id)
        delete.release_dead_leases(repository, connection)
        freed = garbage.release(connection, pending=[id])
        pending.drop(connection, id)
        events.record(
            connection,
            "pending-dropped",
            row.qualified_name,
            distributed_id=row.distributed_id,
            entries=row.entries,
            runs=list(row.runs),
        )
    return DropResult(freed.content, *delete.reclaim_what_can_be(repository))
