"""The pages about runs: their table and curves, one run, and several side by side."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.errors import InvalidInput
from artstore.store import Store
from artstore.web import curves, facts, filter_text, groups, media, parallel
from artstore.web.page import Page, Query

_PLAIN = ("project", "job_type", "group", "tags")
_ROWS = 50
_COMPARED = 12
_MANY = 1000
"""The runs that are read for groups and parallel coordinates, the first ones of the order."""
_COLUMNS = 40
"""The most columns that a table shows unless the address names them."""


def table(store: Store, request: Request) -> Page:
    """Show the runs that a filter selects: as a table of what differs, as curves, by groups, or as a sweep."""
    query = Query(request)
    project = query.text("project") or None
    typed = query.text("q")
    order = query.text("order", "-created_at")
    view = query.one_of("view", ("table", "curves", "groups", "parallel"))
    filters = filter_text.parse(typed)
    window = _MANY if view in ("groups", "parallel") else _ROWS
    records = store.runs.page(project, filters, order=order, after=_after(query), limit=window)
    is_whole = len(records) < window and not query.text("after")
    rows = [facts.run(store, record) for record in records]
    for row, record in zip(rows, records, strict=True):
        row["values"] = _values(record)
    columns, same = _columns(rows, query.text("columns"))
    data = {
        "runs": rows,
        "count": len(records) if is_whole else store.runs.count(project, filters),
        "columns": [{**column, "best": _best(rows, column["key"])} for column in _named_apart(columns)],
        "same": {name: rows[0][name] for name in _PLAIN if rows and rows[0][name] and not _differs(rows, name)} | same,
        "plain_columns": [name for name in _PLAIN if _differs(rows, name)],
        "projects": store.projects(),
        "project": project,
        "filter": typed,
        "order": order,
        "view": view,
        "next": query.changed(after=records[-1].id) if len(records) == window else None,
        "first": query.changed(after=None) if query.text("after") else None,
        "live": any(row["state"] == "running" for row in rows),
        "cards": [],
        "_sorted_by": lambda field: query.changed(
            order=f"+{field}" if order == f"-{field}" else f"-{field}", after=None
        ),
        "_shown_curves": _COMPARED,
    }
    if view == "curves":
        chosen = [_find(store, path) for path in query.every("run")[:_COMPARED]] or records[:_COMPARED]
        data |= curves.cards(store, chosen, query)
    elif view == "groups":
        keys = groups.choices(rows)
        found = groups.groups(rows, query.text("by") or _grouping(rows, keys))
        for group in found["groups"]:
            group["href"] = _members(query, found["by"], group["value"])
        data |= {"keys": keys, **found}
    elif view == "parallel":
        data |= _sweep(rows, query.text("by"))
    return Page("runs.html", "Runs", data)


def _grouping(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> str:
    """Return the first key whose values differ between runs."""
    return next((key for key in keys if len({str(groups.value_of(row, key)) for row in rows}) > 1), keys[0])


def _members(query: Query, by: str, value: Any) -> str | None:
    """Return the address of the runs of one group; None if no filter says it."""
    written = json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | dict) or value is None or (isinstance(value, str) and '"' in value):
        return None
    return query.changed(view=None, by=None, q=f"{query.text('q')} {by}={written}".strip())


def _sweep(rows: Sequence[Mapping[str, Any]], by: str) -> dict[str, Any]:
    keys = parallel.metrics(rows)
    metric = by or next(iter(keys), "")
    measured = [row for row in rows if facts.is_number(row["values"].get(metric))]
    best = parallel.best_of(measured, metric)
    return {
        "by": metric,
        "keys": keys,
        "axes": [axis.key for axis in parallel.axes(rows, metric)],
        "best": best and {"name": best["name"], "href": best["href"], "value": best["values"][metric]},
    }


def overview(store: Store, request: Request) -> Page:
    """Show everything about one run."""
    query = Query(request)
    record = store.runs.find(f"{request.path_params['project']}/{request.path_params['id']}", "")
    row = facts.run(store, record)
    data = {
        "run": row,
        "config": facts.flat(record.config),
        "summary": {key: value for key, value in facts.flat(record.summary).items() if not key.startswith("_")},
        "environment": record.environment,
        "exit_code": record.exit_code,
        "used": _versions(store.runs.used(record)),
        "logged": _versions(store.runs.produced(record)),
        "live": row["state"] == "running",
        **media.shown(store, record, query),
        **media.files(store, record),
        **curves.cards(store, [record], query),
    }
    return Page("run.html", record.name, data)


def compare(store: Store, request: Request) -> Page:
    """Show runs side by side: first what differs in config, summary and code, then their curves."""
    query = Query(request)
    paths = query.every("run")
    if len(paths) > _COMPARED:
        raise InvalidInput(f"{len(paths)} runs are selected: compare {_COMPARED} at most, or use the table of runs")
    records = [_find(store, path) for path in paths]
    rows = [facts.run(store, record) for record in records]
    every = [_compared_values(store, record, row) for record, row in zip(records, rows, strict=True)]
    keys = list(dict.fromkeys(key for values in every for key in values))
    lines = [_compared_line(key, [values.get(key) for values in every]) for key in keys]
    data = {
        "runs": rows,
        "different": [line for line in lines if not line["same"]],
        "same": [line for line in lines if line["same"]],
        "live": False,
        **curves.cards(store, records, query),
    }
    return Page("compare_runs.html", "Compare runs", data)


def _compared_values(store: Store, record: RunRecord, row: Mapping[str, Any]) -> dict[str, Any]:
    git = record.environment.get("git") or {}
    return {
        **_values(record),
        "state": row["state"],
        "seconds": row["seconds"],
        "job type": record.job_type,
        "group": record.group,
        "commit": git.get("commit"),
        "changed files": git.get("dirty"),
        "used": ", ".join(version.qualified_name for version in store.runs.used(record)[: facts.LISTED]) or None,
    }


def _compared_line(key: str, values: list[Any]) -> dict[str, Any]:
    # Equal numbers of different types look the same to people, True and 1 do not.
    written = {json.dumps(value, sort_keys=True, default=str) for value in values}
    metric = key.removeprefix("summary.")
    better = facts.better(metric) if key.startswith("summary.") else None
    numbers = [value for value in values if facts.is_number(value)]
    best = (min if better == "lower" else max)(numbers) if better and len(numbers) > 1 else None
    return {"key": key, "values": values, "same": len(written) == 1, "best": best, "better": better}


def _find(store: Store, path: str) -> RunRecord:
    return store.runs.find(path, "")


def _after(query: Query) -> str | None:
    number = query.number("after", 0)
    return str(number) if number else None


def _values(record: RunRecord) -> dict[str, Any]:
    config = {f"config.{key}": value for key, value in facts.flat(record.config).items()}
    summary = facts.flat(record.summary).items()
    return config | {f"summary.{key}": value for key, value in summary if not key.startswith("_")}


def _columns(rows: Sequence[Mapping[str, Any]], wanted: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the columns to show, and the values that are the same in all rows."""
    keys = list(dict.fromkeys(key for row in rows for key in row["values"]))
    keys.sort(key=lambda key: not key.startswith("config."))
    if wanted:
        return [_column(key, rows) for key in wanted.split(",") if key in keys], {}
    same: dict[str, Any] = {}
    shown = []
    for key in keys:
        written = {json.dumps(row["values"].get(key), sort_keys=True, default=str) for row in rows}
        if len(written) == 1 and len(rows) > 1:
            same[key] = rows[0]["values"][key]
        else:
            shown.append(_column(key, rows))
    return shown[:_COLUMNS], same


def _differs(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(row[name] != rows[0][name] for row in rows)


def _column(key: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    values = [row["values"][key] for row in rows if key in row["values"]]
    sortable = '"' not in key and "\0" not in key and all(key.split("."))
    label, numeric = key.partition(".")[2], all(map(facts.is_number, values))
    return {"key": key, "label": label, "numeric": numeric, "sortable": sortable}


def _named_apart(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give columns of one name their full key: a learning rate may be in the config and in the summary."""
    counts = Counter(column["label"] for column in columns)
    return [column | {"label": column["key"]} if counts[column["label"]] > 1 else column for column in columns]


def _best(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Return the best value of a metric in some rows; None if it is not known which is better."""
    better = facts.better(key) if key.startswith("summary.") else None
    numbers = [value for row in rows if facts.is_number(value := row["values"].get(key))]
    if better is None or len(numbers) < 2:
        return None
    best: float = (min if better == "lower" else max)(numbers)
    return best


def _versions(versions: Sequence[Version]) -> list[dict[str, Any]]:
    return [facts.version(version) for version in versions[: facts.LISTED]]
