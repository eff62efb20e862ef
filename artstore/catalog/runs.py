"""Runs, what they logged, and the edges between them and versions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from artstore.catalog import fields, filters, timestamps
from artstore.catalog.connection import Connection
from artstore.catalog.filters import Clause, Filters
from artstore.core.jsonable import json_text
from artstore.core.runs import RunRecord, observed_state
from artstore.errors import NotFound

_RUN = """
    select runs.id, projects.name, runs.uid, runs.name, runs.job_type, runs.run_group, runs.notes, runs.tags,
        runs.config, runs.summary, runs.environment, runs.state, runs.session, runs.exit_code, runs.started_at,
        runs.ended_at
    from runs join projects on projects.id = runs.project
"""
_JSON = slice(7, 11)


def _record(row: Sequence[Any]) -> RunRecord:
    return RunRecord(*row[: _JSON.start], *map(json.loads, row[_JSON]), *row[_JSON.stop :])


def find(connection: Connection, project: str, uid: str) -> RunRecord | None:
    """Find a run by its id in a project."""
    row = connection.execute(f"{_RUN} where projects.name = ? and runs.uid = ?", (project, uid)).fetchone()
    return _record(row) if row else None


def find_anywhere(connection: Connection, uid: str) -> list[RunRecord]:
    """The runs of all projects that have an id."""
    return [_record(row) for row in connection.execute(f"{_RUN} where runs.uid = ? order by runs.id", (uid,))]


def by_name(connection: Connection, name: str, project: str | None, limit: int) -> list[RunRecord]:
    """The newest runs that have a name, of all projects or of one."""
    where = "where runs.name = ?1 and (?2 is null or projects.name = ?2) order by runs.id desc limit ?3"
    return [_record(row) for row in connection.execute(f"{_RUN} {where}", (name, project, limit))]


def by_id(connection: Connection, id: int) -> RunRecord:
    """Read a run by its number in the catalog. Raises `NotFound`."""
    row = connection.execute(f"{_RUN} where runs.id = ?", (id,)).fetchone()
    if row is None:
        raise NotFound("the run is not in the store any more")
    return _record(row)


OLDEST_FIRST = "+created_at"


class RunQuery(NamedTuple):
    """Which runs are asked for: those of a project, or of all, that filters let through.

    `alive` tells whether the process of a session still runs.
    """

    project: str | None
    filters: Filters | None
    alive: Callable[[str], bool]

    def where(self, connection: Connection) -> Clause:
        """The condition for them. Raises `InvalidInput`."""
        connection.create_function(
            "artstore_seen_state", 2, lambda state, session: observed_state(state, session, self.alive)
        )
        let_through = filters.where(connection, fields.RUNS, self.filters)
        values = (self.project, self.project, *let_through.values)
        return Clause(f"(? is null or projects.name = ?) and {let_through.sql}", values)


def find_all(
    connection: Connection,
    wanted: RunQuery,
    *,
    order: str = OLDEST_FIRST,
    after: str | None = None,
    limit: int = -1,
) -> list[RunRecord]:
    """The runs that are asked for, in an order; a page of them, those after a run's number, if asked.

    Raises `InvalidInput`.
    """
    by = filters.order(fields.RUNS, order)
    where = wanted.where(connection)
    tables = "from runs join projects on projects.id = runs.project"
    rest = filters.EVERYTHING if after is None else filters.after(by, "runs.id", after, tables)
    sorting = filters.order_by(by, "runs.id")
    query = f"{_RUN} where {where.sql} and {rest.sql} order by {sorting.sql} limit ?"
    return [
        _record(row)
        for row in connection.execute(query, (*where.values, *rest.values, *sorting.values, limit)).fetchall()
    ]


def count(connection: Connection, wanted: RunQuery) -> int:
    """How many runs are asked for. Raises `InvalidInput`."""
    where = wanted.where(connection)
    query = f"select count(*) from runs join projects on projects.id = runs.project where {where.sql}"
    return int(connection.execute(query, where.values).fetchone()[0])


def open_runs(connection: Connection) -> list[RunRecord]:
    """The runs that have not said that they ended."""
    return [_record(row) for row in connection.execute(f"{_RUN} where runs.state = 'running' order by runs.id")]


def insert(
    connection: Connection,
    project: str,
    uid: str,
    *,
    name: str,
    job_type: str | None,
    group: str | None,
    notes: str | None,
    tags: Sequence[str],
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    session: str,
) -> int:
    """Add a run that has just begun; return its number in the catalog."""
    connection.execute("insert into projects (name) values (?) on conflict do nothing", (project,))
    cursor = connection.execute(
        """
        insert into runs
            (project, uid, name, job_type, run_group, notes, tags, config, environment, state, session, started_at)
        values ((select id from projects where name = ?), ?, ?, ?, ?, ?, ?, ?, ?, 'running', ?, ?)
        """,
        (
            project,
            uid,
            name,
            job_type,
            group,
            notes,
            json_text(list(tags)),
            json_text(config),
            json_text(environment),
            session,
            timestamps.now(),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def reopen(connection: Connection, id: int, session: str, environment: Mapping[str, Any]) -> None:
    """Let a run that has ended go on in another process."""
    connection.execute(
        """
        update runs set state = 'running', session = ?, environment = ?, exit_code = null, ended_at = null
        where id = ?
        """,
        (session, json_text(environment), id),
    )


def clear_logged(connection: Connection, id: int) -> None:
    """Remove what a run logged, so that it can start over. Its edges stay."""
    connection.execute("delete from history where run = ?", (id,))
    connection.execute("update runs set config = '{}', summary = '{}' where id = ?", (id,))


def end(connection: Connection, id: int, state: str, exit_code: int | None) -> bool:
    """Close a run; False if it was closed already."""
    cursor = connection.execute(
        "update runs set state = ?, exit_code = ?, ended_at = ?, session = null where id = ? and state = 'running'",
        (state, exit_code, timestamps.now(), id),
    )
    return cursor.rowcount == 1


_COLUMNS = {
    "name": "name",
    "group": "run_group",
    "job_type": "job_type",
    "notes": "notes",
    "tags": "tags",
    "config": "config",
    "summary": "summary",
    "environment": "environment",
}
_JSON_FIELDS = ("tags", "config", "summary", "environment")


def update(connection: Connection, id: int, changes: Mapping[str, Any]) -> None:
    """Set what people say of a run: name, group, job_type, notes, tags, config, summary, environment."""
    for field, value in changes.items():
        written = json_text(value) if field in _JSON_FIELDS else value
        connection.execute(f"update runs set {_COLUMNS[field]} = ? where id = ?", (written, id))


def append_history(connection: Connection, id: int, rows: Iterable[tuple[int, str]]) -> None:
    """Add rows (step, JSON) to the history of a run; what a step has already is added to."""
    connection.executemany(
        """
        insert into history (run, step, data) values (?, ?, ?)
        on conflict (run, step) do update set data = json_patch(data, excluded.data)
        """,
        [(id, step, data) for step, data in rows],
    )


def last_step(connection: Connection, id: int) -> int:
    """The newest step in the history of a run; -1 if it has none."""
    return int(connection.execute("select coalesce(max(step), -1) from history where run = ?", (id,)).fetchone()[0])


def history(connection: Connection, id: int, *, after: int = -1, limit: int = -1) -> list[dict[str, Any]]:
    """The rows of a run's history beyond a step, each with its `_step`."""
    query = "select step, data from history where run = ? and step > ? order by step limit ?"
    return [
        {**json.loads(data), "_step": step} for step, data in connection.execute(query, (id, after, limit)).fetchall()
    ]


def add_use(connection: Connection, run: int, version: int, role: str | None) -> bool:
    """Note that a run used a version; False if that was known."""
    cursor = connection.execute(
        "insert into uses (run, version, role, at) values (?, ?, ?, ?) on conflict do nothing",
        (run, version, role, timestamps.now()),
    )
    return cursor.rowcount == 1


def add_product(connection: Connection, run: int, version: int, at: str | None = None) -> bool:
    """Note that a run logged a version, now or at a time; False if that was known."""
    cursor = connection.execute(
        "insert into products (run, version, at) values (?, ?, ?) on conflict do nothing",
        (run, version, at or timestamps.now()),
    )
    return cursor.rowcount == 1


def used_by(connection: Connection, version: int) -> list[RunRecord]:
    """The runs that used a version, the first one first."""
    query = f"{_RUN} join uses on uses.run = runs.id where uses.version = ? order by uses.at, runs.id"
    return [_record(row) for row in connection.execute(query, (version,))]


def produced_by(connection: Connection, version: int) -> list[RunRecord]:
    """The runs that logged a version, the first one first."""
    query = f"{_RUN} join products on products.run = runs.id where products.version = ? order by products.at, runs.id"
    return [_record(row) for row in connection.execute(query, (version,))]


def used_versions(connection: Connection, run: int) -> Iterator[int]:
    """The ids of the versions that a run used, in order."""
    for row in connection.execute("select version from uses where run = ? order by at, version", (run,)).fetchall():
        yield row[0]


def produced_versions(connection: Connection, run: int) -> Iterator[int]:
    """The ids of the versions that a run logged, in order."""
    for row in connection.execute("select version from products where run = ? order by at, version", (run,)).fetchall():
        yield row[0]
