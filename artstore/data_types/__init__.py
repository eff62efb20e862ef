"""The objects that artifacts hold besides files, under W&B's names for them and their module."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artstore.data_types.audio import Audio
    from artstore.data_types.classes import Classes
    from artstore.data_types.data_object import DataObject
    from artstore.data_types.html import Html
    from artstore.data_types.image import Image
    from artstore.data_types.joined_table import JoinedTable
    from artstore.data_types.media import Media
    from artstore.data_types.object3d import Molecule, Object3D
    from artstore.data_types.overlays import BoundingBoxes2D, ImageMask
    from artstore.data_types.partitioned_table import PartitionedTable
    from artstore.data_types.table import Table
    from artstore.data_types.video import Video

__all__ = [
    "Audio",
    "BoundingBoxes2D",
    "Classes",
    "DataObject",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "Media",
    "Molecule",
    "Object3D",
    "PartitionedTable",
    "Table",
    "Video",
]

_HOMES = {
    "Audio": "audio",
    "BoundingBoxes2D": "overlays",
    "Classes": "classes",
    "DataObject": "data_object",
    "Html": "html",
    "Image": "image",
    "ImageMask": "overlays",
    "JoinedTable": "joined_table",
    "Media": "media",
    "Molecule": "object3d",
    "Object3D": "object3d",
    "PartitionedTable": "partitioned_table",
    "Table": "table",
    "Video": "video",
}
_OF_WANDB = {"WBValue": "DataObject"}


def __getattr__(name: str) -> Any:
    found = _OF_WANDB.get(name, name)
    if found not in _HOMES:
        raise AttributeError(f"module 'artstore.data_types' has no attribute {name!r}")
    return getattr(import_module(f"artstore.data_types.{_HOMES[found]}"), found)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
