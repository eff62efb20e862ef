"""The schema of a store is compared with that of the migrations it has run, object by object, when it is opened."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from artstore.catalog import schema, schema_check
from artstore.errors import Damaged
from artstore.store import Store
from tests.support.shelf import SHELF, unpack

EDITS = {
    "the table 'mine'": "create table mine (a)",
    "the index 'mine'": "create index mine on versions (created_at)",
    "the view 'mine'": "create view mine as select 1",
    "the view 'artifact_mine'": "create view artifact_mine as select 1",
    "the trigger 'mine'": "create trigger mine after insert on events begin delete from chunks; end",
    "the table 'found'": "create virtual table found using fts5(text)",
    "the index 'chunks_by_place'": "drop index chunks_by_place",
    "the table 'history'": "drop table history",
    "the view 'artifact_runs'": "drop view artifact_runs",
    "the table 'versions'": "alter table versions add column extra text",
    "the table 'chunks'": "alter table chunks rename column length to size_of_it",
    "the view 'artifact_versions'": "drop view artifact_versions; create view artifact_versions as select 1 as project",
    "the index 'uses_by_version'": "drop index uses_by_version; create index uses_by_version on uses (at)",
    "names 'm0z1_store'": "update _sqlite_migrations set name = 'm0z1_store' where name = 'm001_store'",
    "leaves some out": "delete from _sqlite_migrations where name = 'm014_row_checksums'",
    "_sqlite_migrations lists": "update _sqlite_migrations set migration_set = 7",
    "the table '_sqlite_migrations'": "drop table _sqlite_migrations",
}


def edit(folder: Path, script: str) -> None:
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        connection.executescript(f"pragma foreign_keys = off; {script};")


@pytest.mark.parametrize("named", EDITS)
@pytest.mark.parametrize("written", ["by this artstore", "before"])
def test_what_artstore_does_not_create_is_refused_by_name(written: str, named: str, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    if written == "before":
        unpack(SHELF / "schema15-quarantine.tar.xz", folder)
    else:
        Store.init(folder).close()
    # A view of a later schema is foreign to an earlier one.
    later = written == "before" and named == "the view 'artifact_runs'"
    edit(folder, "create view artifact_runs as select 1" if later else EDITS[named])
    with pytest.raises(Damaged, match=re.escape(named)):
        Store.open(folder)


def test_a_newer_store_may_have_more_and_no_triggers(tmp_path: Path) -> None:
    Store.init(tmp_path / "store").close()
    newer = "insert into _sqlite_migrations (migration_set, name, applied_at) values ('artstore', 'm999_more', '')"
    edit(tmp_path / "store", f"{newer}; create table more (a); alter table runs add column more text; analyze")
    Store.open(tmp_path / "store").close()
    edit(tmp_path / "store", "create trigger mine after insert on more begin delete from chunks; end")
    with pytest.raises(Damaged, match="trigger 'mine'"):
        Store.open(tmp_path / "store")


def test_statistics_of_sqlite_are_no_part_of_the_schema(tmp_path: Path) -> None:
    Store.init(tmp_path / "store").close()
    edit(tmp_path / "store", "analyze")
    Store.open(tmp_path / "store").close()


def test_each_migration_has_the_hash_of_its_schema() -> None:
    names = re.findall(r"(?m)^def (m\d{3}_\w+)", Path(schema.__file__).read_text())
    hashes = {}
    for i, name in enumerate(names):
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            schema.migrations.apply(Database(connection), stop_before=names[i + 1 : i + 2])
            hashes[name] = schema_check.hash_of(connection)
    assert hashes == schema_check.SCHEMAS


def test_a_store_is_opened_without_sqlite_utils(tmp_path: Path) -> None:
    Store.init(tmp_path / "store").close()
    program = "import sys; from artstore import Store; Store.open(sys.argv[1]); print('sqlite_utils' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "store"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
