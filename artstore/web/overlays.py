"""Masks and bounding boxes over the pictures of a table."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from artstore.errors import InvalidInput
from artstore.runtime.optional_imports import need
from artstore.web import facts
from artstore.web.content import INERT
from artstore.web.stored_file import LARGEST, StoredFile

_BOXES = 200
"""The boxes of one picture that are drawn."""
_PIXELS = 50_000_000
_PALETTE = (
    *((37, 99, 201), (217, 72, 15), (11, 138, 95), (156, 54, 181), (166, 124, 0), (12, 133, 153)),
    *((194, 37, 92), (95, 99, 104), (123, 74, 38)),
)
"""The colours of classes, as the style sheet has them for boxes; class 0 of a mask is not drawn."""
_ALPHA = 150


def layers(document: Mapping[str, Any], address: Callable[[str, str], str]) -> dict[str, Any]:
    """Return the boxes of a picture, in percent of its sides, and the addresses of its masks."""
    masks = [
        {"layer": str(key), "src": address("mask", mask["path"])}
        for key, mask in _mapping(document.get("masks")).items()
        if isinstance(mask, Mapping) and isinstance(mask.get("path"), str)
    ]
    boxes = [
        box | {"layer": str(key)}
        for key, layer in _mapping(document.get("boxes")).items()
        if isinstance(layer, list)
        for value in layer
        if (box := _box(value, document))
    ]
    return {"masks": masks, "boxes": boxes[:_BOXES]}


def mask(file: StoredFile, request: Request) -> Response:
    """Send a stored mask with a colour for each class, and nothing where the class is 0."""
    if file.size > LARGEST:
        raise InvalidInput(f"{file.path!r} is too large to be drawn as a mask: `artstore get` fetches it")
    image = need("PIL.Image", "a mask", "media")
    try:
        with image.open(io.BytesIO(file.read()), formats=("PNG",)) as opened:
            if opened.width * opened.height > _PIXELS:
                raise InvalidInput(f"{file.path!r} has {opened.width} x {opened.height} pixels: too many to draw")
            classes = opened.convert("L")
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as error:
        raise InvalidInput(f"{file.path!r} is not a mask: {error}") from error
    classes.putpalette([level for number in range(256) for level in _PALETTE[number % len(_PALETTE)]])
    written = io.BytesIO()
    classes.save(written, "PNG", transparency=bytes([0] + [_ALPHA] * 255))
    headers = {"Content-Security-Policy": INERT, "Cache-Control": "private, max-age=3600"}
    return Response(written.getvalue(), media_type="image/png", headers=headers)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _box(value: Any, document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the place of one box; None if its position cannot be read."""
    position = _mapping(_mapping(value).get("position"))
    corners = _corners(position)
    if corners is None:
        return None
    left, top, right, bottom = corners
    if value.get("domain") == "pixel":
        width, height = _number(document.get("width")), _number(document.get("height"))
        if width <= 0 or height <= 0:
            return None
        left, right, top, bottom = left / width, right / width, top / height, bottom / height
    number = value.get("class_id", 0)
    return {
        "left": round(100 * left, 3),
        "top": round(100 * top, 3),
        "width": round(100 * max(0.0, right - left), 3),
        "height": round(100 * max(0.0, bottom - top), 3),
        "caption": str(value.get("box_caption") or f"class {number}")[:80],
        "series": number % 9 if isinstance(number, int) else 0,
    }


def _number(value: Any) -> float:
    return float(value) if facts.is_number(value) else 0.0


def _corners(position: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    corners = [position.get(key) for key in ("minX", "minY", "maxX", "maxY")]
    if all(map(facts.is_number, corners)):
        left, top, right, bottom = map(_number, corners)
        return left, top, right, bottom
    middle, width, height = position.get("middle"), position.get("width"), position.get("height")
    numbers = [*middle, width, height] if isinstance(middle, list) and len(middle) == 2 else []
    if not numbers or not all(map(facts.is_number, numbers)):
        return None
    x, y, wide, high = map(float, numbers)
    return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2
