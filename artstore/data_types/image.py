"""Images with masks, bounding boxes and classes."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from artstore.data_types import content
from artstore.data_types.classes import Classes
from artstore.data_types.column_types import Const, Type
from artstore.data_types.data_object import ObjectReader, ObjectWriter
from artstore.data_types.media import Media
from artstore.data_types.overlays import BoundingBoxes2D, ImageMask
from artstore.errors import InvalidInput, SourceUnreadable, WrongValue
from artstore.runtime import terminal
from artstore.runtime.arguments import checked_values
from artstore.runtime.optional_imports import need

_FORMATS = ("png", "jpg", "jpeg", "bmp")
_CHANNELS = (1, 3, 4)


@checked_values
class Image(Media):
    """An image: a file, an array of height, width and channels, a PIL image, a torch tensor or a matplotlib figure.

    >>> artstore.Image("cat.png", caption="asleep", masks={"truth": {"mask_data": mask, "class_labels": {1: "cat"}}})

    Numbers are from 0 to 255. `file_type` (`png`, `jpg`, `bmp`) is the format for an image that does not come from a
    file. `classes` names the classes of `boxes` and `masks`. Raises `SourceMissing`, `InvalidInput` or `WrongValue`.
    """

    _log_type = "image-file"
    _folder = "media/images"
    format: str
    _classes: Classes | None

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[dict[str, Any]] | None = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
    ) -> None:
        if not isinstance(grouping, int | None):
            raise WrongValue(f"grouping must be an integer or None, not {type(grouping).__name__}")
        self._grouping = grouping
        self._size: tuple[int, int] | None = None
        if isinstance(data_or_path, Image):
            super().__init__(data_or_path._content, caption if caption is not None else data_or_path._caption)
            self.format, self._size = data_or_path.format, data_or_path._size
        elif isinstance(data_or_path, str | os.PathLike):
            super().__init__(content.from_path(data_or_path), caption)
            self.format = self._content.suffix[1:]
            if not isinstance(self._content, content.AtUri):
                self._size = self._open().size
        else:
            super().__init__(self._render(data_or_path, mode, file_type), caption)
        self._masks = {key: _to_mask(mask, key) for key, mask in _overlays("masks", masks)}
        self._boxes = {key: _to_boxes(layer, key) for key, layer in _overlays("boxes", boxes)}
        inherited = data_or_path._classes if isinstance(data_or_path, Image) else None
        self._classes = self._merge_classes(classes) or inherited

    def _render(self, data: Any, mode: str | None, file_type: str | None) -> content.InMemory:
        """Turn data into an image file in memory, and set the format and the size."""
        self.format = file_type or "png"
        if self.format not in _FORMATS:
            raise InvalidInput(f"file_type must be one of {', '.join(_FORMATS)}, not {file_type!r}")
        picture = _to_pillow(data, mode, self.format)
        self._size = picture.size
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG" if self.format == "jpg" else self.format.upper())
        return content.InMemory(buffer.getvalue(), f".{self.format}")

    def _merge_classes(self, given: Classes | Sequence[dict[str, Any]] | None) -> Classes | None:
        """Return the classes of boxes and masks together with the given ones, which win."""
        names: dict[Any, str] = {}
        for layer in self._boxes.values():
            names |= layer._class_labels
        for mask in self._masks.values():
            names |= mask.labels or {}
        if given is not None:
            names |= (given if isinstance(given, Classes) else Classes(given)).names()
        return Classes([{"id": key, "name": name} for key, name in names.items()]) if names else None

    @property
    def width(self) -> int | None:
        """The width in pixels; None for a reference."""
        return self._size[0] if self._size else None

    @property
    def height(self) -> int | None:
        """The height in pixels; None for a reference."""
        return self._size[1] if self._size else None

    @property
    def image(self) -> Any:
        """The image as a PIL image; None for a reference."""
        return None if isinstance(self._content, content.AtUri) else self._open()

    def _open(self) -> Any:
        pillow = need("PIL.Image", "an image", "media")
        data = self._content.read()
        try:
            picture = pillow.open(io.BytesIO(data))
            picture.load()
        except (OSError, SyntaxError) as error:
            raise SourceUnreadable(f"{self._content.path()!r} cannot be read as an image: {error}") from error
        return picture

    def to_data_array(self) -> list[Any]:
        """Return the pixels as nested lists."""
        numpy = need("numpy", "an array of an image", "media")
        pixels: list[Any] = numpy.asarray(self._open()).tolist()
        return pixels

    def to_json(self, writer: ObjectWriter) -> dict[str, Any]:
        if (self._masks or self._boxes) and self._classes is None:
            raise InvalidInput("an image with masks or boxes needs classes when it is added to an artifact")
        document = super().to_json(writer)
        if self._classes is not None:
            class_set = str(self._classes._class_set).encode()
            digest = hashlib.md5(class_set, usedforsecurity=False).hexdigest()
            document["classes"] = self._classes.put(writer, f"media/classes/{digest}_cls")
        if self._boxes:
            document["boxes"] = {key: layer._val for key, layer in self._boxes.items()}
        if self._masks:
            document["masks"] = {key: mask.to_json(writer) for key, mask in self._masks.items()}
        return document

    def _document(self, path: str) -> dict[str, Any]:
        document = {**super()._document(path), "format": self.format}
        if self._size is not None:
            document["width"], document["height"] = self._size
        if self._grouping:
            document["grouping"] = self._grouping
        return document

    @classmethod
    def from_json(cls, document: Any, reader: ObjectReader) -> Self:
        image = super().from_json(document, reader)
        image.format = document.get("format") or image._content.suffix[1:]
        size = document.get("width"), document.get("height")
        image._size = None if None in size else size
        image._grouping = document.get("grouping")
        class_file = document.get("classes")
        classes = reader.get(class_file["path"]) if class_file else None
        image._classes = classes if isinstance(classes, Classes) else None
        masks, boxes = document.get("masks", {}), document.get("boxes", {})
        image._masks = {key: ImageMask.from_json(inner, reader) for key, inner in masks.items()}
        image._boxes = {key: BoundingBoxes2D.from_json(inner, reader) for key, inner in boxes.items()}
        for key, mask in image._masks.items():
            mask._key = key
        for key, layer in image._boxes.items():
            layer._key = key
        return image

    def cell_type(self) -> Type:
        """Return the type of a column of such images."""
        labelled_masks = {key: mask for key, mask in self._masks.items() if mask.labels is not None}
        boxes = [box for layer in self._boxes.values() for box in layer._val]
        return ImageType(
            box_layers={key: set(layer._class_labels) for key, layer in self._boxes.items()},
            box_score_keys={score for box in boxes for score in box.get("scores", {})},
            mask_layers={key: set(mask.labels or ()) for key, mask in self._masks.items()},
            box_class_maps={key: _string_keys(layer._class_labels) for key, layer in self._boxes.items()},
            mask_class_maps={key: _string_keys(mask.labels or {}) for key, mask in labelled_masks.items()},
            class_map=_string_keys(self._classes.names()) if self._classes else {},
        )

    def __eq__(self, other: object) -> bool:
        """Whether both have the same pixels, caption, grouping and classes."""
        if not isinstance(other, Image) or (self._caption, self._grouping, self._size, self._classes) != (
            other._caption,
            other._grouping,
            other._size,
            other._classes,
        ):
            return False
        if self._sha256 == other._sha256:
            return True
        mine, theirs = self.image, other.image
        return (
            mine is not None and theirs is not None and mine.mode == theirs.mode and mine.tobytes() == theirs.tobytes()
        )

    __hash__ = None  # type: ignore[assignment]


def _overlays(argument: str, overlays: Mapping[str, Any] | None) -> Iterable[tuple[str, Any]]:
    if overlays is not None and not isinstance(overlays, Mapping):
        raise InvalidInput(f'Images "{argument}" argument must be a dictionary, as in {argument}={{"truth": ...}}')
    return (overlays or {}).items()


def _to_mask(mask: Any, key: str) -> ImageMask:
    return mask if isinstance(mask, ImageMask) else ImageMask(mask, key)


def _to_boxes(boxes: Any, key: str) -> BoundingBoxes2D:
    return boxes if isinstance(boxes, BoundingBoxes2D) else BoundingBoxes2D(boxes, key)


def _string_keys(names: Mapping[Any, str]) -> dict[str, str]:
    return {str(key): name for key, name in names.items()}


def _to_pillow(data: Any, mode: str | None, file_type: str) -> Any:
    """Return a PIL image of a PIL image, a matplotlib figure, or an array."""
    pillow = need("PIL.Image", "an image", "media")
    if isinstance(data, pillow.Image):
        return data
    figure = data.get_figure() if hasattr(data, "get_figure") and not hasattr(data, "savefig") else data
    if hasattr(figure, "savefig"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        return pillow.open(buffer)
    numpy = need("numpy", "an image", "media")
    array = _to_array(data, numpy)
    channels = 1 if array.ndim == 2 else array.shape[-1] if array.ndim == 3 else 0
    modes = {1: "L", 3: "RGB", 4: "RGB" if file_type in ("jpg", "jpeg") else "RGBA"}
    if channels not in modes:
        raise InvalidInput(
            f"Un-supported shape for image conversion {list(array.shape)}: an image is height times width, or height "
            "times width times 1, 3 or 4 channels"
        )
    if array.dtype.kind == "f" and array.size and array.min() >= 0 and 0 < array.max() <= 1:
        terminal.termwarn(
            "an image of numbers from 0 to 1 is nearly black, as the numbers of an image are from 0 to 255: "
            "multiply them by 255",
            repeat=False,
        )
    return pillow.fromarray(array.astype(numpy.uint8)).convert(mode or modes[channels])


def _to_array(data: Any, numpy: Any) -> Any:
    """Return a torch or TensorFlow tensor, or anything that NumPy accepts, as an array with channels last.

    The channels of a tensor of torch are first, unless only the last dimension can be channels.
    """
    if hasattr(data, "detach"):
        array = data.detach().cpu().numpy()
        last = array.ndim == 3 and array.shape[0] not in _CHANNELS and array.shape[2] in _CHANNELS
        array = array.transpose(1, 2, 0) if array.ndim == 3 and not last else array
    else:
        array = data.numpy() if hasattr(data, "numpy") else numpy.asarray(data)
    if array.dtype.kind not in "biuf":
        raise WrongValue(f"an image is made of numbers, not of {type(data).__name__}")
    # As W&B: a batch of one image, and one channel, are as good as none.
    return array.squeeze() if array.ndim > 2 else array


@dataclass(frozen=True)
class ImageType(Type):
    """Accepts images, and records their classes, boxes and masks."""

    name = "image-file"
    box_layers: dict[str, set[Any]] = field(default_factory=dict)
    box_score_keys: set[str] = field(default_factory=set)
    mask_layers: dict[str, set[Any]] = field(default_factory=dict)
    box_class_maps: dict[str, dict[str, str]] = field(default_factory=dict)
    mask_class_maps: dict[str, dict[str, str]] = field(default_factory=dict)
    class_map: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, parameters: dict[str, Any]) -> ImageType:
        """Return the type that W&B wrote. Documents of older versions of W&B lack some of the fields."""
        values = {key: document["params"]["val"] for key, document in parameters.items() if "params" in document}
        return cls(
            box_layers={key: set(class_ids) for key, class_ids in values.get("box_layers", {}).items()},
            box_score_keys=set(values.get("box_score_keys", ())),
            mask_layers={key: set(class_ids) for key, class_ids in values.get("mask_layers", {}).items()},
            box_class_maps=values.get("box_class_maps", {}),
            mask_class_maps=values.get("mask_class_maps", {}),
            class_map=values.get("class_map", {}),
        )

    def widen_type(self, other: Type) -> Type | None:
        if not isinstance(other, ImageType):
            return None
        if other == self:
            return self
        return ImageType(
            _merge_sets(self.box_layers, other.box_layers),
            self.box_score_keys | other.box_score_keys,
            _merge_sets(self.mask_layers, other.mask_layers),
            _merge_maps(self.box_class_maps, other.box_class_maps),
            _merge_maps(self.mask_class_maps, other.mask_class_maps),
            {**other.class_map, **self.class_map},
        )

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        return {key: Const(value).to_json() for key, value in vars(self).items()}

    def __str__(self) -> str:
        return "Image-file"


def _merge_sets(mine: dict[str, set[Any]], theirs: dict[str, set[Any]]) -> dict[str, set[Any]]:
    return {key: mine.get(key, set()) | theirs.get(key, set()) for key in {**mine, **theirs}}


def _merge_maps(mine: dict[str, dict[str, str]], theirs: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {key: {**theirs.get(key, {}), **mine.get(key, {})} for key in {**mine, **theirs}}
