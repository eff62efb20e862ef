"""Small drawings of data as SVG, for notebooks: lines, bars and marks over two axes, and points in space."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT, _EDGE = 420, 240, 34
_COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e")
_MOST = 2_000
"""The most points of a series that are drawn."""


class Series(NamedTuple):
    """Points `(x, y)` that are drawn as a `line`, as `bars` or as `marks`."""

    name: str
    points: Sequence[tuple[float, float]]
    kind: str = "line"


class Spot(NamedTuple):
    """A point in space, with a colour and a radius in pixels."""

    x: float
    y: float
    z: float
    colour: str = _COLOURS[0]
    radius: float = 2.0


Corner = tuple[float, float, float]


def series(drawn: Iterable[Series], caption: str) -> str | None:
    """Draw series over common axes; None if there is nothing to draw."""
    kept = [
        one._replace(points=_thinned([point for point in one.points if all(map(math.isfinite, point))]))
        for one in drawn
    ]
    kept = [one for one in kept if one.points]
    if not kept:
        return None
    x, y = _Range([p[0] for one in kept for p in one.points]), _Range([p[1] for one in kept for p in one.points])
    parts = [part for index, one in enumerate(kept) for part in _series(one, _COLOURS[index % len(_COLOURS)], x, y)]
    bottom, names = _HEIGHT - 12, ", ".join(one.name for one in kept if one.name)
    parts += [
        _text(_EDGE, bottom, f"{x.low:.4g}"),
        _text(_WIDTH - 4, bottom, f"{x.high:.4g}", "end"),
        _text(_EDGE - 4, _HEIGHT - _EDGE, f"{y.low:.3g}", "end"),
        _text(_EDGE - 4, 14, f"{y.high:.3g}", "end"),
    ]
    return _figure(parts, ": ".join(filter(None, [caption, names])))


def space(spots: Sequence[Spot], edges: Sequence[tuple[Corner, Corner]], caption: str) -> str | None:
    """Draw points and lines in space, seen from above and from the side; None if there is nothing to draw."""
    spots = [spot for spot in _thinned(spots) if all(map(math.isfinite, spot[:3]))]
    flat = [_flat(spot[:3]) for spot in spots]
    ends = [(_flat(start), _flat(end)) for start, end in edges]
    every = [*flat, *(point for pair in ends for point in pair)]
    if not every:
        return None
    x, y = _Range([point[0] for point in every]), _Range([point[1] for point in every])
    scale = min((_WIDTH - 20) / x.length, (_HEIGHT - 20) / y.length)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across = _WIDTH / 2 + (point[0] - (x.low + x.high) / 2) * scale
        return across, _HEIGHT / 2 - (point[1] - (y.low + y.high) / 2) * scale

    parts = []
    for start, end in ends:
        (from_x, from_y), (to_x, to_y) = place(start), place(end)
        parts.append(f'<path d="M{from_x:.1f} {from_y:.1f}L{to_x:.1f} {to_y:.1f}" stroke="#888" fill="none"/>')
    # What is farther away is drawn first.
    for _, spot, point in sorted(zip((s.y for s in spots), spots, flat, strict=True), key=lambda one: -one[0]):
        across, down = place(point)
        parts.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="{spot.radius}" fill="{escape(spot.colour)}"/>')
    return _figure(parts, caption)


class _Range:
    """The range of some numbers."""

    def __init__(self, values: Sequence[float]) -> None:
        self.low, self.high = min(values), max(values)
        self.length = self.high - self.low or 1.0

    def part(self, value: float) -> float:
        """Return where a number is, from 0 to 1."""
        return (value - self.low) / self.length


def _thinned(points: Sequence) -> Sequence:  # type: ignore[type-arg]
    return points if len(points) <= _MOST else [points[len(points) * number // _MOST] for number in range(_MOST)]


def _flat(point: Sequence[float]) -> tuple[float, float]:
    x, y, z = point
    return x * 0.87 - y * 0.5, z * 0.87 + (x + y) * 0.3


def _series(one: Series, colour: str, x: _Range, y: _Range) -> list[str]:
    placed = [
        (_EDGE + x.part(across) * (_WIDTH - _EDGE - 8), (1 - y.part(up)) * (_HEIGHT - _EDGE - 10) + 10)
        for across, up in one.points
    ]
    if one.kind == "bars":
        base = _HEIGHT - _EDGE + 2
        return [f'<path d="M{a:.1f} {base}V{d:.1f}" stroke="{colour}" stroke-width="6"/>' for a, d in placed]
    if one.kind == "line" and len(placed) > 1:
        path = "L".join(f"{across:.1f} {down:.1f}" for across, down in placed)
        return [f'<path d="M{path}" stroke="{colour}" fill="none" stroke-width="1.5"/>']
    return [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="2.5" fill="{colour}"/>' for across, down in placed]


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" font-size="10" fill="#888" text-anchor="{anchor}">{escape(words)}</text>'


def _figure(parts: Sequence[str], caption: str) -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    label = f'role="img" aria-label="{escape(caption)}"'
    return f'<figure style="display:inline-block;margin:4px"><svg {size} {label}>{"".join(parts)}</svg>{below}</figure>'
