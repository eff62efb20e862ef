"""Tables, images, audio and other objects that artifacts can hold besides files. Names and module are those of W&B.

A class is imported when its name is first used, so that importing this package takes no time.
"""

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

_MODULES = {
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
_WANDB_NAMES = {"WBValue": "DataObject"}


def __getattr__(name: str) -> Any:
    own_name = _WANDB_NAMES.get(name, name)
    if own_name not in _MODULES:
        raise AttributeError(f"module 'artstore.data_types' has no attribute {name!r}")
    return getattr(import_module(f"artstore.data_types.{_MODULES[own_name]}"), own_name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
