"""Drawings of charts, 3D objects and molecules for notebooks, from the files in which they are stored.

A file may come from anyone: one that does not have the expected form gives no drawing.
"""

from __future__ import annotations

import array
import base64
import gzip
import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from artstore.runtime import sketch
from artstore.runtime.sketch import Series, Spot

_CODES = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q", "f4": "f", "f8": "d"}
_LONG = {"float64": "f8", "float32": "f4", "int64": "i8", "int32": "i4", "int16": "i2", "int8": "i1"}
_ELEMENTS = {"C": "#555555", "N": "#3050f8", "O": "#e03020", "S": "#c8a000", "P": "#ff8000", "H": "#b0b0b0"}
_OTHER = "#2f9e44"
_BOND = 1.9
"""The distance in angstroms up to which two atoms are connected."""
_ATOMS = 400
_DEEP = 30
_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, EOFError)


def plotly(data: bytes, caption: str) -> str | None:
    """Draw the traces of a Plotly figure that have numbers over numbers."""
    try:
        figure = json.loads(data)
        title = (figure.get("layout") or {}).get("title") or ""
        title = title.get("text", "") if isinstance(title, dict) else str(title)
        return sketch.series(filter(None, map(_trace, figure["data"])), caption or title)
    except _MALFORMED:
        return None


def _trace(trace: dict[str, Any]) -> Series | None:
    y = _numbers(trace.get("y"))
    x = _numbers(trace.get("x")) or list(map(float, range(len(y))))
    kind = "bars" if trace.get("type") == "bar" else "line" if "lines" in trace.get("mode", "lines") else "marks"
    return Series(str(trace.get("name", "")), list(zip(x, y, strict=False)), kind) if y else None


def _numbers(values: Any) -> list[float]:
    """Return numbers as Plotly and Bokeh write them: a list, or bytes in base64; empty if they are not numbers."""
    if isinstance(values, dict) and "bdata" in values:
        return _unpacked(base64.b64decode(values["bdata"]), values["dtype"])
    if isinstance(values, dict) and values.get("type") == "ndarray":
        packed = values["array"]
        if isinstance(packed, list):
            return _numbers(packed)
        raw = base64.b64decode(packed["data"])
        return _unpacked(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw, _LONG[values["dtype"]])
    if not isinstance(values, list) or not all(isinstance(value, int | float | None) for value in values):
        return []
    return [math.nan if value is None else float(value) for value in values]


def _unpacked(raw: bytes, dtype: str) -> list[float]:
    numbers = array.array(_CODES[dtype], raw)
    if sys.byteorder == "big":
        numbers.byteswap()
    return list(map(float, numbers))


def bokeh(data: bytes, caption: str) -> str | None:
    """Draw the glyphs of a Bokeh document that have numbers over numbers."""
    try:
        return sketch.series(list(_glyphs(json.loads(data), 0)), caption)
    except _MALFORMED:
        return None


def _glyphs(value: Any, depth: int) -> Iterator[Series]:
    if depth > _DEEP:
        return
    if isinstance(value, dict) and value.get("name") == "GlyphRenderer":
        parts = value["attributes"]
        columns = dict(parts["data_source"]["attributes"]["data"]["entries"])
        glyph = parts["glyph"]
        fields = [glyph["attributes"].get(axis) for axis in ("x", "y")]
        if all(isinstance(field, dict) and field.get("field") in columns for field in fields):
            x, y = (_numbers(columns[field["field"]]) for field in fields)
            yield Series("", list(zip(x, y, strict=False)), "line" if glyph.get("name") == "Line" else "marks")
        return
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _glyphs(part, depth + 1)


def object3d(data: bytes, suffix: str, caption: str) -> str | None:
    """Draw the points and boxes of a scene, or the corners of a model in an OBJ file."""
    try:
        if suffix.endswith(".obj"):
            found = re.findall(rb"^v +(\S+) +(\S+) +(\S+)", data, re.MULTILINE)
            return sketch.space([Spot(float(x), float(y), float(z)) for x, y, z in found], [], caption)
        if not suffix.endswith(".json"):
            return None
        scene = json.loads(data)
        points = scene if isinstance(scene, list) else scene["points"]
        boxes = [] if isinstance(scene, list) else scene.get("boxes", [])
        edges = [edge for box in boxes for edge in _edges([tuple(map(float, corner)) for corner in box["corners"]])]
        return sketch.space(list(map(_spot, points)), edges, caption)
    except _MALFORMED:
        return None


def _spot(point: Sequence[float]) -> Spot:
    x, y, z, *rest = map(float, point)
    if len(rest) == 3:
        red, green, blue = (min(255, max(0, round(part))) for part in rest)
        return Spot(x, y, z, f"#{red:02x}{green:02x}{blue:02x}")
    return Spot(x, y, z)


def _edges(corners: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the edges of a box: each corner is connected with the three that are nearest."""
    for index, corner in enumerate(corners):
        nearest = sorted(corners, key=lambda other: math.dist(corner, other))[1:4]
        yield from ((corner, other) for other in nearest if corners.index(other) > index)


def molecule(data: bytes, suffix: str, caption: str) -> str | None:
    """Draw the atoms of a molecule in a PDB, SDF or MOL2 file, and the bonds between those that are near."""
    try:
        text = data.decode(errors="replace")
        atoms = list(_atoms(text, suffix))[:_ATOMS]
        spots = [
            Spot(x, y, z, _ELEMENTS.get(element, _OTHER), 2.5 if element == "H" else 4.5) for element, x, y, z in atoms
        ]
        places = [atom[1:] for atom in atoms]
        bonds = [(a, b) for index, a in enumerate(places) for b in places[index + 1 :] if math.dist(a, b) < _BOND]
        return sketch.space(spots, bonds, caption)
    except _MALFORMED:
        return None


def _atoms(text: str, suffix: str) -> Iterator[tuple[str, float, float, float]]:
    lines = text.splitlines()
    if suffix in (".pdb", ".pqr"):
        for line in lines:
            if line.startswith(("ATOM", "HETATM")):
                element = (line[76:78].strip() or line[12:14].strip().lstrip("0123456789")).upper()
                yield element, float(line[30:38]), float(line[38:46]), float(line[46:54])
    elif suffix in (".sdf", ".sd"):
        for line in lines[4 : 4 + int(lines[3][:3])]:
            x, y, z, element = line.split()[:4]
            yield element.upper(), float(x), float(y), float(z)
    elif suffix == ".mol2":
        begin = next((number for number, line in enumerate(lines) if line.startswith("@<TRIPOS>ATOM")), len(lines))
        for line in lines[begin + 1 :]:
            if line.startswith("@"):
                return
            _, _, x, y, z, element = line.split()[:6]
            yield element.partition(".")[0].upper(), float(x), float(y), float(z)
