"""Links: versions shown in collections of links (portfolios), with an index and aliases of their own there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from artstore.catalog import fields, filters, timestamps
from artstore.catalog.connection import Connection
from artstore.catalog.filters import Filters
from artstore.core.versions import Link


class LinkRow(NamedTuple):
    """A link, and the id of the version that it shows."""

    link: Link
    version: int


_LINK = """
    select l.id, projects.name, c.name, l.number, l.version,
        (select group_concat(a.name, char(0)) from link_aliases as a where a.link = l.id),
        l.number = (select max(o.number) from links as o where o.collection = l.collection and o.removed_at is null)
    from links as l join collections as c on c.id = l.collection join projects on projects.id = c.project
    join versions as v on v.id = l.version
"""


def _found(row: tuple[int, str, str, int, int, str | None, int]) -> LinkRow:
    aliases = (["latest"] if row[6] else []) + sorted(row[5].split("\0") if row[5] else [])
    return LinkRow(Link(row[0], row[1], row[2], row[3], tuple(aliases)), row[4])


def newest(connection: Connection, collection: int) -> LinkRow | None:
    """The newest link of a collection."""
    where = "where l.collection = ? and l.removed_at is null order by l.number desc limit 1"
    row = connection.execute(f"{_LINK} {where}", (collection,)).fetchone()
    return _found(row) if row else None


def find(connection: Connection, collection: int, key: str | int) -> LinkRow | None:
    """The link that an alias or an index means."""
    where = (
        "l.collection = ? and l.number = ?"
        if isinstance(key, int)
        else "l.id = (select link from link_aliases where collection = ? and name = ?)"
    )
    row = connection.execute(f"{_LINK} where {where} and l.removed_at is null", (collection, key)).fetchone()
    return _found(row) if row else None


def by_id(connection: Connection, id: int) -> LinkRow:
    """Read a link by its id."""
    return _found(connection.execute(f"{_LINK} where l.id = ?", (id,)).fetchone())


def of_collection(
    connection: Connection,
    collection: int,
    *,
    beyond: int | None = None,
    limit: int = -1,
    oldest_first: bool = False,
    matching: Filters | None = None,
) -> list[LinkRow]:
    """The links of a collection that filters let through, the newest first unless asked otherwise; a page of them."""
    than, order = (">", "asc") if oldest_first else ("<", "desc")
    where = filters.where(connection, fields.LINKS, matching)
    query = f"""{_LINK} where l.collection = ? and l.removed_at is null and (? is null or l.number {than} ?)
        and {where.sql} order by l.number {order} limit ?"""
    row = (collection, beyond, beyond, *where.values, limit)
    return [_found(row) for row in connection.execute(query, row).fetchall()]


def count(connection: Connection, collection: int, matching: Filters | None) -> int:
    """How many links of a collection filters let through."""
    where = filters.where(connection, fields.LINKS, matching)
    query = f"""select count(*) from links as l join versions as v on v.id = l.version
        where l.collection = ? and l.removed_at is null and {where.sql}"""
    return int(connection.execute(query, (collection, *where.values)).fetchone()[0])


def id_by_alias(connection: Connection, collection: int, alias: str) -> int | None:
    """The id of the link that an alias points at."""
    query = "select link from link_aliases where collection = ? and name = ?"
    row = connection.execute(query, (collection, alias)).fetchone()
    return row[0] if row else None


def of_version(connection: Connection, version: int) -> list[LinkRow]:
    """The links that show a version."""
    query = f"{_LINK} where l.version = ? and l.removed_at is null order by l.id"
    return [_found(row) for row in connection.execute(query, (version,)).fetchall()]


def add(connection: Connection, collection: int, version: int) -> tuple[int, bool]:
    """Show a version in a collection of links; return the link's id, and whether it is new."""
    query = "select id from links where collection = ? and version = ? and removed_at is null"
    row = connection.execute(query, (collection, version)).fetchone()
    if row:
        return row[0], False
    cursor = connection.execute(
        """
        insert into links (collection, number, version, created_at)
        values (?, (select next_number from collections where id = ?), ?, ?)
        """,
        (collection, collection, version, timestamps.now()),
    )
    connection.execute("update collections set next_number = next_number + 1 where id = ?", (collection,))
    assert cursor.lastrowid is not None
    return cursor.lastrowid, True


def move_aliases(connection: Connection, collection: int, link: int, aliases: Iterable[str]) -> None:
    """Point aliases at a link; each leaves the one that it pointed at."""
    connection.executemany(
        """
        insert into link_aliases (collection, name, link) values (?, ?, ?)
        on conflict (collection, name) do update set link = excluded.link
        """,
        [(collection, alias, link) for alias in aliases],
    )


def remove_aliases(connection: Connection, link: int, aliases: Iterable[str]) -> None:
    """Take aliases from a link."""
    connection.executemany("delete from link_aliases where link = ? and name = ?", [(link, alias) for alias in aliases])


def remove(connection: Connection, link: int) -> bool:
    """Take a link away; False if it was gone."""
    connection.execute("delete from link_aliases where link = ?", (link,))
    cursor = connection.execute(
        "update links set removed_at = ? where id = ? and removed_at is null", (timestamps.now(), link)
    )
    return cursor.rowcount == 1
