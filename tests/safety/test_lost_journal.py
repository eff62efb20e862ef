"""A catalog that lost changes, because its journal was removed or an older one took its place, is not used."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from artstore.errors import Damaged
from artstore.store import Store
from tests.support.cli_runner import run
from tests.support.files import commit_folder, tree_of, write_files

KILLED = """
import os, sys
from artstore import Store
store = Store.open(sys.argv[1])
draft = store.draft("animals", "dataset")
store.add_bytes(draft, b"acknowledged", "file")
store.commit(draft)
os._exit(0)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_files(tmp_path / "source", {"cat": b"meow", "dog": b"woof"})


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    """A store with a backup, and with a version that only the journal of a killed process has."""
    with Store.init(tmp_path / "store") as store:
        commit_folder(store, source)
        store.backup(tmp_path / "backup")
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "store"], check=True)
    assert (tmp_path / "store" / "artstore.db-wal").stat().st_size
    return tmp_path / "store"


def remove_journal(folder: Path) -> None:
    (folder / "artstore.db-wal").unlink()


def remove_everything_of_the_journal(folder: Path) -> None:
    for path in folder.glob("artstore.db-*"):
        path.unlink()


def put_an_older_catalog_there(folder: Path) -> None:
    remove_everything_of_the_journal(folder)
    shutil.copy(folder.parent / "backup" / "artstore.db", folder / "artstore.db")


@pytest.mark.parametrize("lose", [remove_journal, remove_everything_of_the_journal, put_an_older_catalog_there])
def test_a_store_that_lost_its_last_changes_is_not_opened(lose: Callable[[Path], None], folder: Path) -> None:
    lose(folder)
    with pytest.raises(Damaged, match=r"lacks the last changes .* ends with event \d.*artstore restore"):
        Store.open(folder)
    for verb in (["ls"], ["verify"], ["gc"], ["put", str(folder.parent / "source"), "--name", "animals"]):
        told = run(*verb, "--store", str(folder))
        assert told.exit_code == 2
        assert "lacks the last changes" in told.stderr


def test_with_the_journal_nothing_is_missing(folder: Path) -> None:
    with Store.open(folder) as store:
        assert store.version("animals:latest").number == 1
        assert store.verify().findings == []


def test_a_restored_backup_goes_on(folder: Path, source: Path, tmp_path: Path) -> None:
    remove_journal(folder)
    Store.restore(tmp_path / "backup", folder, replace=True)
    with Store.open(folder) as store:
        assert store.verify().findings == []
        store.get("animals:v0", tmp_path / "out")
        assert tree_of(tmp_path / "out") == tree_of(source)
        store.describe("animals:v0", description="after")
    Store.open(folder).close()


def test_without_a_backup_one_can_go_on_without_the_changes(folder: Path) -> None:
    remove_journal(folder)
    (folder / "locks" / "turn.lock").unlink()
    with Store.open(folder) as store:
        assert store.verify().findings == []
        store.describe("animals:v0", description="after")
    Store.open(folder).close()


@pytest.mark.parametrize(
    "note", [b"", bytes(120), b"garbage\n", b"00000000000000000009 blake3:00 00000000\n", b"\xff" * 300]
)
def test_a_note_that_a_power_failure_left_incomplete_tells_nothing(note: bytes, folder: Path) -> None:
    (folder / "locks" / "turn.lock").write_bytes(note)
    with Store.open(folder) as store:
        assert store.verify().findings == []


def test_an_older_note_is_right(folder: Path) -> None:
    note = (folder / "locks" / "turn.lock").read_bytes()
    with Store.open(folder) as store:
        store.describe("animals:v0", description="after")
    (folder / "locks" / "turn.lock").write_bytes(note)
    with Store.open(folder) as store:
        assert store.verify().findings == []


def test_verify_names_an_event_that_took_the_place_of_the_committed_one(folder: Path) -> None:
    lost = (folder / "locks" / "turn.lock").read_bytes()
    remove_journal(folder)
    (folder / "locks" / "turn.lock").unlink()
    with Store.open(folder) as store:
        for i in range(8):
            store.describe("animals:v0", description=f"another history {i}")
    (folder / "locks" / "turn.lock").write_bytes(lost)
    with Store.open(folder) as store:
        (finding,) = store.verify().findings
        assert finding.what.startswith("event ")
