"""One damaged number in the catalog's rows of packs and chunks never makes artstore destroy stored bytes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from artstore.store import Store
from tests.support.files import noise

CONTENT = {f"n{i}": noise(50_000, f"content {i}") for i in range(3)}


def commit(store: Store, name: str, data: bytes) -> None:
    draft = store.draft(name, "dataset")
    store.add_bytes(draft, data, "f")
    store.commit(draft)


def content_of(store: Store, name: str) -> bytes:
    entry = store.entry(f"{name}:v0", "f")
    assert entry is not None
    return b"".join(store.read(entry))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Store.init(tmp_path / "store") as store:
        for name, data in CONTENT.items():
            commit(store, name, data)
        commit(store, "small", noise(9_000, "small"))
    return tmp_path / "store"


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        assert connection.execute(statement).rowcount == 1


def put(store: Store) -> None:
    commit(store, "another", b"small")


def collect(store: Store) -> None:
    store.gc()


def delete(store: Store) -> None:
    store.delete("small:v0", delete_aliases=True)


@pytest.mark.parametrize("verb", [put, collect, delete], ids=lambda verb: verb.__name__)
def test_an_end_that_is_too_small_is_found_and_cuts_nothing_off(folder: Path, verb: Callable[[Store], None]) -> None:
    change(folder, 'update packs set "end" = "end" - 65536')
    with Store.open(folder) as store:
        report = store.verify()
        assert not report.ok
        assert "packs row 1" in report.findings[0].what
        verb(store)
        assert {name: content_of(store, name) for name in CONTENT} == CONTENT
        assert store.verify().harmed == []


def test_an_end_beyond_the_file_is_found(folder: Path) -> None:
    change(folder, 'update packs set "end" = "end" + 65536')
    with Store.open(folder) as store:
        assert ["packs row 1" in finding.what for finding in store.verify().findings] == [True]
        put(store)
        assert {name: content_of(store, name) for name in CONTENT} == CONTENT


def test_a_pack_whose_row_has_another_name_is_not_removed(folder: Path) -> None:
    """The catalog does not know the pack by its name, as if a killed writer had left it."""
    with Store.open(folder) as store:
        name = str(store.sql("select name from packs")[0]["name"])
    other = ("0" if name[0] == "f" else "f") + name[1:]
    change(folder, f"update packs set name = '{other}'")
    with Store.open(folder) as store:
        assert len(store.verify().harmed) == 4
        store.gc()
    change(folder, f"update packs set name = '{name}'")
    with Store.open(folder) as store:
        assert store.verify().ok
        assert {name: content_of(store, name) for name in CONTENT} == CONTENT


@pytest.mark.parametrize("column", ["offset", "length"])
def test_space_is_not_given_back_next_to_a_chunk_whose_row_is_damaged(folder: Path, column: str) -> None:
    """The space of the chunk looks unused, and the delete of its neighbour would turn it into zeros."""
    with Store.open(folder) as store:
        row = store.sql("select id from chunks where length = 50000 order by offset limit 1 offset 1")[0]
        whole = shutil.copy(store.path / "artstore.db", folder.parent)
    change(folder, f"update chunks set {column} = {column} + 4096 where id = {row['id']}")
    with Store.open(folder) as store:
        store.delete("small:v0", delete_aliases=True)
        store.gc()
    # The lock file notes that the catalog was newer.
    for name in ("artstore.db-wal", "artstore.db-shm", "locks/turn.lock"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(whole, folder / "artstore.db")
    with Store.open(folder) as store:
        assert {name: content_of(store, name) for name in CONTENT} == CONTENT


def test_a_free_range_beyond_the_end_does_not_touch_what_a_writer_appends(folder: Path) -> None:
    with Store.open(folder) as store:
        draft = store.draft("open", "dataset")
        data = noise(40_000, "open")
        store.add_bytes(draft, data, "f")
        change(folder, 'insert into free (pack, offset, length) select id, "end" - 10, 1000000 from packs')
        with Store.open(folder) as other:
            other.delete("small:v0", delete_aliases=True)
        store.commit(draft)
        assert content_of(store, "open") == data
