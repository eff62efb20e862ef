"""Links: versions shown in portfolios, with a number and aliases of their own there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from artstore.catalog import filter_fields, filters, latest, timestamps
from artstore.catalog.connection import Connection
from artstore.catalog.filters import Filters
from artstore.core.versions import Link


class LinkRow(NamedTuple):
    """A link and the id of the version that it shows."""

    link: Link
    version: int


_WITHOUT_LABELS = f"""
    select l.id, projects.name, c.name, l.number, l.version, null as aliases,
        l.number = {latest.link_number("l.collection")}, l.created_at
    from links as l join collections as c on c.id = l.collection join projects on projects.id = c.project
    join versions as v on v.id = l.version
"""
_LINK = _WITHOUT_LABELS.replace(
    "null as aliases", "(select group_concat(a.name, char(0)) from link_aliases as a where a.link = l.id)"
)


def _link(row: tuple[int, str, str, int, int, str | None, int, str]) -> LinkRow:
    aliases = (["latest"] if row[6] else []) + sorted(row[5].split("\0") if row[5] else [])
    return LinkRow(Link(row[0], row[1], row[2], row[3], tuple(aliases), row[7]), row[4])


def newest(connection: Connection, collection: int, *, labels: bool = True) -> LinkRow | None:
    """Return the newest link of a collection, with its aliases or without `labels`; None if it has none."""
    where = f"where l.collection = ? and l.number = {latest.link_number('?')}"
    row = connection.execute(f"{_LINK if labels else _WITHOUT_LABELS} {where}", (collection, collection)).fetchone()
    return _link(row) if row else None


def find(connection: Connection, collection: int, key: str | int, *, labels: bool = True) -> LinkRow | None:
    """Return the link with an alias or a number, with its aliases or without `labels`; None if there is none."""
    columns = _LINK if labels else _WITHOUT_LABELS
    where = (
        "l.collection = ? and l.number = ?"
        if isinstance(key, int)
        else "l.id = (select link from link_aliases where collection = ? and name = ?)"
    )
    row = connection.execute(f"{columns} where {where} and l.removed_at is null", (collection, key)).fetchone()
    return _link(row) if row else None


def by_id(connection: Connection, id: int, *, labels: bool = True) -> LinkRow:
    """Return a link by its id, also one that was removed, with its aliases or without `labels`."""
    return _link(connection.execute(f"{_LINK if labels else _WITHOUT_LABELS} where l.id = ?", (id,)).fetchone())


def of_collection(
    connection: Connection,
    collection: int,
    *,
    beyond: int | None = None,
    limit: int = -1,
    oldest_first: bool = False,
    matching: Filters | None = None,
) -> list[LinkRow]:
    """Return one page of the links of a collection that filters match, the newest first: those `beyond` a number."""
    than, order = (">", "asc") if oldest_first else ("<", "desc")
    condition = filters.where(connection, filter_fields.LINKS, matching)
    query = f"""{_LINK} where l.collection = ? and l.removed_at is null and (? is null or l.number {than} ?)
        and {condition.sql} order by l.number {order} limit ?"""
    parameters = (collection, beyond, beyond, *condition.values, limit)
    return [_link(row) for row in connection.execute(query, parameters).fetchall()]


def count(connection: Connection, collection: int, matching: Filters | None) -> int:
    """Count the links of a collection that filters match."""
    condition = filters.where(connection, filter_fields.LINKS, matching)
    query = f"""select count(*) from links as l join versions as v on v.id = l.version
        where l.collection = ? and l.removed_at is null and {condition.sql}"""
    return int(connection.execute(query, (collection, *condition.values)).fetchone()[0])


def id_by_alias(connection: Connection, collection: int, alias: str) -> int | None:
    """Return the id of the link that has an alias; None if there is none."""
    query = "select link from link_aliases where collection = ? and name = ?"
    row = connection.execute(query, (collection, alias)).fetchone()
    return row[0] if row else None


def of_version(connection: Connection, version: int) -> list[LinkRow]:
    """Return the links that show a version, the oldest first."""
    query = f"{_LINK} where l.version = ? and l.removed_at is null order by l.id"
    return [_link(row) for row in connection.execute(query, (version,)).fetchall()]


def of_source(connection: Connection, collection: int) -> LinkRow | None:
    """Return a link that shows a version of a collection; None if there is none."""
    query = f"{_LINK} where v.collection = ? and l.removed_at is null order by l.id limit 1"
    row = connection.execute(query, (collection,)).fetchone()
    return _link(row) if row else None


def held_by_alias(connection: Connection, version: int) -> list[str]:
    """Return the aliases of the links of a version, without `latest`, each as `prod of project/portfolio:v0`."""
    query = """
        select a.name || ' of ' || projects.name || '/' || c.name || ':v' || l.number
        from links as l join link_aliases as a on a.link = l.id
        join collections as c on c.id = l.collection join projects on projects.id = c.project
        where l.version = ? and l.removed_at is null order by 1
    """
    return [row[0] for row in connection.execute(query, (version,))]


def add(connection: Connection, collection: int, version: int) -> tuple[int, bool]:
    """Link a version in a collection; return the id of its link, and whether it is new."""
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
    """Move aliases to a link, away from the links that have them."""
    connection.executemany(
        """
        insert into link_aliases (collection, name, link) values (?, ?, ?)
        on conflict (collection, name) do update set link = excluded.link
        """,
        [(collection, alias, link) for alias in aliases],
    )


def remove_aliases(connection: Connection, link: int, aliases: Iterable[str]) -> None:
    """Remove aliases from a link."""
    connection.executemany(
        """
        delete from link_aliases
        where collection = (select collection from links where id = :link) and name = :alias and link = :link
        """,
        [{"link": link, "alias": alias} for alias in aliases],
    )


def remove(connection: Connection, link: int) -> bool:
    """Remove a link and its aliases; return False if it was removed before."""
    connection.execute("delete from link_aliases where link = ?", (link,))
    cursor = connection.execute(
        "update links set removed_at = ? where id = ? and removed_at is null", (timestamps.now(), link)
    )
    return cursor.rowcount == 1
