"""Registries: projects whose collections show versions of other projects, with the fields that only they have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from artstore.catalog import collections, filter_fields, filters, timestamps
from artstore.catalog.connection import Connection
from artstore.catalog.filters import Filters
from artstore.catalog.json_columns import read_texts
from artstore.core.names import REGISTRY
from artstore.errors import NotFound, WrongType

VISIBILITIES = ("organization", "restricted")


class Registry(NamedTuple):
    """A registry; `artifact_types` are the types that it accepts, None for all."""

    id: int
    project: str
    description: str
    visibility: str
    artifact_types: tuple[str, ...] | None
    created_at: str
    updated_at: str


_REGISTRY = """
    select projects.id, projects.name, coalesce(projects.description, ''),
        coalesce(projects.visibility, 'organization'), projects.artifact_types,
        coalesce(projects.created_at, (select min(created_at) from collections where project = projects.id), ''),
        projects.updated_at
    from projects
"""


def _registry(row: Sequence[Any]) -> Registry:
    id, project, description, visibility, types, created_at, updated_at = row
    accepted = None if types is None else tuple(read_texts(types))
    return Registry(id, project, description, visibility, accepted, created_at, updated_at or created_at)


def find_all(connection: Connection, matching: Filters | None = None) -> list[Registry]:
    """Return the registries that filters match, by name."""
    where = filters.where(connection, filter_fields.REGISTRIES, matching)
    query = f"{_REGISTRY} where substr(name, 1, ?) = ? and {where.sql} order by name"
    return [_registry(row) for row in connection.execute(query, (len(REGISTRY), REGISTRY, *where.values)).fetchall()]


def get(connection: Connection, project: str) -> Registry:
    """Return a registry, which may be given in any case. Raises `NotFound`."""
    stored = collections.stored_project(connection, project)
    row = connection.execute(f"{_REGISTRY} where name = ?", (stored,)).fetchone()
    if row is None:
        name = project.removeprefix(REGISTRY)
        raise NotFound(
            f"no registry {name!r}: artstore.Api().create_registry makes one, and so does linking an artifact to "
            f"{project}/NAME"
        )
    return _registry(row)


def create(connection: Connection, project: str) -> Registry:
    """Create a registry without fields."""
    now = timestamps.now()
    connection.execute("insert into projects (name, created_at, updated_at) values (?, ?, ?)", (project, now, now))
    return get(connection, project)


_COLUMNS = ("name", "description", "visibility", "artifact_types")


def update(connection: Connection, id: int, changes: Mapping[str, Any]) -> None:
    """Change a registry: `name` (of the project), `description`, `visibility` and `artifact_types`."""
    for field, value in changes.items():
        assert field in _COLUMNS
        written = json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else value
        connection.execute(f"update projects set {field} = ? where id = ?", (written, id))
    connection.execute("update projects set updated_at = ? where id = ?", (timestamps.now(), id))


def delete(connection: Connection, id: int) -> None:
    """Delete a registry and its collections, whose links were removed before."""
    inside = "select id from collections where project = ?"
    for table in ("links", "protected_aliases"):
        connection.execute(f"delete from {table} where collection in ({inside})", (id,))
    connection.execute("delete from collections where project = ?", (id,))
    connection.execute("delete from projects where id = ?", (id,))


def has_runs(connection: Connection, id: int) -> bool:
    """Return whether runs were begun in the project of a registry."""
    return bool(connection.execute("select exists (select 1 from runs where project = ?)", (id,)).fetchone()[0])


def check_accepts(connection: Connection, project: str, type: str) -> None:
    """Raise `WrongType` if a project is a registry that does not accept artifacts of a type."""
    stored = collections.stored_project(connection, project)
    row = connection.execute("select artifact_types from projects where name = ?", (stored,)).fetchone()
    accepted = read_texts(row[0]) if row and row[0] else None
    if accepted is not None and type not in accepted:
        raise WrongType(
            f"the registry {project.removeprefix(REGISTRY)} does not accept artifacts of type {type!r}: link to "
            f"another registry, or add the type to its artifact_types ({', '.join(accepted)})"
        )
