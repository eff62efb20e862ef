"""Draw curves and bars as SVG inside pages: colours and fonts come from the page's style sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from artstore.charts.axes import Axis, linear_axis, log_axis, number
from artstore.charts.smoothing import smoothed

_WIDTH, _HEIGHT = 520, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 10, 10, 28
_COLOURS = 9
_LARGEST = 1e300
"""Beyond this, an axis cannot be computed in floating point."""


def curves(metric: str, series: Sequence[Mapping[str, Any]], smooth: float = 0.0, log: bool = False) -> str:
    """Return one chart of a metric over steps: for each run a line, its marks, and the range of values behind it.

    A series has `name`, `series` (the number of its colour) and `points`: each [step, mean, low, high]. `smooth` from 0
    to below 1 is the weight of what came before. A logarithmic axis leaves out 0 and less.
    """
    drawable = [(one, kept) for one in series if (kept := [point for point in one["points"] if _fits(point, log)])]
    points = [point for _, kept in drawable for point in kept]
    if not points:
        return ""
    across = linear_axis((point[0] for point in points), from_zero=False)
    across = across._replace(low=min(point[0] for point in points), high=max(point[0] for point in points))
    if across.low == across.high:
        across = across._replace(low=across.low - 1, high=across.high + 1)
    bounds = [bound for point in points for bound in point[2:4]]
    up = log_axis(bounds) if log else linear_axis(bounds, from_zero=False)
    words = f"{metric} over {number(across.low)} to {number(across.high)} steps, {len(drawable)} runs"
    parts = [
        f'<svg class="curves" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(words)}" '
        f'data-steps="{across.low} {across.high}" data-values="{up.low} {up.high}"{" data-log" if log else ""} '
        f'data-frame="{_LEFT} {_WIDTH - _RIGHT} {_TOP} {_HEIGHT - _BOTTOM}">',
        *_frame(across, up),
    ]
    for one, kept in drawable:
        parts += _line(one, kept, across, up, smooth)
    return "".join([*parts, "</svg>"])


def _fits(point: Sequence[float], log: bool) -> bool:
    return max(map(abs, point)) < _LARGEST and (not log or point[2] > 0)


def _x(across: Axis, value: float) -> float:
    return _LEFT + across.position(value) * (_WIDTH - _LEFT - _RIGHT)


def _y(up: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - up.position(value) * (_HEIGHT - _TOP - _BOTTOM)


def _frame(across: Axis, up: Axis) -> list[str]:
    parts = []
    for value in up.ticks():
        at = _y(up, value)
        parts += [
            f'<line class="grid" x1="{_LEFT}" y1="{at:.1f}" x2="{_WIDTH - _RIGHT}" y2="{at:.1f}"/>',
            f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{number(value)}</text>',
        ]
    for value in across.ticks():
        at = _x(across, value)
        parts.append(f'<text x="{at:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{number(value)}</text>')
    return parts


def _line(
    one: Mapping[str, Any], points: Sequence[Sequence[float]], across: Axis, up: Axis, smooth: float
) -> list[str]:
    name = escape(str(one["name"]))
    style = f"s{one['series'] % _COLOURS} d{one['series'] // _COLOURS % 3}"
    if len(points) == 1:
        at = f'cx="{_x(across, points[0][0]):.1f}" cy="{_y(up, points[0][1]):.1f}"'
        return [f'<circle class="dot {style}" {at} r="4"><title>{name}: {number(points[0][1])}</title></circle>']
    parts = []
    if any(point[2] < point[3] for point in points):
        edge = [(point[0], point[3]) for point in points] + [(point[0], point[2]) for point in reversed(points)]
        parts.append(f'<path class="band {style}" d="{_path(edge, across, up)}z"/>')
    means = [(point[0], point[1]) for point in points]
    if smooth:
        parts.append(f'<path class="curve raw {style}" d="{_path(means, across, up)}"/>')
        means = smoothed(means, smooth)
    drawn = _path(means, across, up)
    parts.append(f'<path class="curve {style}" d="{drawn}"><title>{name}</title></path>')
    return parts


def _path(points: Sequence[tuple[float, float]], across: Axis, up: Axis) -> str:
    if up.log:
        return "M" + "L".join(f"{_x(across, step):.1f} {_y(up, value):.1f}" for step, value in points)
    # A chart has thousands of points: with two calls for each it takes twice as long.
    wide = (_WIDTH - _LEFT - _RIGHT) / (across.high - across.low)
    high = (_HEIGHT - _TOP - _BOTTOM) / (up.high - up.low)
    first, low, bottom = across.low, up.low, _HEIGHT - _BOTTOM
    return "M" + "L".join(
        [f"{_LEFT + wide * (step - first):.1f} {bottom - high * (value - low):.1f}" for step, value in points]
    )


def histogram(name: str, bins: Any, values: Any) -> str:
    """Return the bars of a histogram with the edges of its bins; an empty text if it cannot be drawn."""
    if not (_are_numbers(bins) and _are_numbers(values) and len(bins) == len(values) + 1 and max(values) > 0):
        return ""
    low, high, most = bins[0], bins[-1], max(values)
    if not low < high:
        return ""
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    words = f"{name}: {number(sum(values))} values from {number(low)} to {number(high)}"
    parts = [f'<svg class="curves still" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(words)}">']
    for left, right, value in zip(bins, bins[1:], values, strict=False):
        x, width = _LEFT + (left - low) / (high - low) * wide, max(0.5, (right - left) / (high - low) * wide - 0.5)
        height = value / most * tall
        parts.append(
            f'<rect class="bar" x="{x:.1f}" y="{_HEIGHT - _BOTTOM - height:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}"><title>{number(left)} to {number(right)}: {number(value)}</title></rect>'
        )
    for place, anchor, value in ((_LEFT, "start", low), (_WIDTH - _RIGHT, "end", high)):
        parts.append(f'<text x="{place}" y="{_HEIGHT - 8}" text-anchor="{anchor}">{number(value)}</text>')
    parts.append(f'<text x="{_LEFT - 8}" y="{_TOP + 8}" text-anchor="end">{number(most)}</text></svg>')
    return "".join(parts)


def _are_numbers(values: Any) -> bool:
    return (
        isinstance(values, list)
        and bool(values)
        and all(isinstance(value, int | float) and abs(value) < _LARGEST for value in values)
    )


def share_bar(owned: int, size: int) -> str:
    """Return a bar for the bytes of a version: the part that it owns, and the rest, which earlier versions have."""
    width = 120
    part = width * min(1.0, owned / size) if size else 0.0
    return (
        f'<svg class="share" viewBox="0 0 {width} 10" width="{width}" height="10" aria-hidden="true">'
        f'<rect class="rest" width="{width}" height="10" rx="3"/>'
        f'<rect class="own" width="{part:.1f}" height="10" rx="3"/></svg>'
    )
