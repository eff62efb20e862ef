"""Curves of runs as a Vega-Lite specification, and as an SVG or PNG file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from artstore.charts import drawing
from artstore.charts.smoothing import smoothed
from artstore.runtime import optional_imports

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_WIDTH, _HEIGHT = 620, 280
_DASHES = ([1, 0], [6, 3], [2, 3])
_LEGEND = {
    "title": None,
    "orient": "bottom",
    "columns": 3,
    "symbolType": "stroke",
    "symbolOpacity": 1,
    "symbolSize": 400,
    "symbolStrokeWidth": 2.5,
}
_PIXELS = 2
"""The pixels of a PNG file for one of the chart."""


class Curve(NamedTuple):
    """A curve: its name, the number that selects its colour and dash, and its points `(step, mean, low, high)`."""

    name: str
    series: int
    points: Sequence[tuple[float, float, float, float]]


def specification(charts: Mapping[str, Sequence[Curve]], smooth: float = 0.0, log: bool = False) -> dict[str, Any]:
    """Return one chart for each metric, below each other; behind a smoothed curve, the values are drawn faintly."""
    return {
        "$schema": _SCHEMA,
        "background": "white",
        "vconcat": [_chart(metric, curves, smooth, log) for metric, curves in charts.items()],
    }


def _chart(metric: str, curves: Sequence[Curve], smooth: float, log: bool) -> dict[str, Any]:
    values = [row for curve in curves for row in _rows(curve, smooth)]
    names = [curve.name for curve in curves]
    scale = {"type": "log"} if log else {"type": "linear", "zero": False, "nice": True}
    colours = [drawing.LIGHT[curve.series % len(drawing.LIGHT)] for curve in curves]
    dashes = [_DASHES[curve.series // len(drawing.LIGHT) % len(_DASHES)] for curve in curves]
    alone = any(len(curve.points) == 1 for curve in curves)
    y: dict[str, Any] = {"type": "quantitative", "title": metric, "scale": scale}
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "area", "opacity": 0.15},
            "encoding": {"y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {"mark": {"type": "line", "point": alone}, "encoding": {"y": {"field": "shown", **y}}},
    ]
    if smooth:
        layers.insert(1, {"mark": {"type": "line", "opacity": 0.3}, "encoding": {"y": {"field": "value", **y}}})
    key = {"field": "run", "type": "nominal", "legend": _LEGEND}
    return {
        "title": metric,
        "width": _WIDTH,
        "height": _HEIGHT,
        "data": {"values": values},
        "layer": layers,
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": "step", "scale": {"zero": False, "nice": False}},
            "color": {**key, "scale": {"domain": names, "range": colours}},
            "strokeDash": {**key, "scale": {"domain": names, "range": dashes}},
        },
    }


def _rows(curve: Curve, smooth: float) -> list[dict[str, Any]]:
    means = smoothed([(point[0], point[1]) for point in curve.points], smooth)
    return [
        {"run": curve.name, "step": step, "value": mean, "low": low, "high": high, "shown": shown}
        for (step, mean, low, high), (_, shown) in zip(curve.points, means, strict=True)
    ]


def rendered(spec: Mapping[str, Any], format: str) -> bytes:
    """Return a specification as a file: `svg`, `png`, or `json` for the specification itself.

    Raises `MissingLibrary` if vl-convert, which draws the first two, is not installed.
    """
    if format == "json":
        return json.dumps(spec, indent=1).encode()
    converter = optional_imports.need("vl_convert", "drawing charts as SVG or PNG files", "ui")
    if format == "png":
        return bytes(converter.vegalite_to_png(spec, scale=_PIXELS))
    return str(converter.vegalite_to_svg(spec)).encode()
