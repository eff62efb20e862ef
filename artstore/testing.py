"""The tests that every driver must pass. An author of a driver subclasses them, and pytest runs them.

    class TestShelf(PrefixContract):
        @pytest.fixture
        def prefix(self, tmp_path: Path) -> str:
            return f"shelf://{tmp_path}/"

        def put(self, uri: str, data: bytes) -> None: ...
        def remove(self, uri: str) -> None: ...

A subclass offers an empty prefix, and how to put and remove objects below it. `DriverContract` is for drivers without
prefixes, `PrefixContract` for drivers that list. Class attributes say what the place can do. The tests use drivers as
artstore does, through `artstore.drivers.session.Session`, so the package of the driver must be installed. Needs pytest.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from artstore.core.digests import algorithm
from artstore.core.manifest import Entry, Kind
from artstore.drivers import RemoteObject, Target, fetching
from artstore.drivers.session import Session
from artstore.errors import ReferenceChanged, ReferenceGone, TooManyObjects

SHA256 = algorithm("sha256")
_SMALL_PART = 1 << 16


class DriverContract(ABC):
    """The tests for single objects."""

    keeps_versions: ClassVar[bool] = False
    """Whether the place keeps old versions of objects that are overwritten or removed."""
    notices: ClassVar[bool] = True
    """Whether the driver notices other content of the same size: not if the size is all that it knows."""
    sizes: ClassVar[bool] = True
    """Whether the driver knows the size before it reads an object."""
    recognises: ClassVar[bool] = True
    """Whether the driver knows that content is the same after it was put there again."""

    @abstractmethod
    def put(self, uri: str, data: bytes) -> None:
        """Put an object at a URI; an object that is there already is overwritten."""

    @abstractmethod
    def remove(self, uri: str) -> None:
        """Remove an object."""

    @pytest.fixture
    def prefix(self) -> str:
        """A URI that ends with `/` and has no objects below it yet."""
        raise NotImplementedError("define a fixture `prefix` that returns a URI, as in the example of artstore.testing")

    @pytest.fixture
    def storage_options(self) -> dict[str, Any]:
        """The `storage_options` of the driver."""
        return {}

    @pytest.fixture
    def session(self, storage_options: dict[str, Any]) -> Iterator[Session]:
        """An open session with the storage options."""
        with Session(storage_options) as session:
            yield session

    def add(self, session: Session, uri: str, **options: Any) -> list[Entry]:
        """Return the entries for a reference, as `add_reference` does."""
        return list(session.references(uri, checksum=SHA256, **options))

    def fetched(self, session: Session, entry: Entry, folder: Path) -> bytes:
        """Fetch the content that an entry pins to a file, and return it."""
        session.fetch_to(entry, folder / "fetched")
        return (folder / "fetched").read_bytes()

    def test_an_object_lands_under_its_own_name(self, session: Session, prefix: str) -> None:
        self.put(prefix + "sub/model.h5", b"weights")
        (entry,) = self.add(session, prefix + "sub/model.h5")
        assert (entry.path, entry.kind, entry.uri, entry.size) == (
            "model.h5",
            Kind.REFERENCE,
            prefix + "sub/model.h5",
            7 if self.sizes else None,
        )
        assert RemoteObject.of(entry).pinned or not self.notices

    def test_an_object_lands_at_the_name_that_is_given(self, session: Session, prefix: str) -> None:
        self.put(prefix + "model.h5", b"weights")
        (entry,) = self.add(session, prefix + "model.h5", name="models/mine.h5")
        assert entry.path == "models/mine.h5"

    def test_the_same_object_gives_the_same_entry_again(self, session: Session, prefix: str) -> None:
        self.put(prefix + "model.h5", b"weights")
        assert self.add(session, prefix + "model.h5") == self.add(session, prefix + "model.h5")

    def test_a_missing_object_is_an_error_that_names_it(self, session: Session, prefix: str) -> None:
        with pytest.raises(FileNotFoundError) as caught:
            self.add(session, prefix + "nowhere")
        assert isinstance(caught.value, ReferenceGone)
        assert prefix + "nowhere" in str(caught.value)

    @pytest.mark.parametrize("size", [0, 1, 100_000])
    def test_fetched_content_equals_what_was_put(
        self, session: Session, prefix: str, tmp_path: Path, size: int
    ) -> None:
        data = os.urandom(size)
        self.put(prefix + "data", data)
        (entry,) = self.add(session, prefix + "data")
        assert entry.size == (size if self.sizes else None)
        assert self.fetched(session, entry, tmp_path) == data

    def test_a_large_object_arrives_whole(
        self, session: Session, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fetching, "PART", _SMALL_PART)
        data = os.urandom(20 * _SMALL_PART + 1)
        self.put(prefix + "large", data)
        (entry,) = self.add(session, prefix + "large")
        assert self.fetched(session, entry, tmp_path) == data

    def test_a_part_can_be_read(self, session: Session, prefix: str) -> None:
        self.put(prefix + "digits", b"0123456789")
        (entry,) = self.add(session, prefix + "digits")
        assert session.read(entry, 2, 5) == b"234"
        assert session.read(entry, 7) == b"789"
        assert session.read(entry, 8, 100) == b"89"
        assert session.read(entry, 10) == session.read(entry, 3, 3) == b""
        assert session.read(entry) == b"0123456789"

    def test_an_object_that_was_overwritten(self, session: Session, prefix: str, tmp_path: Path) -> None:
        """The old version is fetched, or the error says what was expected and what was found."""
        self.put(prefix + "data", b"as it was")
        (entry,) = self.add(session, prefix + "data")
        self.put(prefix + "data", b"and as it is now")
        assert RemoteObject.of(entry).differs(session.stat(entry, checksum=SHA256))
        if self.keeps_versions:
            assert self.fetched(session, entry, tmp_path) == b"as it was"
            assert session.read(entry, 3, 5) == b"it"
            return
        with pytest.raises(
            ReferenceChanged, match=r"expected 9 bytes.*found" if self.sizes else "expected.*found"
        ) as caught:
            self.fetched(session, entry, tmp_path)
        assert prefix + "data" in str(caught.value)
        assert list(tmp_path.glob("*fetched*")) == []

    def test_an_object_that_was_overwritten_with_as_many_bytes(
        self, session: Session, prefix: str, tmp_path: Path
    ) -> None:
        self.put(prefix + "data", b"as it was")
        (entry,) = self.add(session, prefix + "data")
        self.put(prefix + "data", b"as it is ")
        if self.keeps_versions:
            assert self.fetched(session, entry, tmp_path) == b"as it was"
        elif self.notices:
            with pytest.raises(ReferenceChanged, match="data"):
                self.fetched(session, entry, tmp_path)
        else:
            assert not RemoteObject.of(entry).pinned

    def test_an_object_that_was_removed(self, session: Session, prefix: str, tmp_path: Path) -> None:
        self.put(prefix + "data", b"as it was")
        (entry,) = self.add(session, prefix + "data")
        self.remove(prefix + "data")
        with pytest.raises(ReferenceGone):
            session.stat(entry)
        if self.keeps_versions:
            assert self.fetched(session, entry, tmp_path) == b"as it was"
            return
        with pytest.raises(ReferenceGone, match=r"data.*expected"):
            self.fetched(session, entry, tmp_path)

    def test_many_objects_are_looked_at_together(self, session: Session, prefix: str) -> None:
        for number in range(3):
            self.put(f"{prefix}{number}", b"x" * number)
        self.remove(prefix + "1")
        targets = [Target(f"{prefix}{number}") for number in range(3)]
        found = session.stat_many(targets, checksum=SHA256)
        assert found[1] is None
        assert [found[0], found[2]] == [
            session.stat(self.add(session, f"{prefix}{number}")[0], checksum=SHA256) for number in (0, 2)
        ]

    def test_an_object_that_was_put_there_again(self, session: Session, prefix: str, tmp_path: Path) -> None:
        self.put(prefix + "data", b"as it was")
        (entry,) = self.add(session, prefix + "data")
        self.put(prefix + "data", b"something else")
        self.put(prefix + "data", b"as it was")
        current = session.stat(entry, checksum=SHA256)
        assert RemoteObject.of(entry).is_same(current) == (self.recognises and self.notices)
        if self.recognises:
            assert self.fetched(session, entry, tmp_path) == b"as it was"


class PrefixContract(DriverContract):
    """The tests for drivers that list the objects below a prefix."""

    both: ClassVar[bool] = True
    """Whether the place can have both `a` and `a/b`."""
    odd_keys: ClassVar[tuple[str, ...]] = ("with space", "ünï/日本", "a+b", "100%", "%41", "#hash", "what?", "x?y=z#w")
    """Unusual keys that the place allows, and that are easy to handle wrongly."""

    def test_a_prefix_is_everything_below_it(self, session: Session, prefix: str) -> None:
        for key in ("images/cat.png", "images/deep/er/dog.png", "images/empty"):
            self.put(prefix + key, key.encode() * ("empty" not in key))
        paths = ["cat.png", "deep/er/dog.png", "empty"]
        for uri in (prefix + "images", prefix + "images/"):
            entries = self.add(session, uri)
            assert [entry.path for entry in entries] == paths
            assert [entry.uri for entry in entries] == [f"{prefix}images/{path}" for path in paths]
            assert [entry.size for entry in entries] == [14, 22, 0]
            assert [entry.path for entry in self.add(session, uri, name="x/y")] == [f"x/y/{path}" for path in paths]

    def test_a_prefix_ends_at_a_slash(self, session: Session, prefix: str) -> None:
        self.put(prefix + "images/a.png", b"a")
        self.put(prefix + "images-old/b.png", b"b")
        self.put(prefix + "images.txt", b"c")
        assert [entry.path for entry in self.add(session, prefix + "images")] == ["a.png"]

    def test_a_listing_pins_objects_as_stat_does(self, session: Session, prefix: str) -> None:
        for number in range(3):
            self.put(f"{prefix}folder/{number}", str(number).encode())
        listed = self.add(session, prefix + "folder")
        assert listed == [self.add(session, f"{prefix}folder/{number}")[0] for number in range(3)]

    def test_a_prefix_without_objects_is_an_error(self, session: Session, prefix: str) -> None:
        with pytest.raises(FileNotFoundError, match="nowhere/"):
            self.add(session, prefix + "nowhere/")

    def test_more_objects_than_the_limit_are_an_error(self, session: Session, prefix: str) -> None:
        for number in range(4):
            self.put(f"{prefix}many/{number}", b"x")
        with pytest.raises(ValueError, match=r"more than 3 .*max_objects=") as caught:
            self.add(session, prefix + "many", max_objects=3)
        assert isinstance(caught.value, TooManyObjects)
        assert prefix + "many" in str(caught.value)
        assert len(self.add(session, prefix + "many", max_objects=4)) == 4

    def test_an_object_wins_over_a_prefix_of_its_name(self, session: Session, prefix: str) -> None:
        self.put(prefix + "a/b", b"below")
        if self.both:
            self.put(prefix + "a", b"plain")
            assert [entry.uri for entry in self.add(session, prefix + "a")] == [prefix + "a"]
        assert [entry.uri for entry in self.add(session, prefix + "a/")] == [prefix + "a/b"]

    def test_an_object_with_the_name_of_a_prefix_gets_another_path(self, session: Session, prefix: str) -> None:
        self.put(prefix + "top/a/b", b"below")
        self.put(prefix + "top/a-b", b"between")
        if self.both:
            self.put(prefix + "top/a", b"plain")
        entries = {entry.path: entry.uri for entry in self.add(session, prefix + "top")}
        plain = {path: uri for path, uri in entries.items() if path.startswith("a~")}
        assert {path: uri for path, uri in entries.items() if path not in plain} == {
            "a-b": prefix + "top/a-b",
            "a/b": prefix + "top/a/b",
        }
        assert list(plain.values()) == ([prefix + "top/a"] if self.both else [])

    def test_odd_keys_are_kept_exactly(self, session: Session, prefix: str, tmp_path: Path) -> None:
        for key in self.odd_keys:
            self.put(prefix + "odd/" + key, key.encode())
        entries = self.add(session, prefix + "odd/")
        assert sorted(entry.uri or "" for entry in entries) == sorted(prefix + "odd/" + key for key in self.odd_keys)
        assert len({entry.path for entry in entries}) == len(self.odd_keys)
        for entry in entries:
            assert prefix + "odd/" + self.fetched(session, entry, tmp_path).decode() == entry.uri
            assert RemoteObject.of(entry).is_same(session.stat(entry, checksum=SHA256)) == self.notices

    def test_the_objects_below_a_prefix_can_be_compared_with_earlier_ones(self, session: Session, prefix: str) -> None:
        for key in ("same", "changed", "gone"):
            self.put(f"{prefix}now/{key}", key.encode())
        entries = self.add(session, prefix + "now")
        self.put(prefix + "now/changed", b"changed, and longer")
        self.put(prefix + "now/new", b"new")
        self.remove(prefix + "now/gone")
        now = {remote.uri: remote for remote in session.list(prefix + "now/", checksum=SHA256)}
        assert {uri.removeprefix(prefix) for uri in now} == {"now/same", "now/changed", "now/new"}
        before = {entry.path: RemoteObject.of(entry) for entry in entries}
        assert before["same"].is_same(now[prefix + "now/same"]) == self.notices
        assert before["changed"].differs(now[prefix + "now/changed"])
