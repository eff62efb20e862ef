"""Repair: damaged chunks are stored again from a backup, another store or a folder; what cannot be healed is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from artstore.errors import InvalidInput, NotFound
from artstore.store import Store
from tests.support.cli_runner import run
from tests.support.files import commit_folder, noise, tree_of, write_files

FILES = {"small": noise(3_000, "small"), "large": noise(900_000, "large"), "other": noise(2_000, "other")}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_files(tmp_path / "source", FILES)


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    """A store with one version, and a backup of it."""
    with Store.init(tmp_path / "store") as store:
        commit_folder(store, source)
        store.backup(tmp_path / "backup")
    return tmp_path / "store"


def spoil(folder: Path, *contents: bytes) -> None:
    """Change a byte of each of these contents where a pack has it."""
    for pack in (folder / "packs").iterdir():
        data = bytearray(pack.read_bytes())
        for content in contents:
            at = data.find(content[1_000:1_500])
            if at >= 0:
                data[at] ^= 1
        pack.write_bytes(data)


def check(folder: Path, source: Path, out: Path) -> None:
    with Store.open(folder) as store:
        assert store.verify().findings == []
        store.get("animals:v0", out)
        assert tree_of(out) == tree_of(source)
        store.gc()
        assert store.verify().findings == []


@pytest.mark.parametrize("healer", ["backup", "other store", "folder"])
def test_everything_is_healed(healer: str, folder: Path, source: Path, tmp_path: Path) -> None:
    places = {"backup": tmp_path / "backup", "folder": source, "other store": tmp_path / "other"}
    with Store.init(tmp_path / "other") as other:
        commit_folder(other, source, "elsewhere")
    spoil(folder, FILES["small"], FILES["large"])
    with Store.open(folder) as store:
        assert len({harm.path for finding in store.verify().findings for harm in finding.harms}) == 2
        result = store.repair(places[healer])
        assert (result.healed, result.findings) == (2, ())
    check(folder, source, tmp_path / "out")


def test_a_pack_that_is_gone_is_healed(folder: Path, source: Path, tmp_path: Path) -> None:
    for pack in (folder / "packs").iterdir():
        pack.unlink()
    with Store.open(folder) as store:
        assert store.repair(tmp_path / "backup").harmed == []
    check(folder, source, tmp_path / "out")


def test_what_cannot_be_healed_is_named_and_the_rest_is_usable(folder: Path, source: Path, tmp_path: Path) -> None:
    spoil(folder, FILES["small"], FILES["other"])
    (source / "small").unlink()
    result = run("repair", "--from", str(source), "--store", str(folder))
    assert result.exit_code == 1
    assert "1 chunk healed" in result.stdout
    assert "animals:v0  small" in result.stdout
    with Store.open(folder) as store:
        assert store.verify().harmed == ["uncategorized/animals:v0"]
        store.get("animals:v0", tmp_path / "out", path_prefix="other")
    assert (tmp_path / "out" / "other").read_bytes() == FILES["other"]


def test_a_store_without_damage_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in (folder / "packs").iterdir())
    result = run("repair", "--from", str(tmp_path / "backup"), "--store", str(folder), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "dry_run": False,
        "healed_chunks": 0,
        "healed_bytes": 0,
        "quarantined_chunks": 0,
        "healed_rows": 0,
        "quarantined_rows": 0,
        "findings": [],
        "harmed": [],
    }
    assert sorted(path.name for path in (folder / "packs").iterdir()) == before


def test_a_source_that_cannot_be_used_is_refused(folder: Path, source: Path, tmp_path: Path) -> None:
    spoil(folder, FILES["small"])
    with Store.init(tmp_path / "sha", algorithm="sha256") as other:
        commit_folder(other, source)
    with Store.open(folder) as store:
        with pytest.raises(NotFound):
            store.repair(tmp_path / "nowhere")
        with pytest.raises(InvalidInput, match="blake3"):
            store.repair(tmp_path / "sha")
    shutil.rmtree(tmp_path / "sha")
