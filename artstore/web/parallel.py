"""Parallel coordinates: each run as a line across its config and one metric, for sweeps.

An axis of numbers is logarithmic if its values span two decades or more; texts and truth values are evenly spaced. An
axis of few values names each of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from artstore.charts.axes import linear_axis, log_axis, number
from artstore.web import facts

_WIDTH, _HEIGHT = 1200, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 90, 40, 24
_AXES = 10
_LABELS = 12
_WIDE = 100
"""The ratio of the largest to the smallest value from which an axis is logarithmic."""
_FEW = 6
_NAME = 22
"""The characters of a name or value that fit beside an axis."""


class Upright(NamedTuple):
    """One axis: its key, the place of each value from 0 (low) to 1 (high), and the labels beside it."""

    key: str
    places: Mapping[str, float]
    labels: Sequence[tuple[float, str]]


def metrics(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the metrics by which runs may be judged, held-out data first, and last those that count steps."""
    keys = dict.fromkeys(
        key
        for row in rows
        for key, value in row["values"].items()
        if key.startswith("summary.") and facts.is_number(value)
    )
    return sorted(keys, key=facts.judged_first)


def axes(rows: Sequence[Mapping[str, Any]], metric: str) -> list[Upright]:
    """Return the axes of the config that differs between runs, and of a metric as the last one."""
    keys = dict.fromkeys(key for row in rows for key in row["values"] if key.startswith("config."))
    found: list[Upright] = []
    for key in keys:
        values = [row["values"][key] for row in rows if key in row["values"]]
        if len({_written(value) for value in values}) > 1 and len(found) < _AXES:
            found.append(_axis(key, values))
    numbers = [value for row in rows if facts.is_number(value := row["values"].get(metric))]
    return [*found, _axis(metric, numbers)] if numbers else found


def draw(rows: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Return the drawing as SVG, with a line for each run that has the metric; the best one is drawn strongest."""
    uprights = axes(rows, metric)
    drawn = [row for row in rows if facts.is_number(row["values"].get(metric))]
    if len(uprights) < 2 or not drawn:
        return ""
    best = next(iter(best_of(drawn, metric)), None)
    words = f"{len(drawn)} runs across {', '.join(upright.key for upright in uprights)}"
    parts = [f'<svg class="parallel" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="group" aria-label="{escape(words)}">']
    parts += [_line(row, uprights, best=row is best) for row in sorted(drawn, key=lambda row: row is best)]
    for index, upright in enumerate(uprights):
        parts += _frame(upright, _x(index, len(uprights)))
    return "".join([*parts, "</svg>"])


def best_of(rows: Sequence[Mapping[str, Any]], metric: str) -> list[Mapping[str, Any]]:
    """Return the two runs with the best values of a metric; none if its name does not say which is better."""
    better = facts.better(metric)
    ordered = sorted(rows, key=lambda row: row["values"][metric], reverse=better == "higher")
    return ordered[:2] if better else []


def _axis(key: str, values: Sequence[Any]) -> Upright:
    if all(map(facts.is_number, values)):
        wide = min(values) > 0 and max(values) / min(values) >= _WIDE
        scale = log_axis(values) if wide else linear_axis(values, from_zero=False)
        places = {_written(value): scale.position(value) for value in values}
        few = sorted(set(values)) if len(set(values)) <= _FEW else scale.ticks()
        return Upright(key, places, [(scale.position(tick), number(tick)) for tick in few])
    texts = sorted({_written(value) for value in values})
    places = {text: (index + 0.5) / len(texts) for index, text in enumerate(texts)}
    every = 1 + (len(texts) - 1) // _LABELS
    return Upright(key, places, [(places[text], _shortened(text.strip('"'))) for text in texts[::every]])


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def _shortened(text: str) -> str:
    return text if len(text) <= _NAME else text[: _NAME - 1] + "…"


def _x(index: int, count: int) -> float:
    return _LEFT + index * (_WIDTH - _LEFT - _RIGHT) / (count - 1)


def _y(place: float) -> float:
    return _HEIGHT - _BOTTOM - place * (_HEIGHT - _TOP - _BOTTOM)


def _line(row: Mapping[str, Any], uprights: Sequence[Upright], *, best: bool) -> str:
    points = []
    for index, upright in enumerate(uprights):
        value = row["values"].get(upright.key)
        if (place := upright.places.get(_written(value))) is not None:
            points.append(f"{_x(index, len(uprights)):.1f} {_y(place):.1f}")
    metric = uprights[-1].key.partition(".")[2]
    said = f"{row['name']}: {metric} {number(row['values'][uprights[-1].key])}"
    style = f"s{row['series'] % 9} d{row['series'] // 9 % 3}{' leads' if best else ''}"
    return (
        f'<a href="{escape(row["href"])}" aria-label="{escape(said)}">'
        f'<path class="curve {style}" d="M{"L".join(points)}"><title>{escape(said)}</title></path></a>'
    )


def _frame(upright: Upright, x: float) -> list[str]:
    label = _shortened(upright.key.partition(".")[2])
    parts = [
        f'<line class="axis" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}"/>',
        f'<text class="key" x="{x:.1f}" y="{_TOP - 16}" text-anchor="middle">{escape(label)}'
        f"<title>{escape(upright.key)}</title></text>",
    ]
    for place, text in upright.labels:
        parts.append(f'<text x="{x + 6:.1f}" y="{_y(place) + 4:.1f}">{escape(text)}</text>')
    return parts
