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
from artstore.runtime import words
from artstore.store import Store
from artstore.web import curves, facts, filter_text, groups, links, media, parallel
from artstore.web.page import Page, Query

_PLAIN = ("project", "job_type", "group", "tags")
_ROWS = 50
_COMPARED = 12
_MANY = 1000
"""The runs that are read for groups and parallel coordinates, the first ones of the order."""
_COLUMNS = 40
"""The most columns that a table shows unless the address names them."""
_CHOOSABLE = 200
_METRICS_FIRST = 8
"""The metrics that stand before the config: the rest is behind it."""
_WORDS = ("display_name", "state", "job_type", "group", "project")
"""The fields that a heading first sorts from A to Z."""


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
    keys = list(dict.fromkeys(key for row in rows for key in row["values"]))
    wanted = [key for names in query.every("columns") for key in names.split(",")]
    columns, same = _columns(rows, keys, wanted, order)
    data = {
        "runs": rows,
        "count": len(records) if is_whole else store.runs.count(project, filters),
        "columns": [{**column, "best": _best(rows, column["key"])} for column in _named_apart(columns)],
        "same": {name: rows[0][name] for name in _PLAIN if rows and rows[0][name] and not _differs(rows, name)} | same,
        "leading": min(1, len(columns)),
        "compared": links.compare_runs(row["path"] for row in rows[:2])
        if _by_metric(order) and len(rows) > 1
        else None,
        "choosable": [key for key in keys if "," not in key][:_CHOOSABLE],
        "chosen": bool(wanted),
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
        "_sorted_by": lambda field: query.changed(order=_next_order(field, order), after=None),
        "_shown_columns": {column["key"] for column in columns},
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
        data["_as_table"] = query.changed(view=None, by=None, order=_next_order(str(data["by"]), ""))
    return Page("runs.html", "Runs", data)


def _next_order(field: str, order: str) -> str:
    """Return the order that a click on a heading gives: first the best or the largest first, then the reverse."""
    lower = field in _WORDS or (field.startswith("summary.") and facts.better(field) == "lower")
    first, second = (f"+{field}", f"-{field}") if lower else (f"-{field}", f"+{field}")
    return second if order in (first, first.lstrip("+")) else first


def _by_metric(order: str) -> bool:
    return order.lstrip("+-").startswith("summary.")


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
    best = [
        {"name": row["name"], "path": row["path"], "href": row["href"], "value": row["values"][metric]}
        for row in parallel.best_of(measured, metric)
    ]
    return {
        "by": metric,
        "keys": keys,
        "axes": [axis.key for axis in parallel.axes(rows, metric)],
        "best": best,
        "compared": links.compare_runs(row["path"] for row in best) if len(best) > 1 else None,
    }


def overview(store: Store, request: Request) -> Page:
    """Show everything about one run."""
    query = Query(request)
    record = store.runs.find(f"{request.path_params['project']}/{request.path_params['id']}", "")
    row = facts.run(store, record)
    data = {
        "run": row,
        "config": facts.flat(record.config),
        "summary": facts.summary(record.summary),
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
    rows = facts.runs(store, records)
    used = [_versions(store.runs.used(record)) for record in records]
    every = [_compared_values(*one) for one in zip(records, rows, used, strict=True)]
    keys = list(dict.fromkeys(key for values in every for key in values))
    lines = [_compared_line(key, [values.get(key) for values in every]) for key in keys]
    data = {
        "runs": rows,
        "inputs": used,
        "different": [line for line in lines if not line["same"]],
        "same": [line for line in lines if line["same"]],
        "live": False,
        **curves.cards(store, records, query),
    }
    return Page("compare_runs.html", "Compare runs", data)


def _compared_values(record: RunRecord, row: Mapping[str, Any], used: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    git = record.environment.get("git") or {}
    return {
        **_values(record),
        "state": row["state"],
        "seconds": row["seconds"],
        "job type": record.job_type,
        "group": record.group,
        "commit": git.get("commit"),
        "changed files": git.get("dirty"),
        "used": ", ".join(version["qualified_name"] for version in used) or None,
    }


def _compared_line(key: str, values: list[Any]) -> dict[str, Any]:
    # Equal numbers of different types look the same to people, True and 1 do not.
    written = {words.duration(value) if key == "seconds" and value else _written(value) for value in values}
    metric = key.removeprefix("summary.")
    better = facts.better(metric) if key.startswith("summary.") else None
    best = facts.best(values, metric) if better else None
    return {"key": key, "values": values, "same": len(written) == 1, "best": best, "better": better}


def _find(store: Store, path: str) -> RunRecord:
    return store.runs.find(path, "")


def _after(query: Query) -> str | None:
    number = query.number("after", 0)
    return str(number) if number else None


def _values(record: RunRecord) -> dict[str, Any]:
    config = {f"config.{key}": value for key, value in facts.flat(record.config).items()}
    return config | {f"summary.{key}": value for key, value in facts.summary(record.summary).items()}


def _columns(
    rows: Sequence[Mapping[str, Any]], keys: Sequence[str], wanted: Sequence[str], order: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the columns to show, and the values that are the same in all rows.

    The column that sorts is the first. Then come metrics by which runs are judged, the config, other metrics, and what
    has one value in some runs and none in others.
    """
    if wanted:
        return [_column(key, rows) for key in wanted if key in keys], {}
    same: dict[str, Any] = {}
    partly: list[str] = []
    metrics: list[str] = []
    config: list[str] = []
    for key in keys:
        written = {_written(row["values"][key]) for row in rows if key in row["values"]}
        everywhere = all(key in row["values"] for row in rows)
        if len(written) == 1 and everywhere and len(rows) > 1:
            same[key] = rows[0]["values"][key]
        elif len(written) == 1 and not everywhere:
            partly.append(key)
        else:
            (config if key.startswith("config.") else metrics).append(key)
    metrics.sort(key=facts.judged_first)
    shown = [*metrics[:_METRICS_FIRST], *config, *metrics[_METRICS_FIRST:], *partly]
    shown.sort(key=lambda key: key != order.lstrip("+-"))
    return [_column(key, rows) for key in shown[:_COLUMNS]], same


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


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
    return facts.best((row["values"].get(key) for row in rows), key) if key.startswith("summary.") else None


def _versions(versions: Sequence[Version]) -> list[dict[str, Any]]:
    return [facts.version(version) for version in versions[: facts.LISTED]]
