"""Overlays of images: masks, which give the class of each pixel, and bounding boxes."""

from __future__ import annotations

import io
from numbers import Number
from typing import Any, Self

from artstore.data_types import content
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter
from artstore.data_types.media import Media
from artstore.errors import WrongValue
from artstore.runtime.arguments import checked_values
from artstore.runtime.optional_imports import need


@checked_values
class ImageMask(Media):
    """The class of each pixel of an image.

    `val` has `mask_data`, an array of height times width with class ids from 0 to 255, or `path`, an image of them; and
    `class_labels`, the names of the ids. `key` names the mask, such as `ground_truth`.
    """

    _log_type = "mask"
    _folder = "media/images/mask"

    def __init__(self, val: dict[str, Any], key: str) -> None:
        self._key = key
        self.labels: dict[Any, str] | None = _labels(val)
        if "path" in val:
            super().__init__(content.from_path(val["path"]))
            return
        if "mask_data" not in val:
            raise WrongValue("an image mask needs 'mask_data', an array of height times width, or 'path'")
        pixels = _pixels(val["mask_data"])
        if self.labels is None:
            numpy = need("numpy", "a mask", "media")
            self.labels = {class_id: f"class_{class_id}" for class_id in numpy.unique(pixels).tolist()}
        image = need("PIL.Image", "a mask", "media").fromarray(pixels)
        buffer = io.BytesIO()
        image.save(buffer, format="PNG")
        super().__init__(content.InMemory(buffer.getvalue(), ".mask.png"))

    @classmethod
    def from_json(cls, document: dict[str, Any], reader: ObjectReader) -> Self:
        mask = super().from_json(document, reader)
        mask._key, mask.labels = "", None
        return mask


def _pixels(data: Any) -> Any:
    numpy = need("numpy", "a mask", "media")
    array = numpy.asarray(data.cpu() if hasattr(data, "cpu") else data)
    if array.ndim != 2:
        raise WrongValue(f"mask_data must be a 2D array, not of shape {array.shape}")
    if array.size and (array.min() < 0 or array.max() > 255 or (array != array.astype(numpy.uint8)).any()):
        raise WrongValue("Mask data must be integers between 0 and 255")
    return array.astype(numpy.uint8)


def _labels(val: dict[str, Any]) -> dict[Any, str] | None:
    labels = val.get("class_labels")
    if labels is None:
        return None
    if not isinstance(labels, dict) or not all(
        isinstance(key, Number) and isinstance(name, str) for key, name in labels.items()
    ):
        raise WrongValue("Class labels must be a dictionary of numbers to strings, as in {1: 'cat'}")
    return labels


@checked_values
class BoundingBoxes2D(DataObject):
    """Bounding boxes in an image.

    `val` has `box_data`, a list of dicts with `position` (`minX`, `maxX`, `minY`, `maxY`, or `middle`, `width`,
    `height`), `class_id`, and optionally `domain` (`pixel`), `box_caption` and `scores`; and `class_labels`.
    """

    _log_type = "bounding-boxes"

    def __init__(self, val: dict[str, Any], key: str) -> None:
        boxes = val.get("box_data")
        if not isinstance(boxes, list):
            raise WrongValue("Boxes must be a list: pass it as 'box_data'")
        for box in boxes:
            _check_box(box)
        self._val = boxes
        self._key = key
        labels = _labels(val)
        class_ids = sorted({box["class_id"] for box in boxes if "class_id" in box})
        self._class_labels = {class_id: f"class_{class_id}" for class_id in class_ids} if labels is None else labels

    def to_json(self, writer: ObjectWriter) -> Any:
        return self._val

    @classmethod
    def from_json(cls, document: Any, reader: ObjectReader) -> Self:
        return cls({"box_data": document}, "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundingBoxes2D) and self._val == other._val

    def __hash__(self) -> int:
        return hash(self._key)


def _check_box(box: Any) -> None:
    position = box.get("position") if isinstance(box, dict) else None
    if not isinstance(position, dict):
        raise WrongValue(f"each box must be a dict with a 'position', not {box!r}")
    has_corners = all(isinstance(position.get(key), Number) for key in ("minX", "maxX", "minY", "maxY"))
    has_size = all(isinstance(position.get(key), Number) for key in ("width", "height"))
    if not has_corners and not (has_size and len(position.get("middle", ())) == 2):
        raise WrongValue(
            "Each box must contain a position with: middle, width, and height or minX, maxX, minY, maxY, not "
            f"{position!r}"
        )
    if not isinstance(box.get("class_id", 0), int):
        raise WrongValue(f"A box's class_id must be an integer, not {box['class_id']!r}")
    if not isinstance(box.get("box_caption", ""), str):
        raise WrongValue(f"A box's caption must be a string, not {box['box_caption']!r}")
    scores = box.get("scores", {})
    if not isinstance(scores, dict) or not all(
        isinstance(key, str) and isinstance(score, Number) for key, score in scores.items()
    ):
        raise WrongValue(f"Box scores must be a dictionary of names to numbers, not {scores!r}")
