"""Every scheme that fsspec knows works without a driver of its own, pinned where the file system gives an etag."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from artstore.drivers.session import Session
from artstore.errors import AccessDenied, InvalidInput, MissingExtra, NoDriver, SecretInUri, Unreachable
from artstore.manifest import Entry, Kind
from artstore.testing import PrefixContract


class TestMemory(PrefixContract):
    """A file system that tells nothing but the size, and finds of `a/` only `a` if that is a file."""

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
    """The file system in memory, with etags, as those of object stores have them."""

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


class FailingFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A file system whose server is not what it should be."""

    protocol = "failing"

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        raise self.storage_options["error"]


fsspec.register_implementation("failing", FailingFileSystem, clobber=True)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("artstore.drivers.retrying.PAUSES", (0.0, 0.0))
    yield


@pytest.mark.parametrize(
    ("error", "ours"),
    [(PermissionError("no"), AccessDenied), (ConnectionResetError("gone"), Unreachable), (TimeoutError(), Unreachable)],
)
@pytest.mark.usefixtures("at_once")
def test_errors_of_file_systems_are_said_in_our_words(error: Exception, ours: type[Exception]) -> None:
    with Session({"error": error}) as session, pytest.raises(ours, match="failing://host/x"):
        list(session.references("failing://host/x"))


def test_a_secret_in_an_error_of_a_file_system_is_taken_out() -> None:
    said = PermissionError("cannot GET https://me:word@host/x?sig=SECRET")
    with Session({"error": said}) as session, pytest.raises(AccessDenied) as caught:
        list(session.references("failing://host/x"))
    assert "SECRET" not in str(caught.value) and "word" not in str(caught.value)


def test_a_library_that_is_not_installed_is_named() -> None:
    with Session() as session, pytest.raises(MissingExtra, match=r"adlfs"):
        list(session.references("abfs://container/key"))


def test_a_scheme_that_nobody_knows_is_tracked_under_a_name_and_cannot_be_fetched(tmp_path: Path) -> None:
    with Session() as session:
        with pytest.raises(InvalidInput, match=r'You must pass name="<entry_name>"'):
            list(session.references("unknown://host/x"))
        (entry,) = session.references("unknown://host/x", name="a/b")
        assert entry == Entry("a/b", Kind.REFERENCE, uri="unknown://host/x")
        with pytest.raises(NoDriver, match="unknown://"):
            session.fetch_to(entry, tmp_path / "x")
        with pytest.raises(SecretInUri):
            list(session.references("unknown://me:word@host/x", name="a"))
