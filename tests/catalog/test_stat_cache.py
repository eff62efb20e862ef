"""The stat cache: what it knows of folders, and that damage to it never hides a change of a file."""

from __future__ import annotations

import os
import sqlite3
import time
from array import array
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore import Store
from artstore.catalog import stat_cache
from artstore.catalog.stat_cache import KnownFiles
from artstore.runtime import stat_columns
from artstore.runtime.source_file import Stat
from tests.support.files import noise, write_files

A_TICK = 0.2
COLUMNS = ("names", "stats", "files", "digests", "checksum")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.init(tmp_path / "store")


def put(store: Store, folder: Path) -> dict[str, bytes]:
    """Log a folder; return the content of the version by path."""
    draft = store.draft("animals", "dataset")
    store.add_dir(draft, folder)
    return {entry.path: b"".join(store.read(entry)) for entry in store.entries(store.commit(draft))}


def on_disk(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def known(files: dict[str, int]) -> KnownFiles:
    """Return files in columns, whose numbers and digests are made of one number each."""
    stats = stat_columns.of_stats(list(files), [Stat(1, number, 2, 3, 4) for number in files.values()])
    return KnownFiles(stats, array("q", files.values()), b"".join(b"%32d" % number for number in files.values()))


def found(files: KnownFiles) -> dict[str, int]:
    """Return files in columns as `known` takes them, which checks that all columns agree."""
    assert files.digests == b"".join(b"%32d" % number for number in files.ids)
    assert files.stats.inodes == files.ids
    return dict(zip(files.stats.names, files.ids, strict=True))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.dictionaries(st.text("ab\u00e9\U0001f600", min_size=1, max_size=3), st.integers(1, 9)), max_size=5),
    st.sampled_from([1, 2, 5, 256]),
)
def test_it_knows_what_was_remembered_last(batches: list[dict[str, int]], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch, closing(sqlite3.connect(":memory:")) as connection:
        patch.setattr(stat_cache, "_BLOCK", block)
        connection.execute("create table stat_blocks (folder, first, names, stats, files, digests, checksum)")
        expected: dict[str, int] = {}
        for batch in batches:
            stat_cache.remember(connection, "/data", known(batch))  # type: ignore[arg-type]
            stat_cache.remember(connection, "/other", known({"a": 7}))  # type: ignore[arg-type]
            expected |= batch
        every = stat_cache.cached(connection, "/data")  # type: ignore[arg-type]
        assert found(every) == expected
        assert every.stats.names == sorted(expected)
        for name in [*expected, "c", "", "\U0001f601"]:
            one = stat_cache.cached(connection, "/data", name)  # type: ignore[arg-type]
            assert found(one) == ({name: expected[name]} if name in expected else {})
        sizes = [len(files) // 8 for (files,) in connection.execute("select files from stat_blocks")]
        assert all(0 < size < 2 * block for size in sizes)


def test_a_change_of_one_file_writes_one_block(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "data", {f"{i:04}": b"%d" % i for i in range(1000)})
    time.sleep(A_TICK)
    put(store, folder)
    query = "select first, checksum from stat_blocks"
    before = set(store.db.connection.execute(query))
    (folder / "0500").write_bytes(b"new")
    time.sleep(A_TICK)
    assert put(store, folder) == on_disk(folder)
    assert len(before) == 3
    assert len(before - set(store.db.connection.execute(query))) == 1


def test_files_that_were_removed_or_added_are_noticed_and_others_are_not_read(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "data", {f"{i}": b"%d" % i for i in range(5)})
    os.link(folder / "4", tmp_path / "kept")
    time.sleep(A_TICK)
    put(store, folder)
    (folder / "1").unlink()
    write_files(folder, {"new": b"new"})
    (folder / "2").write_bytes(b"2!")
    assert put(store, folder) == on_disk(folder)


def test_a_flipped_bit_never_makes_a_changed_file_look_unchanged(store: Store, tmp_path: Path) -> None:
    """Whichever bit: the block with it does not count. Here the bits are those that would hide the change."""
    folder = write_files(tmp_path / "data", {"cat": noise(3000, "old"), "dog": noise(3000, "dog")})
    os.utime(folder / "cat", ns=(2**60, 2**60))
    time.sleep(A_TICK)
    put(store, folder)
    names, stats, files, digests, checksum = store.db.connection.execute(
        f"select {', '.join(COLUMNS)} from stat_blocks"
    ).fetchone()
    assert stat_cache.cached(store.db.connection, str(folder)).stats.names == ["cat", "dog"]
    blobs = {"names": names, "stats": stats, "files": files, "digests": digests, "checksum": checksum}
    for column, blob in blobs.items():
        for position in range(len(blob)):
            flipped = bytearray(blob)
            flipped[position] ^= 1 << position % 8
            store.db.connection.execute(f"update stat_blocks set {column} = ?", (bytes(flipped),))
            assert stat_cache.cached(store.db.connection, str(folder)) == stat_cache.NOTHING, (column, position)
        store.db.connection.execute(f"update stat_blocks set {column} = ?", (blob,))
    # The stat of the file as it is now, in place of what it was: only the checksum tells that it was not read.
    (folder / "cat").write_bytes(noise(3000, "new"))
    now = stat_columns.of_statuses(["cat", "dog"], [(folder / name).stat() for name in ("cat", "dog")])
    packed = b"".join(column.tobytes() for column in now[1:])
    store.db.connection.execute("update stat_blocks set stats = ?", (packed,))
    assert put(store, folder) == on_disk(folder)


def test_what_belongs_to_another_folder_does_not_count(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "data", {"cat": b"meow"})
    time.sleep(A_TICK)
    put(store, folder)
    store.db.connection.execute("update stat_blocks set folder = cast(folder || 'x' as blob)")
    assert stat_cache.cached(store.db.connection, f"{folder}x") == stat_cache.NOTHING


def test_a_clean_up_forgets_files_that_are_not_stored_any_more(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "data", {"cat": b"meow", "dog": b"woof"})
    time.sleep(A_TICK)
    put(store, folder)
    draft = store.draft("cats", "dataset")
    store.add_file(draft, folder / "cat")
    store.commit(draft)
    store.delete(store.version("animals:v0"), delete_aliases=True)
    store.gc()
    with store.db.writing() as connection:
        stat_cache.forget_deleted(connection)
    assert stat_cache.cached(store.db.connection, str(folder)).stats.names == ["cat"]
    assert put(store, folder) == on_disk(folder)


def test_a_file_that_is_added_under_many_names_is_committed_and_then_known(store: Store, tmp_path: Path) -> None:
    file = write_files(tmp_path / "source", {"cat": b"meow"}) / "cat"
    time.sleep(A_TICK)
    versions = []
    for _ in range(2):
        draft = store.draft("animals", "dataset")
        for number in range(600):
            store.add_file(draft, file, f"copy-{number}")
        versions.append(store.commit(draft))
    assert versions[0].entries == 600
    assert versions[1].name == versions[0].name
    assert stat_cache.cached(store.db.connection, str(file.parent)).stats.names == ["cat"]


def test_times_after_the_year_2262_are_kept_apart(store: Store, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "source", {"cat": b"meow", "dog": b"woof"})
    os.utime(folder / "cat", ns=(10_413_792_000_000_000_000,) * 2)
    os.utime(folder / "dog", ns=(-1_000_000_000,) * 2)
    time.sleep(A_TICK)
    assert put(store, folder) == put(store, folder) == on_disk(folder)
    store.get(store.version("animals:latest"), tmp_path / "out")
    os.utime(tmp_path / "out" / "cat", ns=(10_413_792_000_000_000_000,) * 2)
    assert store.get(store.version("animals:latest"), tmp_path / "out").kept == 2
    (folder / "cat").write_bytes(b"purr")
    os.utime(folder / "cat", ns=(10_413_792_000_000_000_000,) * 2)
    assert put(store, folder) == on_disk(folder)
