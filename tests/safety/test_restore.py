"""Restoring a backup over a store, also one whose process was killed and left its journal there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from artstore.errors import Damaged, InvalidInput, NoStore, NotAStore, StoreBusy
from artstore.store import Store
from tests.support.cli_runner import run
from tests.support.files import noise
from tests.support.programs import run_script
from tests.support.store_checks import living_versions

CONTINUE = """
import os, random, sys
from artstore import Store
store = Store.open(sys.argv[1])
for i in range(60):
    draft = store.draft(f"n{i % 5}", "dataset")
    store.add_bytes(draft, random.Random(i).randbytes(3000), "f")
    store.commit(draft)
store.delete(*store.versions("n1"), delete_aliases=True)
os.kill(os.getpid(), 9)
"""


def commit(store: Store, name: str, data: bytes) -> None:
    draft = store.draft(name, "dataset")
    store.add_bytes(draft, data, "f")
    store.commit(draft)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup of a store with 40 versions, which lies beside it."""
    with Store.init(tmp_path / "store") as store:
        for i in range(40):
            commit(store, f"n{i % 5}", noise(9_000, i))
        store.backup(tmp_path / "backup")
    return tmp_path / "backup"


def check(folder: Path) -> None:
    with Store.open(folder) as store:
        assert store.verify().findings == []
        assert living_versions(store) == {f"n{i % 5}:v{i // 5}" for i in range(40)}
        entry = store.entry("n1:v0", "f")
        assert entry is not None
        assert b"".join(store.read(entry)) == noise(9_000, 1)
        commit(store, "later", b"later")
        store.gc()
        assert store.verify().findings == []


def test_over_a_store_whose_process_was_killed(backup: Path) -> None:
    folder = backup.parent / "store"
    killed = run_script(CONTINUE, folder)
    assert killed.returncode == -9
    assert (folder / "artstore.db-wal").stat().st_size > 0
    result = run("restore", str(backup), str(folder), "--replace")
    assert result.exit_code == 0, result.output
    check(folder)


def test_a_backup_copied_by_hand_over_an_old_journal_is_not_opened(backup: Path) -> None:
    folder = backup.parent / "store"
    run_script(CONTINUE, folder)
    shutil.copytree(backup, folder, dirs_exist_ok=True)
    with pytest.raises(Damaged, match=r"was copied from a backup, and the journal .*`artstore restore"):
        Store.open(folder)
    result = run("verify", "--store", str(folder))
    assert result.exit_code == 2
    assert "artstore restore" in result.stderr
    Store.restore(backup, folder, replace=True)
    check(folder)


def test_a_backup_copied_by_hand_to_a_new_place_is_a_store_with_a_journal_of_its_own(
    backup: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(backup, folder)
    with Store.open(folder) as store:
        assert len(living_versions(store)) == 40
    assert run_script(CONTINUE, folder).returncode == -9
    assert (folder / "artstore.db-wal").stat().st_size > 0
    with Store.open(folder) as store:
        assert len(living_versions(store)) == 40 + 60 - 20
        assert store.verify().findings == []


def test_a_backup_that_was_looked_at_is_still_known_as_one(backup: Path) -> None:
    folder = backup.parent / "store"
    with Store.open(backup) as store:
        assert len(living_versions(store)) == 40
    run_script(CONTINUE, folder)
    shutil.copytree(backup, folder, dirs_exist_ok=True)
    with pytest.raises(Damaged, match="was copied from a backup"):
        Store.open(folder)


def test_over_a_store_that_was_verified(backup: Path) -> None:
    folder = backup.parent / "store"
    with Store.open(folder) as store:
        commit(store, "n0", b"not in the backup")
        store.verify()
    note = folder / "verified.json"
    assert note.exists()
    Store.restore(backup, folder, replace=True)
    # It was the other catalog that was verified.
    assert not note.exists()
    check(folder)


def test_into_a_new_folder(backup: Path, tmp_path: Path) -> None:
    assert Store.restore(backup, tmp_path / "new" / "store").copied == 40 * 9_000
    check(tmp_path / "new" / "store")


def test_where_the_catalog_and_packs_are_gone_or_damaged(backup: Path) -> None:
    folder = backup.parent / "store"
    (folder / "artstore.db").write_bytes(b"not a catalog")
    pack = next((folder / "packs").iterdir())
    data = bytearray(pack.read_bytes())
    data[1000] ^= 1
    pack.write_bytes(data)
    Store.restore(backup, folder, replace=True)
    check(folder)


def test_a_store_is_replaced_only_if_that_is_asked_for(backup: Path) -> None:
    folder = backup.parent / "store"
    with pytest.raises(InvalidInput, match="replace=True"):
        Store.restore(backup, folder)
    result = run("restore", str(backup), str(folder))
    assert result.exit_code == 2
    assert "--replace" in result.stderr


def test_a_store_in_use_is_not_replaced(backup: Path) -> None:
    with Store.open(backup.parent / "store") as store:
        store.draft("open", "dataset")
        store.add_bytes(store.draft("n0"), b"x", "x")
        with pytest.raises(StoreBusy):
            Store.restore(backup, store.path, replace=True)


def test_what_cannot_be_restored_changes_nothing(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    with pytest.raises(NotAStore):
        Store.restore(backup, tmp_path / "mine", replace=True)
    with pytest.raises(NoStore):
        Store.restore(tmp_path / "mine", tmp_path / "new")
    with pytest.raises(InvalidInput):
        Store.restore(backup, backup, replace=True)
    assert os.listdir(tmp_path / "mine") == ["file"]
    assert not (tmp_path / "new").exists()


def test_damage_in_the_backup_is_named(backup: Path, tmp_path: Path) -> None:
    shutil.copytree(backup, tmp_path / "damaged")
    pack = next((tmp_path / "damaged" / "packs").iterdir())
    data = bytearray(pack.read_bytes())
    data[1000] ^= 1
    pack.write_bytes(data)
    assert Store.restore(tmp_path / "damaged", tmp_path / "new").harmed == ["uncategorized/n0:v0"]
    # The store that is there has the good copy of it.
    assert Store.restore(tmp_path / "damaged", backup.parent / "store", replace=True).harmed == []
    check(backup.parent / "store")
