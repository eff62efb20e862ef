"""A backup verifies what it copies: damage in the store never replaces a good copy in an earlier backup."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from artstore.errors import Damaged
from artstore.store import Store
from tests.support.cli_runner import run
from tests.support.files import noise

KEPT = noise(60_000, "kept")


def commit(store: Store, name: str, data: bytes) -> None:
    draft = store.draft(name, "dataset")
    store.add_bytes(draft, data, "f")
    store.commit(draft)


def content_of(folder: Path, name: str) -> bytes:
    with Store.open(folder) as store:
        entry = store.entry(name, "f")
        assert entry is not None
        return b"".join(store.read(entry))


def spoil(store: Store, size: int) -> None:
    """Write into the only chunk of a size."""
    query = "select packs.name, offset from chunks join packs on packs.id = pack where size = ?"
    row = store.sql(query, (size,))[0]
    with (store.path / "packs" / f"{row['name']}.pack").open("r+b") as file:
        file.seek(int(str(row["offset"])) + 100)
        file.write(b"ROT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with `keep:v0` and many small versions, and a backup of it."""
    with Store.init(tmp_path / "store") as store:
        commit(store, "keep", KEPT)
        for i in range(60):
            commit(store, f"small{i}", noise(3_000, i))
        assert store.backup(tmp_path / "backup").findings == ()
    return tmp_path / "store"


def move_to_another_pack(store: Store) -> None:
    before = store.sql("select name from packs")
    store.delete(*[f"small{i}:v0" for i in range(0, 60, 2)], delete_aliases=True)
    assert store.sql("select name from packs") != before


def test_the_good_copy_of_a_damaged_chunk_stays(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        move_to_another_pack(store)
        spoil(store, 60_000)
        result = store.backup(tmp_path / "backup")
    assert result.harmed == ["uncategorized/keep:v0"]
    assert content_of(tmp_path / "backup", "keep:v0") == KEPT
    with Store.open(tmp_path / "backup") as backup:
        assert backup.verify().ok


def test_the_command_names_the_damaged_versions(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        move_to_another_pack(store)
        spoil(store, 60_000)
    result = run("backup", str(tmp_path / "backup"), "--store", str(folder))
    assert result.exit_code == 1
    assert "keep:v0  f" in result.stdout
    assert "keeps the good copy" in result.stdout
    result = run("backup", str(tmp_path / "new"), "--store", str(folder), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["harmed"] == ["uncategorized/keep:v0"]


def test_a_damaged_chunk_without_a_good_copy_is_named_and_the_rest_is_backed_up(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        spoil(store, 60_000)
        assert store.backup(tmp_path / "new").harmed == ["uncategorized/keep:v0"]
    with Store.open(tmp_path / "new") as backup:
        assert backup.verify().harmed == ["uncategorized/keep:v0"]
    assert content_of(tmp_path / "new", "small7:v0") == noise(3_000, 7)


def test_a_rotten_chunk_is_not_copied_to_another_pack(folder: Path, tmp_path: Path) -> None:
    """The backup has it where it was, and what lies there is not copied again."""
    with Store.open(folder) as store:
        spoil(store, 60_000)
        store.delete(*[f"small{i}:v0" for i in range(0, 60, 2)], delete_aliases=True)
        store.backup(tmp_path / "backup")
    assert content_of(tmp_path / "backup", "keep:v0") == KEPT


def test_a_damaged_catalog_does_not_replace_that_of_an_earlier_backup(folder: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        connection.execute("pragma foreign_keys = off")
        connection.execute("delete from files where size = 60000")
    with Store.open(folder) as store, pytest.raises(Damaged, match="was left as it is"):
        store.backup(tmp_path / "backup")
    assert content_of(tmp_path / "backup", "keep:v0") == KEPT


def test_a_wrong_end_of_a_pack_is_not_believed(folder: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "backup" / "artstore.db")) as connection, connection:
        connection.execute('update packs set "end" = 1 << 40')
    with Store.open(folder) as store:
        commit(store, "later", noise(5_000, "later"))
        store.backup(tmp_path / "backup")
    assert content_of(tmp_path / "backup", "later:v0") == noise(5_000, "later")
    with Store.open(tmp_path / "backup") as backup:
        assert backup.verify().ok
