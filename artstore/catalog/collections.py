"""Collections: the names under which versions are numbered, and those under which versions of others are shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from artstore import db
from artstore.errors import InvalidInput, NotFound, WrongType


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


_COLLECTION = """
    select c.id, projects.name, c.name, c.type, c.portfolio, c.description, c.tags, c.created_at
    from collections as c join projects on projects.id = c.project
"""


def _collection(row: Sequence[Any]) -> Collection:
    id, project, name, type, portfolio, description, tags, created_at = row
    return Collection(id, project, name, type, bool(portfolio), description, tuple(json.loads(tags)), created_at)


def find(connection: sqlite3.Connection, project: str, name: str) -> Collection | None:
    """Find a collection."""
    row = connection.execute(f"{_COLLECTION} where projects.name = ? and c.name = ?", (project, name)).fetchone()
    return _collection(row) if row else None


def named(connection: sqlite3.Connection, project: str, name: str) -> Collection:
    """Find a collection. Raises `NotFound`."""
    found = find(connection, project, name)
    if found is None:
        raise NotFound(f"no artifact {name!r} in project {project!r}: list what there is with `artstore ls`")
    return found


def listed(connection: sqlite3.Connection, project: str | None = None, *, type: str | None = None) -> list[Collection]:
    """List the collections of a project, or of all; those of a type, if given."""
    query = f"""{_COLLECTION} where (? is null or projects.name = ?) and (? is null or c.type = ?)
        order by projects.name, c.name"""
    return [_collection(row) for row in connection.execute(query, (project, project, type, type))]


def types(connection: sqlite3.Connection, project: str | None = None) -> list[str]:
    """The types that the collections of a project, or of all, have."""
    return sorted({each.type for each in listed(connection, project)})


def projects(connection: sqlite3.Connection) -> list[str]:
    """The projects of the store."""
    return [row[0] for row in connection.execute("select name from projects order by name")]


def ensure(
    connection: sqlite3.Connection, project: str, name: str, type: str, *, portfolio: bool = False
) -> tuple[Collection, bool]:
    """Find or make a collection; tell whether it was made.

    Raises `WrongType` if it has another type, `InvalidInput` if it has versions of its own where links are to go, or
    the other way round.
    """
    found = find(connection, project, name)
    if found is not None:
        check_type(found, type)
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
        (project, name, type, portfolio, db.now()),
    )
    return named(connection, project, name), True


def check_type(found: Collection, type: str | None) -> None:
    """Raise `WrongType` if a collection is of another type than the one asked for."""
    if type is not None and found.type != type:
        raise WrongType(
            f"Artifact {found.name} already exists with type {found.type!r}; cannot create another with type {type!r}: "
            "choose another name, or that type"
        )


def describe(connection: sqlite3.Connection, id: int, changes: Mapping[str, Any]) -> None:
    """Set what people say of a collection: name, description, tags."""
    for field, value in changes.items():
        written = json.dumps(value, ensure_ascii=False) if field == "tags" else value
        connection.execute(
            {
                "name": "update collections set name = ? where id = ?",
                "description": "update collections set description = ? where id = ?",
                "tags": "update collections set tags = ? where id = ?",
            }[field],
            (written, id),
        )
