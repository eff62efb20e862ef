"""Every scheme of fsspec works without a driver of its own, and is pinned where the file system gives an etag."""

from __future__ import annotations

import hashlib
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from artstore.core.manifest import Entry, Kind
from artstore.drivers.session import Session
from artstore.errors import (
    AccessDenied,
    BadReply,
    InvalidInput,
    InvalidUri,
    MissingExtra,
    NoDriver,
    SecretInUri,
    Unreachable,
)
from artstore.testing import PrefixContract
from tests.support import servers


class TestMemory(PrefixContract):
    """A file system that gives only sizes, and for `a/` finds only `a` if that is a file."""

    both = False
    notices = False
    recognises = False
    odd_keys: ClassVar[tuple[str, ...]] = ("with space", "ünï/日本", "a+b", "100%", "%41", "#hash", "x?y=z#w")
    scheme = "memory"

    @pytest.fixture
    def prefix(self) -> str:
        return f"{self.scheme}://{uuid.uuid4().hex}/"

    def put(self, uri: str, data: bytes) -> None:
        fsspec.filesystem(self.scheme).pipe(uri, data)

    def remove(self, uri: str) -> None:
        fsspec.filesystem(self.scheme).rm(uri)


class TaggedFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """The file system in memory with etags, like those of object stores."""

    protocol = "tagged"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = MemoryFileSystem._strip_protocol(path.replace("tagged://", "memory://"))
        return stripped

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        return self._tagged(super().info(path, **kwargs))

    def find(self, path: str, **kwargs: Any) -> dict[str, Any]:
        return {name: self._tagged(info) for name, info in super().find(path, **kwargs).items()}

    def _tagged(self, info: dict[str, Any]) -> dict[str, Any]:
        if info["type"] == "file":
            return {**info, "ETag": f'"{hashlib.md5(self.store[info["name"]].getvalue()).hexdigest()}"'}
        return info


fsspec.register_implementation("tagged", TaggedFileSystem, clobber=True)


class TestTagged(TestMemory):
    """A file system that gives etags."""

    notices = True
    recognises = True
    scheme = "tagged"


@pytest.fixture(scope="module")
def ftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of an FTP server, and the folder that it serves."""
    folder = tmp_path_factory.mktemp("ftp")
    with servers.ftp(folder) as url:
        yield url, folder


class TestFtp(PrefixContract):
    """A file system with one connection, on which answers must not be mixed up."""

    both = False
    notices = False
    recognises = False
    odd_keys: ClassVar[tuple[str, ...]] = ("with space", "ünï/日本", "a+b", "100%", "%41", "#hash", "what?", "x?y=z#w")

    @pytest.fixture
    def prefix(self, ftp: tuple[str, Path]) -> str:
        self.url, self.folder = ftp
        return f"{self.url}/{uuid.uuid4().hex}/"

    @pytest.fixture
    def storage_options(self) -> dict[str, Any]:
        return {"username": "me", "password": "word"}

    def place(self, uri: str) -> Path:
        return self.folder / uri.removeprefix(self.url + "/")

    def put(self, uri: str, data: bytes) -> None:
        self.place(uri).parent.mkdir(parents=True, exist_ok=True)
        self.place(uri).write_bytes(data)

    def remove(self, uri: str) -> None:
        self.place(uri).unlink()

    def test_many_objects_are_fetched_concurrently(self, session: Session, prefix: str, tmp_path: Path) -> None:
        for number in range(20):
            self.put(f"{prefix}many/{number}", b"%d" % number * 1000)
        with ThreadPoolExecutor(8) as pool:
            entries = self.add(session, prefix + "many")
            done = list(pool.map(lambda entry: session.read(entry), entries))
        assert done == [entry.path.encode() * 1000 for entry in entries]


class StrictFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A file system that takes none of our options, and whose server refuses ranges past the end."""

    protocol = "strict"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def __init__(self) -> None:
        super().__init__()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = MemoryFileSystem._strip_protocol(path.replace("strict://", "memory://"))
        return stripped

    def cat_file(self, path: str, start: int, end: int, **kwargs: Any) -> bytes:
        if start >= self.info(path)["size"]:
            raise RuntimeError("The range specified is invalid\nRequestId: 1")
        data: bytes = super().cat_file(path, start, end, **kwargs)
        return data


fsspec.register_implementation("strict", StrictFileSystem, clobber=True)


class TestStrict(TestMemory):
    """A file system like adlfs and sshfs."""

    scheme = "strict"


class FailingFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A file system whose server fails in chosen ways."""

    protocol = "failing"

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        raise self.storage_options["error"]


fsspec.register_implementation("failing", FailingFileSystem, clobber=True)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("artstore.drivers.retrying.PAUSES", (0.0, 0.0))
    yield


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (PermissionError("no"), AccessDenied),
        (ConnectionResetError("gone"), Unreachable),
        (TimeoutError(), Unreachable),
        (socket.gaierror("no such host"), Unreachable),
        (RuntimeError("530 Authentication failed"), AccessDenied),
        (RuntimeError("what is this?"), BadReply),
    ],
)
@pytest.mark.usefixtures("no_pauses")
def test_errors_of_file_systems_become_errors_of_artstore(error: Exception, ours: type[Exception]) -> None:
    with Session({"error": error}) as session, pytest.raises(ours, match="failing://host/x"):
        list(session.references("failing://host/x"))


def test_a_chained_url_is_refused() -> None:
    with Session() as session, pytest.raises(InvalidUri, match="a chained URI"):
        list(session.references("zip://images::file:///tmp/animals.zip"))


def test_secrets_are_removed_from_errors_of_file_systems() -> None:
    error = PermissionError("cannot GET https://me:word@host/x?sig=SECRET")
    with Session({"error": error}) as session, pytest.raises(AccessDenied) as caught:
        list(session.references("failing://host/x"))
    assert "SECRET" not in str(caught.value) and "word" not in str(caught.value)


def test_a_library_that_is_not_installed_is_named() -> None:
    with Session() as session, pytest.raises(MissingExtra, match=r"adlfs"):
        list(session.references("abfs://container/key"))


def test_an_unknown_scheme_is_tracked_by_name_and_cannot_be_fetched(tmp_path: Path) -> None:
    with Session() as session:
        with pytest.raises(InvalidInput, match=r'You must pass name="<entry_name>"'):
            list(session.references("unknown://host/x"))
        (entry,) = session.references("unknown://host/x", name="a/b")
        assert entry == Entry("a/b", Kind.REFERENCE, uri="unknown://host/x")
        with pytest.raises(NoDriver, match="unknown://"):
            session.fetch_to(entry, tmp_path / "x")
        with pytest.raises(SecretInUri):
            list(session.references("unknown://me:word@host/x", name="a"))
