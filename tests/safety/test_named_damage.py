"""A changed byte in a text of the catalog ends in an error or finding that names the table and the row."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import artstore
from artstore.errors import Damaged
from artstore.store import Store
from tests.support.cli_runner import run, run_process
from tests.support.damaged_rows import flip, flip_in
from tests.support.hostile_stores import edit


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "store"
    with Store.init(folder) as store:
        for name in ("damaged", "other"):
            draft = store.draft(name, "type", description=f"{name}-words", metadata={"lr": 0.5, "note": name})
            store.add_bytes(draft, name.encode(), f"{name}-path")
            store.commit(draft, aliases=["best"], tags=["good"])
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "store")


FLIPS = {
    "a description is not UTF-8": (b"damaged-words", 3, 0x80, "versions row 1: description is not UTF-8"),
    "metadata is not JSON": (b'{"lr": 0.5, "note": "damaged"', 0, 2, "versions row 1: metadata is not JSON"),
    "a path is not UTF-8": (b"damaged-path", 3, 0x80, "not UTF-8"),
    "a time is not a time": (b"2026-", 4, 0x40, "is not a time"),
    "a name is not UTF-8": (b"damaged\x74ype", 2, 0x80, "collections row 1: name is not UTF-8"),
}


@pytest.mark.parametrize(("word", "index", "mask", "named"), FLIPS.values(), ids=FLIPS.keys())
def test_the_command_line_names_the_row_without_a_traceback(
    word: bytes, index: int, mask: int, named: str, folder: Path
) -> None:
    if word == b"2026-":
        with Store.open(folder) as store:
            word = store.events()[0].at[:5].encode()
    flip(folder, word, index, mask)
    verified = run_process("verify", "--store", str(folder))
    assert verified.returncode == 1, verified.stderr
    assert named in verified.stdout
    for verb in (["show", "damaged"], ["ls", "damaged"], ["ls", "damaged:v0"], ["log", "damaged"], ["du"]):
        shown = run_process(*verb, "--store", str(folder))
        assert "Traceback" not in shown.stderr
        assert shown.returncode in (0, 2)


YEAR = b"2026-"
LETTERS = {
    "a description": (b"damaged-words", 3, 1, "versions row 1: changed"),
    "metadata": (b'"note": "damaged"', 10, 1, "versions row 1: changed"),
    "a number in metadata": (b'"lr": 0.5', 8, 1, "versions row 1: changed"),
    "a time": (YEAR, 3, 1, "versions row 1: changed"),
}


@pytest.mark.parametrize(("word", "index", "mask", "named"), LETTERS.values(), ids=LETTERS.keys())
def test_another_letter_is_found_by_verify(word: bytes, index: int, mask: int, named: str, folder: Path) -> None:
    """It has the form that it should have, so reading the row alone shows nothing."""
    if word == YEAR:
        with Store.open(folder) as store:
            word = store.events()[0].at[:5].encode()
    flip(folder, word, index, mask)
    check_named_by_verify(folder, named)


COLUMNS = {
    "a tag": ("update tags set name = 'gooe' where version = 1", "tags rows with version 1: changed"),
    "an alias": ("update aliases set name = 'besu' where name = 'best' and version = 1", "aliases rows with version 1"),
    "a number": ("update versions set number = 1 where id = 1", "versions row 1: changed"),
    "a ttl": ("update versions set ttl = 1 where id = 1", "versions row 1: changed"),
    "the size of a version": ("update versions set size = 77 where id = 1", "versions row 1: changed"),
    "the size of a file": ("update files set size = 77", "the entries of uncategorized/damaged:v0 are not those"),
    "the next number": ("update collections set next_number = 0 where id = 1", "collections row 1: changed"),
}


@pytest.mark.parametrize(("statement", "named"), COLUMNS.values(), ids=COLUMNS.keys())
def test_another_value_is_found_by_verify(statement: str, named: str, folder: Path) -> None:
    edit(folder, statement)
    check_named_by_verify(folder, named)


def check_named_by_verify(folder: Path, named: str) -> None:
    """Check that verify names a row, and that no other verb ends in an error that is not ours."""
    verified = run("verify", "--store", str(folder))
    assert (verified.exit_code, named in verified.stdout) == (1, True), verified.output
    for verb in (["show", "damaged"], ["ls", "damaged"], ["ls", "damaged:v0"], ["log", "damaged"], ["du"]):
        assert run(*verb, "--store", str(folder)).exit_code in (0, 2)


def test_the_rest_is_still_verified(folder: Path) -> None:
    """The damaged row is of one version; a chunk of the other one is damaged as well."""
    flip(folder, b"damaged-words", 3, 0x80)
    flip_in_pack = next((folder / "packs").iterdir())
    data = bytearray(flip_in_pack.read_bytes())
    data[data.index(b"other")] ^= 1
    flip_in_pack.write_bytes(data)
    with Store.open(folder) as store:
        report = store.verify()
        assert report.harmed == ["uncategorized/other:v0"]
        assert any("versions row 1" in finding.what for finding in report.findings)
        assert store.version("other:v0").description == "other-words"
        with pytest.raises(Damaged, match="versions row 1"):
            store.version("damaged:v0")


def test_an_error_that_is_not_due_to_damage_stays_what_it_is(folder: Path) -> None:
    with Store.open(folder) as store, pytest.raises(ZeroDivisionError), store.db.reading():
        raise ZeroDivisionError
    with Store.open(folder) as store, pytest.raises(ValueError, match="mine"), store.db.reading():
        raise ValueError("mine")


RULES = {
    "kind is none": (
        "entries",
        "kind = 1 << 62",
        "entries row 1, 'damaged-path': breaks the rule kind between 1 and 4",
    ),
    "size overflows": ("files", "size = -9223372036854775808", "files row 1: size is -9223372036854775808"),
    "file is not there": ("entries", "file = 1 << 62", "entries row (not known): refers to no row of files"),
}


@pytest.mark.parametrize(("table", "change", "named"), RULES.values(), ids=RULES.keys())
def test_a_row_that_breaks_a_rule_of_its_table_is_named(
    table: str, change: str, named: str, folder: Path, tmp_path: Path
) -> None:
    edit(folder, f"update {table} set {change}")
    with Store.open(folder) as store, pytest.raises(Damaged, match=re.escape(named)):
        store.get("damaged:v0", tmp_path / "out")
    result = run("get", "damaged:v0", "--root", str(tmp_path / "out"), "--store", str(folder))
    assert (result.exit_code, named in result.stderr) == (2, True)


EDITS = {
    "JSON of another kind": ("update versions set prefixes = '65537'", "versions row 1: prefixes is JSON, but not"),
    "metadata that is a list": ("update versions set metadata = '[1]'", "versions row 1: metadata is JSON, but not"),
    "a segment whose first path is two": (
        "update segments set first = 'a' || char(0) || 'b' where id = 2",
        "segments row 2: first contains NUL",
    ),
    "tags that are no list": ("update collections set tags = '{}'", "collections row 1: tags is JSON, but not"),
    "a time without a zone": (
        "update versions set created_at = '2026-01-01'",
        "versions row 1: created_at is not a time",
    ),
    "a change of an alias without the alias": (
        "update events set detail = '{}' where kind = 'alias-set'",
        "detail is not that of alias-set",
    ),
    "a change of an alias by a number": (
        "update events set detail = json_set(detail, '$.by', 3) where kind = 'alias-set'",
        "detail is not that of alias-set",
    ),
    "a pack that is gone": ("update packs set id = 99", "chunks row 1: refers to no row of packs"),
}


@pytest.mark.parametrize(("statement", "named"), EDITS.values(), ids=EDITS.keys())
def test_an_edited_row_is_named(statement: str, named: str, folder: Path) -> None:
    edit(folder, statement)
    verbs = (["log", "damaged"], ["rm", "damaged:v0", "--delete-aliases", "--yes"], ["verify"])
    results = [run(*words, "--store", str(folder)) for words in verbs]
    failed = [result.output for result in results if result.exit_code]
    assert failed, "no verb noticed it"
    assert named in failed[0]


@pytest.mark.parametrize("column", ["config", "summary", "environment", "tags"])
def test_json_of_another_kind_is_named_where_a_run_is_read(column: str, folder: Path) -> None:
    artstore.init(store=folder).finish()
    edit(folder, f"update runs set {column} = '[[\"a\", 2]]'")
    with pytest.raises(Damaged, match=f"runs row 1: {column} is JSON, but not"):
        list(artstore.Api(store=folder).runs("uncategorized"))


def test_a_time_of_a_run_without_a_zone_is_named(folder: Path) -> None:
    artstore.init(store=folder).finish()
    edit(folder, "update runs set started_at = '2026-01-01'")
    result = run("runs", "--store", str(folder))
    assert (result.exit_code, "runs row 1: started_at is not a time: 2026-01-01" in result.stderr) == (2, True)


def test_a_damaged_entry_of_an_index_is_named(folder: Path) -> None:
    """The row is there, and is not found by its digest."""
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        digests = [digest for (digest,) in connection.execute("select digest from files")]
    data = (folder / "artstore.db").read_bytes()
    places = [found.start() for digest in digests for found in re.finditer(re.escape(digest), data)]
    assert len(places) >= 2 * len(digests)
    for place in places:
        damaged = bytearray(data)
        damaged[place + 3] ^= 4
        (folder / "artstore.db").write_bytes(damaged)
        with Store.open(folder) as store:
            assert store.verify().findings


def test_metadata_of_none_is_empty(folder: Path) -> None:
    """Earlier releases stored it as null."""
    edit(folder, "update versions set metadata = 'null' where id = 1")
    with Store.open(folder) as store:
        assert store.version("damaged:v0").metadata == {}


def test_a_run_may_have_any_name(folder: Path) -> None:
    artstore.init(store=folder, name="a\0b").finish()
    with Store.open(folder) as store:
        assert store.verify().findings == []


def test_a_number_that_would_be_given_twice_is_named(folder: Path) -> None:
    edit(folder, "update collections set next_number = 0 where id = 1")
    with Store.open(folder) as store:
        draft = store.draft("damaged")
        store.add_bytes(draft, b"more", "more-path")
        with pytest.raises(Damaged, match="collections row 1: next_number is 0, but v0 is there"):
            store.commit(draft)
        assert [version.number for version in store.versions("damaged")] == [0]


def test_rows_that_cannot_be_released_do_not_end_the_verification(folder: Path) -> None:
    """What verify releases at its end has a place in a pack that is gone from the catalog."""
    edit(folder, "delete from entries where path = 'other-path'", "delete from packs")
    with Store.open(folder) as store:
        found = [finding.what for finding in store.verify().findings]
    assert any(re.match(r"SQLite: chunks row \d+: refers to no row of packs", what) for what in found), found
    assert any("uncategorized/other:v0" in what for what in found), found


def test_a_damaged_sequence_of_ids_does_not_end_a_commit(folder: Path) -> None:
    edit(folder, "update sqlite_sequence set seq = 0 where name in ('chunks', 'files')")
    with Store.open(folder) as store:
        draft = store.draft("other")
        store.add_bytes(draft, b"more", "more-path")
        store.commit(draft)
        assert store.verify().findings == []


@pytest.mark.parametrize("damaged", ["the row", "its index"])
def test_a_row_and_its_index_that_differ_name_the_row_by_its_key(damaged: str, folder: Path) -> None:
    """SQLite says the number of the row in its table: here 1, as the first file was deleted."""
    with Store.open(folder) as store:
        store.delete("damaged:v0", delete_aliases=True)
        store.gc()
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        [(number, digest)] = connection.execute("select id, digest from files").fetchall()
        assert number == 2
        connection.execute("pragma wal_checkpoint(truncate)")
    flip_in(folder, "files" if damaged == "the row" else "sqlite_autoindex_files_1", digest)
    with Store.open(folder) as store:
        found = [finding.what for finding in store.verify().findings]
    assert "SQLite: files row 2: missing from index sqlite_autoindex_files_1" in found
    assert not any("row 1" in what for what in found)


def test_a_row_without_a_number_and_its_index_that_differ_name_the_row_by_its_key(folder: Path) -> None:
    flip_in(folder, "entries_by_file", b"other-path")
    with Store.open(folder) as store:
        found = [finding.what for finding in store.verify().findings]
    assert "SQLite: entries row 2, 'other-path': missing from index entries_by_file" in found
