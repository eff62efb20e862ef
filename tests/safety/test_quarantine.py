"""Quarantine: what is damaged and has no good copy is not reused, so that files with that content are stored again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from artstore.errors import Damaged, InvalidInput
from artstore.store import Store
from tests.support.cli_runner import run
from tests.support.files import commit_folder, noise, tree_of, write_files

FILES = {"small": noise(3_000, "small"), "large": noise(900_000, "large"), "other": noise(2_000, "other")}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_files(tmp_path / "source", FILES)


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    """A store with one version, in which a chunk of `small` and one of `large` are damaged."""
    with Store.init(tmp_path / "store") as store:
        commit_folder(store, source)
        # So that the stat cache knows the files.
        commit_folder(store, source, "known")
    for pack in (tmp_path / "store" / "packs").iterdir():
        data = bytearray(pack.read_bytes())
        for content in (FILES["small"], FILES["large"]):
            at = data.find(content[1_000:1_500])
            if at >= 0:
                data[at] ^= 1
        pack.write_bytes(data)
    return tmp_path / "store"


def catalog(folder: Path) -> dict[str, object]:
    with Store.open(folder) as store:
        tables = ("chunks", "packs", "quarantine", "events")
        return {table: store.sql(f"select * from {table}") for table in tables}


@pytest.mark.parametrize("again", ["the same folder", "a copy", "bytes"])
def test_files_that_are_added_again_heal_the_versions_that_have_them(
    again: str, folder: Path, source: Path, tmp_path: Path
) -> None:
    with Store.open(folder) as store:
        assert store.repair(quarantine=True).quarantined == 2
        assert store.verify().harmed == ["uncategorized/animals:v0", "uncategorized/known:v0"]
        if again == "bytes":
            draft = store.draft("fresh", "dataset")
            for name, data in FILES.items():
                store.add_bytes(draft, data, name)
            store.commit(draft)
        else:
            commit_folder(store, source if again[0] == "t" else write_files(tmp_path / "copy", FILES), "fresh")
        assert store.verify().findings == []
        assert store.sql("select * from quarantine") == []
        for name in ("animals", "known", "fresh"):
            store.get(f"{name}:v0", tmp_path / name)
            assert tree_of(tmp_path / name) == tree_of(source)
        for name in ("animals", "known", "fresh"):
            store.delete(f"{name}:v0", delete_aliases=True)
        store.gc()
        assert store.verify().findings == []


def test_what_is_not_damaged_stays_in_use(folder: Path, source: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        store.repair(quarantine=True)
        store.get("animals:v0", tmp_path / "out", path_prefix="other")
        before = store.sql("select sum(live) from packs")
        (source / "small").unlink()
        (source / "large").unlink()
        commit_folder(store, source, "fresh")
        assert store.sql("select sum(live) from packs") == before
        with pytest.raises(Damaged, match="small"):
            store.get("animals:v0", tmp_path / "out", path_prefix="small")


def test_a_dry_run_changes_nothing_and_says_what_would_be_done(folder: Path, source: Path) -> None:
    (source / "small").unlink()
    before = catalog(folder)
    packs = {path.name: path.read_bytes() for path in (folder / "packs").iterdir()}
    arguments = ["repair", "--from", str(source), "--quarantine", "--store", str(folder)]
    tried = run(*arguments, "--dry-run")
    assert tried.exit_code == 1
    assert "1 chunk would be healed" in tried.stdout
    assert "1 chunk would be put into quarantine" in tried.stdout
    assert catalog(folder) == before
    assert {path.name: path.read_bytes() for path in (folder / "packs").iterdir()} == packs
    done = json.loads(run(*arguments, "--json").stdout)
    assert (done["healed_chunks"], done["quarantined_chunks"], len(done["findings"])) == (1, 1, 1)


def test_a_chunk_is_put_into_quarantine_once_and_leaves_an_event(folder: Path) -> None:
    with Store.open(folder) as store:
        assert [store.repair(quarantine=True).quarantined for _ in range(2)] == [2, 0]
        assert [event.kind for event in store.events()].count("chunk-quarantined") == 2


def test_a_later_repair_heals_what_is_in_quarantine(folder: Path, source: Path, tmp_path: Path) -> None:
    with Store.open(folder) as store:
        store.repair(quarantine=True)
        assert store.repair(source).healed == 2
        assert store.sql("select * from quarantine") == []
        assert store.verify().findings == []
        store.get("animals:v0", tmp_path / "out")
    assert tree_of(tmp_path / "out") == tree_of(source)


def test_versions_with_content_in_quarantine_can_be_deleted(folder: Path) -> None:
    with Store.open(folder) as store:
        store.repair(quarantine=True)
        for name in ("animals", "known"):
            store.delete(f"{name}:v0", delete_aliases=True)
        assert store.sql("select * from quarantine") == []
        assert store.verify().findings == []


def test_nothing_to_repair_from_is_refused(folder: Path) -> None:
    with Store.open(folder) as store, pytest.raises(InvalidInput, match="quarantine"):
        store.repair()
    assert run("repair", "--store", str(folder)).exit_code == 2
