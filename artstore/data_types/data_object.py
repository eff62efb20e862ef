"""What can be put into an artifact by its meaning, and what such objects ask of the artifact.

An object is a JSON document, whose name ends in its kind (`cat.image-file.json`), and the files that the document
names. Nothing here knows artifacts: a `Shelf` takes what an object writes, a `Source` gives it back.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

if TYPE_CHECKING:
    from artstore.data_types.column_types import Type


class ObjectReader(Protocol):
    """Where an object was found: the artifact as it was logged."""

    def has(self, path: str) -> bool:
        """Whether there is a file at a path."""

    def read(self, path: str) -> bytes:
        """The content of a file."""

    def temporary_file(self, path: str) -> AbstractContextManager[Path]:
        """A file with that content, for as long as the block lasts."""

    def download(self, path: str) -> str:
        """Write the file where downloads of the artifact go; return its path there."""

    def paths_below(self, folder: str) -> list[str]:
        """The paths of the files below a folder, in path order."""

    def get(self, path: str) -> DataObject | None:
        """The object at a path; None if there is none."""


class ObjectWriter(Protocol):
    """Where an object goes: an artifact that is being put together."""

    def has(self, path: str) -> bool:
        """Whether there is something at a path."""

    def has_same(self, data: bytes, path: str) -> bool:
        """Whether what is at a path has this content."""

    def put_bytes(self, data: bytes, path: str) -> None:
        """Take content. Something else at that path is an error."""

    def put_file(self, local: Path, path: str) -> None:
        """Take a file."""

    def put_copy(self, source: ObjectReader, found: str, path: str) -> None:
        """Take a file of another artifact, which the artifact to be then depends on."""

    def put_reference(self, uri: str, path: str) -> None:
        """Reference what is kept elsewhere."""

    def put_object(self, item: DataObject, name: str) -> str:
        """Take an object that another one needs, unless it was taken before; return its path."""


class DataObject:
    """The base of tables, images, sounds and whatever else `Artifact.add` takes."""

    _log_type: ClassVar[str]
    """W&B's word for the kind, with which names end and which documents carry as `_type`."""

    source: ObjectReader | None = None
    """The artifact that it was read from."""
    source_path: str | None = None
    """Its path there."""

    def to_json(self, shelf: ObjectWriter) -> Any:
        """The document that stands for it, after what the document names was put on the shelf."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, document: Any, source: ObjectReader) -> Self:
        """The object that a document stands for."""
        raise NotImplementedError

    def write(self, shelf: ObjectWriter, name: str) -> str:
        """Put it on a shelf; return the path of its document, which is the name with the kind behind it."""
        path = self.with_suffix(name)
        shelf.put_bytes(encode_document(self.to_json(shelf)), path)
        return path

    @classmethod
    def with_suffix(cls, name: str, filetype: str = "json") -> str:
        """A name that ends in the kind."""
        suffix = f"{cls._log_type}.{filetype}"
        return name if name.endswith(suffix) else f"{name}.{suffix}"

    def cell_type(self) -> Type:
        """The type of a column of such objects."""
        from artstore.data_types.column_types import FileType

        return FileType(self._log_type)


def encode_document(document: Any) -> bytes:
    """A document as W&B writes it."""
    return json.dumps(document, sort_keys=True).encode()
