"""Curves and bars as SVG."""

from __future__ import annotations

import re

import pytest

from artstore.web import drawing


def one_series(values: list[float], first_step: float = 0) -> list[dict[str, object]]:
    """Return one series with a point at each step."""
    points = [[first_step + step, value, value, value] for step, value in enumerate(values)]
    return [{"name": "a<b", "series": 4, "points": points}]


def ends(svg: str) -> list[tuple[float, float]]:
    """Return the points of the first curve."""
    path = re.search(r'class="curve s4 d0" d="M([^"]*)"', svg)
    assert path is not None
    return [(float(point.split()[0]), float(point.split()[1])) for point in path[1].split("L")]


@pytest.mark.parametrize(("log", "offset"), [(False, 0.0), (True, 0.0), (False, 1e9), (False, 1e12)])
def test_a_curve_spans_its_chart(log: bool, offset: float) -> None:
    points = ends(drawing.curves("loss", one_series([offset + 1.0, offset + 3.0, offset + 2.0], offset), log=log))
    assert (points[0][0], points[-1][0]) == (56.0, 510.0)
    assert all(0 < y < 230 for _, y in points)
    assert points[1][1] < points[2][1] < points[0][1]


def test_a_logarithmic_chart_leaves_out_what_it_cannot_show() -> None:
    assert len(ends(drawing.curves("loss", one_series([0.0, 1.0, 10.0, -1.0]), log=True))) == 2
    assert drawing.curves("loss", one_series([0.0, -1.0]), log=True) == ""


def test_numbers_beyond_an_axis_are_left_out() -> None:
    assert len(ends(drawing.curves("loss", one_series([1.0, 1e308, -1e308, 2.0])))) == 2


def test_one_point_is_a_dot_and_names_are_escaped() -> None:
    svg = drawing.curves("loss", one_series([1.0]))
    assert "<circle" in svg and "a&lt;b" in svg and "a<b" not in svg


def test_smoothing_begins_at_the_first_value() -> None:
    svg = drawing.curves("loss", one_series([4.0, 0.0, 0.0, 0.0]), 0.9)
    assert 'class="curve raw s4 d0"' in svg
    smoothed = ends(svg)
    assert smoothed[0][1] < smoothed[1][1] < smoothed[2][1]


def test_the_bar_of_a_version_without_bytes_is_empty() -> None:
    assert 'class="own" width="0.0"' in drawing.share_bar(0, 0)
    assert 'class="own" width="60.0"' in drawing.share_bar(5, 10)
