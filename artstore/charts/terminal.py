"""Line charts for the terminal: curves of Braille dots, each with a letter at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from artstore.charts.axes import Axis, linear_axis, log_axis, number

Points = Sequence[tuple[float, float]]
Paint = Callable[[int, str], str]
"""Colours a piece of text like a series, which is given by its number."""

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800
_NARROWEST = 10


def letter(index: int) -> str:
    """Return the letter that marks a series."""
    return _LETTERS[index % len(_LETTERS)]


def lines(
    series: Sequence[Points],
    *,
    width: int,
    height: int,
    log: bool = False,
    dots: bool = True,
    paint: Paint | None = None,
) -> list[str]:
    """Draw series of points `(step, value)`; at least one has points. `log` makes the axis of the values logarithmic.

    `width` is that of the terminal, `height` counts the lines of the plot. Without `dots`, for terminals that cannot
    show Braille, curves are drawn with their letters.
    """
    every = [point for points in series for point in points]
    across, up = _steps([point[0] for point in every]), _values([point[1] for point in every], log)
    labels = _labels(up, height)
    margin = max(map(len, labels.values()), default=1)
    canvas = _Canvas(max(_NARROWEST, width - margin - 2), height)
    for index, points in enumerate(series):
        canvas.draw(index, [(across.position(step), up.position(value)) for step, value in points])
    rows = canvas.rows(dots, paint or (lambda index, text: text))
    upright, corner, flat = ("│", "└", "─") if dots else ("|", "+", "-")
    drawn = [f"{labels.get(row, ''):>{margin}} {upright}{text}".rstrip() for row, text in enumerate(rows)]
    return [*drawn, f"{'':>{margin}} {corner}{flat * canvas.width}", f"{'':>{margin}}  {_below(across, canvas.width)}"]


def _steps(values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    return Axis(low, high, False, True) if low < high else Axis(low - 1, high + 1, False, True)


def _values(values: Sequence[float], log: bool) -> Axis:
    return log_axis(values) if log else linear_axis(values, from_zero=False)


def _labels(up: Axis, height: int) -> Mapping[int, str]:
    """Return the numbers left of the plot, by the lines that they stand in."""
    return {round((1 - up.position(value)) * (height - 1)): number(value) for value in up.ticks()}


def _below(across: Axis, width: int) -> str:
    """Return the line of numbers below the plot, without those that have no room."""
    line = ""
    for value in across.ticks():
        text = number(value)
        at = min(round(across.position(value) * (width - 1)), width - len(text))
        if not line or at > len(line) + 1:
            line = f"{line:<{at}}{text}"
    return line


class _Canvas:
    """Cells of 2 x 4 dots each, and the series that drew into each cell last."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self._height = height
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}
        self._ends: dict[tuple[int, int], int] = {}

    def draw(self, index: int, points: Points) -> None:
        """Draw a series of points, each from 0 to 1 in both directions, and its letter at the end."""
        placed = [self._place(*point) for point in points]
        for x, y in _path(placed):
            cell = (x // 2, y // 4)
            self._cells[cell] = (self._cells.get(cell, (0, 0))[0] | _DOTS[y % 4][x % 2], index)
        if placed:
            self._ends[(placed[-1][0] // 2, placed[-1][1] // 4)] = index

    def _place(self, across: float, up: float) -> tuple[int, int]:
        return round(across * (self.width * 2 - 1)), round((1 - up) * (self._height * 4 - 1))

    def rows(self, dots: bool, paint: Paint) -> Iterator[str]:
        """Yield the lines of the plot."""
        for row in range(self._height):
            yield "".join(self._cell((column, row), dots, paint) for column in range(self.width))

    def _cell(self, place: tuple[int, int], dots: bool, paint: Paint) -> str:
        if place in self._ends:
            return paint(self._ends[place], letter(self._ends[place]))
        if place not in self._cells:
            return " "
        mask, index = self._cells[place]
        return paint(index, chr(_BLANK + mask) if dots else letter(index))


def _path(placed: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the dots of a line through dots."""
    yield from placed[:1]
    for (x, y), (to_x, to_y) in pairwise(placed):
        count = max(abs(to_x - x), abs(to_y - y), 1)
        for part in range(1, count + 1):
            yield round(x + (to_x - x) * part / count), round(y + (to_y - y) * part / count)
