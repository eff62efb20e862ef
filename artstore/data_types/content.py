"""The content of a media object: in a local file, in memory, in an artifact, or at a URI.

Names and digests are those of W&B: MD5 for names and in documents, SHA-256 to compare content.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from artstore.data_types.data_object import ObjectReader, ObjectWriter
from artstore.errors import InvalidInput, SourceChanged, SourceMissing, SourceUnreadable
from artstore.runtime import scratch

_URI = re.compile(r"[a-z][a-z0-9+.-]+://")
_QUERY = re.compile(r"[?#].*")
_NAME_LENGTH = 20


class Content(Protocol):
    """The bytes of an object. `sha256` is in hex, `suffix` begins with a dot."""

    sha256: str
    suffix: str

    def read(self) -> bytes:
        """Return all bytes."""

    def path(self) -> str:
        """Return the path of a file with the content, for libraries that need one."""

    def put(self, writer: ObjectWriter, folder: str) -> str:
        """Store the content below a folder; return its path there."""


def from_path(path_or_uri: str | os.PathLike[str], suffix: str | None = None) -> Content:
    """Return the content of a local path or a URI; `suffix` replaces the suffix of a path."""
    text = os.fspath(path_or_uri)
    return AtUri(text) if _URI.match(text) else LocalFile(text, suffix)


def name_of(file: object) -> str:
    """Return the path of an open file; empty for one in memory."""
    name = getattr(file, "name", "")
    return name if isinstance(name, str) else ""


class LocalFile:
    """A local file, as it was when the object was created. Raises `SourceMissing` if there is none."""

    def __init__(self, path: str, suffix: str | None = None) -> None:
        self._path = path
        self.suffix = suffix if suffix is not None else os.path.splitext(path)[1]
        try:
            with open(path, "rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                self._stamp = _stamp(os.fstat(file.fileno()))
        except FileNotFoundError as error:
            raise SourceMissing(error.errno, f"the file {path!r} does not exist: check the path") from error
        except OSError as error:
            raise SourceUnreadable(error.errno, f"{path!r} cannot be read ({error.strerror})") from error

    def read(self) -> bytes:
        return Path(self._path).read_bytes()

    def path(self) -> str:
        return self._path

    def put(self, writer: ObjectWriter, folder: str) -> str:
        if not os.path.isfile(self._path) or _stamp(os.stat(self._path)) != self._stamp:
            raise SourceChanged(f"{self._path!r} changed since the object was created: create the object again")
        # The digest keeps files with the same name apart.
        path = f"{folder}/{self.sha256[:_NAME_LENGTH]}/{os.path.basename(self._path)}"
        writer.put_file(Path(self._path), path)
        return path


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


class InMemory:
    """Bytes in memory."""

    def __init__(self, data: bytes, suffix: str) -> None:
        self._data = data
        self._file: tempfile._TemporaryFileWrapper[bytes] | None = None
        self.suffix = suffix
        self.sha256 = hashlib.sha256(data).hexdigest()

    def read(self) -> bytes:
        return self._data

    def path(self) -> str:
        if self._file is None:
            self._file = tempfile.NamedTemporaryFile(dir=scratch.folder(), suffix=self.suffix)  # noqa: SIM115
            self._file.write(self._data)
            self._file.flush()
        return self._file.name

    def put(self, writer: ObjectWriter, folder: str) -> str:
        path = f"{folder}/{md5_name(self._data)}{self.suffix}"
        writer.put_bytes(self._data, path)
        return path


class InArtifact:
    """A file of an artifact, which is read when it is needed."""

    def __init__(self, reader: ObjectReader, path: str, sha256: str | None = None) -> None:
        self._reader = reader
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
        return self._reader.read(self._path)

    def path(self) -> str:
        return self._reader.download(self._path)

    def put(self, writer: ObjectWriter, folder: str) -> str:
        writer.put_copy(self._reader, self._path, self._path)
        return self._path


class AtUri:
    """The object at a URI, which is referenced and not read."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self.suffix = os.path.splitext(_QUERY.sub("", uri))[1]
        self.sha256 = hashlib.sha256(uri.encode()).hexdigest()

    def read(self) -> bytes:
        raise InvalidInput(
            f"{self._uri} is a reference, which is not read: download it, and create the object from the file"
        )

    def path(self) -> str:
        return self._uri

    def put(self, writer: ObjectWriter, folder: str) -> str:
        path = f"{folder}/{self.sha256[:_NAME_LENGTH]}/{os.path.basename(_QUERY.sub('', self._uri))}"
        writer.put_reference(self._uri, path)
        return path


def md5_name(data: bytes) -> str:
    """Return the name that W&B gives to content without a name of its own."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()[:_NAME_LENGTH]


def md5_of(pieces: Iterable[bytes]) -> str:
    """Return the MD5 of content that comes in pieces, as W&B writes it into documents."""
    hasher = hashlib.md5(usedforsecurity=False)
    for piece in pieces:
        hasher.update(piece)
    return base64.b64encode(hasher.digest()).decode()


def md5_base64(data: bytes) -> str:
    """Return the MD5 of content as W&B writes it into documents."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
