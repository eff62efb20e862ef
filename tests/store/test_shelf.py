"""Stores that were written by earlier artstores open, verify, migrate and go on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

import artstore
from artstore.catalog import schema, schema_check
from artstore.catalog.connection import APPLICATION_ID, PLAIN_FORMAT
from artstore.store import Store
from tests.support.shelf import LARGE, SHELF, noise, unpack

STORES = sorted(SHELF.glob("*.tar.xz"))


FIRST = 13
"""The number of the schema when the first store was put on the shelf.

The migrations before it were written and renumbered before there was anything that others could have: no release has
such a schema. They are tested below, with catalogs that only they made.
"""
MIGRATIONS = list(schema_check.SCHEMAS)


def test_there_is_a_store_for_each_schema_that_can_be_reached() -> None:
    numbers = {int(path.name.split("-")[0].removeprefix("schema")) for path in STORES}
    assert numbers == set(range(FIRST, len(MIGRATIONS) + 1)), "put a store of the new schema on the shelf"


@pytest.mark.parametrize("number", range(1, len(MIGRATIONS)))
def test_an_empty_catalog_of_each_earlier_schema_is_migrated(number: int, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    (folder / "packs").mkdir(parents=True)
    with closing(sqlite3.connect(folder / "artstore.db", isolation_level=None)) as connection:
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
        connection.execute(f"pragma user_version = {PLAIN_FORMAT}")
        # m014 gives the row of the store its checksum, so that row has to be there by then.
        schema.migrations.apply(Database(connection), stop_before=MIGRATIONS[min(number, FIRST)])
        connection.execute(
            "insert into store (id, uid, algorithm, created_at) values (1, ?, 'blake3', '2026-01-01T00:00:00.000000Z')",
            ("0" * 32,),
        )
        schema.migrations.apply(Database(connection), stop_before=MIGRATIONS[number])
        names = connection.execute("select name from _sqlite_migrations").fetchall()
        assert names == [(name,) for name in MIGRATIONS[:number]]
    with Store.open(folder) as store:
        applied = [row["name"] for row in store.sql("select name from _sqlite_migrations")]
        assert applied == MIGRATIONS
        draft = store.draft("animals", "dataset")
        store.add_bytes(draft, b"meow", "cat")
        assert store.commit(draft).name == "animals:v0"
        assert store.verify().findings == []


@pytest.fixture(params=STORES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unpack(request.param, tmp_path / "store")


def test_it_verifies_and_gives_back_what_was_stored(folder: Path) -> None:
    with Store.open(folder) as store:
        assert store.verify().findings == []
        for i in range(3):
            version = store.version(f"p/animals:v{i}")
            assert version.description == f"number {i}"
            assert version.metadata == {"i": i}
            assert set(version.aliases) == ({f"alias{i}", "latest"} if i == 2 else {f"alias{i}"})
            assert version.tags == ("tagged",)
            entries = {entry.path: entry for entry in store.entries(version)}
            assert b"".join(store.read(entries["small.bin"])) == noise(3_000, f"small {i}")
            assert b"".join(store.read(entries["large.bin"])) == LARGE + noise(1_000, f"end {i}")
            assert entries["reference"].uri == "tracked://bucket/key"
        assert store.version("p/portfolio:linked").number == 2


def test_its_runs_and_lineage_are_there(folder: Path) -> None:
    api = artstore.Api(store=str(folder))
    runs = {run.id: run for run in api.runs("p")}
    assert runs.keys() == {"run0", "run1", "run2", "user"}
    assert runs["run1"].config == {"lr": 0.1}
    assert runs["run1"].summary["loss"] == 0.5
    assert [artifact.name for artifact in runs["user"].used_artifacts()] == ["animals:v1"]


def test_files_of_its_runs_are_there(folder: Path, tmp_path: Path) -> None:
    api = artstore.Api(store=str(folder))
    kept = {file.name: file.size for file in api.run("p/run1").files()}
    if "page" in api.run("p/run1").summary:
        assert (len(kept), kept["notes.txt"]) == (2, 700)
        assert api.run("p/run1").summary["page"]["path"] in kept
    # Earlier releases kept them in a folder of the store, which is not on the shelf.
    (folder / "runs" / "run1").mkdir(parents=True)
    (folder / "runs" / "run1" / "old.txt").write_text("old")
    with Store.open(folder) as store:
        store.gc()
        assert not (folder / "runs" / "run1").exists()
        assert store.verify().findings == []
    with api.run("p/run1").file("old.txt").download(tmp_path) as file:
        assert file.read() == "old"


def test_it_goes_on(folder: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        assert store.finish(store.pending("waiting", project="p")[0]).name == "waiting:v0"
        draft = store.draft("animals", project="p", base="p/animals:v2")
        store.add_bytes(draft, b"new", "new")
        assert store.commit(draft).name == "animals:v3"
        store.delete(store.version("p/animals:v0"), delete_aliases=True)
        store.gc()
        assert store.backup(tmp_path / "backup").findings == ()
        assert store.verify().findings == []
    with Store.open(tmp_path / "backup") as backup:
        assert backup.verify().findings == []


def test_it_has_registries(folder: Path) -> None:
    api = artstore.Api(store=str(folder))
    assert api.artifact("p/animals:v2").history_step in (None, 0)
    api.artifact("p/animals:v2").link("wandb-registry-Zoo/animals")
    registry = api.registry("zoo")
    registry.description, registry.allow_all_artifact_types = "of the zoo", False
    registry.save()
    assert api.registry("ZOO").artifact_types == ["dataset"]
    assert api.store.verify().findings == []
