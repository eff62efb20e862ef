"""Pending versions: entries that several runs upsert, until they are finished as a version or dropped.

Entries here keep content as entries of a segment do (docs/lifecycle.md). The cost of an upsert depends on what it adds
alone: every query uses an index and concerns the new paths.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from artstore.catalog import entries as entry_rows
from artstore.catalog import timestamps, versions
from artstore.catalog.connection import Connection
from artstore.catalog.entries import RefRow
from artstore.catalog.file_ids import FileIds
from artstore.catalog.json_columns import read_object
from artstore.core.manifest import Dependency, Entry, Kind
from artstore.core.versions import Pending
from artstore.errors import NotFound, PathConflict

_PENDING = """
    select p.id, projects.name, c.name, c.type, p.distributed_id, p.entries, p.size, p.upserts, p.created_at,
        p.updated_at, p.description, p.metadata,
        (select json_group_array(name) from (select name from pending_aliases where pending = p.id order by name)),
        (select json_group_array(path) from (
            select run_projects.name || '/' || runs.uid as path from pending_runs
            join runs on runs.id = pending_runs.run join projects as run_projects on run_projects.id = runs.project
            where pending_runs.pending = p.id order by pending_runs.at, pending_runs.run
        ))
    from pending as p
    join collections as c on c.id = p.collection
    join projects on projects.id = c.project
"""


def _pending(row: tuple[Any, ...]) -> Pending:
    return Pending(
        id=row[0],
        project=row[1],
        collection=row[2],
        type=row[3],
        distributed_id=row[4],
        entries=row[5],
        size=row[6],
        upserts=row[7],
        created_at=row[8],
        updated_at=row[9],
        description=row[10],
        metadata=None if row[11] is None else read_object(row[11]),
        aliases=tuple(json.loads(row[12])),
        runs=tuple(json.loads(row[13])),
    )


def find(connection: Connection, collection: int, distributed_id: str) -> int | None:
    """Return the number of a collection's pending version with a distributed id; None if there is none."""
    query = "select id from pending where collection = ? and distributed_id = ? and version is null"
    row = connection.execute(query, (collection, distributed_id)).fetchone()
    return int(row[0]) if row else None


def by_id(connection: Connection, id: int) -> Pending:
    """Return a pending version by its number. Raises `NotFound` if it was finished or dropped."""
    row = connection.execute(f"{_PENDING} where p.id = ? and p.version is null", (id,)).fetchone()
    if row is None:
        raise NotFound("the pending version was finished or dropped: list what there is with `artstore pending`")
    return _pending(row)


def find_all(connection: Connection, project: str | None = None, name: str | None = None) -> list[Pending]:
    """Return the pending versions, the oldest first: all, those of a project, or those of collections with a name."""
    query = f"""{_PENDING} where p.version is null and (:project is null or projects.name = :project)
        and (:name is null or c.name = :name) order by p.id"""
    return [_pending(row) for row in connection.execute(query, {"project": project, "name": name}).fetchall()]


def finished_as(connection: Connection, id: int) -> int | None:
    """Return the id of the version that a pending version was finished as; None if it was not finished."""
    row = connection.execute("select version from pending where id = ?", (id,)).fetchone()
    return row[0] if row else None


def last_finished(connection: Connection, collection: int, distributed_id: str) -> int | None:
    """Return the id of the version that was last finished under a distributed id; None if there is none."""
    query = """select version from pending where collection = ? and distributed_id = ? and version is not null
        order by id desc limit 1"""
    row = connection.execute(query, (collection, distributed_id)).fetchone()
    return int(row[0]) if row else None


def begin(connection: Connection, collection: int, distributed_id: str) -> int:
    """Begin a pending version; return its number."""
    now = timestamps.now()
    cursor = connection.execute(
        "insert into pending (collection, distributed_id, created_at, updated_at) values (?, ?, ?, ?)",
        (collection, distributed_id, now, now),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update(
    connection: Connection,
    id: int,
    *,
    description: str | None,
    metadata: Mapping[str, Any] | None,
    ttl: timedelta | None,
) -> None:
    """Set the description, metadata and time to live of the future version; None leaves each as it is."""
    written = None if metadata is None else json.dumps(metadata, ensure_ascii=False, allow_nan=False)
    connection.execute(
        """
        update pending set description = coalesce(?, description), metadata = coalesce(?, metadata),
            ttl = coalesce(?, ttl) where id = ?
        """,
        (description, written, versions.ttl_seconds(ttl), id),
    )


def note_upsert(
    connection: Connection,
    id: int,
    *,
    run: int | None,
    aliases: Iterable[str],
    prefixes: Iterable[str],
    dependencies: Iterable[int],
) -> None:
    """Record an upsert: its run, and the aliases, prefixes and dependencies that come with its entries."""
    now = timestamps.now()
    connection.execute("update pending set upserts = upserts + 1, updated_at = ? where id = ?", (now, id))
    if run is not None:
        connection.execute(
            "insert into pending_runs (pending, run, at) values (?, ?, ?) on conflict do nothing", (id, run, now)
        )
    for table, column, values in (
        ("pending_aliases", "name", aliases),
        ("pending_prefixes", "uri", prefixes),
        ("pending_dependencies", "target", dependencies),
    ):
        connection.executemany(
            f"insert into {table} (pending, {column}) values (?, ?) on conflict do nothing",
            [(id, value) for value in values],
        )


class _Row(NamedTuple):
    """An entry as stored: two entries are equal if their rows are."""

    path: str
    kind: int
    executable: int
    file: int | None
    target: str | None
    ref: int | None


def add(
    connection: Connection,
    id: int,
    entries: Collection[Entry],
    refs: Sequence[RefRow],
    files: FileIds,
    run: int | None,
) -> None:
    """Add entries, all of them or none; an equal entry at the same path is not a conflict.

    `refs` are the rows of those that are references, in the same order, and `files` known ids of stored files. Raises
    `PathConflict`, which names both runs.
    """
    wanted = {entry.path: entry for entry in entries}
    references = (entry.path for entry in entries if entry.kind == Kind.REFERENCE)
    ref_ids = dict(zip(references, entry_rows.store_refs(connection, refs), strict=True))
    filled = _empty_folders_above(connection, id, run, wanted)
    for path in _with_entries_below(connection, id, wanted):
        if wanted[path].kind != Kind.FOLDER:
            raise _conflict(connection, id, run, path, path, "as a folder")
        del wanted[path]
    new = _new_rows(connection, id, run, wanted, files, ref_ids)
    connection.executemany(
        "delete from pending_entries where pending = ? and path = ?", [(id, path) for path in filled]
    )
    connection.executemany(
        """
        insert into pending_entries (pending, path, kind, executable, file, target, ref, run)
        values (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [(id, *row, run) for row in new],
    )
    size = sum(wanted[row.path].size or 0 for row in new)
    connection.execute(
        "update pending set entries = entries + ?, size = size + ? where id = ?", (len(new) - len(filled), size, id)
    )


def _empty_folders_above(connection: Connection, id: int, run: int | None, paths: Collection[str]) -> list[str]:
    """Return the stored folders that get an entry, which are stored only while they are empty."""
    rows = _rows_at(connection, id, _folders_above(paths))
    for row in rows:
        if row.kind != Kind.FOLDER:
            below = min(path for path in paths if path.startswith(row.path + "/"))
            raise _conflict(connection, id, run, below, row.path, "which is not a folder")
    return [row.path for row in rows]


def _new_rows(
    connection: Connection,
    id: int,
    run: int | None,
    wanted: Mapping[str, Entry],
    files: FileIds,
    refs: Mapping[str, int],
) -> list[_Row]:
    """Return the rows of the entries that are not there yet."""
    there = {row.path: row for row in _rows_at(connection, id, wanted)}
    new = []
    for path, entry in wanted.items():
        file = entry_rows.file_id(connection, entry, files) if entry.kind == Kind.FILE else None
        row = _Row(path, int(entry.kind), int(entry.executable), file, entry.target, refs.get(path))
        present = there.get(path)
        if present is None:
            new.append(row)
        elif present != row:
            raise _conflict(connection, id, run, path, path, "with other content")
    return new


def _rows_at(connection: Connection, id: int, paths: Iterable[str]) -> list[_Row]:
    query = """
        select e.path, e.kind, e.executable, e.file, e.target, e.ref from json_each(?) as wanted
        cross join pending_entries as e on e.pending = ? and e.path = wanted.value
    """
    return [_Row(*row) for row in connection.execute(query, (json.dumps(list(paths)), id))]


def _folders_above(paths: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _with_entries_below(connection: Connection, id: int, paths: Iterable[str]) -> list[str]:
    query = """
        select wanted.value from json_each(?) as wanted where exists (
            select 1 from pending_entries as e
            where e.pending = ? and e.path > wanted.value || '/' and e.path < wanted.value || '0'
        )
    """
    return [path for (path,) in connection.execute(query, (json.dumps(list(paths)), id))]


def _conflict(connection: Connection, id: int, run: int | None, path: str, taken: str, how: str) -> PathConflict:
    """Return the error for an entry at `path` that conflicts with the entry at `taken`, which another run upserted."""
    query = """
        select projects.name || '/' || runs.uid from runs join projects on projects.id = runs.project
        where runs.id = ?
    """
    row = connection.execute(
        "select run from pending_entries where pending = ? and (path = ? or (path > ? and path < ?)) limit 1",
        (id, taken, taken + "/", taken + "0"),
    ).fetchone()
    theirs, ours = (
        connection.execute(query, (number,)).fetchone() if number is not None else None for number in (row[0], run)
    )
    pending = by_id(connection, id)
    return PathConflict(
        f"{_who(ours)} cannot upsert {path!r} to {pending.qualified_name} ({pending.distributed_id!r}): "
        f"{_who(theirs)} has upserted {taken!r} {how}; add it under another path, "
        "or drop the pending version with `artstore pending --drop`"
    )


def _who(run: tuple[str] | None) -> str:
    return f"run {run[0]}" if run else "a writer without a run"


class Snapshot(NamedTuple):
    """The contents of a pending version at one moment; a later one has more `upserts`."""

    upserts: int
    entries: dict[str, Entry]
    files: FileIds
    """The ids of the stored files among the entries."""
    prefixes: set[str]
    dependencies: dict[int, Dependency]
    ttl: timedelta | None


def snapshot(connection: Connection, id: int) -> Snapshot:
    """Return everything that was added to a pending version."""
    query = """
        select e.path, e.kind, f.digest, f.size, e.executable, e.target,
            r.digest, r.size, r.uri, r.etag, r.object_version, e.file
        from pending_entries as e left join files as f on f.id = e.file left join refs as r on r.id = e.ref
        where e.pending = ?
    """
    entries, found, files = {}, dict[bytes, int](), FileIds()
    for path, kind, file, size, executable, target, *reference, file_id in connection.execute(query, (id,)):
        if kind == Kind.REFERENCE:
            digest, size, uri, etag, version_id = reference
            entries[path] = Entry(path, Kind.REFERENCE, digest, size, uri=uri, etag=etag, version_id=version_id)
            continue
        digest = None if file is None else connection.algorithm.text(file)
        entries[path] = Entry(path, Kind(kind), digest, size, executable == 1, target)
        if file is not None:
            found[file] = file_id
    files.add(found)
    prefixes = connection.execute("select uri from pending_prefixes where pending = ?", (id,))
    upserts, ttl = connection.execute("select upserts, ttl from pending where id = ?", (id,)).fetchone()
    return Snapshot(
        upserts,
        entries,
        files,
        {row[0] for row in prefixes},
        _dependencies(connection, id),
        None if ttl is None else timedelta(seconds=ttl),
    )


def _dependencies(connection: Connection, id: int) -> dict[int, Dependency]:
    rows = connection.execute("select target from pending_dependencies where pending = ?", (id,)).fetchall()
    targets = [versions.by_id(connection, id) for (id,) in rows]
    return {v.id: Dependency(v.project, v.collection, v.number, v.digest) for v in targets}


def upserts(connection: Connection, id: int) -> int | None:
    """Return the number of upserts of a pending version; None if it was dropped."""
    row = connection.execute("select upserts from pending where id = ?", (id,)).fetchone()
    return int(row[0]) if row else None


def writers(connection: Connection, id: int) -> list[tuple[int, str]]:
    """Return the runs that upserted as (number, time of the first upsert), in that order."""
    query = "select run, at from pending_runs where pending = ? order by at, run"
    return connection.execute(query, (id,)).fetchall()


def mark_finished(connection: Connection, id: int, version: int) -> None:
    """Record the version that a pending version became. Insert its rows before: they keep the content."""
    _clear(connection, id)
    connection.execute("update pending set version = ?, updated_at = ? where id = ?", (version, timestamps.now(), id))


def drop(connection: Connection, id: int) -> None:
    """Delete a pending version whose entries were released."""
    _clear(connection, id)
    connection.execute("delete from pending where id = ?", (id,))


def _clear(connection: Connection, id: int) -> None:
    for part in ("entries", "runs", "dependencies", "aliases", "prefixes"):
        connection.execute(f"delete from pending_{part} where pending = ?", (id,))
