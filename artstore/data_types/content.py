"""Where the bytes of an object are: in a file, in memory, in an artifact, or somewhere else by a URI."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Protocol

from artstore.data_types.data_object import ObjectReader, ObjectWriter
from artstore.errors import InvalidInput, SourceChanged, SourceMissing, SourceUnreadable

_URI = re.compile(r"[a-z][a-z0-9+.-]+://")
_HEX = 20


class Content(Protocol):
    """The bytes of an object; `sha256` is in hex, `suffix` begins with a dot."""

    sha256: str
    suffix: str

    def read(self) -> bytes:
        """All of it."""

    def path(self) -> str:
        """The path of a file with it, for libraries that want one."""

    def put(self, shelf: ObjectWriter, folder: str) -> str:
        """Put it on a shelf, below a folder; return its path there."""


def from_path(given: str | os.PathLike[str], suffix: str | None = None) -> Content:
    """The content of a path or URI."""
    text = os.fspath(given)
    return AtUri(text) if _URI.match(text) else LocalFile(text, suffix)


class LocalFile:
    """A file, as it was when the object was made. Raises `SourceMissing` if there is none."""

    def __init__(self, path: str, suffix: str | None = None) -> None:
        self._path = path
        self.suffix = suffix if suffix is not None else os.path.splitext(path)[1]
        try:
            with open(path, "rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                self._seen = _stamp(os.fstat(file.fileno()))
        except FileNotFoundError as error:
            raise SourceMissing(error.errno, f"there is no file {path!r}: check the path") from error
        except OSError as error:
            raise SourceUnreadable(error.errno, f"{path!r} cannot be read ({error.strerror})") from error

    def read(self) -> bytes:
        return Path(self._path).read_bytes()

    def path(self) -> str:
        return self._path

    def put(self, shelf: ObjectWriter, folder: str) -> str:
        if not os.path.isfile(self._path) or _stamp(os.stat(self._path)) != self._seen:
            raise SourceChanged(f"{self._path!r} changed since the object was made of it: make the object again")
        # The digest keeps files of one name apart.
        path = f"{folder}/{self.sha256[:_HEX]}/{os.path.basename(self._path)}"
        shelf.put_file(Path(self._path), path)
        return path


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


class InMemory:
    """Bytes that an object was turned into."""

    def __init__(self, data: bytes, suffix: str) -> None:
        self._data = data
        self._file: tempfile._TemporaryFileWrapper[bytes] | None = None
        self.suffix = suffix
        self.sha256 = hashlib.sha256(data).hexdigest()

    def read(self) -> bytes:
        return self._data

    def path(self) -> str:
        if self._file is None:
            self._file = tempfile.NamedTemporaryFile(prefix="artstore-", suffix=self.suffix)  # noqa: SIM115
            self._file.write(self._data)
            self._file.flush()
        return self._file.name

    def put(self, shelf: ObjectWriter, folder: str) -> str:
        path = f"{folder}/{md5_name(self._data)}{self.suffix}"
        shelf.put_bytes(self._data, path)
        return path


def md5_name(data: bytes) -> str:
    """The name that W&B gives content that had none."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()[:_HEX]


class InArtifact:
    """A file of an artifact, which is read when somebody looks at it."""

    def __init__(self, source: ObjectReader, path: str, sha256: str | None = None) -> None:
        self._source = source
        self._path = path
        self._sha256 = sha256
        self.suffix = os.path.splitext(path)[1]

    @property
    def sha256(self) -> str:
        if self._sha256 is None:
            self._sha256 = hashlib.sha256(self.read()).hexdigest()
        return self._sha256

    @sha256.setter
    def sha256(self, sha256: str) -> None:
        self._sha256 = sha256

    def read(self) -> bytes:
        return self._source.read(self._path)

    def path(self) -> str:
        return self._source.download(self._path)

    def put(self, shelf: ObjectWriter, folder: str) -> str:
        shelf.put_copy(self._source, self._path, self._path)
        return self._path


class AtUri:
    """What a URI names. It is referenced, not read."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self.suffix = os.path.splitext(re.sub(r"[?#].*", "", uri))[1]
        self.sha256 = hashlib.sha256(uri.encode()).hexdigest()

    def read(self) -> bytes:
        raise InvalidInput(f"{self._uri} is referenced and not read: download it, and make the object of the file")

    def path(self) -> str:
        return self._uri

    def put(self, shelf: ObjectWriter, folder: str) -> str:
        path = f"{folder}/{self.sha256[:_HEX]}/{os.path.basename(re.sub(r'[?#].*', '', self._uri))}"
        shelf.put_reference(self._uri, path)
        return path
