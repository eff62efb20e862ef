"""Damaged rows of the catalog are healed from a backup, or put into quarantine: the rest of the store stays usable."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from artstore.errors import Damaged
from artstore.store import Store
from tests.support.cli_runner import run
from tests.support.damaged_rows import EDITS, flip
from tests.support.hostile_stores import edit
from tests.support.shelf import LARGE, noise, write

CONTENT = {
    "the file of an entry": "update entries set file = (select max(id) from files) where path = 'small.bin'",
    "the path of an entry": "update entries set path = 'smell.bin' where path = 'small.bin'",
    "the segment of an entry": "update entries set segment = 99 where path = 'small.bin' and segment = 1",
    "an entry that is gone": "delete from entries where path = 'small.bin' and segment = 1",
    "the digest of a file": "update files set digest = zeroblob(32) where id = 2",
    "the size of a file": "update files set size = size + 1 where id = 2",
    "the id of a file": "update files set id = 99 where id = 2",
    "the digest of a chunk": "update chunks set digest = zeroblob(32) where id = 1",
    "the place of a chunk": "update chunks set offset = offset + 1 where id = 1",
    "the length of a chunk": "update chunks set length = length + 1 where id = 1",
    "the chunk of a file": "update file_chunks set chunk = 2 where file = 2",
    "a URI": "update refs set uri = 'tracked://bucket/other'",
    "the digest of a segment": "update segments set digest = zeroblob(32) where id = 1",
    "the bound of a segment": "update segments set first = 'z' where id = 1",
    "the bound of a group": "update segment_groups set last = 'a' where id = 1",
    "a group that is gone": "delete from version_groups where version = 1",
    "the segment of a group": "update group_segments set segment = 2 where segment = 1",
}
OTHERS = {
    "an event": "update events set subject = 'other' where id = 3",
    "the newest event of the backup": "update events set detail = '{}' where id = (select max(id) - 3 from events)",
    "a checksum": "update row_checksums set sum = zeroblob(16) where name = 'versions' and owner = 1",
    "a checksum that is gone": "delete from row_checksums where name = 'runs' and owner = 1",
    "a pending entry": "update pending_entries set path = 'other'",
    "the run of a file": "update run_files set run = 67 where run = 1 and path = 'notes.txt'",
    "the id of a version": "update versions set id = 88 where id = 1",
}
FILES = {"small.bin": noise(3_000, "small 0"), "large.bin": LARGE + noise(1_000, "end 0")}
"""What is in the first version."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write(folder / "store")
    with Store.open(folder / "store") as store:
        store.backup(folder / "backup")
        # What comes after the backup.
        draft = store.draft("later", "dataset", project="p")
        store.add_bytes(draft, b"after the backup", "file")
        store.commit(draft, aliases=["newer"])
    with closing(sqlite3.connect(folder / "store" / "artstore.db")) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole / "store", tmp_path / "store")


def content(store: Store) -> dict[str, bytes]:
    """Return the stored files of a version."""
    found = {path: store.entry("p/animals:v0", path) for path in ("small.bin", "large.bin")}
    return {path: b"".join(store.read(entry)) if entry else b"" for path, entry in found.items()}


def rows(folder: Path) -> dict[str, list[Any]]:
    """Return the rows of all tables but the log, hints and what a repair changes."""
    changing = {"events", "leases", "stat_blocks", "packs", "chunks", "free", "sqlite_sequence", "row_checksums"}
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        names = [name for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")]
        return {name: connection.execute(f"select * from {name}").fetchall() for name in names if name not in changing}


ADDED = {"quarantine", "quarantined row"}
"""Rows of another program: they have no checksum, and look like rows of artstore whose checksum is lost."""
SAMPLE = {
    "metadata": EDITS["metadata"],
    "alias moved": EDITS["alias moved"],
    "the id of a version": OTHERS["the id of a version"],
    "a checksum": OTHERS["a checksum"],
    "the run of a file": OTHERS["the run of a file"],
    "the newest event of the backup": OTHERS["the newest event of the backup"],
    "a pending entry": OTHERS["a pending entry"],
    "the segment of an entry": CONTENT["the segment of an entry"],
    "the digest of a file": CONTENT["the digest of a file"],
    "the place of a chunk": CONTENT["the place of a chunk"],
}
ALL = {name: statement for name, statement in {**EDITS, **CONTENT, **OTHERS}.items() if name not in ADDED}


def heal(statement: str, folder: Path, backup: Path) -> None:
    before = rows(folder)
    edit(folder, statement)
    with Store.open(folder) as store:
        planned = store.repair(backup, dry_run=True)
        done = store.repair(backup)
        assert done.findings == ()
        assert done.healed_rows + done.healed >= 1
        assert planned.healed_rows == done.healed_rows
        assert store.verify().findings == []
        assert rows(folder) == before
        store.gc()
        assert store.verify().findings == []
        assert content(store) == FILES
        assert store.entry("p/later:newer", "file") is not None


@pytest.mark.parametrize("statement", SAMPLE.values(), ids=SAMPLE)
def test_a_row_is_healed_from_a_backup(statement: str, folder: Path, whole: Path) -> None:
    heal(statement, folder, whole / "backup")


@pytest.mark.torture
@pytest.mark.parametrize("statement", ALL.values(), ids=ALL)
def test_every_row_is_healed_from_a_backup(statement: str, folder: Path, whole: Path) -> None:
    heal(statement, folder, whole / "backup")


WORDS = {"a name": b"animals", "an alias": b"alias1", "a path": b"small.bin"}


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_a_byte_is_healed_in_the_rows_and_in_the_indexes(word: bytes, folder: Path, whole: Path) -> None:
    before = rows(folder)
    flip(folder, word, 2, 0x80)
    with Store.open(folder) as store:
        assert store.verify().findings != []
        assert store.repair(whole / "backup").findings == ()
        assert store.verify().findings == []
        assert rows(folder) == before


def test_what_changed_after_the_backup_is_not_taken_from_it(folder: Path, whole: Path) -> None:
    with Store.open(folder) as store:
        store.describe("p/animals:v1", description="changed later")
    edit(folder, "update versions set description = 'damaged' where description = 'changed later'")
    with Store.open(folder) as store:
        result = store.repair(whole / "backup")
        assert result.healed_rows == 0
        assert [finding.what[:15] for finding in result.findings] == ["versions row 2:"]
        assert store.version("p/animals:v1").description == "damaged"


@pytest.mark.parametrize("which", ["another store", "a later state", "a folder"])
def test_rows_of_another_history_are_not_taken(which: str, folder: Path, whole: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    if which == "a folder":
        source.mkdir()
    elif which == "another store":
        write(source)
    else:
        shutil.copytree(whole / "backup", source)
        with Store.open(source) as other:
            other.describe("p/animals:v1", description="in the copy only")
    edit(folder, EDITS["metadata"])
    with Store.open(folder) as store:
        result = store.repair(source)
        assert result.healed_rows == 0
        assert any(finding.what.startswith("versions row 1:") for finding in result.findings)
        assert which == "a folder" or any("not an earlier state" in finding.what for finding in result.findings)


def test_in_quarantine_a_row_is_named_once_and_the_rest_is_usable(folder: Path, whole: Path) -> None:
    words = ["--store", str(folder)]
    flip(folder, b"number 2", 2, 0x80)
    assert run("ls", "p/animals", *words).exit_code == 2
    shown = run("repair", "--quarantine", "--dry-run", *words)
    assert (shown.exit_code, "1 row would be put into quarantine" in shown.stdout) == (1, True)
    assert run("ls", "p/animals", *words).exit_code == 2
    shown = run("repair", "--quarantine", *words)
    assert "1 row put into quarantine" in shown.stdout
    verified = json.loads(run("verify", "--json", *words).stdout)
    assert [finding["what"].count("in quarantine") for finding in verified["findings"]] == [1]
    assert verified["findings"][0]["what"].startswith("versions row 3: ")
    for verb in (["ls"], ["ls", "p/animals"], ["log", "p/animals"], ["show", "p/animals:v2"], ["gc"], ["du"]):
        assert run(*verb, *words).exit_code == 0, verb
    with Store.open(folder) as store:
        assert content(store) == FILES
        # The value that was put aside comes back.
        assert store.repair(whole / "backup").findings == ()
        assert store.version("p/animals:v2").description == "number 2"
        assert store.verify().findings == []
        assert store.sql("select count(*) as n from quarantined_rows") == [{"n": 0}]


def check_gc(statement: str, folder: Path, backup: Path, scratch: Path) -> None:
    """Rows are healed after much was deleted, from a backup that has lost its packs."""
    edit(folder, statement)
    shutil.copytree(backup, scratch / "backup")
    for pack in (scratch / "backup" / "packs").iterdir():
        pack.unlink()
    with Store.open(folder) as store:
        store.verify()
        store.repair(quarantine=True)
        assert store.verify().findings != []
        draft = store.draft("doomed", "dataset", project="p")
        store.add_bytes(draft, b"nothing else has this", "file")
        store.commit(draft)
        store.delete("p/later:v0", delete_aliases=True)
        store.delete("p/doomed:v1", delete_aliases=True)
        store.gc()
        store.backup(scratch / "another")
        assert store.repair(scratch / "backup").findings == ()
        assert store.verify().findings == []
        assert content(store) == FILES
        # What was kept meanwhile is free now.
        assert not store.sql("select 1 from files where size = 21")


KEPT = {name: CONTENT[name] for name in ("the file of an entry", "an entry that is gone", "a group that is gone")}


@pytest.mark.parametrize("statement", KEPT.values(), ids=KEPT)
def test_gc_frees_nothing_that_a_damaged_version_needs(
    statement: str, folder: Path, whole: Path, tmp_path: Path
) -> None:
    check_gc(statement, folder, whole / "backup", tmp_path)


OF_MANIFESTS = {name: statement for name, statement in CONTENT.items() if "update chunks" not in statement}


@pytest.mark.torture
@pytest.mark.parametrize("statement", OF_MANIFESTS.values(), ids=OF_MANIFESTS)
def test_gc_frees_nothing_that_any_damaged_version_needs(
    statement: str, folder: Path, whole: Path, tmp_path: Path
) -> None:
    check_gc(statement, folder, whole / "backup", tmp_path)


def test_a_damaged_version_can_be_deleted(folder: Path) -> None:
    edit(folder, CONTENT["an entry that is gone"])
    with Store.open(folder) as store:
        store.repair(quarantine=True)
        with pytest.raises(Damaged):
            store.entry("p/animals:v0", "small.bin")
        store.unlink("p/portfolio:v0", force=True)
        store.delete("p/animals:v0", delete_aliases=True, force=True)
        assert store.verify().findings == []


def test_a_ttl_that_damage_set_deletes_nothing(folder: Path) -> None:
    with Store.open(folder) as store:
        for _ in range(2):
            draft = store.draft("fleeting", "dataset", project="p", ttl=timedelta(days=9))
            store.add_bytes(draft, str(_).encode(), "file")
            store.commit(draft)
    edit(folder, "update versions set created_at = '2020-01-01T00:00:00.000000Z' where ttl is not null and number = 0")
    with Store.open(folder) as store:
        store.gc()
        assert store.version("p/fleeting:v0").state == "committed"
        store.repair(quarantine=True)
        store.gc()
        assert store.version("p/fleeting:v0").state == "committed"
