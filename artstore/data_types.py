"""The objects that artifacts hold besides files, under W&B's names for them and their module."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artstore.objects.audio import Audio
    from artstore.objects.classes import Classes
    from artstore.objects.data_object import DataObject
    from artstore.objects.html import Html
    from artstore.objects.image import Image
    from artstore.objects.joined_table import JoinedTable
    from artstore.objects.media import Media
    from artstore.objects.object3d import Molecule, Object3D
    from artstore.objects.overlays import BoundingBoxes2D, ImageMask
    from artstore.objects.partitioned_table import PartitionedTable
    from artstore.objects.table import Table
    from artstore.objects.video import Video

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
    return getattr(import_module(f"artstore.objects.{_HOMES[found]}"), found)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
