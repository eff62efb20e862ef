"""Stores that were written by earlier artstores open, verify, migrate and go on."""

from __future__ import annotations

from pathlib import Path

import pytest

import artstore
from artstore.store import Store
from tests.support.shelf import LARGE, SHELF, noise, unpack

STORES = sorted(SHELF.glob("*.tar.xz"))


def test_there_is_a_store_for_each_schema_that_can_be_reached(tmp_path: Path) -> None:
    numbers = {path.name.split("-")[0].removeprefix("schema") for path in STORES}
    assert numbers == {"13", "14", "15", "16", "17", "18", "19", "20", "21", "22"}
    with Store.init(tmp_path / "store") as store:
        [newest] = store.sql("select count(*) as number from _sqlite_migrations")
    assert max(numbers) == str(newest["number"]), "put a store of the new schema on the shelf"


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
