"""Images, with masks, boxes and classes."""

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
from artstore.runtime.optional_imports import need

_FORMATS = ("png", "jpg", "jpeg", "bmp")


class Image(Media):
    """An image: a file, an array of height, width and channels, a PIL image, a torch tensor or a matplotlib figure.

    >>> artstore.Image("cat.png", caption="asleep", masks={"truth": {"mask_data": mask, "class_labels": {1: "cat"}}})

    Numbers are from 0 to 255. `file_type` (`png`, `jpg`, `bmp`) is what an image without a file is written as;
    `classes` names the classes of `boxes` and `masks`. Raises `SourceMissing`, `InvalidInput` or `WrongValue`.
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
        self._grouping = grouping
        self._size: tuple[int, int] | None = None
        if isinstance(data_or_path, Image):
            super().__init__(data_or_path._content, caption if caption is not None else data_or_path._caption)
            self.format, self._size = data_or_path.format, data_or_path._size
        elif isinstance(data_or_path, str | os.PathLike):
            super().__init__(content.from_path(data_or_path), caption)
            self.format = self._content.suffix[1:]
            if not isinstance(self._content, content.AtUri):
                self._size = self._opened().size
        else:
            super().__init__(self._drawn(data_or_path, mode, file_type), caption)
        self._masks = {key: _mask(each, key) for key, each in _named("masks", masks)}
        self._boxes = {key: _boxes(each, key) for key, each in _named("boxes", boxes)}
        inherited = data_or_path._classes if isinstance(data_or_path, Image) else None
        self._classes = self._all_classes(classes) or inherited

    def _drawn(self, data: Any, mode: str | None, file_type: str | None) -> content.InMemory:
        self.format = file_type or "png"
        if self.format not in _FORMATS:
            raise InvalidInput(f"file_type must be one of {', '.join(_FORMATS)}, not {file_type!r}")
        picture = _picture(data, mode, self.format)
        self._size = picture.size
        buffer = io.BytesIO()
        picture.save(buffer, format="JPEG" if self.format == "jpg" else self.format.upper())
        return content.InMemory(buffer.getvalue(), f".{self.format}")

    def _all_classes(self, given: Classes | Sequence[dict[str, Any]] | None) -> Classes | None:
        """The classes of boxes and masks, and those given, which win."""
        names: dict[Any, str] = {}
        for box in self._boxes.values():
            names |= box._class_labels
        for mask in self._masks.values():
            names |= mask.labels or {}
        if given is not None:
            names |= (given if isinstance(given, Classes) else Classes(given)).names()
        return Classes([{"id": key, "name": name} for key, name in names.items()]) if names else None

    @property
    def width(self) -> int | None:
        """In pixels; None for a reference."""
        return self._size[0] if self._size else None

    @property
    def height(self) -> int | None:
        """In pixels; None for a reference."""
        return self._size[1] if self._size else None

    @property
    def image(self) -> Any:
        """It as a PIL image; None for a reference."""
        return None if isinstance(self._content, content.AtUri) else self._opened()

    def _opened(self) -> Any:
        library = need("PIL.Image", "an image", "media")
        data = self._content.read()
        try:
            picture = library.open(io.BytesIO(data))
            picture.load()
        except (OSError, SyntaxError) as error:
            raise SourceUnreadable(f"{self._content.path()!r} is no image that can be read: {error}") from error
        return picture

    def to_data_array(self) -> list[Any]:
        """Its pixels, as nested lists."""
        numpy = need("numpy", "an array of an image", "media")
        found: list[Any] = numpy.asarray(self._opened()).tolist()
        return found

    def to_json(self, shelf: ObjectWriter) -> dict[str, Any]:
        if (self._masks or self._boxes) and self._classes is None:
            raise InvalidInput("an image with masks or boxes needs classes when it is added to an artifact")
        document = super().to_json(shelf)
        if self._classes is not None:
            listed = str(self._classes._class_set).encode()
            digest = hashlib.md5(listed, usedforsecurity=False).hexdigest()
            document["classes"] = self._classes.put(shelf, f"media/classes/{digest}_cls")
        if self._boxes:
            document["boxes"] = {key: each._val for key, each in self._boxes.items()}
        if self._masks:
            document["masks"] = {key: each.to_json(shelf) for key, each in self._masks.items()}
        return document

    def _described(self, path: str) -> dict[str, Any]:
        document = {**super()._described(path), "format": self.format}
        if self._size is not None:
            document["width"], document["height"] = self._size
        if self._grouping:
            document["grouping"] = self._grouping
        return document

    @classmethod
    def from_json(cls, document: Any, source: ObjectReader) -> Self:
        made = super().from_json(document, source)
        made.format = document.get("format") or made._content.suffix[1:]
        size = document.get("width"), document.get("height")
        made._size = None if None in size else size
        made._grouping = document.get("grouping")
        named = document.get("classes")
        classes = source.get(named["path"]) if named else None
        made._classes = classes if isinstance(classes, Classes) else None
        made._masks = {key: ImageMask.from_json(each, source) for key, each in document.get("masks", {}).items()}
        made._boxes = {key: BoundingBoxes2D.from_json(each, source) for key, each in document.get("boxes", {}).items()}
        for key, mask in made._masks.items():
            mask._key = key
        for key, box in made._boxes.items():
            box._key = key
        return made

    def cell_type(self) -> Type:
        boxes, masks = self._boxes, {key: each for key, each in self._masks.items() if each.labels is not None}
        return ImageType(
            box_layers={key: set(each._class_labels) for key, each in boxes.items()},
            box_score_keys={key for each in boxes.values() for box in each._val for key in box.get("scores", {})},
            mask_layers={key: set(each.labels or ()) for key, each in self._masks.items()},
            box_class_maps={key: _by_text(each._class_labels) for key, each in boxes.items()},
            mask_class_maps={key: _by_text(each.labels or {}) for key, each in masks.items()},
            class_map=_by_text(self._classes.names()) if self._classes else {},
        )

    def __eq__(self, other: object) -> bool:
        """Whether it shows the same, with the same words about it."""
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


def _named(what: str, given: Mapping[str, Any] | None) -> Iterable[tuple[str, Any]]:
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInput(f'Images "{what}" argument must be a dictionary, as in {what}={{"truth": ...}}')
    return (given or {}).items()


def _mask(given: Any, key: str) -> ImageMask:
    return given if isinstance(given, ImageMask) else ImageMask(given, key)


def _boxes(given: Any, key: str) -> BoundingBoxes2D:
    return given if isinstance(given, BoundingBoxes2D) else BoundingBoxes2D(given, key)


def _by_text(names: Mapping[Any, str]) -> dict[str, str]:
    return {str(key): name for key, name in names.items()}


def _picture(data: Any, mode: str | None, file_type: str) -> Any:
    """A PIL image of what an image can be made of."""
    library = need("PIL.Image", "an image", "media")
    if isinstance(data, library.Image):
        return data
    drawn = data.get_figure() if hasattr(data, "get_figure") and not hasattr(data, "savefig") else data
    if hasattr(drawn, "savefig"):
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="png")
        return library.open(buffer)
    numpy = need("numpy", "an image", "media")
    array = _array(data, numpy)
    channels = 1 if array.ndim == 2 else array.shape[-1] if array.ndim == 3 else 0
    modes = {1: "L", 3: "RGB", 4: "RGB" if file_type in ("jpg", "jpeg") else "RGBA"}
    if channels not in modes:
        raise InvalidInput(
            f"Un-supported shape for image conversion {list(array.shape)}: an image is height times width, or height "
            "times width times 1, 3 or 4 channels"
        )
    return library.fromarray(array.squeeze().astype(numpy.uint8)).convert(mode or modes[channels])


def _array(data: Any, numpy: Any) -> Any:
    if hasattr(data, "detach"):
        array = data.detach().cpu().numpy()
        array = array.transpose(1, 2, 0) if array.ndim == 3 else array
    else:
        array = data.numpy() if hasattr(data, "numpy") else numpy.asarray(data)
    if array.dtype.kind not in "biuf":
        raise WrongValue(f"an image is made of numbers, and not of {type(data).__name__}")
    while array.ndim > 3 and 1 in array.shape:
        array = array.squeeze(array.shape.index(1))
    return array


@dataclass(frozen=True)
class ImageType(Type):
    """Takes images, and notes what classes, boxes and masks they have."""

    name = "image-file"
    box_layers: dict[str, set[Any]] = field(default_factory=dict)
    box_score_keys: set[str] = field(default_factory=set)
    mask_layers: dict[str, set[Any]] = field(default_factory=dict)
    box_class_maps: dict[str, dict[str, str]] = field(default_factory=dict)
    mask_class_maps: dict[str, dict[str, str]] = field(default_factory=dict)
    class_map: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, given: dict[str, Any]) -> ImageType:
        """The type that W&B wrote down. Some of its fields are younger than others."""
        found = {key: each["params"]["val"] for key, each in given.items() if "params" in each}
        return cls(
            box_layers={key: set(each) for key, each in found.get("box_layers", {}).items()},
            box_score_keys=set(found.get("box_score_keys", ())),
            mask_layers={key: set(each) for key, each in found.get("mask_layers", {}).items()},
            box_class_maps=found.get("box_class_maps", {}),
            mask_class_maps=found.get("mask_class_maps", {}),
            class_map=found.get("class_map", {}),
        )

    def takes_type(self, other: Type) -> Type | None:
        if not isinstance(other, ImageType):
            return None
        if other == self:
            return self
        return ImageType(
            _sets(self.box_layers, other.box_layers),
            self.box_score_keys | other.box_score_keys,
            _sets(self.mask_layers, other.mask_layers),
            _maps(self.box_class_maps, other.box_class_maps),
            _maps(self.mask_class_maps, other.mask_class_maps),
            {**other.class_map, **self.class_map},
        )

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        return {key: Const(each).to_json() for key, each in vars(self).items()}

    def __str__(self) -> str:
        return "Image-file"


def _sets(mine: dict[str, set[Any]], theirs: dict[str, set[Any]]) -> dict[str, set[Any]]:
    return {key: mine.get(key, set()) | theirs.get(key, set()) for key in {**mine, **theirs}}


def _maps(mine: dict[str, dict[str, str]], theirs: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {key: {**theirs.get(key, {}), **mine.get(key, {})} for key in {**mine, **theirs}}
