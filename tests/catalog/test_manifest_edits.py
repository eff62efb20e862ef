"""Editing a version gives the same manifest as building it from its entries."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from artstore import Store
from artstore.catalog import manifests
from artstore.core import manifest
from artstore.core.manifest import cut_groups
from benchmarks import datasets, stores

ENTRIES = 3000


@pytest.fixture(autouse=True)
def small_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make segments and groups small, so that edits often move cuts, and some cuts are as close as allowed."""
    for name, value in {"SMALLEST": 4, "LARGEST": 12, "_LIMIT": (2**64 // 5).to_bytes(8, "big")}.items():
        monkeypatch.setattr(manifest, name, value)


@pytest.mark.parametrize("seed", range(8))
def test_an_edited_version_is_cut_like_a_new_one(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    with Store.init(tmp_path / "store") as store:
        contents = stores.contents(store, tmp_path / "contents", invented=ENTRIES)
        version = store.commit(stores.with_entries(store, "grown", ENTRIES, contents))
        for changes in (1, 5, 30, 5, 300, 40):
            draft = store.draft("grown", base="grown:latest")
            for path in draw.sample([entry.path for entry in store.entries(version)], changes):
                other = datasets.entry(0, *draw.choice(contents.known))
                match draw.choice(["remove", "change", "add"]):
                    case "remove":
                        draft.remove(path)
                    case "change":
                        draft.add(other._replace(path=path), overwrite=True)
                    case _:
                        draft.add(other._replace(path=f"{path}{draw.randrange(10)}"), overwrite=True)
            version = store.commit(draft)
            with store.db.reading() as connection:
                groups = manifests.groups_of(connection, version.id)
            assert len(groups) > 20
            assert groups == cut_groups(store.db.algorithm, store.entries(version))
