"""The pages about runs: their table and curves, one run, and several side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.errors import InvalidInput
from artstore.store import Store
from artstore.web import facts, filter_text, links
from artstore.web.page import Page, Query

_PLAIN = ("project", "job_type", "group", "tags")
_ROWS = 50
_COMPARED = 12
_CARDS = 24
_POINTS = 240
_LISTED = 200
_COLUMNS = 40
"""The most columns that a table shows unless the address names them."""


def table(store: Store, request: Request) -> Page:
    """Show the runs that a filter selects: as a table of what differs between them, or as curves."""
    query = Query(request)
    project = query.text("project") or None
    typed = query.text("q")
    order = query.text("order", "-created_at")
    view = query.one_of("view", ("table", "curves"))
    filters = filter_text.parse(typed)
    records = store.runs.page(project, filters, order=order, after=_after(query), limit=_ROWS)
    rows = [facts.run(store, record) for record in records]
    for row, record in zip(rows, records, strict=True):
        row["values"] = _values(record)
    columns, same = _columns(rows, query.text("columns"))
    data = {
        "runs": rows,
        "count": store.runs.count(project, filters),
        "columns": [{**column, "best": _best(rows, column["key"])} for column in columns],
        "same": {name: rows[0][name] for name in _PLAIN if rows and rows[0][name] and not _differs(rows, name)} | same,
        "plain_columns": [name for name in _PLAIN if _differs(rows, name)],
        "projects": store.projects(),
        "project": project,
        "filter": typed,
        "order": order,
        "view": view,
        "next": query.changed(after=records[-1].id) if len(records) == _ROWS else None,
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
        data |= _curves(store, chosen, query)
    return Page("runs.html", "Runs", data)


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
        **_curves(store, [record], query),
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
        **_curves(store, records, query),
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
        "used": ", ".join(version.qualified_name for version in store.runs.used(record)[:_LISTED]) or None,
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


def _best(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Return the best value of a metric in some rows; None if it is not known which is better."""
    better = facts.better(key) if key.startswith("summary.") else None
    numbers = [value for row in rows if facts.is_number(value := row["values"].get(key))]
    if better is None or len(numbers) < 2:
        return None
    best: float = (min if better == "lower" else max)(numbers)
    return best


def _curves(store: Store, records: Sequence[RunRecord], query: Query) -> dict[str, Any]:
    """Return one card for each metric that the runs logged more than once, by name."""
    named = query.text("metric").lower()
    cards: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        path = f"{record.project}/{record.uid}"
        for key, points in store.runs.curves(record, points=_POINTS).items():
            if named in key.lower():
                series = {"run": path, "name": record.name, "href": links.run(record.project, record.uid)}
                low, high = min(point.low for point in points), max(point.high for point in points)
                cards.setdefault(key, []).append(
                    {**series, "series": facts.series(path), "low": low, "high": high, "last": points[-1].mean}
                    | {"points": [list(point) for point in points]}
                )
    ordered = sorted(cards.items())
    return {
        "cards": [{"metric": key, "series": series} for key, series in ordered[:_CARDS]],
        "hidden_cards": max(0, len(ordered) - _CARDS),
        "metric": query.text("metric"),
        "smooth": query.number("smooth", 0, most=99),
        "log": bool(query.number("log", 0, most=1)),
    }


def _versions(versions: Sequence[Version]) -> list[dict[str, Any]]:
    return [facts.version(version) for version in versions[:_LISTED]]
