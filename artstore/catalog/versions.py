"""Committed versions: how they are resolved, listed, inserted, updated and marked as deleted.

A deleted version keeps its row, as a tombstone for lineage; everything here that returns versions leaves it out
unless it says otherwise.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from artstore.catalog import collections, filter_fields, filters, latest, links, timestamps
from artstore.catalog.collections import Collection
from artstore.catalog.connection import Connection
from artstore.catalog.filters import Filters
from artstore.catalog.json_columns import read_object, read_texts
from artstore.catalog.links import LinkRow
from artstore.core import names
from artstore.core.manifest import Dependency
from artstore.core.names import VersionName
from artstore.core.versions import Version
from artstore.errors import NotFound, WrongType
from artstore.runtime import words


class NewVersion(NamedTuple):
    """The digests and sizes of a version to be committed."""

    digest: str
    manifest: str
    entries: int
    size: int


_WITHOUT_LABELS = f"""
    select v.id, projects.name, c.name, c.type, v.number, v.digest, v.entries, v.size, v.state, v.created_at,
        v.description, v.metadata, v.ttl, null as aliases, null as tags,
        v.number = {latest.version_number("v.collection")}, v.prefixes,
        {filter_fields.BASE}
    from versions as v
    join collections as c on c.id = v.collection
    join projects on projects.id = c.project
"""
_VERSION = _WITHOUT_LABELS.replace(
    "null as aliases, null as tags",
    """(select group_concat(a.name, char(0)) from aliases as a where a.version = v.id),
        (select group_concat(t.name, char(0)) from tags as t where t.version = v.id)""",
)


def _version(connection: Connection, row: tuple[Any, ...]) -> Version:
    aliases = (["latest"] if row[15] and row[8] == "committed" else []) + _labels(row[13])
    return Version(
        id=row[0],
        project=row[1],
        collection=row[2],
        type=row[3],
        number=row[4],
        digest=connection.algorithm.text(row[5]),
        entries=row[6],
        size=row[7],
        state=row[8],
        created_at=row[9],
        description=row[10],
        metadata=read_object(row[11]),
        ttl=None if row[12] is None else timedelta(seconds=row[12]),
        aliases=tuple(aliases),
        tags=tuple(_labels(row[14])),
        prefixes=tuple(read_texts(row[16])),
        base=row[17],
    )


def _labels(joined: str | None) -> list[str]:
    """Return the names of a column in order. Versions that are read many times share the strings."""
    return sorted(map(sys.intern, joined.split("\0"))) if joined else []


def select(connection: Connection, where: str, parameters: tuple[object, ...]) -> list[Version]:
    """Return the versions that match the rest of a query, in which a version is `v`. Deleted ones are not left out."""
    rows = connection.execute(f"{_VERSION} {where}", parameters).fetchall()
    return [_version(connection, row) for row in rows]


def _select_one(
    connection: Connection, where: str, parameters: tuple[object, ...], *, labels: bool = True
) -> Version | None:
    columns = _VERSION if labels else _WITHOUT_LABELS
    row = connection.execute(f"{columns} {where}", parameters).fetchone()
    return _version(connection, row) if row else None


class Overview(NamedTuple):
    """A collection, the number of its versions, and the newest of them."""

    collection: Collection
    versions: int
    newest: Version | None


def overviews(connection: Connection, project: str | None = None) -> list[Overview]:
    """Return an overview of each collection of a project, or of the whole store."""
    return [overview(connection, collection) for collection in collections.find_all(connection, project)]


def overview(connection: Connection, collection: Collection) -> Overview:
    """Return the overview of a collection, or of a collection of links."""
    if collection.portfolio:
        return _overview_of_links(connection, collection)
    query = "select count(*) from versions where collection = ? and state = 'committed'"
    count = connection.execute(query, (collection.id,)).fetchone()[0]
    return Overview(collection, count, newest(connection, collection.id))


def _overview_of_links(connection: Connection, portfolio: Collection) -> Overview:
    rows = links.of_collection(connection, portfolio.id)
    return Overview(portfolio, len(rows), by_link(connection, rows[0]) if rows else None)


def wrong_type(version: Version, type: str) -> WrongType:
    """Return the error for a version whose type is not the one that was asked for."""
    return WrongType(
        f"type {type!r} specified but {version.name} is of type {version.type!r}: leave the type out, or give that one"
    )


def by_id(connection: Connection, id: int, *, labels: bool = True) -> Version:
    """Return a version, also a deleted one, by its id. Raises `NotFound`.

    Without `labels`, aliases and tags are not read: there may be any number of them.
    """
    version = _select_one(connection, "where v.id = ?", (id,), labels=labels)
    if version is None:
        raise NotFound(f"no version has the id {id}: list what there is with `artstore ls`")
    return version


def by_link(connection: Connection, row: LinkRow, *, labels: bool = True) -> Version:
    """Return the version that a link shows, together with that link."""
    return replace(by_id(connection, row.version, labels=labels), link=row.link)


def exists(connection: Connection, id: int) -> bool:
    """Whether a version is committed and not deleted."""
    row = connection.execute("select 1 from versions where id = ? and state = 'committed'", (id,)).fetchone()
    return row is not None


class Committed(NamedTuple):
    """The digests and totals of a version, for its verification."""

    id: int
    name: str
    digest: str
    manifest: str
    entries: int
    size: int


def committed(connection: Connection) -> list[Committed]:
    """Return the digests of all versions that are not deleted. Names that are damaged are escaped."""
    query = """
        select v.id, cast(projects.name || '/' || c.name || ':v' || v.number as blob), v.digest, v.manifest,
            v.entries, v.size
        from versions as v join collections as c on c.id = v.collection join projects on projects.id = c.project
        where v.state = 'committed' order by v.id
    """
    text = connection.algorithm.text
    return [
        Committed(id, name.decode(errors="backslashreplace"), text(digest), text(manifest), *totals)
        for id, name, digest, manifest, *totals in connection.execute(query)
    ]


def newest(connection: Connection, collection: int, *, labels: bool = True) -> Version | None:
    """Return the newest version of a collection, with its aliases and tags or without `labels`; None if it has none."""
    where = f"where v.collection = ? and v.number = {latest.version_number('?')}"
    return _select_one(connection, where, (collection, collection), labels=labels)


def resolve(connection: Connection, project: str, name: VersionName, *, labels: bool = True) -> Version:
    """Return the version that a name refers to by its alias or number, directly or through a link.

    Without `labels`, aliases and tags are not read. Raises `NotFound`, with the number of the latest version.
    """
    collection = collections.get(connection, project, name.name)
    if collection.portfolio:
        return _resolve_link(connection, collection, name, labels=labels)
    newest_version = newest(connection, collection.id, labels=labels and name.alias == names.LATEST)
    if newest_version is None:
        raise NotFound(
            f"artifact {name.name!r} has no version: all of them were deleted, or none is finished "
            "(see `artstore pending`)"
        )
    if name.alias == names.LATEST:
        return newest_version
    where = (
        "where v.id = (select version from aliases where collection = ? and name = ?)"
        if name.number is None
        else "where v.collection = ? and v.number = ?"
    )
    key = name.alias if name.number is None else name.number
    version = _select_one(connection, where, (collection.id, key), labels=labels)
    if version is None:
        query = "select name from aliases where collection = ?"
        raise _no_version(connection, name, newest_version.number, (query, collection.id))
    if version.state != "committed":
        raise NotFound(f'version "{version.name}" was deleted (latest is v{newest_version.number})')
    return version


def _resolve_link(connection: Connection, portfolio: Collection, name: VersionName, *, labels: bool) -> Version:
    newest_link = links.newest(connection, portfolio.id, labels=labels and name.alias == names.LATEST)
    if newest_link is None:
        raise NotFound(f"{portfolio.project}/{name.name} has no version: all links were removed")
    if name.alias == names.LATEST:
        return by_link(connection, newest_link, labels=labels)
    key = name.alias if name.number is None else name.number
    row = links.find(connection, portfolio.id, key, labels=labels)
    if row is None:
        query = "select name from link_aliases where collection = ?"
        raise _no_version(connection, name, newest_link.link.number, (query, portfolio.id))
    return by_link(connection, row, labels=labels)


def _no_version(connection: Connection, name: VersionName, latest_number: int, aliases: tuple[str, int]) -> NotFound:
    query, collection = aliases
    known = [names.LATEST, *(alias for (alias,) in connection.execute(query, (collection,)))]
    near = None if name.number is not None else words.nearest(name.alias, known)
    hint = f": did you mean {f'{name.name}:{near}'!r}?" if near else ""
    return NotFound(f'no version "{name.name}:{name.alias}" (latest is v{latest_number}){hint}')


def of_collection(connection: Connection, collection: int) -> list[Version]:
    """Return the versions of a collection, the newest first."""
    return select(connection, "where v.collection = ? and v.state = 'committed' order by v.number desc", (collection,))


def page(
    connection: Connection,
    collection: Collection,
    *,
    beyond: int | None = None,
    limit: int = -1,
    deleted: bool = False,
    oldest_first: bool = False,
    matching: Filters | None = None,
) -> Iterator[Version]:
    """Yield one page of the versions of a collection, or of those that its links show, the newest first.

    `beyond` is the number after which the page begins, in that order; `matching` filters select; `deleted` ones are
    left out unless asked for.
    """
    if collection.portfolio:
        rows = links.of_collection(
            connection, collection.id, beyond=beyond, limit=limit, oldest_first=oldest_first, matching=matching
        )
        yield from (by_link(connection, row) for row in rows)
        return
    than, order = (">", "asc") if oldest_first else ("<", "desc")
    condition = filters.where(connection, filter_fields.VERSIONS, matching)
    where = f"""where v.collection = ? and (? is null or v.number {than} ?)
        and (v.state = 'committed' or ?) and {condition.sql}
        order by v.number {order} limit ?"""
    yield from select(connection, where, (collection.id, beyond, beyond, deleted, *condition.values, limit))


def count(connection: Connection, collection: Collection, matching: Filters | None = None) -> int:
    """Count the versions of a collection, or its links, that filters match."""
    if collection.portfolio:
        return links.count(connection, collection.id, matching)
    condition = filters.where(connection, filter_fields.VERSIONS, matching)
    query = f"select count(*) from versions as v where v.collection = ? and v.state = 'committed' and {condition.sql}"
    return int(connection.execute(query, (collection.id, *condition.values)).fetchone()[0])


def insert(
    connection: Connection,
    collection: int,
    new: NewVersion,
    groups: Iterable[int],
    *,
    description: str | None,
    metadata: dict[str, Any] | None,
    ttl: timedelta | None,
    base: int | None,
    prefixes: Iterable[str],
    dependencies: Iterable[int],
) -> int:
    """Add the next version of a collection; return its id."""
    cursor = connection.execute(
        """
        insert into versions
            (collection, number, digest, manifest, entries, size, description, metadata, ttl, base, prefixes,
            created_at)
        values (?, (select next_number from collections where id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            collection,
            collection,
            connection.algorithm.parse(new.digest),
            connection.algorithm.parse(new.manifest),
            new.entries,
            new.size,
            description,
            json.dumps(metadata or {}, ensure_ascii=False, allow_nan=False),
            ttl_seconds(ttl),
            base,
            json.dumps(sorted(prefixes), ensure_ascii=False),
            timestamps.now(),
        ),
    )
    id = cursor.lastrowid
    assert id is not None
    connection.execute("update collections set next_number = next_number + 1 where id = ?", (collection,))
    connection.executemany(
        "insert into version_groups (version, position, segment_group) values (?, ?, ?)",
        [(id, i, group) for i, group in enumerate(groups)],
    )
    connection.executemany(
        "insert into dependencies (version, target) values (?, ?)", [(id, target) for target in dependencies]
    )
    return id


def ttl_seconds(ttl: timedelta | None) -> int | None:
    """Return a time to live in whole seconds, as the catalog stores it: at least one."""
    return None if ttl is None else max(1, round(ttl.total_seconds()))


def set_ttl(connection: Connection, version: int, ttl: timedelta | None) -> None:
    """Set the time to live of a version, counted from its creation; None for no limit."""
    connection.execute("update versions set ttl = ? where id = ?", (ttl_seconds(ttl), version))


def update(connection: Connection, version: int, changes: Mapping[str, Any]) -> None:
    """Change the `description` or the `metadata` of a version, whichever `changes` contains."""
    if "description" in changes:
        connection.execute("update versions set description = ? where id = ?", (changes["description"], version))
    if "metadata" in changes:
        written = json.dumps(changes["metadata"], ensure_ascii=False, allow_nan=False)
        connection.execute("update versions set metadata = ? where id = ?", (written, version))


def dependency_ids(connection: Connection, dependencies: Iterable[Dependency]) -> list[int]:
    """Return the ids of the versions that a new version depends on. Raises `NotFound` if one was deleted."""
    ids = []
    query = """
        select v.id from versions as v join collections as c on c.id = v.collection
        join projects on projects.id = c.project
        where projects.name = ? and c.name = ? and v.number = ? and v.state = 'committed'
    """
    for dependency in sorted(set(dependencies)):
        row = connection.execute(query, dependency[:3]).fetchone()
        if row is None:
            raise NotFound(
                f"{dependency.project}/{dependency.collection}:v{dependency.number}, "
                "which this version references, was deleted: reference a version that still exists"
            )
        ids.append(row[0])
    return ids


def dependencies(connection: Connection, version: int) -> list[Version]:
    """Return the versions that a version references, deleted ones too."""
    where = "where v.id in (select target from dependencies where version = ?) order by v.id"
    return select(connection, where, (version,))


def mark_deleted(connection: Connection, version: int) -> None:
    """Turn a version into its tombstone: its row stays for lineage, its aliases and links are removed."""
    connection.execute("delete from aliases where version = ?", (version,))
    for row in links.of_version(connection, version):
        links.remove(connection, row.link.id)
    connection.execute(
        "update versions set state = 'deleted', deleted_at = ? where id = ?", (timestamps.now(), version)
    )
