"""Parts that all charts share: colours for light and dark pages, marks, labels, and text escaped for XML."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from artstore.charts.axes import Axis, number
from artstore.errors import InvalidInput
from artstore.runtime.terminal import visible

LIGHT = ("#2563c9", "#d9480f", "#0b8a5f", "#9c36b5", "#a67c00", "#0c8599", "#c2255c", "#5f6368", "#7b4a26")
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
"""The approximate width of a character, in pixels."""
LONGEST = 60
"""The most characters of a name that are shown."""


def colour(index: int) -> str:
    """Return the CSS class that colours a series."""
    return f"s{index % len(LIGHT)}"


def dash(index: int) -> str:
    """Return the attribute that distinguishes lines of one colour, if there are more series than colours."""
    pattern = _DASHES[index // len(LIGHT) % len(_DASHES)]
    return f' stroke-dasharray="{pattern}"' if pattern else ""


def mark(index: int, x: float, y: float, title: str = "") -> str:
    """Return the mark of a series at a position; its title is shown under the pointer."""
    tooltip = f"<title>{text(title)}</title>" if title else ""
    shape = _MARKS[index % len(_MARKS)]
    return f'<path class="mark {colour(index)}" transform="translate({x:.1f} {y:.1f})" d="{shape}">{tooltip}</path>'


def label(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    """Return a line of text at a position; `anchor` is the part of the text that is there."""
    attribute = f' class="{kind}"' if kind else ""
    return f'<text{attribute} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(words)}</text>'


def rule(x: float, y: float, to_x: float, to_y: float, kind: str) -> str:
    """Return a straight line."""
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def scale(axis: Axis, left: float, width: float, top: float, bottom: float) -> list[str]:
    """Return the ticks of a horizontal axis: for each, a line up through the chart and the number below."""
    parts = []
    for value in axis.ticks():
        at = left + axis.position(value) * width
        parts += [
            rule(at, top, at, bottom, "grid"),
            label(at, bottom + 18, number(value), anchor="middle", kind="faint"),
        ]
    return parts


def shortened(name: str) -> str:
    """Return a name, cut if it is too long."""
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def width(names: Iterable[str]) -> float:
    """Return the approximate width of the widest of some names, in pixels."""
    return max((len(shortened(name)) for name in names), default=0) * CHARACTER


def text(words: str) -> str:
    """Escape text for XML."""
    return escape(visible(words))


def check(title: str, name: str, values: Iterable[float]) -> None:
    """Raise `InvalidInput` if a number is not finite."""
    for value in values:
        if not math.isfinite(value):
            raise InvalidInput(f"{title!r} cannot be drawn: {name!r} holds {value}, expected finite numbers")


def document(title: str, width: float, height: float, parts: Iterable[str]) -> str:
    """Return the whole file: the parts of a chart, at least as wide as the title needs."""
    width = max(width, 32 + len(title) * CHARACTER * 1.3)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="artstore-chart" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img"><title>{text(title)}</title><style>{_style()}</style>'
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}" rx="6"/>'
    )
    return "\n".join([head, label(16, 26, title, kind="title"), *parts, "</svg>", ""])


def _style() -> str:
    dark = _colours("#16191d", "#e6e8eb", "#a9b0b8", "#2e343b", "#6b737c", _DARK)
    return (
        ".artstore-chart text{font:12px system-ui,sans-serif}"
        ".artstore-chart .title{font-size:15px;font-weight:600}"
        ".artstore-chart .series{fill:none;stroke-width:2;stroke-linejoin:round}"
        + _colours("#ffffff", "#1f2328", "#59636e", "#e4e7eb", "#9aa3ad", LIGHT)
        + f"@media(prefers-color-scheme:dark){{{dark}}}"
    )


def _colours(page: str, ink: str, faint: str, grid: str, frame: str, series: Iterable[str]) -> str:
    rules = [
        (".page", f"fill:{page}"),
        ("text", f"fill:{ink}"),
        (".faint", f"fill:{faint}"),
        (".grid", f"stroke:{grid}"),
        (".frame", f"stroke:{frame}"),
        *((f".series.s{index}", f"stroke:{colour}") for index, colour in enumerate(series)),
        *((f".mark.s{index}", f"fill:{colour}") for index, colour in enumerate(series)),
    ]
    return "".join(f".artstore-chart {selector}{{{style}}}" for selector, style in rules)
