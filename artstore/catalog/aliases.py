"""Aliases and tags of versions, and which aliases a collection protects."""

from __future__ import annotations

from collections.abc import Iterable

from artstore.catalog.connection import Connection
from artstore.errors import ProtectedAlias


def move(connection: Connection, collection: int, alias: str, version: int) -> int | None:
    """Point an alias at a version; return the id of the version that had it before."""
    row = connection.execute(
        "select version from aliases where collection = ? and name = ?", (collection, alias)
    ).fetchone()
    connection.execute(
        """
        insert into aliases (collection, name, version) values (?, ?, ?)
        on conflict (collection, name) do update set version = excluded.version
        """,
        (collection, alias, version),
    )
    return row[0] if row else None


def remove(connection: Connection, version: int, alias: str) -> bool:
    """Remove an alias from a version; return False if the version did not have it."""
    # By the primary key: a version may have thousands of aliases.
    cursor = connection.execute(
        """
        delete from aliases
        where collection = (select collection from versions where id = :version)
            and name = :alias and version = :version
        """,
        {"version": version, "alias": alias},
    )
    return cursor.rowcount == 1


def add_tag(connection: Connection, version: int, tag: str) -> bool:
    """Add a tag to a version; return False if the version has it already."""
    cursor = connection.execute("insert into tags (version, name) values (?, ?) on conflict do nothing", (version, tag))
    return cursor.rowcount == 1


def remove_tag(connection: Connection, version: int, tag: str) -> bool:
    """Remove a tag from a version; return False if the version did not have it."""
    return connection.execute("delete from tags where version = ? and name = ?", (version, tag)).rowcount == 1


def protect(connection: Connection, collection: int, protected: Iterable[str]) -> None:
    """Replace the list of aliases that a collection protects."""
    connection.execute("delete from protected_aliases where collection = ?", (collection,))
    connection.executemany(
        "insert into protected_aliases (collection, name) values (?, ?)", [(collection, alias) for alias in protected]
    )


def check_unprotected(connection: Connection, collection: int, alias: str) -> None:
    """Raise `ProtectedAlias` if a collection protects an alias."""
    query = "select 1 from protected_aliases where collection = ? and name = ?"
    if connection.execute(query, (collection, alias)).fetchone() is None:
        return
    query = "select projects.name || '/' || c.name from collections as c join projects on projects.id = c.project"
    name = connection.execute(f"{query} where c.id = ?", (collection,)).fetchone()[0]
    raise ProtectedAlias(
        f"the alias {alias!r} of {name} is protected: pass force=True to change it, or "
        f"unprotect it with `artstore alias {name} {alias} --unprotect`"
    )


def protected_of(connection: Connection, version: int) -> list[str]:
    """Return the protected aliases of a version and of the links that show it, each as `best of project/animals`."""
    query = """
        select held.name || ' of ' || projects.name || '/' || c.name from (
            select collection, name from aliases where version = :version
            union all
            select link_aliases.collection, link_aliases.name from links
            join link_aliases on link_aliases.link = links.id
            where links.version = :version and links.removed_at is null
        ) as held
        join protected_aliases as p on p.collection = held.collection and p.name = held.name
        join collections as c on c.id = held.collection join projects on projects.id = c.project order by 1
    """
    return [row[0] for row in connection.execute(query, {"version": version})]
