"""Line charts: one value against another, for several series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from artstore.charts import drawing
from artstore.charts.axes import Axis, linear_axis, log_axis, number
from artstore.errors import InvalidInput

_LEFT, _TOP = 70.0, 46.0
_WIDE, _HIGH = 540.0, 320.0
_BELOW = 56.0
_ROW = 20.0


def lines(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    x: str,
    y: str,
    log: bool = True,
) -> str:
    """Draw series of points `(x, y)`, each joined in the order of its x; `log` makes both axes logarithmic.

    `x` and `y` say what the axes are, units included. A logarithmic axis has no place for 0 and less: such points
    are left out, and a line below the chart counts them. Raises `InvalidInput` where nothing is left to draw, or if a
    number is not finite.

    >>> svg = lines("commit", {"artstore": [(1e3, 0.1), (1e6, 0.12)]}, "entries", "seconds")
    >>> svg.startswith("<svg")
    True
    """
    for name, points in series.items():
        drawing.check(title, name, chain.from_iterable(points))
    placed = {name: _placeable(points, log) for name, points in series.items()}
    drawn = list(chain.from_iterable(placed.values()))
    if not drawn:
        raise InvalidInput(f"{title!r} cannot be drawn: there are no points{' above 0' if log else ''}")
    left_out = sum(map(len, series.values())) - len(drawn)
    plot = _Plot(
        log_axis(point[0] for point in drawn) if log else linear_axis((point[0] for point in drawn), from_zero=False),
        log_axis(point[1] for point in drawn) if log else linear_axis((point[1] for point in drawn), from_zero=True),
    )
    wide = _LEFT + _WIDE + 50 + drawing.width(series) + 16
    high = max(_TOP + _HIGH, _TOP + _ROW * len(series)) + _BELOW + (_ROW if left_out else 0)
    parts = [
        *plot.frame(x, y),
        *chain.from_iterable(
            plot.line(index, name, points, x, y) for index, (name, points) in enumerate(placed.items())
        ),
        *_legend(placed),
    ]
    if left_out:
        said = f"{left_out} of {left_out + len(drawn)} points left out: 0 has no place on logarithmic axes"
        parts.append(drawing.label(_LEFT, high - 12, said, kind="faint"))
    return drawing.document(title, wide, high, parts)


def _placeable(points: Sequence[tuple[float, float]], log: bool) -> list[tuple[float, float]]:
    return sorted(point for point in points if not log or min(point) > 0)


def _legend(series: Mapping[str, Sequence[tuple[float, float]]]) -> list[str]:
    """The names beside the plot, in the order in which the lines end there."""
    order = sorted(
        enumerate(series), key=lambda each: series[each[1]][-1][1] if series[each[1]] else float("-inf"), reverse=True
    )
    parts = []
    for row, (index, name) in enumerate(order):
        across, down = _LEFT + _WIDE + 16, _TOP + 8 + row * _ROW
        stroke = f'<path class="series {drawing.colour(index)}"{drawing.dash(index)} d="M{across} {down}h26"/>'
        parts += [
            stroke,
            drawing.mark(index, across + 13, down),
            drawing.label(across + 34, down + 4, drawing.shown(name)),
        ]
    return parts


class _Plot:
    """The area between two axes."""

    def __init__(self, across: Axis, up: Axis) -> None:
        self._across = across
        self._up = up

    def _x(self, value: float) -> float:
        return _LEFT + self._across.part(value) * _WIDE

    def _y(self, value: float) -> float:
        return _TOP + (1 - self._up.part(value)) * _HIGH

    def frame(self, x: str, y: str) -> list[str]:
        """The axes with their marks, numbers and names."""
        bottom, right = _TOP + _HIGH, _LEFT + _WIDE
        parts = drawing.scale(self._across, _LEFT, _WIDE, _TOP, bottom)
        for value in self._up.ticks():
            at = self._y(value)
            parts += [
                drawing.rule(_LEFT, at, right, at, "grid"),
                drawing.label(_LEFT - 8, at + 4, number(value), anchor="end", kind="faint"),
            ]
        turned = drawing.label(0, 0, y, anchor="middle")
        return [
            *parts,
            drawing.rule(_LEFT, bottom, right, bottom, "frame"),
            drawing.rule(_LEFT, _TOP, _LEFT, bottom, "frame"),
            drawing.label(_LEFT + _WIDE / 2, bottom + 40, x, anchor="middle"),
            f'<g transform="translate(18 {_TOP + _HIGH / 2:.0f}) rotate(-90)">{turned}</g>',
        ]

    def line(self, index: int, name: str, points: Sequence[tuple[float, float]], x: str, y: str) -> list[str]:
        """One series: its points, joined."""
        way = "L".join(f"{self._x(across):.1f} {self._y(up):.1f}" for across, up in points)
        joined = [f'<path class="series {drawing.colour(index)}"{drawing.dash(index)} d="M{way}"/>']
        return (joined if len(points) > 1 else []) + [
            drawing.mark(index, self._x(across), self._y(up), f"{name}: {number(up)} {y} at {number(across)} {x}")
            for across, up in points
        ]
