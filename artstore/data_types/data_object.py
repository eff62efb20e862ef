"""The base of all objects that an artifact can hold, and how they read from an artifact and write to it.

An object is stored as a JSON document and the files that the document names. The name of the document ends with the
object's log type, W&B's word for the kind of an object: `cat.image-file.json`. Nothing here knows artifacts: an
`ObjectWriter` stores what an object writes, and an `ObjectReader` returns it.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from artstore.errors import NotJson
from artstore.runtime.arguments import checked


class ObjectReader(Protocol):
    """Reads objects and their files, from a logged artifact."""

    def has(self, path: str) -> bool:
        """Whether there is a file at a path."""

    def read(self, path: str) -> bytes:
        """Return the content of a file."""

    def temporary_file(self, path: str) -> AbstractContextManager[Path]:
        """Copy a file to a temporary one, which exists inside the `with` block."""

    def download(self, path: str) -> str:
        """Download a file to the folder for downloads of the artifact; return its path there."""

    def paths_below(self, folder: str) -> list[str]:
        """Return the paths of the files below a folder, in path order."""

    def get(self, path: str) -> DataObject | None:
        """Return the object at a path; None if there is none."""


class ObjectWriter(Protocol):
    """Stores objects and their files: in the draft of an artifact, or in the folder of a run."""

    def has(self, path: str) -> bool:
        """Whether there is a file at a path."""

    def has_same(self, data: bytes, path: str) -> bool:
        """Whether the file at a path has this content."""

    def put_bytes(self, data: bytes, path: str) -> None:
        """Store content at a path. Other content at that path is an error."""

    def put_file(self, local: Path, path: str) -> None:
        """Store a local file at a path."""

    def put_copy(self, source: ObjectReader, source_path: str, path: str) -> None:
        """Store a file of another artifact at a path, and record that this artifact depends on that one."""

    def put_reference(self, uri: str, path: str) -> None:
        """Reference an object outside the store at a path."""

    def put_object(self, item: DataObject, name: str) -> str:
        """Store an object that another one needs, unless it is stored already; return its path."""


@checked
class DataObject:
    """The base of tables, images, audio and all other objects that `Artifact.add` accepts."""

    _log_type: ClassVar[str]
    """W&B's word for the kind: names of objects end with it, and documents have it as `_type`."""

    source: ObjectReader | None = None
    """The artifact that the object was read from."""
    source_path: str | None = None
    """The path of the object's document in that artifact."""

    def to_json(self, writer: ObjectWriter) -> Any:
        """Return the document of the object, after storing the files that the document names."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, document: Any, reader: ObjectReader) -> Self:
        """Return the object of a document."""
        raise NotImplementedError

    def write(self, writer: ObjectWriter, name: str) -> str:
        """Store the object; return the path of its document, which is the name with the log type appended."""
        path = self.with_suffix(name)
        writer.put_bytes(encode_document(self.to_json(writer)), path)
        return path

    @classmethod
    def with_suffix(cls, name: str, filetype: str = "json") -> str:
        """Return a name with the log type appended, unless it ends with it already."""
        suffix = f"{cls._log_type}.{filetype}"
        return name if name.endswith(suffix) else f"{name}.{suffix}"


def encode_document(document: Any) -> bytes:
    """Encode a document as W&B does. Raises `NotJson`."""
    try:
        return json.dumps(document, sort_keys=True).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJson(
            f"an object holds what JSON cannot represent ({error}): use text, numbers, lists and dicts"
        ) from error
