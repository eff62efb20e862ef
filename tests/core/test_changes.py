"""Many changes of a draft are kept on disk, which changes nothing but the memory that it takes."""

from __future__ import annotations

import multiprocessing
import os
import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artstore import Entry, Kind, Store
from artstore.core.changes import Changes
from artstore.core.draft import Draft
from artstore.errors import PathConflict, StoreError, Unreachable
from artstore.runtime.spool import Spool

PATHS = st.lists(st.sampled_from(["a", "a-", "b", "é"]), min_size=1, max_size=3).map("/".join)
ENTRIES = st.none() | st.builds(
    Entry,
    PATHS,
    st.sampled_from(Kind),
    st.none() | st.just("md5:1"),
    st.none() | st.integers(0, 2**62),
    st.booleans(),
    st.none() | st.just("target"),
    st.none() | st.just("s3://b/k?x#y"),
    st.none() | st.just("etag"),
    st.none() | st.just("v1"),
)
STEPS = st.lists(st.tuples(st.sampled_from(["set", "delete", "discard"]), PATHS, ENTRIES), max_size=8)


def reference(number: int, path: str | None = None) -> Entry:
    key = path or f"images/{number // 100:03}/{number:05}.png"
    return Entry(key, Kind.REFERENCE, None, number, uri=f"s3://bucket/{key}", etag=f"{number:032x}", version_id="v")


def apply(changes: Changes | dict[str, Entry | None], steps: list[tuple[str, str, Entry | None]]) -> None:
    for verb, path, entry in steps:
        if verb == "set":
            changes[path] = entry if entry is None else entry._replace(path=path)
        elif verb == "discard" and isinstance(changes, Changes):
            changes.discard(path)
        else:
            changes.pop(path, None)


@given(st.lists(st.tuples(STEPS, st.sampled_from(["kept", "taken back", "plain"])), max_size=6), st.integers(0, 6))
@settings(deadline=None, max_examples=200)
def test_changes_are_a_mapping_in_memory_and_on_disk(
    blocks: list[tuple[list[tuple[str, str, Entry | None]], str]], held: int
) -> None:
    changes, model = Changes(held), dict[str, Entry | None]()
    for steps, end in blocks:
        if end == "plain":
            apply(changes, steps)
        else:
            try:
                with changes.all_or_nothing():
                    apply(changes, steps)
                    assert end == "kept"
            except AssertionError:
                assert end == "taken back"
        if end != "taken back":
            apply(model, steps)
        for folder in ("a", "a-", "b", "a/b", "é/a"):
            below = [entry for path, entry in sorted(model.items()) if entry and path.startswith(folder + "/")]
            assert changes.has_below(folder) == bool(below)
            if end != "plain":
                assert list(changes.added(folder)) == below
        assert {path: changes[path] for path in model} == model
        assert bool(changes) == bool(model)
        if end != "plain":
            # Iterating over all changes moves them to the disk, so it is not always done.
            assert list(changes) == sorted(model)
            assert len(changes) == len(model)
    assert changes == model


def test_changes_on_disk_can_be_edited_during_iteration() -> None:
    changes = Changes(held=10)
    for number in range(3000):
        changes[reference(number).path] = reference(number)
    for path in changes:
        del changes[path]
    assert not changes


@pytest.mark.parametrize("from_a_version", [False, True])
@pytest.mark.parametrize("order", ["as listed", "at random"])
def test_a_draft_on_disk_becomes_the_same_version(store: Store, from_a_version: bool, order: str) -> None:
    base = None
    if from_a_version:
        first = store.draft("base", "dataset")
        first.add_all([reference(number) for number in range(0, 3000, 7)])
        base = store.commit(first)
    entries = [reference(number)._replace(etag="new") for number in range(3000)]
    if order == "at random":
        random.Random(1).shuffle(entries)
    digests = set()
    for name, held in (("memory", 10_000), ("disk", 100)):
        draft = store.draft(name, "dataset", base=base)
        draft.changes = Changes(held)
        draft.add_all(entries, overwrite=True)
        draft.remove("images/007")
        draft.remove(reference(5).path)
        draft.add(reference(701, "images/007"))
        with pytest.raises(PathConflict, match="'images/012' cannot be added: it is a folder"):
            draft.add(reference(1, "images/012"))
        with pytest.raises(PathConflict, match="'images/007' is a reference"):
            draft.add(reference(2, "images/007/x"))
        version = store.commit(draft)
        assert (draft.changes.on_disk, version.entries) == (name == "disk", 3000 - 100 - 1 + 1)
        digests.add((version.digest, tuple(store.entries(version))))
    assert len(digests) == 1


@pytest.mark.parametrize("before", [0, 5, 250])
def test_an_interrupted_listing_leaves_a_draft_unchanged(before: int) -> None:
    draft = Draft("animals", "dataset")
    draft.changes = Changes(held=100)
    draft.add_all(reference(number) for number in range(before))

    def breaking_off() -> Iterator[Entry]:
        yield from (reference(number, f"more/{number}") for number in range(350))
        raise Unreachable("the network is gone")

    with pytest.raises(Unreachable, match="the network is gone"):
        draft.add_all(breaking_off())
    assert list(draft.under("")) == [reference(number) for number in range(before)]
    draft.add_all(reference(number, f"more/{number:03}") for number in range(350))
    assert list(draft.under("more")) == [reference(number, f"more/{number:03}") for number in range(350)]


def test_a_forked_child_cannot_use_a_large_draft_of_its_parent() -> None:
    changes = Changes(held=10)
    for number in range(50):
        changes[reference(number).path] = reference(number)

    def in_child() -> None:
        with pytest.raises(StoreError, match="process that added them: commit it there"):
            changes.get(reference(0).path)

    assert exit_code(in_child) == 0
    assert len(changes) == 50


def exit_code(work: Callable[[], None]) -> int | None:
    with warnings.catch_warnings():
        # Python 3.12 warns about forks with threads; this child does almost nothing.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
    child.join()
    return child.exitcode


@pytest.mark.parametrize("count", [0, 3, 4, 5, 33])
def test_a_spool_is_a_sequence(count: int) -> None:
    spool, items = Spool[str](in_memory=4, per_block=3), [f"item {number}" for number in range(count)]
    for item in items:
        spool.append(item)
    assert (list(spool), len(spool), list(spool.plain())) == (items, count, items)
    assert isinstance(spool.plain(), list) == (count <= 4)
    assert [spool[number] for number in range(-count, count)] == items * 2
    assert (spool[1:-1], spool[::-2]) == (items[1:-1], items[::-2])
    with pytest.raises(IndexError):
        spool[count]


def test_a_forked_child_appends_to_a_spool_of_its_own() -> None:
    spool = Spool[str](in_memory=1, per_block=1)
    spool.append("ours")
    spool.append("too")

    def in_child() -> None:
        spool.append("theirs")
        spool.append("and theirs")
        assert list(spool) == ["ours", "too", "theirs", "and theirs"]

    assert exit_code(in_child) == 0
    spool.append("later")
    spool.append("last")
    assert list(spool) == ["ours", "too", "later", "last"]


def test_no_temporary_files_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    changes, spool = Changes(held=10), Spool[Entry](in_memory=10)
    for number in range(60_000):
        changes[reference(number).path] = reference(number)
        spool.append(reference(number))
    assert not os.listdir(tmp_path)
