"""Local files and folders are tracked in place, without copying a byte."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import pytest

from artstore import Store
from artstore.core.manifest import Entry, Kind
from artstore.drivers.session import Session
from artstore.errors import InvalidPath, InvalidUri, LinkCycle, ReferenceChanged, SourceError
from artstore.testing import SHA256, PrefixContract


def path_of(uri: str) -> Path:
    return Path(uri.removeprefix("file://").replace("%25", "%"))


class TestFile(PrefixContract):
    both = False
    # In a file URI "%" begins an escape, so that the URI of a name with one is written with "%25".
    odd_keys: ClassVar[tuple[str, ...]] = (
        "with space",
        "ünï/日本",
        "a+b",
        "100%25",
        "%2541",
        "#hash",
        "x?y=z#w",
        "..a",
    )

    @pytest.fixture
    def prefix(self, tmp_path: Path) -> str:
        return f"file://{tmp_path}/data/"

    def put(self, uri: str, data: bytes) -> None:
        path_of(uri).parent.mkdir(parents=True, exist_ok=True)
        path_of(uri).write_bytes(data)

    def remove(self, uri: str) -> None:
        path_of(uri).unlink()

    def test_odd_keys_are_kept_exactly(self, session: Session, prefix: str, tmp_path: Path) -> None:
        for key in self.odd_keys:
            self.put(prefix + key, key.encode())
        entries = self.add(session, prefix)
        assert {self.fetched(session, entry, tmp_path).decode() for entry in entries} == set(self.odd_keys)
        assert {entry.path for entry in entries} == {key.replace("%25", "%") for key in self.odd_keys}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "cat").write_bytes(b"meow")
    return folder


def references_of(path: Path | str, max_objects: int | None = None) -> list[Entry]:
    with Session() as session:
        return list(session.references(f"file://{path}", checksum=SHA256, max_objects=max_objects))


def test_files_have_the_digest_algorithm_of_the_store(folder: Path) -> None:
    (entry,) = references_of(folder)
    assert entry.digest == SHA256.digest(b"meow")
    with Session() as session:
        (unread,) = session.references(f"file://{folder}")
    assert (unread.digest, unread.size) == (None, 4)


@pytest.mark.parametrize("name", ["a b", "100%", "%41", "a#b", "a?b", "ü"])
def test_a_file_is_found_by_its_path_and_by_its_uri(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"odd")
    glued, escaped = references_of(folder / name), references_of((folder / name).as_uri().removeprefix("file://"))
    assert glued == escaped
    assert (glued[0].size, glued[0].uri) == (3, f"file://{folder}/{name}".replace("%", "%25"))


def test_a_relative_path_is_stored_as_an_absolute_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert (
        references_of("sub/cat") == references_of(f"localhost{folder}/sub/cat") == references_of(folder / "sub" / "cat")
    )
    assert references_of(".") == references_of(folder)


def test_links_and_empty_folders_are_treated_as_by_add_dir(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "50%").write_bytes(b"outside")
    (folder / "up").symlink_to("sub/cat")
    (folder / "out").symlink_to(tmp_path / "outside" / "50%")
    (folder / "there").symlink_to(tmp_path / "outside")
    (folder / "empty").mkdir()
    (folder / "5%").write_bytes(b"odd")
    (folder / "sub" / "odd").symlink_to("../5%")
    entries = {entry.path: entry for entry in references_of(folder)}
    assert entries["up"] == Entry("up", Kind.LINK, target="sub/cat")
    assert entries["sub/odd"] == Entry("sub/odd", Kind.LINK, target="../5%")
    assert entries["empty"] == Entry("empty", Kind.FOLDER)
    assert (entries["out"].kind, entries["out"].uri, entries["out"].size) == (Kind.REFERENCE, f"file://{folder}/out", 7)
    assert entries["there/50%"].uri == f"file://{folder}/there/50%25"
    assert sorted(entries) == ["5%", "empty", "out", "sub/cat", "sub/odd", "there/50%", "up"]


def test_a_link_that_leads_back_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "sub" / "back").symlink_to(folder)
    with pytest.raises(LinkCycle, match="back"):
        references_of(folder)
    (folder / "sub" / "back").unlink()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "round").symlink_to(tmp_path / "outside")
    (folder / "out").symlink_to(tmp_path / "outside")
    with pytest.raises(LinkCycle, match="round"):
        references_of(folder)


def test_unreadable_files_are_named(folder: Path) -> None:
    (folder / "broken").symlink_to("nowhere")
    with pytest.raises(SourceError, match="broken"):
        references_of(folder)
    (folder / "broken").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(SourceError, match="pipe"):
        references_of(folder)
    with pytest.raises(SourceError, match="pipe"):
        references_of(folder / "pipe")


def test_a_name_that_is_not_utf_8_is_refused(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9")).write_bytes(b"x")
    with pytest.raises(InvalidPath, match="rename"):
        references_of(folder)


def test_a_store_is_left_out_and_its_catalog_is_never_opened(folder: Path) -> None:
    """Closing any descriptor of the catalog would drop the locks that SQLite holds on it."""
    with Store.init(folder / ".artstore"):
        assert [entry.path for entry in references_of(folder)] == ["sub/cat"]
        for name in ("", "artstore.db", "artstore.db-wal"):
            with pytest.raises(SourceError, match="store"):
                references_of(folder / ".artstore" / name)


def test_a_changed_file_is_detected_by_its_content_and_never_written(folder: Path, tmp_path: Path) -> None:
    (entry,) = references_of(folder)
    status = (folder / "sub" / "cat").stat()
    (folder / "sub" / "cat").write_bytes(b"MEOW")
    os.utime(folder / "sub" / "cat", ns=(status.st_atime_ns, status.st_mtime_ns))
    (tmp_path / "out").write_bytes(b"what was there")
    with Session() as session, pytest.raises(ReferenceChanged, match=str(entry.digest)):
        session.fetch_to(entry, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"what was there"
    assert sorted(os.listdir(tmp_path)) == ["folder", "out"]


def test_many_files_are_tracked_in_place(tmp_path: Path) -> None:
    """The torture test tracks the full number of 100,000."""
    check_tracked(tmp_path, 3_000)


@pytest.mark.torture
def test_very_many_files_are_tracked_in_place(tmp_path: Path) -> None:
    check_tracked(tmp_path, 100_000)


def check_tracked(folder: Path, count: int) -> None:
    for number in range(count):
        if number % 1000 == 0:
            (folder / str(number)).mkdir()
        (folder / str(number - number % 1000) / str(number)).write_bytes(str(number).encode())
    entries = references_of(folder, max_objects=count)
    assert len({entry.digest for entry in entries}) == len({entry.path for entry in entries}) == count


def test_a_uri_without_a_path_is_not_the_working_folder() -> None:
    with Session() as session, pytest.raises(InvalidUri, match="does not name a path"):
        list(session.references("file://"))


@pytest.mark.parametrize("uri", ["file:///data/a%00b", "file://a%00", "file://localhost/a%00/"])
def test_a_uri_with_an_escaped_nul_is_refused(uri: str) -> None:
    with Session() as session, pytest.raises(InvalidUri, match=f"{uri}.*contains %00"):
        list(session.references(uri))
