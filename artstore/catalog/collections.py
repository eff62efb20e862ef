"""Collections: names whose versions are numbered, or (portfolios) names that show versions of other collections."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from artstore.catalog import aliases, events, filter_fields, filters, timestamps
from artstore.catalog.connection import Connection
from artstore.catalog.filters import Clause, Filters
from artstore.catalog.json_columns import read_texts
from artstore.core.draft import check_type
from artstore.core.names import REGISTRY
from artstore.errors import InvalidInput, NotFound
from artstore.runtime import words


class Collection(NamedTuple):
    """A name in a project, with its own versions or with links to versions of other collections."""

    id: int
    project: str
    name: str
    type: str
    portfolio: bool = False
    """Whether it has links to versions of other collections instead of versions of its own."""
    description: str = ""
    tags: tuple[str, ...] = ()
    created_at: str = ""
    protected_aliases: tuple[str, ...] = ()
    """The aliases that can be moved or removed only with `force`."""


_GUESSED = 1000
"""The collections of other projects among which a misspelt name is looked for."""
_COLLECTION = """
    select c.id, projects.name, c.name, c.type, c.portfolio, c.description, c.tags, c.created_at,
        (select json_group_array(name) from (select name from protected_aliases where collection = c.id order by name))
    from collections as c join projects on projects.id = c.project
"""


def _collection(row: Sequence[Any]) -> Collection:
    id, project, name, type, portfolio, description, tags, created_at, protected = row
    tags, protected = tuple(read_texts(tags)), tuple(read_texts(protected))
    return Collection(id, project, name, type, bool(portfolio), description, tags, created_at, protected)


def find(connection: Connection, project: str, name: str) -> Collection | None:
    """Return a collection; None if there is none."""
    place = (stored_project(connection, project), name)
    row = connection.execute(f"{_COLLECTION} where projects.name = ? and c.name = ?", place).fetchone()
    return _collection(row) if row else None


def stored_project(connection: Connection, project: str) -> str:
    """Return the name of a project as it is stored: that of a registry may be given in any case, as in W&B."""
    if not project.startswith(REGISTRY):
        return project
    query = "select name from projects where lower(name) = lower(:project) order by name <> :project, id limit 1"
    row = connection.execute(query, {"project": project}).fetchone()
    return str(row[0]) if row else project


def get(connection: Connection, project: str, name: str) -> Collection:
    """Return a collection. Raises `NotFound`, which names another project that has a collection of this name."""
    collection = find(connection, project, name)
    if collection is None:
        there = [row.name for row in find_all(connection, project)]
        near = words.nearest(name, there)
        other = None if there else words.nearest(project, projects(connection))
        elsewhere = connection.execute(f"{_COLLECTION} where c.name = ? order by c.portfolio, 2", (name,)).fetchone()
        if elsewhere:
            advice = f"there is '{elsewhere[1]}/{name}'"
        elif near or (other and other != project):
            advice = f"did you mean {near or f'{other}/{name}'!r}?"
        else:
            everywhere = {row.name: row.project for row in find_all(connection, limit=_GUESSED)}
            far = words.nearest(name, everywhere)
            advice = f"did you mean '{everywhere[far]}/{far}'?" if far else "list what there is with `artstore ls`"
        raise NotFound(f"no artifact {name!r} in project {project!r}: {advice}")
    return collection


def id_of_version(connection: Connection, version: int) -> int:
    """Return the id of the collection of a version."""
    return int(connection.execute("select collection from versions where id = ?", (version,)).fetchone()[0])


def find_all(
    connection: Connection,
    project: str | None = None,
    *,
    type: str | None = None,
    matching: Filters | None = None,
    after: str = "",
    limit: int = -1,
    emptied: bool = True,
) -> list[Collection]:
    """Return one page of the collections of a project, or of the whole store, by name: those after a name.

    With `type` and `matching` filters, only collections that match. Those whose versions were all deleted are left out
    unless `emptied` is set.
    """
    where = _where(connection, project, type, matching, emptied=emptied)
    query = f"{_COLLECTION} where {where.sql} and c.name > ? order by projects.name, c.name limit ?"
    return [_collection(row) for row in connection.execute(query, (*where.values, after, limit)).fetchall()]


def count(connection: Connection, project: str | None, type: str | None, matching: Filters | None) -> int:
    """Count the collections that `find_all` returns without a limit, those without versions left out."""
    where = _where(connection, project, type, matching, emptied=False)
    query = f"""select count(*) from collections as c join projects on projects.id = c.project where {where.sql}"""
    return int(connection.execute(query, where.values).fetchone()[0])


_NOT_EMPTIED = """
    (c.portfolio or c.next_number = 0
        or exists (select 1 from versions where collection = c.id and state = 'committed'))
"""


def _where(
    connection: Connection, project: str | None, type: str | None, matching: Filters | None, *, emptied: bool
) -> Clause:
    condition = filters.where(connection, filter_fields.COLLECTIONS, matching)
    project = project and stored_project(connection, project)
    sql = f"(? is null or projects.name = ?) and (? is null or c.type = ?) and {condition.sql}"
    if not emptied:
        sql += f" and {_NOT_EMPTIED}"
    return Clause(sql, (project, project, type, type, *condition.values))


def types(connection: Connection, project: str | None = None) -> list[str]:
    """Return the types of the collections of a project, or of the whole store, sorted."""
    return sorted({collection.type for collection in find_all(connection, project)})


def projects(connection: Connection) -> list[str]:
    """Return the names of the projects of the store, sorted."""
    return [name for (name,) in connection.execute("select name from projects order by name")]


def is_empty(connection: Connection, collection: Collection) -> bool:
    """Return whether all versions of a collection were deleted, and none is pending."""
    query = """
        select not exists (select 1 from versions where collection = :id and state = 'committed')
            and not exists (select 1 from pending where collection = :id and version is null)
    """
    return not collection.portfolio and bool(connection.execute(query, {"id": collection.id}).fetchone()[0])


def find_or_create(
    connection: Connection, project: str, name: str, type: str, *, portfolio: bool = False
) -> tuple[Collection, bool]:
    """Return a collection, which is created if there is none, and whether it is new. An empty one gets the type.

    Raises `WrongType` if it has another type, and `InvalidInput` if it has versions of its own but `portfolio` is set,
    or links but `portfolio` is not set.
    """
    collection = find(connection, project, name)
    if collection is not None:
        if type != collection.type and is_empty(connection, collection):
            update(connection, collection.id, {"type": type})
            events.record(connection, "collection-described", f"{project}/{name}", type=type)
            collection = collection._replace(type=type)
        check_type(name, collection.type, type)
        if collection.portfolio and not portfolio:
            raise InvalidInput(f"{project}/{name} shows linked versions of other artifacts: choose another name")
        if portfolio and not collection.portfolio:
            raise InvalidInput(f"{project}/{name} has versions of its own: link to another name")
        return collection, False
    project = stored_project(connection, project)
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
    """Change a collection: its name, type, description, tags or protected aliases, whichever `changes` contains."""
    for field, value in changes.items():
        if field == "protected_aliases":
            aliases.protect(connection, id, value)
            continue
        written = json.dumps(value, ensure_ascii=False) if field == "tags" else value
        connection.execute(
            {
                "name": "update collections set name = ? where id = ?",
                "type": "update collections set type = ? where id = ?",
                "description": "update collections set description = ? where id = ?",
                "tags": "update collections set tags = ? where id = ?",
            }[field],
            (written, id),
        )
