"""The base of media objects: one file, and a document that describes it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from artstore.data_types.content import AtUri, Content, InArtifact
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter
from artstore.runtime import notebook, words
from artstore.runtime.arguments import checked


@checked
class Media(DataObject):
    """The base of images, audio, videos, HTML pages and 3D objects.

    `caption` is shown with the object. The file of an object that comes from an artifact is read when it is needed.
    """

    _folder: ClassVar[str]
    """The folder in which W&B stores files of this kind."""

    def __init__(self, content: Content, caption: str | None = None) -> None:
        self._content = content
        self._caption = caption

    @property
    def caption(self) -> str | None:
        """The text that is shown with the object."""
        return self._caption

    @property
    def _path(self) -> str:
        return self._content.path()

    @property
    def _sha256(self) -> str:
        return self._content.sha256

    def read(self) -> bytes:
        """Return the bytes of the file."""
        return self._content.read()

    def to_json(self, writer: ObjectWriter) -> dict[str, Any]:
        return self._document(self._content.put(writer, self._folder))

    def _document(self, path: str) -> dict[str, Any]:
        """Return the document of the object when its file is at a path."""
        caption = {} if self._caption is None else {"caption": self._caption}
        return {**caption, "_type": self._log_type, "path": path, "sha256": self._sha256}

    @classmethod
    def from_json(cls, document: Any, reader: ObjectReader) -> Self:
        media = cls.__new__(cls)
        content = InArtifact(reader, document["path"], document.get("sha256"))
        Media.__init__(media, content, caption=document.get("caption"))
        media.source = reader
        return media

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._sha256 == other._sha256 and self._caption == other._caption

    def __hash__(self) -> int:
        return hash(self._sha256)

    def _repr_html_(self) -> str | None:
        if isinstance(self._content, AtUri):
            return None
        data, suffix = self._content.read(), self._content.suffix
        shown = self._sketch(data, suffix) or notebook.media(data, suffix, self._caption)
        about = [("caption", self._caption), ("file", suffix.lstrip(".")), ("size", words.size(len(data)))]
        return shown or notebook.facts(type(self).__name__, about)

    def _sketch(self, data: bytes, suffix: str) -> str | None:
        """Return a drawing of an object that browsers do not show; None if there is none."""
        return None

    def __repr__(self) -> str:
        caption = f" {self._caption!r}" if self._caption is not None else ""
        return f"<{type(self).__name__}{caption} {self._sha256[:12]}>"
