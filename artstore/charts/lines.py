"""Line charts: one value against another, for several series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from artstore.charts import drawing
from artstore.charts.axes import Axis, linear_axis, log_axis, number
from artstore.errors import InvalidInput

_LEFT, _TOP = 70.0, 46.0
_WIDTH, _HEIGHT = 540.0, 320.0
_BELOW = 56.0
_ROW = 20.0


def lines(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    x: str,
    y: str,
    log: bool = True,
) -> str:
    """Draw series of points `(x, y)`, connected in the order of x; `log` makes both axes logarithmic.

    `x` and `y` are the labels of the axes, units included. A logarithmic axis cannot show 0 or less: such points are
    left out, and a line below the chart counts them. Raises `InvalidInput` if nothing is left to draw, or if a number
    is not finite.

    >>> svg = lines("commit", {"artstore": [(1e3, 0.1), (1e6, 0.12)]}, "entries", "seconds")
    >>> svg.startswith("<svg")
    True
    """
    for name, points in series.items():
        drawing.check(title, name, chain.from_iterable(points))
    drawable = {name: _drawable(points, log) for name, points in series.items()}
    drawn = list(chain.from_iterable(drawable.values()))
    if not drawn:
        raise InvalidInput(f"{title!r} cannot be drawn: there are no points{' above 0' if log else ''}")
    left_out = sum(map(len, series.values())) - len(drawn)
    plot = _Plot(
        log_axis(point[0] for point in drawn) if log else linear_axis((point[0] for point in drawn), from_zero=False),
        log_axis(point[1] for point in drawn) if log else linear_axis((point[1] for point in drawn), from_zero=True),
    )
    width = _LEFT + _WIDTH + 50 + drawing.width(series) + 16
    height = max(_TOP + _HEIGHT, _TOP + _ROW * len(series)) + _BELOW + (_ROW if left_out else 0)
    parts = [
        *plot.frame(x, y),
        *chain.from_iterable(
            plot.line(index, name, points, x, y) for index, (name, points) in enumerate(drawable.items())
        ),
        *_legend(drawable),
    ]
    if left_out:
        note = f"{left_out} of {left_out + len(drawn)} points left out: logarithmic axes cannot show 0"
        parts.append(drawing.label(_LEFT, height - 12, note, kind="faint"))
    return drawing.document(title, width, height, parts)


def _drawable(points: Sequence[tuple[float, float]], log: bool) -> list[tuple[float, float]]:
    return sorted(point for point in points if not log or min(point) > 0)


def _legend(series: Mapping[str, Sequence[tuple[float, float]]]) -> list[str]:
    """Return the names at the right of the plot, in the order in which the lines end there."""
    order = sorted(
        enumerate(series), key=lambda item: series[item[1]][-1][1] if series[item[1]] else float("-inf"), reverse=True
    )
    parts = []
    for row, (index, name) in enumerate(order):
        across, down = _LEFT + _WIDTH + 16, _TOP + 8 + row * _ROW
        stroke = f'<path class="series {drawing.colour(index)}"{drawing.dash(index)} d="M{across} {down}h26"/>'
        parts += [
            stroke,
            drawing.mark(index, across + 13, down),
            drawing.label(across + 34, down + 4, drawing.shortened(name)),
        ]
    return parts


class _Plot:
    """The area between two axes."""

    def __init__(self, across: Axis, up: Axis) -> None:
        self._across = across
        self._up = up

    def _x(self, value: float) -> float:
        return _LEFT + self._across.position(value) * _WIDTH

    def _y(self, value: float) -> float:
        return _TOP + (1 - self._up.position(value)) * _HEIGHT

    def frame(self, x: str, y: str) -> list[str]:
        """Return the axes with their ticks, numbers and names."""
        bottom, right = _TOP + _HEIGHT, _LEFT + _WIDTH
        parts = drawing.scale(self._across, _LEFT, _WIDTH, _TOP, bottom)
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
            drawing.label(_LEFT + _WIDTH / 2, bottom + 40, x, anchor="middle"),
            f'<g transform="translate(18 {_TOP + _HEIGHT / 2:.0f}) rotate(-90)">{turned}</g>',
        ]

    def line(self, index: int, name: str, points: Sequence[tuple[float, float]], x: str, y: str) -> list[str]:
        """Return one series: its points and the line that connects them."""
        path = "L".join(f"{self._x(across):.1f} {self._y(up):.1f}" for across, up in points)
        strokes = [f'<path class="series {drawing.colour(index)}"{drawing.dash(index)} d="M{path}"/>']
        return (strokes if len(points) > 1 else []) + [
            drawing.mark(index, self._x(across), self._y(up), f"{name}: {number(up)} {y} at {number(across)} {x}")
            for across, up in points
        ]
