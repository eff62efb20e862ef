"""Bounds of groups and segments are in no digest: a damaged one never makes an entry look as if it were not there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from artstore.core.manifest import Entry, Kind
from artstore.errors import Damaged
from artstore.store import Store
from tests.support.hostile_stores import edit

PATHS = [f"{folder:03}/{file:02}" for folder in range(400) for file in range(75)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one version, of several groups."""
    folder = tmp_path_factory.mktemp("whole") / "store"
    with Store.init(folder) as store:
        draft = store.draft("links", "dataset")
        draft.add_all(Entry(path, Kind.LINK, target="x") for path in PATHS)
        store.commit(draft)
    return folder


def rows(folder: Path, table: str) -> list[tuple[int, str, str]]:
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        return connection.execute(f"select id, first, last from {table} order by first").fetchall()


def reads(folder: Path, path: str) -> list[bool]:
    """Return for each way to ask for an entry whether it is found, or the damage noticed."""
    name, above, position = "links:v0", path[:3], PATHS.index(path)
    found = []
    with Store.open(folder) as store:
        version = store.version(name)
        ways: list[Callable[[], bool]] = [
            lambda: store.entry(name, path) is not None,
            lambda: len(list(store.entries(name, above))) == 75,
            lambda: store.pages.entries(version, PATHS[position - 1], 1)[0].path == path,
        ]
        for read in ways:
            try:
                found.append(read())
            except Damaged:
                found.append(True)
    return found


@pytest.mark.parametrize("table", ["segments", "segment_groups"])
@pytest.mark.parametrize("bound", ["first", "last"])
@pytest.mark.parametrize("by", [1, -40, 30_000])
def test_an_entry_is_found_or_the_damage_named(table: str, bound: str, by: int, whole: Path) -> None:
    parts = rows(whole, table)
    id, first, last = parts[len(parts) // 2]
    path = first if bound == "first" else last
    wrong = max(0, PATHS.index(path) + by)
    edit(whole, f"update {table} set {bound} = '{PATHS[wrong] if wrong < len(PATHS) else '999'}' where id = {id}")
    try:
        assert reads(whole, path) == [True] * 3
    finally:
        edit(whole, f"update {table} set {bound} = '{path}' where id = {id}")


@pytest.mark.parametrize("table", ["segments", "segment_groups"])
def test_a_wrong_bound_is_found_by_verify(table: str, whole: Path) -> None:
    id, first, _ = rows(whole, table)[1]
    edit(whole, f"update {table} set first = '{first}x' where id = {id}")
    with Store.open(whole) as store:
        assert store.verify().harmed == ["uncategorized/links:v0"]
    edit(whole, f"update {table} set first = '{first}' where id = {id}")


def test_what_is_not_there_is_not_found(whole: Path) -> None:
    groups = rows(whole, "segment_groups")
    assert len(groups) > 2
    with Store.open(whole) as store:
        for path in ("", "0", "1000", groups[1][1] + "x", groups[1][2] + "x", "200/01x", "zzz"):
            assert path == "" or store.entry("links:v0", path) is None
        assert list(store.entries("links:v0", "zzz")) == []
