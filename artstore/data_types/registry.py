"""Find the class of an object, and the type of a column, by the names that W&B writes into documents."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from artstore.data_types import column_types
from artstore.data_types.column_types import Anything, ObjectType, Type
from artstore.data_types.data_object import DataObject, ObjectReader
from artstore.data_types.keys import ForeignIndex, ForeignKey, PrimaryKey
from artstore.errors import InvalidInput

PARQUET_SUFFIX = ".table.parquet"
# A module is imported when an object of its log type is read: programs start faster.
_CLASSES = {
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
    "histogram": ("histogram", "Histogram"),
    "plotly-file": ("figures", "Plotly"),
    "bokeh-file": ("figures", "Bokeh"),
}
LOG_TYPES = tuple(_CLASSES)
ROW_TYPES = ("table", "partitioned-table")
"""The log types of objects with rows."""
TABLE_TYPES = (*ROW_TYPES, "joined-table")
_KEYS: dict[str, type[PrimaryKey | ForeignKey | ForeignIndex]] = {
    "primaryKey": PrimaryKey,
    "wandb.TablePrimaryKey": PrimaryKey,
    "foreignKey": ForeignKey,
    "wandb.TableForeignKey": ForeignKey,
    "foreignIndex": ForeignIndex,
    "wandb.TableForeignIndex": ForeignIndex,
}


def class_of(log_type: str) -> type[DataObject]:
    """Return the class of the objects with a log type."""
    module, name = _CLASSES[log_type]
    object_class: type[DataObject] = getattr(import_module(f"artstore.data_types.{module}"), name)
    return object_class


def candidate_paths(name: str, log_types: tuple[str, ...] = LOG_TYPES) -> Iterator[tuple[str, str]]:
    """Yield the paths at which an object with a name may be, each with its log type."""
    named_type = next((log_type for log_type in LOG_TYPES if name.endswith(f".{log_type}.json")), None)
    for log_type in log_types:
        if named_type not in (None, log_type):
            continue
        suffix = f"{log_type}.json"
        yield (name if name.endswith(suffix) else f"{name}.{suffix}"), log_type
        if log_type == "table":
            yield parquet_path(name), log_type


def parquet_path(name: str) -> str:
    """Return the path of a table with a name when it is stored as Parquet."""
    return name.removesuffix(".table.json").removesuffix(PARQUET_SUFFIX) + PARQUET_SUFFIX


def object_from_json(document: dict[str, Any], reader: ObjectReader) -> DataObject | None:
    """Return the object of a document in a table cell; None if its log type is unknown."""
    log_type = document["_type"]
    return class_of(log_type).from_json(document, reader) if log_type in _CLASSES else None


def column_type_of(log_type: str) -> Type:
    """Return the type of a column of objects with a log type."""
    if log_type == "image-file":
        # Imported here so that programs without images start faster.
        from artstore.data_types.image import ImageType

        return ImageType()
    return ObjectType(log_type)


def column_type_from_json(document: Any, reader: ObjectReader | None = None) -> Type:
    """Return the column type that W&B wrote. A column of an unknown type accepts anything."""
    if not isinstance(document, dict) or "wb_type" not in document:
        raise InvalidInput(f"not the type of a column: {document!r}; the table was written by neither W&B nor artstore")
    name, parameters = document["wb_type"], document.get("params", {})
    if name in column_types.SIMPLE_TYPES:
        return column_types.SIMPLE_TYPES[name]
    match name:
        case "unknown":
            return column_types.Unknown()
        case "invalid":
            return column_types.Mixed()
        case "union":
            members = parameters.get("allowed_types", [])
            return column_types.Union.of(column_type_from_json(member, reader) for member in members)
        case "list":
            element = column_type_from_json(parameters["element_type"], reader)
            return column_types.List(element, parameters.get("length"))
        case "typedDict" | "dictionary":
            items = parameters.get("type_map", {}).items()
            return column_types.TypedDict(tuple((key, column_type_from_json(inner, reader)) for key, inner in items))
        case "pythonObject" | "object":
            return column_types.PythonObject(parameters.get("class_name", "object"))
        case "const":
            value = parameters["val"]
            return column_types.Const(set(value) if parameters.get("is_set") else value)
        case "ndarray":
            location = parameters.get("serialization_path") or {}
            return column_types.NDArray(tuple(parameters["shape"]), location.get("path"), location.get("key"))
    return _object_type_from_json(name, parameters, reader)


def _object_type_from_json(name: str, parameters: dict[str, Any], reader: ObjectReader | None) -> Type:
    """Return the type of a column of objects, class ids or keys."""
    # Images and classes are imported here so that programs without them start faster.
    if name in ("image-file", "wandb.Image"):
        from artstore.data_types.image import ImageType

        return ImageType.from_json(parameters)
    if name in ("classesId", "wandb.Classes_id"):
        from artstore.data_types.classes import ClassIds

        return ClassIds.from_json(parameters, reader)
    if name in _KEYS:
        return _KEYS[name].from_json(parameters, reader)
    return ObjectType(name) if name in _CLASSES else Anything()
