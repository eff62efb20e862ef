"""Bar charts: groups of horizontal bars, one below the other, each with its number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from artstore.charts import drawing
from artstore.charts.axes import Axis, linear_axis, log_axis, number
from artstore.errors import InvalidInput

_LEFT, _TOP = 16.0, 44.0
_WIDTH = 460.0
_BAR, _GAP = 16.0, 14.0
_ROW = 20.0
_NUMBER = 64.0


def bars(title: str, rows: Mapping[str, Mapping[str, float]], unit: str, log: bool = False) -> str:
    """Draw a group of bars for each row, with one bar for each series that the row has a value for.

    `log` makes the axis logarithmic: it begins below the smallest value above 0, and 0 has no bar. Raises
    `InvalidInput` if there is nothing to draw, or if a number is negative or not finite.

    >>> svg = bars("log 100,000 files", {"first": {"artstore": 2.1, "cp": 3.0}}, "seconds")
    >>> svg.startswith("<svg")
    True
    """
    series = list(dict.fromkeys(chain.from_iterable(rows.values())))
    values = [value for row in rows.values() for value in row.values()]
    _check(title, rows, [value for value in values if value > 0 or not log])
    if log:
        logarithmic = log_axis(value for value in values if value > 0)
        axis = Axis(logarithmic.low / 1.5, logarithmic.high, True)
    else:
        axis = linear_axis(values, from_zero=True)
    begin = _LEFT + drawing.width(rows) + 12
    total_width = begin + _WIDTH + _NUMBER
    keys, top = _legend(series, total_width)
    bottom = top + sum(_GAP + _BAR * len(row) for row in rows.values()) + _GAP
    parts = [*keys, *_frame(axis, begin, top, bottom, unit)]
    down = top + _GAP
    for name, row in rows.items():
        parts.append(drawing.label(begin - 10, down + _BAR * len(row) / 2 + 4, drawing.shortened(name), anchor="end"))
        for key, value in row.items():
            parts += _bar(series.index(key), f"{name}, {key}: {number(value)} {unit}", value, axis, begin, down)
            down += _BAR
        down += _GAP
    return drawing.document(title, total_width, bottom + 48, parts)


def _check(title: str, rows: Mapping[str, Mapping[str, float]], drawable: Sequence[float]) -> None:
    for name, row in rows.items():
        drawing.check(title, name, row.values())
        if any(value < 0 for value in row.values()):
            raise InvalidInput(f"{title!r} cannot be drawn: {name!r} holds a number below 0")
    if not drawable:
        raise InvalidInput(f"{title!r} cannot be drawn: there are no numbers")


def _legend(series: Sequence[str], total_width: float) -> tuple[list[str], float]:
    """Return the names above the bars, in as many lines as they need, and the height where they end."""
    parts = []
    across, down = _LEFT + 6, _TOP + 6
    for index, name in enumerate(series):
        needed = 36 + drawing.width([name])
        if index and across + needed > total_width:
            across, down = _LEFT + 6, down + _ROW
        parts += [drawing.mark(index, across, down), drawing.label(across + 12, down + 4, drawing.shortened(name))]
        across += needed
    return parts, down + 16


def _frame(axis: Axis, begin: float, top: float, bottom: float, unit: str) -> list[str]:
    return [
        *drawing.scale(axis, begin, _WIDTH, top, bottom),
        drawing.rule(begin, top, begin, bottom, "frame"),
        drawing.label(begin + _WIDTH / 2, bottom + 38, unit, anchor="middle"),
    ]


def _bar(index: int, title: str, value: float, axis: Axis, begin: float, down: float) -> list[str]:
    length = axis.position(value) * _WIDTH if value > 0 else 0.0
    return [
        f'<rect class="mark {drawing.colour(index)}" x="{begin:.1f}" y="{down + 1:.1f}" width="{length:.1f}" '
        f'height="{_BAR - 2:.1f}" rx="2"><title>{drawing.text(title)}</title></rect>',
        drawing.label(begin + length + 6, down + _BAR / 2 + 4, number(value), kind="faint"),
    ]
