"""Runs by groups: one row for all runs that share a value of their config or a field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from artstore.web import facts

FIELDS = ("group", "job_type", "project", "state")
_METRICS = 12


def choices(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys by which runs may be grouped: their fields, and the keys of their config."""
    keys = dict.fromkeys(key for row in rows for key in row["values"] if key.startswith("config."))
    return [*FIELDS, *keys]


def groups(rows: Sequence[Mapping[str, Any]], by: str) -> dict[str, Any]:
    """Return a row for each value of `by`, the largest first, with the mean, lowest and highest of each metric."""
    members: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        members.setdefault(json.dumps(value_of(row, by), sort_keys=True, default=str), []).append(row)
    metrics = list(
        dict.fromkeys(
            key
            for row in rows
            for key, value in row["values"].items()
            if key.startswith("summary.") and facts.is_number(value)
        )
    )[:_METRICS]
    found = [_group(json.loads(value), runs, metrics) for value, runs in members.items()]
    found.sort(key=_place)
    for metric in metrics:
        _mark_best(found, metric)
    return {"by": by, "metrics": metrics, "groups": found}


def _group(value: Any, runs: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> dict[str, Any]:
    spread: dict[str, dict[str, Any]] = {}
    for metric in metrics:
        numbers = [number for run in runs if facts.is_number(number := run["values"].get(metric))]
        if numbers:
            mean = sum(numbers) / len(numbers)
            spread[metric] = {"mean": mean, "low": min(numbers), "high": max(numbers), "best": False}
    seconds = sum(run["seconds"] or 0 for run in runs)
    return {"value": value, "count": len(runs), "seconds": seconds, "metrics": spread}


def _place(group: Mapping[str, Any]) -> tuple[int, float, str]:
    value = group["value"]
    return (-group["count"], value if facts.is_number(value) else 0.0, str(value))


def _mark_best(groups: Sequence[Mapping[str, Any]], metric: str) -> None:
    better = facts.better(metric)
    spreads = [group["metrics"][metric] for group in groups if metric in group["metrics"]]
    if better and len(spreads) > 1:
        best = (min if better == "lower" else max)(spreads, key=lambda spread: spread["mean"])
        best["best"] = True


def value_of(row: Mapping[str, Any], by: str) -> Any:
    """Return the value of a run by which it is grouped."""
    return row[by] if by in FIELDS else row["values"].get(by)
