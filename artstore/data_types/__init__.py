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
    from artstore.data_types.figures import Bokeh, Plotly
    from artstore.data_types.histogram import Histogram
    from artstore.data_types.html import Html
    from artstore.data_types.image import Image
    from artstore.data_types.joined_table import JoinedTable
    from artstore.data_types.media import Media
    from artstore.data_types.object3d import Molecule, Object3D, box3d
    from artstore.data_types.overlays import BoundingBoxes2D, ImageMask
    from artstore.data_types.partitioned_table import PartitionedTable
    from artstore.data_types.table import Table
    from artstore.data_types.video import Video

__all__ = [
    "Audio",
    "Bokeh",
    "BoundingBoxes2D",
    "Classes",
    "DataObject",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "Media",
    "Molecule",
    "Object3D",
    "PartitionedTable",
    "Plotly",
    "Table",
    "Video",
    "box3d",
]

_MODULES = {
    "Audio": "audio",
    "Bokeh": "figures",
    "BoundingBoxes2D": "overlays",
    "Classes": "classes",
    "DataObject": "data_object",
    "Histogram": "histogram",
    "Html": "html",
    "Image": "image",
    "ImageMask": "overlays",
    "JoinedTable": "joined_table",
    "Media": "media",
    "Molecule": "object3d",
    "Object3D": "object3d",
    "PartitionedTable": "partitioned_table",
    "Plotly": "figures",
    "Table": "table",
    "Video": "video",
    "box3d": "object3d",
}
_WANDB_NAMES = {"WBValue": "DataObject"}


def __getattr__(name: str) -> Any:
    if name == "plot":
        return import_module("artstore.data_types.plot")
    own_name = _WANDB_NAMES.get(name, name)
    if own_name not in _MODULES:
        raise AttributeError(f"module 'artstore.data_types' has no attribute {name!r}")
    return getattr(import_module(f"artstore.data_types.{_MODULES[own_name]}"), own_name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
