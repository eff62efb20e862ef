"""The kinds of objects, by the word that W&B has for each."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from artstore.data_types.column_types import Anything, FileType, Type
from artstore.data_types.data_object import DataObject, ObjectReader

PARQUET_SUFFIX = ".table.parquet"
_HOMES = {
    "table": ("table", "Table"),
    "partitioned-table": ("partitioned_table", "PartitionedTable"),
    "joined-table": ("joined_table", "JoinedTable"),
    "image-file": ("image", "Image"),
    "audio-file": ("audio", "Audio"),
    "video-file": ("video", "Video"),
    "html-file": ("html", "Html"),
    "object3D-file": ("object3d", "Object3D"),
    "molecule-file": ("object3d", "Molecule"),
    "classes": ("classes", "Classes"),
    "mask": ("overlays", "ImageMask"),
    "bounding-boxes": ("overlays", "BoundingBoxes2D"),
}
LOG_TYPES = tuple(_HOMES)
ROW_TYPES = ("table", "partitioned-table")
TABLE_TYPES = (*ROW_TYPES, "joined-table")
_KEYS = {
    "primaryKey": "PrimaryKey",
    "wandb.TablePrimaryKey": "PrimaryKey",
    "foreignKey": "ForeignKey",
    "wandb.TableForeignKey": "ForeignKey",
    "foreignIndex": "ForeignIndex",
    "wandb.TableForeignIndex": "ForeignIndex",
}


def class_of(log_type: str) -> type[DataObject]:
    """The class of a kind."""
    module, name = _HOMES[log_type]
    found: type[DataObject] = getattr(import_module(f"artstore.data_types.{module}"), name)
    return found


def candidate_paths(name: str, among: tuple[str, ...] = LOG_TYPES) -> Iterator[tuple[str, str]]:
    """Where an object of a name may be, and its kind there."""
    said = next((word for word in LOG_TYPES if name.endswith(f".{word}.json")), None)
    for word in among:
        if said not in (None, word):
            continue
        suffix = f"{word}.json"
        yield (name if name.endswith(suffix) else f"{name}.{suffix}"), word
        if word == "table":
            yield name.removesuffix(".table.json").removesuffix(PARQUET_SUFFIX) + PARQUET_SUFFIX, word


def object_from_json(document: dict[str, Any], source: ObjectReader) -> DataObject | None:
    """The object that a document in a cell stands for; None if it stands for none that is known."""
    word = document["_type"]
    return class_of(word).from_json(document, source) if word in _HOMES else None


def column_type_of(log_type: str) -> Type:
    """The type of a column of objects of a kind."""
    if log_type == "image-file":
        from artstore.data_types.image import ImageType

        return ImageType()
    return FileType(log_type)


def type_of_json(word: str, given: dict[str, Any], source: ObjectReader | None) -> Type:
    """A type that W&B wrote down, of objects, classes or keys. Anything, if it is not known."""
    if word in ("image-file", "wandb.Image"):
        from artstore.data_types.image import ImageType

        return ImageType.of_json(given)
    if word in ("classesId", "wandb.Classes_id"):
        from artstore.data_types.classes import ClassIds

        return ClassIds.of_json(given, source)
    if word in _KEYS:
        from artstore.data_types import keys

        made: Type = getattr(keys, _KEYS[word]).of_json(given, source)
        return made
    return FileType(word) if word in _HOMES else Anything()
