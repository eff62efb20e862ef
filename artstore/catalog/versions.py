"""Collections and their versions: resolving, committing, describing, and letting go."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from artstore.catalog import collections, db, fields, filters, links
from artstore.catalog.collections import Collection
from artstore.catalog.connection import Connection
from artstore.catalog.filters import Filters
from artstore.core import names
from artstore.core.digests import Algorithm
from artstore.core.manifest import Dependency
from artstore.core.versions import Version
from artstore.errors import NotFound, ProtectedAlias, StillNeeded, WrongType


class Content(NamedTuple):
    """What a version to be committed consists of."""

    digest: str
    manifest: str
    entries: int
    size: int


_VERSION = f"""
    select v.id, projects.name, c.name, c.type, v.number, v.digest, v.entries, v.size, v.state, v.created_at,
        v.description, v.metadata, v.ttl,
        (select group_concat(a.name, char(0)) from aliases as a where a.version = v.id),
        (select group_concat(t.name, char(0)) from tags as t where t.version = v.id),
        v.number = (select max(l.number) from versions as l where l.collection = v.collection and l.state = 'committed')
        as newest, v.prefixes,
        {fields.BASE}
    from versions as v
    join collections as c on c.id = v.collection
    join projects on projects.id = c.project
"""


def _version(algorithm: Algorithm, row: tuple[Any, ...]) -> Version:
    aliases = (["latest"] if row[15] and row[8] == "committed" else []) + sorted(row[13].split("\0") if row[13] else [])
    return Version(
        id=row[0],
        project=row[1],
        collection=row[2],
        type=row[3],
        number=row[4],
        digest=algorithm.text(row[5]),
        entries=row[6],
        size=row[7],
        state=row[8],
        created_at=row[9],
        description=row[10],
        metadata=json.loads(row[11]),
        ttl=None if row[12] is None else timedelta(seconds=row[12]),
        aliases=tuple(aliases),
        tags=tuple(sorted(row[14].split("\0")) if row[14] else ()),
        prefixes=tuple(json.loads(row[16])),
        base=row[17],
    )


class Summary(NamedTuple):
    """A collection, how many versions of it live, and the newest of them."""

    collection: Collection
    versions: int
    newest: Version | None


def summaries(connection: Connection, project: str | None = None) -> list[Summary]:
    """Sum up the collections of a project, or of all."""
    query = "select count(*) from versions where collection = ? and state = 'committed'"
    return [
        Summary(each, connection.execute(query, (each.id,)).fetchone()[0], newest(connection, each.id))
        if not each.portfolio
        else _summary_of_links(connection, each)
        for each in collections.listed(connection, project)
    ]


def _summary_of_links(connection: Connection, portfolio: Collection) -> Summary:
    found = links.listed(connection, portfolio.id)
    return Summary(portfolio, len(found), shown(connection, found[0]) if found else None)


def wrong_type(found: Version, type: str) -> WrongType:
    """The error for a version that is not of the type asked for."""
    return WrongType(
        f"type {type!r} specified but {found.name} is of type {found.type!r}: leave the type out, or say that one"
    )


def by_id(connection: Connection, id: int) -> Version:
    """Read a version by its id. Raises `NotFound`."""
    row = connection.execute(f"{_VERSION} where v.id = ?", (id,)).fetchone()
    if row is None:
        raise NotFound(f"no version has the id {id}: list what there is with `artstore ls`")
    return _version(connection.algorithm, row)


def is_expired(connection: Connection, id: int, now: str) -> bool:
    """Whether a version's time is up."""
    query = """
        select 1 from versions where id = ? and ttl is not null
            and julianday(created_at) + ttl / 86400.0 <= julianday(?)
    """
    return connection.execute(query, (id, now)).fetchone() is not None


def lives(connection: Connection, id: int) -> bool:
    """Whether a version is committed and not deleted."""
    return (
        connection.execute("select 1 from versions where id = ? and state = 'committed'", (id,)).fetchone() is not None
    )


def newest(connection: Connection, collection: int) -> Version | None:
    """The newest living version of a collection."""
    query = f"{_VERSION} where v.collection = ? and v.state = 'committed' order by v.number desc limit 1"
    row = connection.execute(query, (collection,)).fetchone()
    return _version(connection.algorithm, row) if row else None


def shown(connection: Connection, found: links.Found) -> Version:
    """The version that a link shows."""
    return replace(by_id(connection, found.version), link=found.link)


def resolve(connection: Connection, project: str, wanted: names.Reference) -> Version:
    """Find the living version that a name and an alias or index mean, directly or by a link.

    Raises `NotFound`, which names what there is instead.
    """
    found = collections.named(connection, project, wanted.name)
    if found.portfolio:
        return _resolve_link(connection, found, wanted)
    latest = newest(connection, found.id)
    if latest is None:
        raise NotFound(
            f"artifact {wanted.name!r} has no version: all of them were deleted, or none is finished "
            "(see `artstore pending`)"
        )
    if wanted.alias == names.LATEST:
        return latest
    where = (
        "v.id = (select version from aliases where collection = ? and name = ?)"
        if wanted.number is None
        else "v.collection = ? and v.number = ?"
    )
    key = wanted.alias if wanted.number is None else wanted.number
    row = connection.execute(f"{_VERSION} where {where}", (found.id, key)).fetchone()
    if row is None:
        raise _no_version(wanted, latest.number)
    version = _version(connection.algorithm, row)
    if version.state != "committed":
        raise NotFound(f'version "{version.name}" was deleted (latest is v{latest.number})')
    return version


def _resolve_link(connection: Connection, portfolio: Collection, wanted: names.Reference) -> Version:
    latest = links.newest(connection, portfolio.id)
    if latest is None:
        raise NotFound(f"{portfolio.project}/{wanted.name} has no version: all links were removed")
    if wanted.alias == names.LATEST:
        return shown(connection, latest)
    found = links.find(connection, portfolio.id, wanted.alias if wanted.number is None else wanted.number)
    if found is None:
        raise _no_version(wanted, latest.link.number)
    return shown(connection, found)


def _no_version(wanted: names.Reference, latest: int) -> NotFound:
    return NotFound(f'no version "{wanted.name}:{wanted.alias}" (latest is v{latest})')


def listed(connection: Connection, collection: int) -> Iterator[Version]:
    """The living versions of a collection, the newest first."""
    query = f"{_VERSION} where v.collection = ? and v.state = 'committed' order by v.number desc"
    for row in connection.execute(query, (collection,)).fetchall():
        yield _version(connection.algorithm, row)


def page(
    connection: Connection,
    collection: Collection,
    *,
    beyond: int | None = None,
    limit: int = -1,
    deleted: bool = False,
    oldest_first: bool = False,
    wanted: Filters | None = None,
) -> Iterator[Version]:
    """The versions of a collection, or those that its links show, that filters let through; a page of them."""
    if collection.portfolio:
        found = links.listed(
            connection, collection.id, beyond=beyond, limit=limit, oldest_first=oldest_first, wanted=wanted
        )
        yield from (shown(connection, each) for each in found)
        return
    than, order = (">", "asc") if oldest_first else ("<", "desc")
    where = filters.where(connection, fields.VERSIONS, wanted)
    query = f"""{_VERSION} where v.collection = ? and (? is null or v.number {than} ?)
        and (v.state = 'committed' or ?) and {where.sql}
        order by v.number {order} limit ?"""
    row = (collection.id, beyond, beyond, deleted, *where.values, limit)
    for each in connection.execute(query, row).fetchall():
        yield _version(connection.algorithm, each)


def count(connection: Connection, collection: Collection, wanted: Filters | None = None) -> int:
    """How many living versions of a collection, or links in it, filters let through."""
    if collection.portfolio:
        return links.count(connection, collection.id, wanted)
    where = filters.where(connection, fields.VERSIONS, wanted)
    query = f"select count(*) from versions as v where v.collection = ? and v.state = 'committed' and {where.sql}"
    return int(connection.execute(query, (collection.id, *where.values)).fetchone()[0])


def insert(
    connection: Connection,
    collection: int,
    content: Content,
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
            connection.algorithm.parse(content.digest),
            connection.algorithm.parse(content.manifest),
            content.entries,
            content.size,
            description,
            json.dumps(metadata or {}, ensure_ascii=False, allow_nan=False),
            seconds(ttl),
            base,
            json.dumps(sorted(prefixes), ensure_ascii=False),
            db.now(),
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


def seconds(ttl: timedelta | None) -> int | None:
    """A time to live as the catalog keeps it."""
    return None if ttl is None else max(1, round(ttl.total_seconds()))


def set_ttl(connection: Connection, version: int, ttl: timedelta | None) -> None:
    """Let a version expire after a time, or never."""
    connection.execute("update versions set ttl = ? where id = ?", (seconds(ttl), version))


def describe(connection: Connection, version: int, changes: Mapping[str, Any]) -> None:
    """Set what people say of a version: description, metadata."""
    if "description" in changes:
        connection.execute("update versions set description = ? where id = ?", (changes["description"], version))
    if "metadata" in changes:
        written = json.dumps(changes["metadata"], ensure_ascii=False, allow_nan=False)
        connection.execute("update versions set metadata = ? where id = ?", (written, version))


def dependency_ids(connection: Connection, dependencies: Iterable[Dependency]) -> list[int]:
    """The ids of versions that are depended on. `NotFound` if one does not live any more."""
    ids = []
    for dependency in sorted(set(dependencies)):
        query = """
            select v.id from versions as v join collections as c on c.id = v.collection
            join projects on projects.id = c.project
            where projects.name = ? and c.name = ? and v.number = ? and v.state = 'committed'
        """
        row = connection.execute(query, dependency[:3]).fetchone()
        if row is None:
            raise NotFound(
                f"{dependency.project}/{dependency.collection}:v{dependency.number}, "
                "which this version references, was deleted: reference a version that lives"
            )
        ids.append(row[0])
    return ids


def dependencies(connection: Connection, version: int) -> list[Version]:
    """The versions that a version references."""
    query = f"{_VERSION} where v.id in (select target from dependencies where version = ?) order by v.id"
    return [_version(connection.algorithm, row) for row in connection.execute(query, (version,)).fetchall()]


def dependents(connection: Connection, version: int) -> list[Version]:
    """The living versions that reference a version."""
    query = f"""{_VERSION} where v.state = 'committed'
        and v.id in (select version from dependencies where target = ?) order by v.id"""
    return [_version(connection.algorithm, row) for row in connection.execute(query, (version,)).fetchall()]


def protected_aliases(connection: Connection, version: int) -> list[str]:
    """The protected aliases of a version and of the links that show it, each as `best of project/animals`."""
    query = """
        select held.name || ' of ' || projects.name || '/' || c.name from (
            select collection, name from aliases where version = :version
            union all
            select link_aliases.collection, link_aliases.name from links
            join link_aliases on link_aliases.link = links.id where links.version = :version
        ) as held
        join protected_aliases as p on p.collection = held.collection and p.name = held.name
        join collections as c on c.id = held.collection join projects on projects.id = c.project order by 1
    """
    return [row[0] for row in connection.execute(query, {"version": version})]


def pending_dependents(connection: Connection, version: int) -> list[str]:
    """The pending versions that reference a version, by the names of their collections."""
    query = """
        select projects.name || '/' || c.name from pending_dependencies
        join pending on pending.id = pending_dependencies.pending
        join collections as c on c.id = pending.collection join projects on projects.id = c.project
        where pending_dependencies.target = ? order by 1
    """
    return [row[0] for row in connection.execute(query, (version,))]


def move_alias(connection: Connection, collection: int, name: str, version: int) -> int | None:
    """Point an alias at a version; return the id of the one that it pointed at before."""
    row = connection.execute(
        "select version from aliases where collection = ? and name = ?", (collection, name)
    ).fetchone()
    connection.execute(
        """
        insert into aliases (collection, name, version) values (?, ?, ?)
        on conflict (collection, name) do update set version = excluded.version
        """,
        (collection, name, version),
    )
    return row[0] if row else None


def drop_alias(connection: Connection, version: int, name: str) -> bool:
    """Remove an alias from a version; False if it had none of that name."""
    cursor = connection.execute("delete from aliases where version = ? and name = ?", (version, name))
    return cursor.rowcount == 1


def add_tag(connection: Connection, version: int, name: str) -> bool:
    """Tag a version; False if it had the tag."""
    cursor = connection.execute(
        "insert into tags (version, name) values (?, ?) on conflict do nothing", (version, name)
    )
    return cursor.rowcount == 1


def drop_tag(connection: Connection, version: int, name: str) -> bool:
    """Remove a tag from a version; False if it had none of that name."""
    return connection.execute("delete from tags where version = ? and name = ?", (version, name)).rowcount == 1


def check_deletable(
    connection: Connection,
    version: Version,
    *,
    delete_aliases: bool,
    force: bool,
    also: set[int],
) -> None:
    """Raise `StillNeeded` if a version has aliases, or is referenced by pending versions or living ones.

    Those in `also` do not count.
    """
    if version.aliases and not delete_aliases:
        raise StillNeeded(
            f"{version.name} has the aliases {', '.join(version.aliases)}: move them, or pass delete_aliases=True"
        )
    protected = protected_aliases(connection, version.id)
    if protected and not force:
        raise ProtectedAlias(
            f"{version.name} has the protected alias {protected[0]}: move it first, or pass force=True"
        )
    needing = [v.qualified_name for v in dependents(connection, version.id) if v.id not in also]
    needing += [f"{name} (pending)" for name in pending_dependents(connection, version.id)]
    if needing and not force:
        raise StillNeeded(
            f"{version.name} is referenced by {', '.join(needing)}: delete those first, or pass force=True"
        )


def mark_deleted(connection: Connection, version: int) -> None:
    """Turn a version into its tombstone: its row stays for lineage, its aliases and links go."""
    connection.execute("delete from aliases where version = ?", (version,))
    for found in links.of_version(connection, version):
        links.remove(connection, found.link.id)
    connection.execute("update versions set state = 'deleted', deleted_at = ? where id = ?", (db.now(), version))


def expired(connection: Connection, now: str) -> list[Version]:
    """The living versions whose time is up and that nothing keeps.

    Kept is what carries an alias but `latest`, or a protected one by a link, and what a living or pending version
    references.
    """
    query = f"""{_VERSION} where v.ttl is not null and v.state = 'committed'
        and julianday(v.created_at) + v.ttl / 86400.0 <= julianday(?)
        and not exists (select 1 from aliases where aliases.version = v.id)
        and not exists (
            select 1 from dependencies join versions as n on n.id = dependencies.version and n.state = 'committed'
            where dependencies.target = v.id
        )
        and not exists (select 1 from pending_dependencies where pending_dependencies.target = v.id) order by v.id"""
    found = [_version(connection.algorithm, row) for row in connection.execute(query, (now,)).fetchall()]
    return [each for each in found if not protected_aliases(connection, each.id)]


def harmed(connection: Connection, file_digests: Iterable[bytes]) -> list[tuple[Version, str]]:
    """The living versions, with the paths in them, that contain any of these files."""
    found = []
    for digest in file_digests:
        query = """
            select distinct version_groups.version, entries.path from files
            join entries on entries.file = files.id
            join group_segments on group_segments.segment = entries.segment
            join version_groups on version_groups.segment_group = group_segments.segment_group
            join versions on versions.id = version_groups.version and versions.state = 'committed'
            where files.digest = ? order by 1, 2
        """
        for id, path in connection.execute(query, (digest,)).fetchall():
            found.append((by_id(connection, id), path))
    return found
