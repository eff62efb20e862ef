"""Objects that are one file and a few words about it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from artstore.data_types.content import Content, InArtifact
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter


class Media(DataObject):
    """The base of images, sounds, videos, pages and 3D objects.

    `caption` is shown with it. What was read from an artifact reads its file when it is looked at.
    """

    _folder: ClassVar[str]
    """Where W&B puts the files of this kind."""

    def __init__(self, content: Content, caption: str | None = None) -> None:
        self._content = content
        self._caption = caption

    @property
    def caption(self) -> str | None:
        """What is shown with it."""
        return self._caption

    @property
    def _path(self) -> str:
        return self._content.path()

    @property
    def _sha256(self) -> str:
        return self._content.sha256

    def read(self) -> bytes:
        """The bytes of its file."""
        return self._content.read()

    def to_json(self, shelf: ObjectWriter) -> dict[str, Any]:
        return self._described(self._content.put(shelf, self._folder))

    def _described(self, path: str) -> dict[str, Any]:
        """The document, with its file at a path."""
        said = {} if self._caption is None else {"caption": self._caption}
        return {**said, "_type": self._log_type, "path": path, "sha256": self._sha256}

    @classmethod
    def from_json(cls, document: Any, source: ObjectReader) -> Self:
        made = cls.__new__(cls)
        Media.__init__(
            made, InArtifact(source, document["path"], document.get("sha256")), caption=document.get("caption")
        )
        made.source = source
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._sha256 == other._sha256 and self._caption == other._caption

    def __hash__(self) -> int:
        return hash(self._sha256)

    def __repr__(self) -> str:
        said = f" {self._caption!r}" if self._caption is not None else ""
        return f"<{type(self).__name__}{said} {self._sha256[:12]}>"
