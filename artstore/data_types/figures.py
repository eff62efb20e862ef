"""Figures of plotting libraries: Plotly and Bokeh charts as JSON, and what `log` makes of a figure that it is given."""

from __future__ import annotations

import json
import os
import sys
from types import ModuleType
from typing import Any

from artstore.core.jsonable import to_jsonable
from artstore.data_types import content, sketches
from artstore.data_types.data_object import DataObject
from artstore.data_types.image import Image
from artstore.data_types.media import Media
from artstore.errors import SourceUnreadable, WrongValue
from artstore.runtime.arguments import checked_values


@checked_values
class Plotly(Media):
    """A chart of Plotly: a figure, or the path of a file with the JSON of one (`.plotly.json`)."""

    _log_type = "plotly-file"
    _folder = "media/plotly"

    def __init__(self, val: Any, caption: str | None = None) -> None:
        if isinstance(val, str | os.PathLike):
            super().__init__(content.from_path(val, ".plotly.json"), caption)
            return
        if not hasattr(val, "to_plotly_json"):
            raise WrongValue(f"Plotly takes a figure of Plotly, not {type(val).__name__}: for a picture use Image")
        # Plotly's own encoder knows its arrays, dates and columns of data frames.
        text = val.to_json() if hasattr(val, "to_json") else json.dumps(to_jsonable(val.to_plotly_json()))
        super().__init__(content.InMemory(text.encode(), ".plotly.json"), caption)

    def _sketch(self, data: bytes, suffix: str) -> str | None:
        return sketches.plotly(data, self._caption or "")

    @classmethod
    def make_plot_media(cls, val: Any) -> Image | Plotly:
        """Return the chart of a Plotly figure, or the picture of a matplotlib figure."""
        return cls(val) if hasattr(val, "to_plotly_json") else Image(val)


@checked_values
class Bokeh(Media):
    """A chart of Bokeh: a document, a model such as a figure, or the path of a file with the JSON of a document."""

    _log_type = "bokeh-file"
    _folder = "media/bokeh"

    def __init__(self, data_or_path: Any) -> None:
        if isinstance(data_or_path, str | os.PathLike):
            super().__init__(content.from_path(data_or_path, ".bokeh.json"))
            return
        document = _bokeh_document(data_or_path)
        super().__init__(content.InMemory(json.dumps(document, sort_keys=True).encode(), ".bokeh.json"))

    @property
    def document(self) -> dict[str, Any]:
        """The chart as Bokeh writes it into JSON."""
        try:
            document: dict[str, Any] = json.loads(self.read())
        except ValueError as error:
            raise SourceUnreadable(f"{self._path!r} is not the JSON of a Bokeh document: {error}") from error
        return document

    def _sketch(self, data: bytes, suffix: str) -> str | None:
        return sketches.bokeh(data, "")


def _bokeh_document(chart: Any) -> Any:
    # A program that has a chart of Bokeh has imported Bokeh.
    bokeh = sys.modules.get("bokeh.document")
    if bokeh is None or not _is_of(chart, "bokeh"):
        raise WrongValue(f"Bokeh takes a document or model of Bokeh or a path, not {type(chart).__name__}")
    if isinstance(chart, bokeh.Document) or chart.document is not None:
        return _bokeh_json(chart if isinstance(chart, bokeh.Document) else chart.document)
    document = bokeh.Document()
    document.add_root(chart)
    try:
        return _bokeh_json(document)
    finally:
        # A model belongs to one document at a time.
        document.remove_root(chart)


def _bokeh_json(document: Any) -> Any:
    try:
        return document.to_json(deferred=False)
    except TypeError:
        # Versions before 3.9 have no such argument.
        return document.to_json()


def _is_of(value: Any, library: str) -> bool:
    return any(kind.__module__.partition(".")[0] == library for kind in type(value).__mro__)


def from_figure(value: Any) -> DataObject | None:
    """Return a figure of matplotlib, seaborn, Plotly or Bokeh as a picture or chart; None for anything else.

    `matplotlib.pyplot` itself is its current figure.
    """
    if isinstance(value, ModuleType):
        return Image(value.gcf()) if value.__name__ == "matplotlib.pyplot" else None
    if _is_of(value, "plotly") and hasattr(value, "to_plotly_json"):
        return Plotly(value)
    if (_is_of(value, "matplotlib") or _is_of(value, "seaborn")) and _has_figure(value):
        return Image(value)
    if _is_of(value, "bokeh") and hasattr(value, "document"):
        return Bokeh(value)
    return None


def _has_figure(value: Any) -> bool:
    return hasattr(value, "savefig") or (hasattr(value, "get_figure") and value.get_figure() is not None)
