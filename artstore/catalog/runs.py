"""Runs, what they logged, and which versions they used and produced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from artstore.catalog import collections, filter_fields, filters, timestamps
from artstore.catalog.connection import Connection
from artstore.catalog.filters import Clause, Filters
from artstore.catalog.json_columns import read_object, read_texts
from artstore.core.jsonable import json_text
from artstore.core.runs import Changes, RunRecord, observed_state
from artstore.errors import InvalidInput, NotFound, WrongValue

_RUN = """
    select runs.id, projects.name, runs.uid, runs.name, runs.job_type, runs.run_group, runs.notes, runs.tags,
        runs.config, runs.summary, runs.environment, runs.state, runs.session, runs.exit_code, runs.started_at,
        runs.ended_at, runs.preempting
    from runs join projects on projects.id = runs.project
"""
_TAGS = 7
_OBJECTS = slice(8, 11)


def _select(connection: Connection, where: str, parameters: Sequence[Any] = ()) -> list[RunRecord]:
    rows = connection.execute(f"{_RUN} {where}", parameters).fetchall()
    return [
        RunRecord._make(
            (
                *row[:_TAGS],
                read_texts(row[_TAGS]),
                *map(read_object, row[_OBJECTS]),
                *row[_OBJECTS.stop : -1],
                row[-1] == 1,
            )
        )
        for row in rows
    ]


def find(connection: Connection, project: str, uid: str) -> RunRecord | None:
    """Return the run with an id in a project; None if there is none."""
    where = "where projects.name = ? and runs.uid = ?"
    records = _select(connection, where, (collections.stored_project(connection, project), uid))
    return records[0] if records else None


def find_anywhere(connection: Connection, uid: str) -> list[RunRecord]:
    """Return the runs with an id in all projects, the oldest first."""
    return _select(connection, "where runs.uid = ? order by runs.id", (uid,))


def by_name(connection: Connection, name: str, project: str | None, limit: int) -> list[RunRecord]:
    """Return the runs with a display name, in all projects or in one, the newest first."""
    where = "where runs.name = ? and projects.name = ifnull(?, projects.name) order by runs.id desc limit ?"
    return _select(connection, where, (name, project, limit))


def newest_names(connection: Connection, project: str | None, limit: int) -> dict[str, str]:
    """Return the paths of the newest runs, in all projects or in one, by their ids and their display names."""
    query = """
        select runs.name, runs.uid, projects.name from runs join projects on projects.id = runs.project
        where projects.name = ifnull(?, projects.name) order by runs.id desc limit ?
    """
    rows = connection.execute(query, (project, limit)).fetchall()
    return {known: f"{of}/{uid}" for name, uid, of in reversed(rows) for known in (name, uid)}


def by_id(connection: Connection, id: int) -> RunRecord:
    """Return a run by its number in the catalog. Raises `NotFound`."""
    records = _select(connection, "where runs.id = ?", (id,))
    if not records:
        raise NotFound("the run was deleted from the store")
    return records[0]


OLDEST_FIRST = "+created_at"


class RunQuery(NamedTuple):
    """Selects the runs of a project, or of the whole store, that filters match.

    `is_alive` returns whether the process that holds a process lock still runs.
    """

    project: str | None
    filters: Filters | None
    is_alive: Callable[[str], bool]

    def where(self, connection: Connection) -> Clause:
        """Return the condition for the selected runs. Raises `InvalidInput`."""
        connection.create_function(
            "artstore_observed_state",
            3,
            lambda state, process_lock, preempting: observed_state(state, process_lock, preempting == 1, self.is_alive),
        )
        condition = filters.where(connection, filter_fields.RUNS, self.filters)
        values = (self.project, self.project, *condition.values)
        return Clause(f"(? is null or projects.name = ?) and {condition.sql}", values)


def find_all(
    connection: Connection,
    selected: RunQuery,
    *,
    order: str = OLDEST_FIRST,
    after: str | None = None,
    limit: int = -1,
) -> list[RunRecord]:
    """Return one page of the selected runs in an order: those after the run with the number `after`.

    Raises `InvalidInput`.
    """
    by = filters.order(filter_fields.RUNS, order)
    where = selected.where(connection)
    tables = "from runs join projects on projects.id = runs.project"
    rest = filters.EVERYTHING if after is None else filters.after_row(by, "runs.id", after, tables)
    terms = filters.order_by(by, "runs.id")
    matching = f"where {where.sql} and {rest.sql} order by {terms.sql}"
    values = (*where.values, *rest.values, *terms.values)
    if limit < 0:
        return _select(connection, matching, values)
    # SQLite sorts whole rows: those of a page are read after their numbers were sorted.
    ids = [row[0] for row in connection.execute(f"select runs.id {tables} {matching} limit ?", (*values, limit))]
    found = _select(connection, "where runs.id in (select value from json_each(?))", (json.dumps(ids),))
    records = {record.id: record for record in found}
    return [records[id] for id in ids if id in records]


def count(connection: Connection, selected: RunQuery) -> int:
    """Count the selected runs. Raises `InvalidInput`."""
    where = selected.where(connection)
    query = f"select count(*) from runs join projects on projects.id = runs.project where {where.sql}"
    return int(connection.execute(query, where.values).fetchone()[0])


def open_runs(connection: Connection) -> list[RunRecord]:
    """Return the runs that are stored as running, the oldest first."""
    return _select(connection, "where runs.state = 'running' order by runs.id")


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
    process_lock: str,
) -> int:
    """Add a run that begins; return its number in the catalog."""
    project = collections.stored_project(connection, project)
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
            process_lock,
            timestamps.now(),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def reopen(connection: Connection, id: int, process_lock: str, environment: Mapping[str, Any]) -> None:
    """Continue a run that has ended, in the process that holds a process lock."""
    connection.execute(
        """
        update runs set state = 'running', session = ?, environment = ?, exit_code = null, ended_at = null,
            preempting = 0
        where id = ?
        """,
        (process_lock, json_text(environment), id),
    )


def clear_logged(connection: Connection, id: int) -> None:
    """Remove the history, config and summary of a run that starts over. The versions it used and produced stay."""
    connection.execute("delete from history where run = ?", (id,))
    connection.execute("update runs set config = '{}', summary = '{}' where id = ?", (id,))


def has_pending(connection: Connection, id: int) -> bool:
    """Return whether a run has upserted to a version that is neither finished nor dropped."""
    query = """
        select exists (
            select 1 from pending_runs join pending on pending.id = pending_runs.pending
            where pending_runs.run = ? and pending.version is null
        )
    """
    return bool(connection.execute(query, (id,)).fetchone()[0])


def delete(connection: Connection, id: int) -> None:
    """Delete a run, its history, and the edges between it and the versions that it used and produced."""
    for table in ("history", "uses", "products", "pending_runs"):
        connection.execute(f"delete from {table} where run = ?", (id,))
    connection.execute("update pending_entries set run = null where run = ?", (id,))
    connection.execute("delete from runs where id = ?", (id,))


def end(connection: Connection, id: int, state: str, exit_code: int | None) -> bool:
    """End a run; return False if it had ended already."""
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
    "preempting": "preempting",
}
_JSON_FIELDS = ("tags", "config", "summary", "environment")


def update(connection: Connection, id: int, changes: Mapping[str, Any]) -> None:
    """Change the fields of a run that `changes` contains, by their names in `RunRecord`. Raises `InvalidInput`."""
    for field, value in changes.items():
        if field not in _COLUMNS:
            raise InvalidInput(f"a run has no field {field!r} that can be changed: use one of {', '.join(_COLUMNS)}")
        if field not in _JSON_FIELDS and not isinstance(value, str | int | None):
            raise WrongValue(f"the {field} of a run cannot be {type(value).__name__}")
        written = json_text(value) if field in _JSON_FIELDS else value
        connection.execute(f"update runs set {_COLUMNS[field]} = ? where id = ?", (written, id))


def merge(connection: Connection, id: int, field: str, changes: Changes) -> None:
    """Change keys of the config or summary of a run, and leave the others as they are."""
    query = f"select {_COLUMNS[field]} from runs where id = ?"
    row = connection.execute(query, (id,)).fetchone()
    if row is not None:
        kept = {key: value for key, value in read_object(row[0]).items() if key not in changes.removed}
        update(connection, id, {field: {**kept, **changes.values}})


def take_over(connection: Connection, id: int, process_lock: str) -> None:
    """Let a running run belong to the process that holds a process lock."""
    connection.execute("update runs set session = ? where id = ?", (process_lock, id))


def append_history(connection: Connection, id: int, rows: Iterable[tuple[int | None, str]]) -> None:
    """Add rows (step, JSON) to the history of a run; a row for a known step is merged into it.

    A row without a step gets the one after the newest.
    """
    stored, newest, numbered = None, -1, []
    for step, data in rows:
        if step is None:
            stored = last_step(connection, id) if stored is None else stored
            step = max(stored, newest) + 1
        newest = max(newest, step)
        numbered.append((id, step, data))
    connection.executemany(
        """
        insert into history (run, step, data) values (?, ?, ?)
        on conflict (run, step) do update set data = json_patch(data, excluded.data)
        """,
        numbered,
    )


def last_step(connection: Connection, id: int) -> int:
    """Return the last step in the history of a run; -1 if it has none."""
    return int(connection.execute("select coalesce(max(step), -1) from history where run = ?", (id,)).fetchone()[0])


def history(connection: Connection, id: int, *, after: int = -1, limit: int = -1) -> list[dict[str, Any]]:
    """Return the rows of a run's history after a step, each with its `_step`."""
    query = "select step, data from history where run = ? and step > ? order by step limit ?"
    return [
        {**read_object(data), "_step": step} for step, data in connection.execute(query, (id, after, limit)).fetchall()
    ]


def add_use(connection: Connection, run: int, version: int, role: str | None) -> bool:
    """Record that a run used a version; return False if that was recorded already."""
    cursor = connection.execute(
        "insert into uses (run, version, role, at) values (?, ?, ?, ?) on conflict do nothing",
        (run, version, role, timestamps.now()),
    )
    return cursor.rowcount == 1


def check_exists(connection: Connection, run: int | None) -> None:
    """Raise `NotFound` if no run has a number, and `WrongValue` if it is none."""
    if not isinstance(run, int | None):
        raise WrongValue(f"the number of a run is an integer, not {run!r}")
    if run is not None and not connection.execute("select 1 from runs where id = ?", (run,)).fetchone():
        raise NotFound(f"no run has the number {run}: list those that there are with `artstore runs`")


def add_product(
    connection: Connection, run: int, version: int, at: str | None = None, *, step: int | None = None
) -> bool:
    """Record that a run produced a version, now or `at` a time; return False if that was recorded already.

    `step` is the step of the run at that time.
    """
    cursor = connection.execute(
        "insert into products (run, version, at, step) values (?, ?, ?, ?) on conflict do nothing",
        (run, version, at or timestamps.now(), step),
    )
    return cursor.rowcount == 1


def product_step(connection: Connection, version: int) -> int | None:
    """Return the step of the run that produced a version first, at that time; None if it is not known."""
    query = "select step from products where version = ? order by at, run limit 1"
    row = connection.execute(query, (version,)).fetchone()
    return row[0] if row else None


def used_by(connection: Connection, version: int, limit: int = -1) -> list[RunRecord]:
    """Return the runs that used a version, in that order, at most `limit`."""
    uses = "select run, at from uses where version = ? order by at, run limit ?"
    return _select(
        connection, f"join ({uses}) as used on used.run = runs.id order by used.at, runs.id", (version, limit)
    )


def count_used_by(connection: Connection, version: int) -> int:
    """Count the runs that used a version."""
    return int(connection.execute("select count(*) from uses where version = ?", (version,)).fetchone()[0])


def produced_by(connection: Connection, version: int) -> list[RunRecord]:
    """Return the runs that produced a version, in that order."""
    where = "join products on products.run = runs.id where products.version = ? order by products.at, runs.id"
    return _select(connection, where, (version,))


def used_versions(connection: Connection, run: int) -> list[int]:
    """Return the ids of the versions that a run used, in that order."""
    query = "select version from uses where run = ? order by at, version"
    return [version for (version,) in connection.execute(query, (run,))]


def produced_versions(connection: Connection, run: int) -> list[int]:
    """Return the ids of the versions that a run produced, in that order."""
    query = "select version from products where run = ? order by at, version"
    return [version for (version,) in connection.execute(query, (run,))]
