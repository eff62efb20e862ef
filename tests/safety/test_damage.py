"""Damaged packs and rows, a rewritten log: verify names everything that is harmed, no wrong file is written."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from artstore.catalog.events import canonical_json, event_hash
from artstore.core import digests
from artstore.errors import ArtstoreError, Damaged
from artstore.store import Store
from tests.support.files import noise, tree_of, write_files

Harmed = set[tuple[str, str]]

TREES = {
    "a:v0": {"small": noise(3000, "small"), "large": noise(700_000, "large"), "d/x": b"x", "empty": b""},
    "a:v1": {"small": noise(3000, "small"), "large": noise(700_000, "large") + b"more", "run": b"#!"},
    "b:v0": {"renamed": noise(700_000, "large"), "own": noise(2000, "own")},
    "c:v0": {"other": noise(50_000, "other"), "d/x": b"x"},
}


@pytest.fixture(scope="module")
def whole_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with four versions that share content in two packs; the second pack holds what only `c:v0` has."""
    folder = tmp_path_factory.mktemp("whole")
    with Store.init(folder / "store") as store:
        first, last = store.draft("a", "dataset"), store.draft("c", "dataset")
        for draft, name in ((first, "a:v0"), (last, "c:v0")):
            store.add_dir(draft, write_files(folder / name.replace(":", "-"), TREES[name]))
            store.add_dir(draft, folder / name.replace(":", "-"))
        store.commit(first)
        store.commit(last)
        for name in ("a:v1", "b:v0"):
            draft = store.draft(name.partition(":")[0], "dataset")
            store.add_dir(draft, write_files(folder / name.replace(":", "-"), TREES[name]))
            store.commit(draft)
        assert len(store.sql("select * from packs")) == 2
        assert store.verify().ok
    return folder / "store"


@pytest.fixture
def damaged_store(whole_store: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole_store, tmp_path / "store")


class ChunkPlace(NamedTuple):
    """The place of a chunk in a pack."""

    pack: Path
    offset: int
    length: int


def chunks_of(folder: Path, name: str, path: str) -> list[ChunkPlace]:
    query = """
        select packs.name, chunks.offset, chunks.length from artifact_entries as e
        join files on e.digest = 'blake3:' || lower(hex(files.digest)) join file_chunks on file_chunks.file = files.id
        join chunks on chunks.id between file_chunks.chunk and file_chunks.chunk + file_chunks.count - 1
        join packs on packs.id = chunks.pack
        where e.collection || ':' || e.version = ? and e.path = ? order by file_chunks.position, chunks.id
    """
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        rows = connection.execute(query, (name, path)).fetchall()
    return [ChunkPlace(folder / "packs" / f"{row[0]}.pack", row[1], row[2]) for row in rows]


def change_rows(folder: Path, *statements: str) -> None:
    """Change rows without artstore."""
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount == 1, statement


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x20]))


def entries_with(data: bytes) -> Harmed:
    return {(name, path) for name, tree in TREES.items() for path, content in tree.items() if content == data}


def flip_a_small_chunk(folder: Path) -> Harmed:
    chunk = chunks_of(folder, "a:v0", "small")[0]
    flip(chunk.pack, chunk.offset + 1234)
    return entries_with(TREES["a:v0"]["small"])


def flip_the_last_byte_of_a_chunk_that_versions_share(folder: Path) -> Harmed:
    chunk = chunks_of(folder, "a:v0", "large")[1]
    flip(chunk.pack, chunk.offset + chunk.length - 1)
    return {("a:v0", "large"), ("a:v1", "large"), ("b:v0", "renamed")}


def flip_the_end_of_a_large_file(folder: Path) -> Harmed:
    """Flip a bit in the last chunk, which the grown file does not share."""
    chunk = chunks_of(folder, "a:v0", "large")[-1]
    flip(chunk.pack, chunk.offset)
    return {("a:v0", "large"), ("b:v0", "renamed")}


def cut_a_pack_short(folder: Path) -> Harmed:
    chunk = chunks_of(folder, "b:v0", "own")[0]
    os.truncate(chunk.pack, chunk.offset + chunk.length - 1)
    behind = {("b:v0", "own")}
    assert chunk.offset + chunk.length == chunk.pack.stat().st_size + 1, "nothing may follow it"
    return behind


def cut_a_pack_to_its_header(folder: Path) -> Harmed:
    os.truncate(chunks_of(folder, "c:v0", "other")[0].pack, 16)
    return {("c:v0", "other")} | files_in_the_pack_of(folder, "c:v0", "other")


def remove_a_pack(folder: Path) -> Harmed:
    harmed = files_in_the_pack_of(folder, "a:v0", "small")
    chunks_of(folder, "a:v0", "small")[0].pack.unlink()
    return harmed


def files_in_the_pack_of(folder: Path, name: str, path: str) -> Harmed:
    pack = chunks_of(folder, name, path)[0].pack
    every = {(name, path) for name, tree in TREES.items() for path in tree}
    return {file for file in every if pack in {chunk.pack for chunk in chunks_of(folder, *file)}}


def zeros_in_a_pack(folder: Path) -> Harmed:
    """Overwrite a block with zeros, as after a file system lost it."""
    chunk = chunks_of(folder, "c:v0", "other")[0]
    with chunk.pack.open("r+b") as file:
        file.seek(chunk.offset)
        file.write(bytes(4096))
    return {("c:v0", "other")}


def chunk_digest(folder: Path) -> Harmed:
    chunk = chunks_of(folder, "a:v0", "large")[1]
    change_rows(
        folder,
        f"""update chunks set digest = x'{noise(32, "digest").hex()}'
            where offset = {chunk.offset} and pack = (select id from packs where name = '{chunk.pack.stem}')""",
    )
    return {("a:v0", "large"), ("a:v1", "large"), ("b:v0", "renamed")}


def chunk_offset(folder: Path) -> Harmed:
    chunk = chunks_of(folder, "b:v0", "own")[0]
    change_rows(
        folder,
        f"""update chunks set offset = {chunk.offset - 1}
            where offset = {chunk.offset} and pack = (select id from packs where name = '{chunk.pack.stem}')""",
    )
    return {("b:v0", "own")}


def chunk_pack(folder: Path) -> Harmed:
    chunk = chunks_of(folder, "b:v0", "own")[0]
    change_rows(
        folder,
        f"""update chunks set pack = (select id from packs where name <> '{chunk.pack.stem}')
            where offset = {chunk.offset} and pack = (select id from packs where name = '{chunk.pack.stem}')""",
    )
    return {("b:v0", "own")}


OF_PACKS = [
    flip_a_small_chunk,
    flip_the_last_byte_of_a_chunk_that_versions_share,
    flip_the_end_of_a_large_file,
    cut_a_pack_short,
    cut_a_pack_to_its_header,
    remove_a_pack,
    zeros_in_a_pack,
    chunk_digest,
    chunk_offset,
    chunk_pack,
]


def file_id(path: str, name: str = "c:v0") -> str:
    digest = digests.algorithm("blake3").raw(TREES[name][path]).hex()
    return f"(select id from files where digest = x'{digest}')"


def content_of_another_file(folder: Path) -> Harmed:
    """Point a file of one chunk to another chunk."""
    change_rows(
        folder,
        f"""update file_chunks set chunk = (select chunk from file_chunks where file = {file_id("own", "b:v0")})
            where file = {file_id("other")}""",
    )
    return {("c:v0", "other")}


def chunks_in_another_order(folder: Path) -> Harmed:
    """Shift the run of chunks of a large file by one."""
    first = f"file = {file_id('large', 'a:v0')} and position = 0"
    change_rows(
        folder,
        f"update file_chunks set chunk = chunk + 1, count = count - 1 where {first} and count > 1",
        f"insert into file_chunks select file, 1000, chunk - 1, 1 from file_chunks where {first}",
    )
    return {("a:v0", "large"), ("b:v0", "renamed")}


def a_chunk_too_few(folder: Path) -> Harmed:
    change_rows(
        folder,
        f"""update file_chunks set count = count - 1
            where file = {file_id("large", "a:v0")} and position = 0 and count > 1""",
    )
    return {("a:v0", "large"), ("b:v0", "renamed")}


def no_chunk_at_all(folder: Path) -> Harmed:
    change_rows(folder, f"delete from file_chunks where file = {file_id('other')}")
    return {("c:v0", "other")}


def file_digest(folder: Path) -> Harmed:
    digest = digests.algorithm("blake3").raw(TREES["c:v0"]["other"])
    spoiled = bytes([digest[0] ^ 1, *digest[1:]]).hex()
    change_rows(folder, f"update files set digest = x'{spoiled}' where digest = x'{digest.hex()}'")
    return {("c:v0", "other")}


OF_FILES = [content_of_another_file, chunks_in_another_order, a_chunk_too_few, no_chunk_at_all]


def entry_file(folder: Path) -> Harmed:
    change_rows(folder, f"update entries set file = {file_id('own', 'b:v0')} where file = {file_id('other')}")
    return {("c:v0", "other")}


def entry_path(folder: Path) -> Harmed:
    change_rows(folder, f"update entries set path = 'othes' where file = {file_id('other')}")
    return {("c:v0", "othes")}


def entry_executable(folder: Path) -> Harmed:
    change_rows(folder, f"update entries set executable = 1 where file = {file_id('other')}")
    return {("c:v0", "other")}


def entry_gone(folder: Path) -> Harmed:
    change_rows(folder, f"delete from entries where file = {file_id('other')}")
    return {("c:v0", "other")}


OF_ENTRIES = [entry_file, entry_path, entry_executable, entry_gone, file_digest]
"""Changes of entries: a group of them then differs from its digest, and none of the group can be trusted."""
STILL_RIGHT = [chunk_digest]
"""The file itself matches its digest, and may be written."""


def harmed_by(folder: Path) -> tuple[Harmed, set[str]]:
    """Return the entries and versions that verify reports as harmed."""
    with Store.open(folder) as store:
        report = store.verify()
    assert not report.ok
    named = {(harm.version.partition("/")[2], harm.path) for finding in report.findings for harm in finding.harms}
    return named, {name.partition("/")[2] for name in report.harmed}


@contextmanager
def raises_damaged(spoil: Callable[[Path], Harmed]) -> Iterator[None]:
    try:
        yield
    except Damaged:
        return
    assert spoil in STILL_RIGHT, "Damaged was not raised"


@pytest.mark.parametrize("spoil", OF_PACKS + OF_FILES, ids=lambda spoil: spoil.__name__)
def test_verify_names_every_damaged_entry(spoil: Callable[[Path], Harmed], damaged_store: Path) -> None:
    harmed = spoil(damaged_store)
    entries, versions = harmed_by(damaged_store)
    assert versions == {name for name, _ in harmed}
    assert entries == harmed


@pytest.mark.parametrize("spoil", OF_ENTRIES, ids=lambda spoil: spoil.__name__)
def test_verify_names_every_version_whose_list_was_changed(
    spoil: Callable[[Path], Harmed], damaged_store: Path
) -> None:
    harmed = spoil(damaged_store)
    _, versions = harmed_by(damaged_store)
    assert versions == {name for name, _ in harmed}


@pytest.mark.parametrize("spoil", OF_PACKS + OF_FILES + OF_ENTRIES, ids=lambda spoil: spoil.__name__)
def test_a_damaged_file_is_never_written_and_the_others_are(
    spoil: Callable[[Path], Harmed], damaged_store: Path, tmp_path: Path
) -> None:
    harmed = spoil(damaged_store)
    with Store.open(damaged_store) as store:
        for name, tree in TREES.items():
            whole = tree_of(write_files(tmp_path / f"true {name}", tree))
            root = tmp_path / f"whole {name}"
            if name in {name for name, _ in harmed}:
                with raises_damaged(spoil):
                    store.get(name, root)
            else:
                store.get(name, root)
                assert tree_of(root) == whole
            assert tree_of(root).items() <= whole.items(), "a wrong file was written"


@pytest.mark.parametrize("spoil", OF_PACKS + OF_FILES, ids=lambda spoil: spoil.__name__)
def test_the_whole_files_of_a_damaged_version_can_be_downloaded(
    spoil: Callable[[Path], Harmed], damaged_store: Path, tmp_path: Path
) -> None:
    harmed = spoil(damaged_store)
    with Store.open(damaged_store) as store:
        for name, path in sorted((name, path) for name, tree in TREES.items() for path in tree):
            root = tmp_path / f"{name} {path.replace('/', '-')}"
            if (name, path) in harmed:
                with raises_damaged(spoil):
                    store.get(name, root, path_prefix=path)
                assert not (root / path).exists() or (root / path).read_bytes() == TREES[name][path]
            else:
                store.get(name, root, path_prefix=path)
                assert (root / path).read_bytes() == TREES[name][path]


@pytest.mark.parametrize("spoil", OF_PACKS + OF_FILES, ids=lambda spoil: spoil.__name__)
def test_a_damaged_file_cannot_be_read_to_its_end(spoil: Callable[[Path], Harmed], damaged_store: Path) -> None:
    with Store.open(damaged_store) as store:
        entries = {(name, entry.path): entry for name in TREES for entry in store.entries(name)}
    harmed = spoil(damaged_store)
    with Store.open(damaged_store) as store:
        for (name, path), entry in entries.items():
            if (name, path) in harmed:
                with raises_damaged(spoil):
                    list(store.read(entry))
            else:
                assert b"".join(store.read(entry)) == TREES[name][path]


@pytest.mark.parametrize("spoil", [flip_a_small_chunk, flip_the_end_of_a_large_file], ids=lambda each: each.__name__)
def test_a_damaged_file_does_not_replace_the_old_one(
    spoil: Callable[[Path], Harmed], damaged_store: Path, tmp_path: Path
) -> None:
    spoil(damaged_store)
    root = write_files(tmp_path / "root", {"small": b"mine", "large": b"mine too"})
    with Store.open(damaged_store) as store, pytest.raises(Damaged):
        store.get("a:v0", root)
    assert b"mine" in {(root / "small").read_bytes(), (root / "large").read_bytes()[:4]}
    assert {path.name for path in root.iterdir()} <= {"small", "large", "d", "empty"}, "a temporary file is left"


@pytest.mark.parametrize("spoil", [flip_a_small_chunk, remove_a_pack, chunk_digest], ids=lambda each: each.__name__)
def test_damage_is_not_spread_by_deleting_collecting_and_backing_up(
    spoil: Callable[[Path], Harmed], damaged_store: Path, tmp_path: Path
) -> None:
    """Damage stays and is found in the backup as well; whole files stay whole."""
    harmed = spoil(damaged_store)
    with Store.open(damaged_store) as store:
        store.gc()
        store.delete("a:v1", delete_aliases=True)
        store.gc()
        for name in TREES.keys() - {"a:v1"} - {name for name, _ in harmed}:
            store.get(name, tmp_path / name)
            assert tree_of(tmp_path / name) == tree_of(write_files(tmp_path / f"true {name}", TREES[name]))
    _, versions = harmed_by(damaged_store)
    assert versions == {name for name, _ in harmed} - {"a:v1"}


# The log


def events_of(folder: Path) -> list[tuple[int, str, str, str, str, str]]:
    with closing(sqlite3.connect(folder / "artstore.db")) as connection:
        return connection.execute("select id, at, kind, subject, detail, hash from events order by id").fetchall()


def head_of(folder: Path) -> str:
    return events_of(folder)[-1][5]


def findings_of(folder: Path, head: str | None = None) -> list[str]:
    with Store.open(folder) as store:
        return [finding.what for finding in store.verify(head=head).findings]


def edit(folder: Path, id: int) -> None:
    change_rows(folder, f"""update events set detail = '{canonical_json({"edited": True})}' where id = {id}""")


def recompute_chain(folder: Path) -> None:
    before, algorithm = "", digests.algorithm("blake3")
    for id, at, kind, subject, detail, _ in events_of(folder):
        before = event_hash(algorithm, before, at, kind, subject, detail)
        change_rows(folder, f"update events set hash = '{before}' where id = {id}")


def forget_the_newest_event(folder: Path) -> None:
    """Remove what the store notes of its newest event outside of the catalog."""
    (folder / "locks" / "turn.lock").unlink(missing_ok=True)


@pytest.mark.parametrize("column", ["at", "kind", "subject", "detail", "hash"])
def test_an_edited_event_is_found(column: str, damaged_store: Path) -> None:
    assert findings_of(damaged_store, head_of(damaged_store)) == []
    change_rows(damaged_store, f"""update events set {column} = '{json.dumps("edited")}' where id = 3""")
    assert any("event 3 " in finding for finding in findings_of(damaged_store))


def test_an_edited_event_with_a_recomputed_chain_is_found_by_the_head(damaged_store: Path) -> None:
    head = head_of(damaged_store)
    edit(damaged_store, 2)
    recompute_chain(damaged_store)
    forget_the_newest_event(damaged_store)
    assert findings_of(damaged_store) == []
    assert len(findings_of(damaged_store, head)) == 1


@pytest.mark.parametrize("which", ["newest", "first", "one between"])
def test_a_removed_event_is_found(which: str, damaged_store: Path) -> None:
    log = events_of(damaged_store)
    id = {"newest": log[-1], "first": log[0], "one between": log[2]}[which][0]
    change_rows(damaged_store, f"delete from events where id = {id}")
    forget_the_newest_event(damaged_store)
    assert findings_of(damaged_store, log[-1][5]) != []
    recompute_chain(damaged_store)
    assert findings_of(damaged_store, log[-1][5]) != []


def test_swapped_events_are_found(damaged_store: Path) -> None:
    change_rows(damaged_store, "update events set id = 1000 where id = 2", "update events set id = 2 where id = 3")
    change_rows(damaged_store, "update events set id = 3 where id = 1000")
    assert findings_of(damaged_store) != []


def test_later_events_do_not_look_like_a_rewritten_log(damaged_store: Path, tmp_path: Path) -> None:
    head = head_of(damaged_store)
    with Store.open(damaged_store) as store:
        store.delete("a:v0")
        store.describe("a:v1", add_aliases=["best"])
        store.gc()
    assert findings_of(damaged_store, head) == []
    assert head_of(damaged_store) != head


def test_a_rolled_back_catalog_is_found_by_the_head(whole_store: Path, damaged_store: Path) -> None:
    """This is the state after an old copy of the file was restored."""
    with Store.open(damaged_store) as store:
        store.delete("a:v0")
    head = head_of(damaged_store)
    shutil.copy(whole_store / "artstore.db", damaged_store / "artstore.db")
    forget_the_newest_event(damaged_store)
    assert findings_of(damaged_store, head) != []


def test_every_change_leaves_an_event(damaged_store: Path, tmp_path: Path) -> None:
    with Store.open(damaged_store) as store:
        source = write_files(tmp_path / "source", {"x": b"x"})

        def commit(**arguments: object) -> None:
            draft = store.draft("new", "dataset", description="same")
            store.add_dir(draft, source)
            store.commit(draft, **arguments)  # type: ignore[arg-type]

        changes: dict[str, Callable[[], object]] = {
            "collection-created version-committed": commit,
            "": commit,
            "alias-set": lambda: commit(aliases=["best"]),
            "tag-added": lambda: commit(tags=["good"]),
            "alias-set ": lambda: store.describe("b:v0", add_aliases=["best"]),
            "version-deleted": lambda: store.delete("b:v0", delete_aliases=True),
            " ": store.gc,
            "  ": lambda: store.get("c:v0", tmp_path / "out"),
        }
        for kinds, verb in changes.items():
            before = store.events()[-1].id
            verb()
            assert [event.kind for event in store.events(before)] == kinds.split()
    assert findings_of(damaged_store) == []


def test_a_change_that_fails_leaves_no_event(damaged_store: Path, tmp_path: Path) -> None:
    head = head_of(damaged_store)
    with Store.open(damaged_store) as store:
        with pytest.raises(ArtstoreError):
            store.delete("a:v1")
        with pytest.raises(ArtstoreError):
            store.draft("a", "model")
        draft = store.draft("a", base="a:v0")
        store.delete("a:v0")
        head = head_of(damaged_store)
        with pytest.raises(ArtstoreError):
            store.commit(draft)
        store.drop(draft)
    assert head_of(damaged_store) == head
