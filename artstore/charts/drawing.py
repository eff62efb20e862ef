"""What all charts share: colours for light and dark pages, marks, legends, and text that is safe in XML."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from artstore.charts.axes import Axis, number
from artstore.errors import InvalidInput
from artstore.runtime.terminal import visible

_LIGHT = ("#2563c9", "#d9480f", "#0b8a5f", "#9c36b5", "#a67c00", "#0c8599", "#c2255c", "#5f6368", "#7b4a26")
_DARK = ("#7ab0ff", "#ff9d66", "#4fd1a1", "#d9a3ec", "#f0c94a", "#5fd4e6", "#ff8ab5", "#b6bcc4", "#c99a6e")
_DASHES = ("", "6 3", "2 3")
_MARKS = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M-3.5 -3.5h7v7h-7z",
    "M0 -4.8L4.6 3.4H-4.6z",
    "M0 -5L5 0L0 5L-5 0z",
    "M0 4.8L4.6 -3.4H-4.6z",
    "M-1.5 -4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
    "M-4.5 -2.2h9v4.4h-9z",
    "M-2.2 -4.5h4.4v9h-4.4z",
    "M-4.4 -2.4L-2.4 -4.4L0 -2L2.4 -4.4L4.4 -2.4L2 0L4.4 2.4L2.4 4.4L0 2L-2.4 4.4L-4.4 2.4L-2 0z",
)
CHARACTER = 6.6
"""About how wide a character of the text is, in pixels."""
LONGEST = 60
"""Characters of a name that are shown."""


def colour(index: int) -> str:
    """The class that paints a series."""
    return f"s{index % len(_LIGHT)}"


def dash(index: int) -> str:
    """The attribute that tells a line from one of the same colour, where there are more series than colours."""
    pattern = _DASHES[index // len(_LIGHT) % len(_DASHES)]
    return f' stroke-dasharray="{pattern}"' if pattern else ""


def mark(index: int, x: float, y: float, said: str = "") -> str:
    """The mark of a series, at a place, with what it tells when asked."""
    told = f"<title>{text(said)}</title>" if said else ""
    shape = _MARKS[index % len(_MARKS)]
    return f'<path class="mark {colour(index)}" transform="translate({x:.1f} {y:.1f})" d="{shape}">{told}</path>'


def label(x: float, y: float, said: str, *, anchor: str = "start", kind: str = "") -> str:
    """A line of text at a place; `anchor` is the part of it that stands there."""
    of = f' class="{kind}"' if kind else ""
    return f'<text{of} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(said)}</text>'


def rule(x: float, y: float, to_x: float, to_y: float, kind: str) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def scale(axis: Axis, left: float, wide: float, top: float, bottom: float) -> list[str]:
    """The marks of an axis that runs from left to right: a line up through the chart, and the number below."""
    parts = []
    for value in axis.ticks():
        at = left + axis.part(value) * wide
        parts += [
            rule(at, top, at, bottom, "grid"),
            label(at, bottom + 18, number(value), anchor="middle", kind="faint"),
        ]
    return parts


def shown(said: str) -> str:
    """A name, cut where it is too long."""
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def width(said: Iterable[str]) -> float:
    """About how wide the widest of some names is, in pixels."""
    return max((len(shown(each)) for each in said), default=0) * CHARACTER


def text(said: str) -> str:
    """Text as XML can hold it."""
    return escape(visible(said))


def check(title: str, name: str, values: Iterable[float]) -> None:
    """Raise `InvalidInput` for a number that has no place on any axis."""
    for value in values:
        if not math.isfinite(value):
            raise InvalidInput(f"{title!r} cannot be drawn: {name!r} holds {value}, expected finite numbers")


def document(title: str, wide: float, high: float, parts: Iterable[str]) -> str:
    """The whole file around the parts of a chart, as wide as its title needs at least."""
    wide = max(wide, 32 + len(title) * CHARACTER * 1.3)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="artstore-chart" width="{wide:.0f}" height="{high:.0f}" '
        f'viewBox="0 0 {wide:.0f} {high:.0f}" role="img"><title>{text(title)}</title><style>{_style()}</style>'
        f'<rect class="page" width="{wide:.0f}" height="{high:.0f}" rx="6"/>'
    )
    return "\n".join([head, label(16, 26, title, kind="title"), *parts, "</svg>", ""])


def _style() -> str:
    dark = _paints("#16191d", "#e6e8eb", "#a9b0b8", "#2e343b", "#6b737c", _DARK)
    return (
        ".artstore-chart text{font:12px system-ui,sans-serif}"
        ".artstore-chart .title{font-size:15px;font-weight:600}"
        ".artstore-chart .series{fill:none;stroke-width:2;stroke-linejoin:round}"
        + _paints("#ffffff", "#1f2328", "#59636e", "#e4e7eb", "#9aa3ad", _LIGHT)
        + f"@media(prefers-color-scheme:dark){{{dark}}}"
    )


def _paints(page: str, ink: str, faint: str, grid: str, frame: str, series: Iterable[str]) -> str:
    rules = [
        (".page", f"fill:{page}"),
        ("text", f"fill:{ink}"),
        (".faint", f"fill:{faint}"),
        (".grid", f"stroke:{grid}"),
        (".frame", f"stroke:{frame}"),
        *((f".series.s{index}", f"stroke:{paint}") for index, paint in enumerate(series)),
        *((f".mark.s{index}", f"fill:{paint}") for index, paint in enumerate(series)),
    ]
    return "".join(f".artstore-chart {what}{{{how}}}" for what, how in rules)
