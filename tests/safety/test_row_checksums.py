"""Rows that no digest covers have checksums: an edit by another program, or a damaged byte, is found by verify."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from artstore.catalog import row_checksums, schema
from artstore.store import Store
from tests.support.damaged_rows import EDITS
from tests.support.shelf import SHELF, unpack, write


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "store"
    write(folder)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "store")


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_found(edit: str, folder: Path) -> None:
    table = edit.removeprefix("update ").removeprefix("insert into ").removeprefix("delete from ").split()[0]
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        assert connection.execute(edit).rowcount >= 1
    with Store.open(folder) as store:
        assert any(finding.what.startswith(f"{table} row") for finding in store.verify().findings)


def test_a_later_change_of_the_row_does_not_hide_the_edit(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        connection.execute(EDITS["metadata"])
    with Store.open(folder) as store:
        store.describe("p/animals:v0", description="by artstore", add_aliases=["more"])
        assert any(finding.what.startswith("versions row 1:") for finding in store.verify().findings)


def test_every_table_with_rows_of_its_own_is_covered() -> None:
    """A new table is covered, or listed here with the reason."""
    covered_by_digests = {"chunks", "files", "file_chunks", "refs", "segments", "entries", "segment_groups"}
    covered_by_digests |= {"group_segments", "version_groups", "events"}
    checked_otherwise = {"packs", "row_checksums"}
    hints_and_work_in_progress = {
        "stat_folders",
        "stat_cache",
        "stat_blocks",
        "free",
        "leases",
        "claims",
    }
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.migrations.apply(Database(connection))
        listed = connection.execute("select name from sqlite_schema where type = 'table'").fetchall()
    tables = {name for (name,) in listed if not name.startswith(("sqlite_", "_sqlite_"))}
    others = covered_by_digests | checked_otherwise | hints_and_work_in_progress
    assert tables - others == row_checksums.OWNERS.keys()


def test_a_store_from_before_gets_checksums_of_what_it_has(tmp_path: Path) -> None:
    folder = unpack(SHELF / "schema13-packages.tar.xz", tmp_path / "old")
    with Store.open(folder) as store:
        assert store.verify().findings == []
        store.describe("p/animals:v0", description="by artstore")
        assert store.verify().findings == []
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        connection.execute(EDITS["metadata"])
    with Store.open(folder) as store:
        assert [finding.what[:14] for finding in store.verify().findings] == ["versions row 1"]


def test_a_new_column_with_a_default_changes_no_checksum(folder: Path) -> None:
    """As if a newer artstore had run a migration of its own."""
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        connection.execute("alter table versions add column later text not null default 'x'")
        connection.execute("alter table runs add column later integer")
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) values ('artstore', 'm999_later', '')"
        )
    with Store.open(folder) as store:
        store.describe("p/animals:v0", description="by artstore")
        assert store.verify().findings == []
