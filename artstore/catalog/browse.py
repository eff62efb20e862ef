"""Windows of long things for people who look at them: folders of a version, collections, events, and search."""

from __future__ import annotations

from typing import Any, NamedTuple

from artstore.catalog import collections, versions
from artstore.catalog.connection import Connection
from artstore.catalog.entries import SELECT_ENTRIES, from_rows
from artstore.catalog.events import Event
from artstore.catalog.json_columns import read_object
from artstore.catalog.versions import Overview
from artstore.core.manifest import Entry
from artstore.core.versions import Version

_BATCH = 64


class Child(NamedTuple):
    """A name in a folder of a version, and its entry."""

    name: str
    entry: Entry | None
    """None for a folder."""


def children(connection: Connection, version: int, folder: str, after: str, limit: int) -> list[Child]:
    """Return what a folder of a version contains, in path order: the first `limit` names after `after`.

    `folder` is empty or ends with `/`; `after` ends with `/` if it names a folder. A folder below `folder` is passed
    over in one step, however many entries it has.
    """
    found: list[Child] = []
    beyond = _after_child(folder + after) if after else folder
    while len(found) < limit:
        batch = _entries_from(connection, version, beyond, min(_BATCH, limit - len(found)))
        if not batch:
            break
        for entry in batch:
            if not entry.path.startswith(folder):
                return found
            if entry.path < beyond:
                continue
            name, slash, _ = entry.path[len(folder) :].partition("/")
            found.append(Child(name, None if slash else entry))
            beyond = _after_child(folder + name + slash)
            if len(found) == limit:
                break
    return found


def _after_child(path: str) -> str:
    """Return where the search continues after a file, or after everything below a folder."""
    # "0" is the character after "/".
    return path[:-1] + "0" if path.endswith("/") else path + "\0"


def _entries_from(connection: Connection, version: int, path: str, limit: int) -> list[Entry]:
    """Return entries of a version from a path on, those of one segment at most."""
    query = f"""{SELECT_ENTRIES} where entries.segment = (
            select s.id from group_segments join segments as s on s.id = group_segments.segment
            where group_segments.segment_group = (
                select g.id from version_groups join segment_groups as g on g.id = version_groups.segment_group
                where version_groups.version = :version and g.last >= :path order by version_groups.position limit 1
            ) and s.last >= :path order by group_segments.position limit 1
        ) and entries.path >= :path order by entries.path limit :limit"""
    return from_rows(connection, connection.execute(query, {"version": version, "path": path, "limit": limit}))


class TypeCount(NamedTuple):
    """A type of artifacts, and how many collections have it."""

    type: str
    collections: int


def types(connection: Connection, project: str | None) -> list[TypeCount]:
    """Return the types of the collections of a project, or of all, with the number of collections of each."""
    query = """
        select c.type, count(*) from collections as c join projects on projects.id = c.project
        where ? is null or projects.name = ? group by c.type order by c.type
    """
    return [TypeCount(*row) for row in connection.execute(query, (project, project))]


def overviews(
    connection: Connection,
    project: str | None,
    type: str | None,
    named: str,
    after: int,
    limit: int,
    *,
    only_links: bool = False,
) -> list[Overview]:
    """Return a page of collections by name, those whose name contains a text; `after` counts those to leave out."""
    query = """
        select projects.name, c.name from collections as c join projects on projects.id = c.project
        where (:project is null or projects.name = :project) and (:type is null or c.type = :type)
            and instr(lower(c.name), lower(:named)) > 0 and (not :links or c.portfolio)
        order by projects.name, c.name limit :limit offset :after
    """
    parameters = {"project": project, "type": type, "named": named, "limit": limit, "after": after}
    rows = connection.execute(query, {**parameters, "links": only_links}).fetchall()
    return [versions.overview(connection, collections.get(connection, *row)) for row in rows]


def newest_versions(connection: Connection, limit: int) -> list[Version]:
    """Return the versions that were committed last and still exist, the newest first."""
    return versions.select(connection, "where v.state = 'committed' order by v.id desc limit ?", (limit,))


def events_before(connection: Connection, before: int | None, limit: int) -> list[Event]:
    """Return a page of the log of changes, the newest first: those before an event's id."""
    query = """
        select id, at, kind, subject, detail, hash from events where ? is null or id < ? order by id desc limit ?
    """
    rows = connection.execute(query, (before, before, limit))
    return [Event(id, at, kind, subject, read_object(detail), hash) for id, at, kind, subject, detail, hash in rows]


class Hit(NamedTuple):
    """A hit of a search: `kind` is `collection`, `version` or `run`; `why` is the text that contains the words."""

    kind: str
    project: str
    name: str
    label: str
    why: str


_SEARCHES = (
    """
    select 'collection', projects.name, c.name, c.name, c.type || ' ' || c.description
    from collections as c join projects on projects.id = c.project
    where {match} order by c.id desc limit :limit
    """,
    """
    select 'version', projects.name, c.name, 'v' || v.number, trim(group_concat(found.text, ' '))
    from (
        select a.version as version, 'alias ' || a.name as text from aliases as a where instr(lower(a.name), :words) > 0
        union select l.version, 'linked as ' || lp.name || '/' || lc.name || ' ' || k.name
            from link_aliases as k join links as l on l.id = k.link and l.removed_at is null
            join collections as lc on lc.id = k.collection join projects as lp on lp.id = lc.project
            where instr(lower(k.name), :words) > 0
        union select t.version, 'tag ' || t.name from tags as t where instr(lower(t.name), :words) > 0
        union select w.id, w.metadata from versions as w where instr(lower(w.metadata), :words) > 0
        union select d.id, d.description from versions as d where instr(lower(d.description), :words) > 0
    ) as found
    join versions as v on v.id = found.version and v.state = 'committed'
    join collections as c on c.id = v.collection join projects on projects.id = c.project
    group by v.id order by v.id desc limit :limit
    """,
    """
    select 'run', projects.name, runs.uid, runs.name,
        coalesce(runs.notes || ' ', '') || runs.tags || ' ' || runs.config
    from runs join projects on projects.id = runs.project
    where instr(lower(projects.name || '/' || runs.uid || ' ' || runs.name || ' ' || coalesce(runs.notes, '') || ' '
        || coalesce(runs.job_type, '') || ' ' || coalesce(runs.run_group, '') || runs.tags || runs.config), :words) > 0
    order by runs.id desc limit :limit
    """,
)
_IN_COLLECTION = "instr(lower(projects.name || '/' || c.name || ' ' || c.type || c.description || c.tags), :words) > 0"


def search(connection: Connection, words: str, limit: int) -> list[Hit]:
    """Find collections, versions and runs by their names, tags, aliases, metadata, descriptions and configs.

    A version is found by the aliases of its links as well. At most `limit` of each kind, the newest first.
    """
    parameters: dict[str, Any] = {"words": words.lower(), "limit": limit}
    queries = [query.format(match=_IN_COLLECTION) for query in _SEARCHES]
    return [Hit(*row) for query in queries for row in connection.execute(query, parameters)]
