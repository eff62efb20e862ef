"""Chart files are well-formed, complete, safe with any names, and readable on light and dark pages."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from artstore import charts
from artstore.charts.axes import Axis, number
from artstore.errors import InvalidInput

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "a <b> & \"c\" 'd' \x1b[31m ]]>"


def texts(svg: str) -> list[str]:
    """Return every text of a chart, drawn or shown as a tooltip; parsing proves that it is XML."""
    return [
        text
        for element in ElementTree.fromstring(svg).iter()
        if element.tag != f"{SVG}style" and (text := element.text)
    ]


def points(svg: str, index: int) -> list[tuple[float, float]]:
    """Return the points of the line of a series."""
    for element in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        if element.get("class") == f"series s{index}":
            return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", element.get("d") or "")]
    raise AssertionError("no such line")


def test_a_line_chart_shows_its_axes_every_series_and_every_number() -> None:
    series = {HOSTILE: [(1e3, 0.5), (1e6, 40.0)], "second": [(1e3, 7.0)]}
    labels = texts(charts.lines("cost <of> it", series, "entries", "seconds"))
    assert {"cost <of> it", "entries", "seconds", "second", "1k", "1M"} <= set(labels)
    assert any(label.startswith("a <b> & \"c\" 'd' \\x1b") for label in labels)
    assert "second: 7 seconds at 1k entries" in labels


def test_linear_growth_is_a_straight_line_on_logarithmic_axes() -> None:
    svg = charts.lines("growth", {"one": [(10.0**power, 3 * 10.0**power) for power in range(5)]}, "x", "y")
    drawn = points(svg, 0)[-5:]
    steps = {(round(b[0] - a[0]), round(b[1] - a[1])) for a, b in pairwise(drawn)}
    assert len(steps) == 1 and all(across > 0 > down for across, down in steps)


def test_larger_values_are_drawn_higher_or_longer() -> None:
    svg = charts.lines("linear", {"one": [(3, 30.0), (1, 10.0), (2, 20.0)]}, "x", "y", log=False)
    xs, ys = zip(*points(svg, 0)[-3:], strict=True)
    assert list(xs) == sorted(xs) and list(ys) == sorted(ys, reverse=True)
    for log in (False, True):
        drawn = ElementTree.fromstring(charts.bars("bars", {"row": {"a": 1.0, "b": 2.0, "c": 30.0}}, "s", log=log))
        widths = [
            float(bar.get("width") or 0) for bar in drawn.iter(f"{SVG}rect") if "mark" in (bar.get("class") or "")
        ]
        assert 0 < widths[0] < widths[1] < widths[2]


def test_zero_cannot_be_drawn_on_a_logarithmic_axis_and_is_noted() -> None:
    svg = charts.lines("zero", {"one": [(1, 0.0), (2, 5.0), (3, 6.0)]}, "x", "y")
    assert "1 of 3 points left out: logarithmic axes cannot show 0" in texts(svg)
    assert "left out" not in charts.lines("zero", {"one": [(1, 0.0), (2, 5.0)]}, "x", "y", log=False)
    assert "0" in texts(charts.bars("zero", {"row": {"none": 0.0, "some": 3.0}}, "s", log=True))


def test_a_bar_chart_names_every_row_and_every_series() -> None:
    rows = {"first": {"artstore": 2.1, HOSTILE: 3.0}, "again": {"artstore": 0.4}}
    labels = texts(charts.bars("log", rows, "seconds"))
    assert {"log", "first", "again", "artstore", "seconds", "2.1", "0.4"} <= set(labels)
    assert "again, artstore: 0.4 seconds" in labels


def test_all_series_look_different() -> None:
    svg = charts.lines("many", {f"n{number}": [(1, number + 1.0), (2, number + 2.0)] for number in range(12)}, "x", "y")
    looks = re.findall(r'class="series (s\d+)"( stroke-dasharray="[\d ]+")?', svg)
    assert len(set(looks)) == 12


def test_the_bars_of_nine_tools_have_nine_colours() -> None:
    svg = charts.bars("tools", {"log": {f"tool {number}": number + 1.0 for number in range(9)}}, "seconds")
    assert len(set(re.findall(r'<rect class="mark (s\d+)"', svg))) == 9


def test_a_chart_has_colours_for_dark_pages_and_fetches_nothing() -> None:
    for svg in (charts.lines("t", {"a": [(1, 1.0)]}, "x", "y"), charts.bars("t", {"a": {"b": 1.0}}, "s")):
        light, dark = svg.split("@media(prefers-color-scheme:dark)")
        paint = r"\.mark\.s0\{fill:(#[0-9a-f]{6})\}"
        assert re.findall(paint, light) != re.findall(paint, dark) != []
        assert re.findall(r"(?:href|src|url|@import|<script)", svg) == []


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.lines("nothing", {}, "x", "y"),
        lambda: charts.lines("nothing", {"a": []}, "x", "y", log=False),
        lambda: charts.lines("nothing", {"a": [(1, 0.0)]}, "x", "y"),
        lambda: charts.lines("nothing", {"a": [(1, math.nan)]}, "x", "y"),
        lambda: charts.bars("nothing", {}, "s"),
        lambda: charts.bars("nothing", {"a": {"b": 0.0}}, "s", log=True),
        lambda: charts.bars("nothing", {"a": {"b": -1.0}}, "s"),
        lambda: charts.bars("nothing", {"a": {"b": math.inf}}, "s"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_that_names_the_chart(draw: Callable[[], str]) -> None:
    with pytest.raises(InvalidInput, match="'nothing' cannot be drawn"):
        draw()


@pytest.mark.parametrize(
    ("axis", "marks"),
    [
        (Axis(0, 60, False), [0, 10, 20, 30, 40, 50, 60]),
        (Axis(0.9, 2.1, False, whole=True), [1, 2]),
        (Axis(900, 1.1e6, True), [1e3, 1e4, 1e5, 1e6]),
        (Axis(90, 1100, True), [100, 200, 500, 1000]),
        (Axis(3.1, 4.4, True), [3.5, 4.0]),
    ],
)
def test_axes_are_marked_at_round_numbers(axis: Axis, marks: list[float]) -> None:
    assert axis.ticks() == pytest.approx(marks)


def test_numbers_are_short_and_never_a_thousand_of_a_smaller_unit() -> None:
    assert [number(value) for value in (0, 0.001, 999, 999_999, 1_000_000, 2.5e9)] == [
        "0",
        "0.001",
        "999",
        "1M",
        "1M",
        "2.5G",
    ]
