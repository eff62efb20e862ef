"""Parallel writers: each adds what it has to one pending version, and one of them makes that a version.

An upsert is one transaction: what it brings was made durable before, and its rows hold it from then on, whatever
becomes of the process. Finishing reads the rows, cuts the manifest without the write lock, and commits if nobody has
added anything meanwhile; else it looks again, at last with the lock held.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from artstore.catalog import aliases as alias_rows
from artstore.catalog import collections, events, pending, reclaim, runs, usage, versions
from artstore.catalog.connection import Connection
from artstore.catalog.db import Db
from artstore.catalog.pending import Snapshot
from artstore.catalog.reclaim import Freed
from artstore.core import names
from artstore.core.draft import Draft, check_description, check_distributed_id, check_metadata, check_no_base
from artstore.core.versions import Version
from artstore.errors import NotFound
from artstore.ingest.content_writer import ContentWriter
from artstore.operations import commit, delete
from artstore.operations.commit import Cut
from artstore.operations.edit import set_alias
from artstore.operations.reclaim_space import sweep
from artstore.storage.packs import Packs

_PATIENCE = 3
"""How often a version is cut without the write lock before it is cut with it."""


def upsert(
    db: Db,
    packs: Packs,
    draft: Draft,
    intake: ContentWriter,
    distributed_id: str,
    *,
    aliases: Iterable[str] = (),
    run: int | None = None,
    begin: bool = True,
) -> int:
    """Add what a draft has to the pending version of its collection; return its number. Durable when this returns.

    There is one for each id; without one it is begun, unless `begin` is not set. Raises `PathConflict` if something
    else is at one of the paths, `WrongType`, `InvalidInput` for a draft with a base, or `NotFound`; nothing is added
    then.
    """
    check_distributed_id(distributed_id)
    aliases = [names.alias(alias) for alias in dict.fromkeys(aliases)]
    check_metadata(draft.metadata)
    check_description(draft.description)
    check_no_base(draft)
    entries = list(draft.changes.added())

    def land(connection: Connection) -> tuple[int, Freed]:
        collection = commit.ensure_collection(db, connection, draft)
        id = pending.find(connection, collection.id, distributed_id)
        if id is None:
            if not begin:
                raise _nothing_pending(db, connection, collection, distributed_id)
            id = pending.begin(connection, collection.id, distributed_id)
        for alias in aliases:
            alias_rows.check_unprotected(connection, collection.id, alias)
        intake.publish(connection)
        pending.add(connection, id, entries, intake.ids, run)
        pending.update(connection, id, description=draft.description, metadata=draft.metadata, ttl=draft.ttl)
        needed = versions.dependency_ids(connection, draft.dependencies)
        pending.note_upsert(connection, id, run=run, aliases=aliases, prefixes=draft.prefixes, dependencies=needed)
        freed = intake.end(connection)
        events.record(
            connection,
            "artifact-upserted",
            f"{draft.project}/{draft.name}",
            distributed_id=distributed_id,
            entries=len(entries),
            run=run,
        )
        return id, freed

    return commit.land(db, packs, intake, land)


def _nothing_pending(
    db: Db, connection: Connection, collection: collections.Collection, distributed_id: str
) -> NotFound:
    last = pending.last_finished(connection, collection.id, distributed_id)
    was = f" (the last one became {versions.by_id(connection, last).name})" if last is not None else ""
    return NotFound(
        f"nothing is pending in {collection.project}/{collection.name} under {distributed_id!r}{was}: "
        "upsert something first, or add it to the artifact that finishes"
    )


def finish(db: Db, id: int, *, aliases: Iterable[str] = (), run: int | None = None, force: bool = False) -> Version:
    """Make a pending version the next version of its collection; durable when this returns.

    Every run that has upserted is a producer of it, and so is `run`. One that was finished already is returned. Raises
    `NotFound` if it was dropped, or if it is to get an alias and what it became was deleted; `ProtectedAlias` if it is
    to get one and `force` is not set.
    """
    aliases = [names.alias(alias) for alias in dict.fromkeys(aliases)]
    for _ in range(_PATIENCE):
        with db.reading() as connection:
            prepared = _prepare(db, connection, id)
        with db.writing() as connection:
            # One that was dropped meanwhile is not looked for again.
            if prepared is None or pending.upserts(connection, id) in (None, prepared[1].upserts):
                return _finish(db, connection, id, prepared, aliases, run, force)
    with db.writing() as connection:
        return _finish(db, connection, id, _prepare(db, connection, id), aliases, run, force)


_Prepared: TypeAlias = tuple[Draft, Snapshot, Cut]


def _prepare(db: Db, connection: Connection, id: int) -> _Prepared | None:
    """What a pending version would be as a version; None if it is one already."""
    if pending.finished_as(connection, id) is not None:
        return None
    found = pending.by_id(connection, id)
    contents = pending.snapshot(connection, id)
    draft = Draft(
        found.collection,
        found.type,
        project=found.project,
        description=found.description,
        metadata=found.metadata,
        ttl=contents.ttl,
    )
    draft.changes.adopt(dict(contents.entries))
    draft.prefixes = contents.prefixes
    draft.dependencies = set(contents.dependencies.values())
    return draft, contents, commit.cut(db, draft)


def _finish(
    db: Db,
    connection: Connection,
    id: int,
    prepared: _Prepared | None,
    aliases: list[str],
    run: int | None,
    force: bool,
) -> Version:
    became = pending.finished_as(connection, id)
    if became is None:
        # Whoever dropped it meanwhile is heard here.
        found = pending.by_id(connection, id)
        assert prepared is not None
        draft, contents, cut = prepared
        # The collection may have been renamed since.
        draft.name = found.collection
        # What it references may have been deleted by force since: it is referenced still.
        version, new = commit.settle(db, connection, draft, cut, contents.files, list(contents.dependencies))
        for writer, at in pending.writers(connection, id):
            runs.add_product(connection, writer, version.id, at if new else None)
        aliases = list(dict.fromkeys([*found.aliases, *aliases]))
        pending.mark_finished(connection, id, version.id)
        events.record(
            connection,
            "artifact-finished",
            version.qualified_name,
            distributed_id=found.distributed_id,
            upserts=found.upserts,
            run=run,
        )
        became = version.id
    version = versions.by_id(connection, became)
    if aliases and not versions.exists(connection, became):
        raise NotFound(f"{version.name}, which the pending version became, was deleted: it takes no aliases")
    for alias in aliases:
        set_alias(db, connection, version, alias, force=force)
    if run is not None:
        runs.add_product(connection, run, version.id)
    return versions.by_id(connection, version.id)


class Dropped(NamedTuple):
    """What dropping a pending version did, or would do: bytes of content let go, and bytes freed on the disk."""

    content: int
    disk: int


def drop(db: Db, packs: Packs, id: int, *, dry_run: bool = False) -> Dropped:
    """Drop a pending version; what nothing else needs is gone from the disk when this returns.

    Raises `NotFound` if it was finished or dropped.
    """
    if dry_run:
        with db.reading() as connection:
            pending.by_id(connection, id)
            return Dropped(usage.reclaimable_pending(connection, id), 0)
    with db.writing() as connection:
        found = pending.by_id(connection, id)
        delete.reap(db, connection)
        freed = reclaim.release(connection, pending=[id])
        pending.drop(connection, id)
        events.record(
            connection,
            "pending-dropped",
            found.qualified_name,
            distributed_id=found.distributed_id,
            entries=found.entries,
            runs=list(found.runs),
        )
    return Dropped(freed.content, sweep(db, packs).disk)
