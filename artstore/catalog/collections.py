"""Collections: the names under which versions are numbered, and those under which versions of others are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from artstore.catalog import aliases, fields, filters, timestamps
from artstore.catalog.connection import Connection
from artstore.catalog.filters import Clause, Filters
from artstore.core.draft import check_type
from artstore.core.names import REGISTRY
from artstore.errors import InvalidInput, NotFound


class Collection(NamedTuple):
    """All versions of one name in a project."""

    id: int
    project: str
    name: str
    type: str
    portfolio: bool = False
    """Whether it shows versions of other collections, by links, and has none of its own."""
    description: str = ""
    tags: tuple[str, ...] = ()
    created_at: str = ""
    protected_aliases: tuple[str, ...] = ()
    """The aliases that move or go only by force."""


_COLLECTION = """
    select c.id, projects.name, c.name, c.type, c.portfolio, c.description, c.tags, c.created_at,
        (select json_group_array(name) from (select name from protected_aliases where collection = c.id order by name))
    from collections as c join projects on projects.id = c.project
"""


def _collection(row: Sequence[Any]) -> Collection:
    id, project, name, type, portfolio, description, tags, created_at, protected = row
    tags, protected = tuple(json.loads(tags)), tuple(json.loads(protected))
    return Collection(id, project, name, type, bool(portfolio), description, tags, created_at, protected)


def find(connection: Connection, project: str, name: str) -> Collection | None:
    """Find a collection."""
    row = connection.execute(f"{_COLLECTION} where projects.name = ? and c.name = ?", (project, name)).fetchone()
    return _collection(row) if row else None


def get(connection: Connection, project: str, name: str) -> Collection:
    """Find a collection. Raises `NotFound`, which tells of one of that name elsewhere."""
    found = find(connection, project, name)
    if found is None:
        elsewhere = connection.execute(f"{_COLLECTION} where c.name = ? order by c.portfolio, 2", (name,)).fetchone()
        advice = f"there is '{elsewhere[1]}/{name}'" if elsewhere else "list what there is with `artstore ls`"
        raise NotFound(f"no artifact {name!r} in project {project!r}: {advice}")
    return found


def find_all(
    connection: Connection,
    project: str | None = None,
    *,
    type: str | None = None,
    matching: Filters | None = None,
    after: str = "",
    limit: int = -1,
) -> list[Collection]:
    """List the collections of a project, or of all, by name; those of a type that filters let through; a page."""
    where = _where(connection, project, type, matching)
    query = f"{_COLLECTION} where {where.sql} and c.name > ? order by projects.name, c.name limit ?"
    return [_collection(row) for row in connection.execute(query, (*where.values, after, limit)).fetchall()]


def count(connection: Connection, project: str | None, type: str | None, matching: Filters | None) -> int:
    """How many collections `listed` lists."""
    where = _where(connection, project, type, matching)
    query = f"""select count(*) from collections as c join projects on projects.id = c.project where {where.sql}"""
    return int(connection.execute(query, where.values).fetchone()[0])


def _where(connection: Connection, project: str | None, type: str | None, matching: Filters | None) -> Clause:
    let_through = filters.where(connection, fields.COLLECTIONS, matching)
    sql = f"(? is null or projects.name = ?) and (? is null or c.type = ?) and {let_through.sql}"
    return Clause(sql, (project, project, type, type, *let_through.values))


def types(connection: Connection, project: str | None = None) -> list[str]:
    """The types that the collections of a project, or of all, have."""
    return sorted({each.type for each in find_all(connection, project)})


def projects(connection: Connection) -> list[str]:
    """The projects of the store."""
    return [row[0] for row in connection.execute("select name from projects order by name")]


def registries(connection: Connection, matching: Filters | None = None) -> list[str]:
    """The projects that are registries, and that filters let through."""
    where = filters.where(connection, fields.REGISTRIES, matching)
    query = f"select name from projects where substr(name, 1, ?) = ? and {where.sql} order by name"
    return [row[0] for row in connection.execute(query, (len(REGISTRY), REGISTRY, *where.values)).fetchall()]


def find_or_create(
    connection: Connection, project: str, name: str, type: str, *, portfolio: bool = False
) -> tuple[Collection, bool]:
    """Find or make a collection; tell whether it was made.

    Raises `WrongType` if it has another type, `InvalidInput` if it has versions of its own where links are to go, or
    the other way round.
    """
    found = find(connection, project, name)
    if found is not None:
        check_type(name, found.type, type)
        if found.portfolio and not portfolio:
            raise InvalidInput(f"{project}/{name} shows linked versions of other artifacts: choose another name")
        if portfolio and not found.portfolio:
            raise InvalidInput(f"{project}/{name} has versions of its own: link to another name")
        return found, False
    connection.execute("insert into projects (name) values (?) on conflict do nothing", (project,))
    connection.execute(
        """
        insert into collections (project, name, type, portfolio, created_at)
        values ((select id from projects where name = ?), ?, ?, ?, ?)
        """,
        (project, name, type, portfolio, timestamps.now()),
    )
    return get(connection, project, name), True


def update(connection: Connection, id: int, changes: Mapping[str, Any]) -> None:
    """Set what people say of a collection: name, description, tags, protected_aliases."""
    for field, value in changes.items():
        if field == "protected_aliases":
            aliases.protect(connection, id, value)
            continue
        written = json.dumps(value, ensure_ascii=False) if field == "tags" else value
        connection.execute(
            {
                "name": "update collections set name = ? where id = ?",
                "description": "update collections set description = ? where id = ?",
                "tags": "update collections set tags = ? where id = ?",
            }[field],
            (written, id),
        )
