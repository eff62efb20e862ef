"""The curves of runs: one card for each metric, for all steps or for those that the address names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from artstore.core.runs import RunRecord
from artstore.store import Store
from artstore.web import facts, links
from artstore.web.page import Query

_CARDS = 24
_POINTS = 240
SHOWN = ("metric", "smooth", "log", "from", "to")
"""The parameters of an address that choose what curves show."""


def cards(store: Store, records: Sequence[RunRecord], query: Query) -> dict[str, Any]:
    """Return one card for each metric that the runs logged more than once, by name; `from` and `to` choose steps.

    Counters such as `epoch` come last.
    """
    named = query.text("metric").lower()
    first = query.number("from", 0) if query.text("from") else None
    last = query.number("to", 0) if query.text("to") else None
    found: dict[str, list[dict[str, Any]]] = {}
    looks = facts.apart(f"{record.project}/{record.uid}" for record in records)
    for record in records:
        path = f"{record.project}/{record.uid}"
        for key, points in store.runs.curves(record, points=_POINTS, first=first, last=last).items():
            if named in key.lower():
                series = {"run": path, "name": record.name, "href": links.run(record.project, record.uid)}
                low, high = min(point.low for point in points), max(point.high for point in points)
                found.setdefault(key, []).append(
                    {**series, "series": looks[path], "low": low, "high": high, "last": points[-1].mean}
                    | {"points": [list(point) for point in points]}
                )
    ordered = facts.cards_in_order(found)
    return {
        "cards": [{"metric": key, "series": series} for key, series in ordered[:_CARDS]],
        "hidden_cards": max(0, len(ordered) - _CARDS),
        "metric": query.text("metric"),
        "smooth": query.number("smooth", 0, most=99),
        "log": bool(query.number("log", 0, most=1)),
        "first_step": first,
        "last_step": last,
        "all_steps": query.changed(**{"from": None, "to": None}) if first is not None or last is not None else None,
    }
