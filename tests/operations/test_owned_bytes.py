"""The bytes that versions own and free; and bytes that are not needed leave the disk immediately."""

from __future__ import annotations

import os
import random
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from artstore import Store, Version
from artstore.core.manifest import Dependency
from artstore.errors import InvalidInput, NotFound, StillNeeded, WrongType
from tests.support.files import commit_folder, noise
from tests.support.store_checks import allocated_bytes, check_usage

MB = 2**20


# The example that the project was started from: v0 has a cat and a dog, v1 a rat as well.


@pytest.fixture
def animals(store: Store, source: Path) -> Store:
    (source / "cat").write_bytes(noise(2 * MB))
    (source / "dog").write_bytes(noise(1 * MB))
    commit_folder(store, source)
    (source / "rat").write_bytes(noise(3 * MB))
    commit_folder(store, source)
    return store


def test_a_version_owns_bytes_that_no_earlier_version_holds(animals: Store) -> None:
    v0, v1 = animals.version("animals:v0"), animals.version("animals:v1")
    assert (v0.size, v1.size) == (3 * MB, 6 * MB)
    assert (animals.owned_bytes(v0), animals.owned_bytes(v1)) == (3 * MB, 3 * MB)
    assert (animals.reclaimable_bytes(v0), animals.reclaimable_bytes(v1)) == (0, 3 * MB)
    assert animals.usage()[:3] == (2, 9 * MB, 6 * MB)
    assert 6 * MB <= allocated_bytes(animals) < 6 * MB + 8192
    check_usage(animals)


def test_deleting_the_newer_version_frees_its_own_bytes(animals: Store, tmp_path: Path) -> None:
    before = allocated_bytes(animals)
    done = animals.delete("animals:v1", delete_aliases=True)
    assert done.content == 3 * MB
    assert abs(before - allocated_bytes(animals) - 3 * MB) <= 8192
    assert done.disk == before - allocated_bytes(animals)
    assert (animals.owned_bytes("animals:v0"), animals.reclaimable_bytes("animals:v0")) == (3 * MB, 3 * MB)
    check_usage(animals)
    animals.get("animals:v0", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == ["cat", "dog"]


def test_deleting_the_older_version_frees_nothing_and_the_newer_owns_all(animals: Store, tmp_path: Path) -> None:
    before = allocated_bytes(animals)
    done = animals.delete("animals:v0")
    assert (done.content, allocated_bytes(animals)) == (0, before)
    assert (animals.owned_bytes("animals:v1"), animals.reclaimable_bytes("animals:v1")) == (6 * MB, 6 * MB)
    check_usage(animals)
    animals.get("animals:v1", tmp_path / "out")
    assert (tmp_path / "out" / "cat").read_bytes() == noise(2 * MB)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the older first", "the newer first"])
def test_deleting_both_leaves_nothing(animals: Store, order: tuple[int, int]) -> None:
    for number in order:
        animals.delete(f"animals:v{number}", delete_aliases=True)
    assert animals.usage()[:5] == (0, 0, 0, 0, 0)
    assert list((animals.path / "packs").iterdir()) == []
    assert animals.verify().ok


def test_shares_of_many_versions_equal_those_of_each(store: Store, source: Path) -> None:
    """Chunks shared within and between versions and collections, small and cut files, and deleted versions."""
    draw = random.Random(5)
    pieces = [noise(size) for size in (0, 10, 900, 3_000, 200_000, 400_000)]
    for turn in range(12):
        for name in draw.sample("abcdef", 3):
            (source / name).write_bytes(draw.choice(pieces) + draw.choice(pieces))
        commit_folder(store, source, name=f"n{turn % 2}")
    store.delete("n0:v1", "n1:v3")
    every = [version for name in ("n0", "n1") for version in store.versions(name)]
    shares = store.shares(every)
    assert {v.id: (store.owned_bytes(v), store.reclaimable_bytes(v)) for v in every} == shares
    assert sum(share.owned for share in shares.values()) == store.usage().content_bytes
    assert store.shares(every[:1]) == {every[0].id: shares[every[0].id]}


def test_deleting_both_reports_the_sum(animals: Store) -> None:
    names = ("animals:v0", "animals:v1")
    assert animals.delete(*names, delete_aliases=True, dry_run=True).content == 6 * MB
    assert animals.delete(*names, delete_aliases=True).content == 6 * MB
    assert allocated_bytes(animals) == 0


def test_content_shared_by_collections_is_owned_by_the_first(animals: Store, source: Path) -> None:
    pets = commit_folder(animals, source, "pets")
    assert (animals.owned_bytes(pets), animals.reclaimable_bytes(pets)) == (0, 0)
    assert animals.reclaimable_bytes("animals:v1") == 0
    assert allocated_bytes(animals) < 6 * MB + 8192
    check_usage(animals)
    animals.delete_collection("animals")
    assert animals.owned_bytes(pets) == animals.reclaimable_bytes(pets) == 6 * MB
    check_usage(animals)


def test_the_same_bytes_twice_in_a_version_are_stored_once(store: Store, source: Path) -> None:
    for name in ("a", "b", "c"):
        (source / name).write_bytes(noise(MB))
    version = commit_folder(store, source)
    assert (version.size, store.owned_bytes(version), store.reclaimable_bytes(version)) == (3 * MB, MB, MB)
    assert allocated_bytes(store) < MB + 8192
    check_usage(store)


def test_the_content_of_an_open_draft_is_kept_until_it_is_dropped(animals: Store, source: Path) -> None:
    draft = animals.draft("others", "dataset")
    animals.add_file(draft, source / "rat")
    assert animals.delete("animals:v1", delete_aliases=True).content == 0
    assert allocated_bytes(animals) >= 6 * MB
    animals.drop(draft)
    assert allocated_bytes(animals) < 3 * MB + 16384
    check_usage(animals)


# Many small files

SIZE = 4096


@pytest.mark.parametrize("left_out", [0, 3])
def test_files_that_were_added_and_left_out_again_leave_the_disk_when_the_draft_ends(
    left_out: int, store: Store, source: Path
) -> None:
    """A draft claims what it adds by ranges; whether a long range is used to its end is found by counting."""
    content = noise(2000 * SIZE)
    for i in range(2000):
        (source / f"{i:04}").write_bytes(content[i * SIZE : (i + 1) * SIZE])
    draft = store.draft("animals", "dataset")
    store.add_dir(draft, source)
    for i in range(left_out):
        draft.remove(f"{700 * i:04}")
    store.commit(draft)
    used = (2000 - left_out) * SIZE
    assert store.usage().content_bytes == used
    assert used <= allocated_bytes(store) <= used + 65536
    check_usage(store)


MARK = re.compile(rb"<file (\d{5})>")


@pytest.mark.parametrize(
    ("which", "files"), [("a random tenth", 16_000), ("a tenth in one folder", 4000), ("all but a random tenth", 4000)]
)
def test_deleted_small_files_leave_the_disk_immediately(store: Store, source: Path, which: str, files: int) -> None:
    """Each file begins with its number, so that the packs can be searched for deleted files."""
    draw = random.Random(7)
    for i in range(files):
        folder = source / f"{i // 1000:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"{i:05}").write_bytes(b"<file %05d>" % i + draw.randbytes(SIZE - 12))
    commit_folder(store, source)
    before = allocated_bytes(store)
    assert files * SIZE <= before < files * SIZE * 1.01
    tenth = set(range(1000, 1000 + files // 10)) if "folder" in which else set(draw.sample(range(files), files // 10))
    doomed = set(range(files)) - tenth if "all but" in which else tenth
    draft = store.draft("animals", base="animals:v0")
    for i in doomed:
        draft.remove(f"{i // 1000:02}/{i:05}")
    store.commit(draft)
    assert store.reclaimable_bytes("animals:v0") == len(doomed) * SIZE
    done = store.delete("animals:v0")
    assert done.content == len(doomed) * SIZE
    live = (files - len(doomed)) * SIZE
    assert store.usage().content_bytes == live
    # The living bytes, and at most 5 % and 64 KiB that are not worth moving.
    assert live <= allocated_bytes(store) <= live * 1.05 + 65536
    assert done.disk == before - allocated_bytes(store)
    marks = [int(n) for path in (store.path / "packs").iterdir() for n in MARK.findall(path.read_bytes())]
    assert sorted(marks) == sorted(set(range(files)) - doomed)
    check_usage(store)


def test_holes_read_as_zeros(store: Store, source: Path) -> None:
    for name in ("a", "b", "c"):
        (source / name).write_bytes(noise(MB, ord(name)))
    commit_folder(store, source)
    draft = store.draft("animals", base="animals:v0")
    draft.remove("b")
    store.commit(draft)
    store.delete("animals:v0")
    packs = b"".join(path.read_bytes() for path in (store.path / "packs").iterdir())
    b = noise(MB, ord("b"))
    assert not [start for start in range(0, MB, 4096) if b[start : start + 64] in packs]
    assert noise(MB, ord("a"))[:1000] in packs and allocated_bytes(store) < 2 * MB + 16384
    check_usage(store)


# Equal and nearly equal


def test_the_same_folder_twice_is_one_version(store: Store, source: Path) -> None:
    (source / "cat").write_bytes(noise(MB))
    (source / "dog").write_bytes(b"woof")
    first = commit_folder(store, source)
    events, before = store.events(), allocated_bytes(store)
    assert commit_folder(store, source) == first
    os.utime(source / "cat")
    (source / "dog").write_bytes(b"woof")
    assert commit_folder(store, source) == first
    assert (store.events(), allocated_bytes(store)) == (events, before)


def test_aliases_and_tags_are_set_on_the_equal_version(store: Store, source: Path) -> None:
    (source / "cat").write_bytes(b"meow")
    first = commit_folder(store, source)
    draft = store.draft("animals")
    store.add_dir(draft, source)
    again = store.commit(draft, aliases=["best"], tags=["raw"])
    assert (again.id, again.aliases, again.tags) == (first.id, ("latest", "best"), ("raw",))


def test_one_changed_file_costs_its_own_chunks(store: Store, source: Path) -> None:
    for i in range(300):
        (source / f"{i}").write_bytes(noise(10_000, i))
    first = commit_folder(store, source)
    before = allocated_bytes(store)
    (source / "77").write_bytes(noise(10_000, -1))
    second = commit_folder(store, source)
    assert (second.number, second.size) == (1, first.size)
    assert store.owned_bytes(second) == 10_000
    assert allocated_bytes(store) - before <= 16384
    assert [old.path for old, _ in store.diff(first, second).changed] == ["77"]
    check_usage(store)


def test_a_megabyte_in_the_middle_of_a_large_file_costs_little_more_than_itself(store: Store, source: Path) -> None:
    data = noise(64 * MB)
    (source / "large").write_bytes(data)
    commit_folder(store, source)
    store.close()
    before = store_size(store.path)
    with Store.open(store.path) as store:
        (source / "large").write_bytes(data[: 32 * MB] + noise(MB, 1) + data[32 * MB :])
        version = commit_folder(store, source)
        assert version.size == 65 * MB
        assert store.owned_bytes(version) <= 1.5 * MB
        [entry] = store.entries(version)
        assert sum(len(piece) for piece in store.read(entry)) == 65 * MB
        (source / "large").write_bytes(data)
        third = commit_folder(store, source)
        assert (third.number, store.owned_bytes(third)) == (2, 0)
    assert store_size(store.path) - before <= 1.5 * MB


def store_size(folder: Path) -> int:
    """Return the space of a closed store on the disk, with its catalog."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("arguments", "new"),
    [
        ({}, False),
        ({"description": "first"}, False),
        ({"metadata": {"n": 1, "list": [1, {"a": None}]}}, False),
        ({"metadata": {"list": [1, {"a": None}], "n": 1}}, False),
        ({"description": "second"}, True),
        ({"description": ""}, True),
        ({"metadata": {"n": 2, "list": [1, {"a": None}]}}, True),
        ({"metadata": {"n": 1}}, True),
        ({"metadata": {}}, True),
        ({"metadata": {"n": True, "list": [1, {"a": None}]}}, True),
        ({"metadata": {"n": 1.5, "list": [1, {"a": None}]}}, True),
        ({"metadata": {"n": "1", "list": [1, {"a": None}]}}, True),
        ({"metadata": {"n": 1, "list": [1, {"a": None}]}, "description": "first"}, False),
    ],
    ids=str,
)
def test_a_different_description_or_metadata_makes_a_version_without_new_content(
    store: Store, source: Path, arguments: dict[str, Any], new: bool
) -> None:
    (source / "cat").write_bytes(noise(MB))
    draft = store.draft("animals", "dataset", description="first", metadata={"n": 1, "list": [1, {"a": None}]})
    store.add_dir(draft, source)
    first = store.commit(draft)
    before = allocated_bytes(store)
    draft = store.draft("animals", **arguments)
    store.add_dir(draft, source)
    second = store.commit(draft)
    assert second.number == int(new)
    assert second.digest == first.digest
    assert allocated_bytes(store) == before and store.usage().content_bytes == MB
    if new:
        assert store.owned_bytes(second) == store.reclaimable_bytes(second) == 0
        for name, value in arguments.items():
            assert getattr(second, name) == value
    assert (first.description, first.metadata) == ("first", {"n": 1, "list": [1, {"a": None}]})
    assert store.version("animals:v0") == (first if not new else store.version("animals:v0"))


def test_omitted_arguments_are_not_compared(store: Store, source: Path) -> None:
    (source / "cat").write_bytes(b"meow")
    draft = store.draft("animals", "dataset", description="first", metadata={"n": 1}, ttl=timedelta(days=1))
    store.add_dir(draft, source)
    first = store.commit(draft)
    assert commit_folder(store, source) == first
    version = store.version("animals")
    assert (version.description, version.metadata, version.ttl) == ("first", {"n": 1}, timedelta(days=1))


def test_a_loop_that_only_changes_metadata_makes_versions_in_order(store: Store, source: Path) -> None:
    (source / "cat").write_bytes(noise(MB))
    for i in range(10):
        draft = store.draft("animals", "dataset", metadata={"index": i})
        store.add_dir(draft, source)
        store.commit(draft)
    assert [(v.number, v.metadata["index"]) for v in store.versions("animals")] == [(i, i) for i in range(9, -1, -1)]
    assert [store.owned_bytes(v) for v in store.versions("animals")] == [0] * 9 + [MB]
    assert allocated_bytes(store) < MB + 8192
    check_usage(store)


def test_content_of_an_older_version_is_a_new_version_that_costs_nothing(store: Store, source: Path) -> None:
    (source / "cat").write_bytes(noise(MB))
    first = commit_folder(store, source)
    (source / "cat").write_bytes(noise(MB, 1))
    commit_folder(store, source)
    (source / "cat").write_bytes(noise(MB))
    third = commit_folder(store, source)
    assert (third.number, third.digest, store.owned_bytes(third)) == (2, first.digest, 0)
    assert allocated_bytes(store) < 2 * MB + 8192


# Deleting by rules


def commit_versions(store: Store, count: int, **words: Any) -> list[Version]:
    """Commit versions of `animals`, each with 100 kB of its own."""
    made = []
    source = store.path.parent / "source"
    for i in range(count):
        (source / "cat").write_bytes(noise(100_000, i))
        draft = store.draft("animals", "dataset", **words)
        store.add_dir(draft, source)
        made.append(store.commit(draft))
    return made


def living_numbers(store: Store, name: str = "animals") -> list[int]:
    return [version.number for version in store.versions(name)]


def store_state(store: Store) -> tuple[object, ...]:
    """Return everything that a dry run must not change."""
    return (
        store.events(),
        living_numbers(store),
        store.usage(),
        allocated_bytes(store),
        sorted(p.name for p in store.path.rglob("*.pack")),
    )


def test_a_version_with_aliases_is_not_deleted_by_accident(store: Store, source: Path) -> None:
    commit_versions(store, 3)
    store.describe("animals:v0", add_aliases=["best"])
    store.describe("animals:v0", add_aliases=["good"])
    before = store_state(store)
    with pytest.raises(
        StillNeeded, match=r"animals:v0 has the aliases best, good: move them, or pass delete_aliases=True"
    ):
        store.delete("animals:v0")
    with pytest.raises(StillNeeded, match=r"animals:v2 has the aliases latest"):
        store.delete("animals:v1", "animals:v2")
    with pytest.raises(StillNeeded) as caught:
        store.delete("animals:v0", dry_run=True)
    assert isinstance(caught.value, ValueError)
    assert store_state(store) == before
    store.delete("animals:v0", delete_aliases=True)
    assert living_numbers(store) == [2, 1]
    with pytest.raises(NotFound, match=r'no version "animals:best" \(latest is v2\)'):
        store.version("animals:best")


def test_latest_moves_to_the_newest_living_version(store: Store, source: Path) -> None:
    commit_versions(store, 3)
    store.delete("animals:v2", delete_aliases=True)
    assert store.version("animals").number == 1
    assert store.version("animals:v1").aliases == ("latest",)
    with pytest.raises(NotFound, match=r'version "animals:v2" was deleted \(latest is v1\)'):
        store.version("animals:v2")
    with pytest.raises(NotFound):
        store.delete("animals:v2")


def test_numbers_are_never_reused(store: Store, source: Path) -> None:
    commit_versions(store, 2)
    store.delete("animals:v1", delete_aliases=True)
    (source / "cat").write_bytes(noise(100_000, 9))
    assert commit_folder(store, source).number == 2
    store.delete_collection("animals")
    assert living_numbers(store) == []
    with pytest.raises(NotFound, match="artifact 'animals' has no version: all of them were deleted"):
        store.version("animals")
    tombs = list(store.versions("animals", deleted=True))
    assert [(tomb.number, tomb.state, tomb.aliases) for tomb in tombs] == [(i, "deleted", ()) for i in (2, 1, 0)]
    assert commit_folder(store, source).number == 3
    with pytest.raises(WrongType, match="already exists with type 'dataset'"):
        store.draft("animals", "model")
    assert [(collection.name, collection.type) for collection in store.collections()] == [("animals", "dataset")]


def test_deleting_a_collection_keeps_the_others(store: Store, source: Path) -> None:
    commit_versions(store, 3)
    store.describe("animals:v1", add_aliases=["best"])
    (source / "cat").write_bytes(noise(100_000, 1))
    commit_folder(store, source, "pets")
    before = store_state(store)
    dry = store.delete_collection("animals", dry_run=True)
    assert store_state(store) == before
    done = store.delete_collection("animals")
    assert [v.number for v in done.versions] == [v.number for v in dry.versions] == [2, 1, 0]
    assert done.content == dry.content == 200_000
    assert living_numbers(store, "pets") == [0]
    assert store.usage().content_bytes == 100_000
    check_usage(store)
    assert store.delete_collection("animals").versions == []
    with pytest.raises(NotFound, match="no artifact 'nothing'"):
        store.delete_collection("nothing")


@pytest.mark.parametrize("verb", ["delete", "delete_collection", "prune", "gc"])
def test_a_dry_run_reports_the_result_and_changes_nothing(store: Store, source: Path, verb: str) -> None:
    commit_versions(store, 4, ttl=timedelta(seconds=1) if verb == "gc" else None)
    if verb == "gc":
        time.sleep(1.1)
    run: dict[str, Any] = {
        "delete": lambda dry: store.delete("animals:v0", "animals:v1", dry_run=dry),
        "delete_collection": lambda dry: store.delete_collection("animals", dry_run=dry),
        "prune": lambda dry: store.prune("animals", keep_last=1, dry_run=dry),
        "gc": lambda dry: store.gc(dry_run=dry),
    }
    before = store_state(store)
    result = run[verb](True)
    assert store_state(store) == before
    done = run[verb](False)
    assert result.content == done.content == {"delete": 200_000, "prune": 300_000}.get(verb, 400_000)
    assert [v.number for v in result[0]] == [v.number for v in done[0]]
    assert store.usage().content_bytes == 400_000 - done.content
    check_usage(store)


@pytest.mark.parametrize(("keep", "left"), [(1, [5, 1]), (2, [5, 4, 1]), (4, [5, 4, 3, 2, 1]), (6, [5, 4, 3, 2, 1, 0])])
def test_pruning_keeps_the_last_versions_and_those_with_aliases(
    store: Store, source: Path, keep: int, left: list[int]
) -> None:
    commit_versions(store, 6)
    store.describe("animals:v1", add_aliases=["best"])
    done = store.prune("animals", keep_last=keep)
    assert living_numbers(store) == left
    assert sorted(v.number for v in done.versions) == sorted(set(range(6)) - set(left))
    assert allocated_bytes(store) <= len(left) * 100_000 * 1.05 + 65536
    check_usage(store)


def test_pruning_by_age(store: Store, source: Path) -> None:
    commit_versions(store, 3)
    store.describe("animals:v0", add_aliases=["best"])
    time.sleep(1.1)
    for i in (3, 4):
        (source / "cat").write_bytes(noise(100_000, i))
        commit_folder(store, source)
    for days in (1, 411_000, 739_000, timedelta.max.days):
        assert store.prune("animals", older_than=timedelta(days=days)).versions == []
    assert [v.number for v in store.prune("animals", keep_last=4, older_than=timedelta(seconds=1)).versions] == []
    assert [v.number for v in store.prune("animals", keep_last=3, older_than=timedelta(seconds=1)).versions] == [1]
    assert [v.number for v in store.prune("animals", older_than=timedelta(seconds=1)).versions] == [2]
    assert living_numbers(store) == [4, 3, 0]
    assert [v.number for v in store.prune("animals", older_than=timedelta(0)).versions] == [3]


@pytest.mark.parametrize(
    "rule", [{}, {"keep_last": 0}, {"keep_last": -1}, {"older_than": timedelta(seconds=-1)}], ids=str
)
def test_an_invalid_rule_is_refused(store: Store, source: Path, rule: dict[str, Any]) -> None:
    commit_versions(store, 3)
    with pytest.raises(InvalidInput, match=r"keep_last|older_than"):
        store.prune("animals", **rule)
    assert living_numbers(store) == [2, 1, 0]


def test_gc_removes_expired_versions(store: Store, source: Path) -> None:
    short, unaliased, aliased, long = commit_versions(store, 4, ttl=timedelta(seconds=1))
    (source / "cat").write_bytes(noise(100_000, 9))
    draft = store.draft("animals", ttl=timedelta(days=300))
    store.add_dir(draft, source)
    newest = store.commit(draft)
    (source / "cat").write_bytes(b"for ever")
    commit_folder(store, source, "for-ever")
    store.describe(aliased, add_aliases=["best"])
    assert store.gc().expired == []
    time.sleep(1.1)
    assert [v.number for v in store.gc().expired] == [short.number, unaliased.number, long.number]
    assert living_numbers(store) == [newest.number, aliased.number]
    assert store.version("animals:v4").ttl == timedelta(days=300)
    assert store.version("for-ever").ttl is None
    assert store.usage().content_bytes == 200_000 + len(b"for ever")
    check_usage(store)


def test_the_latest_version_expires_too(store: Store, source: Path) -> None:
    commit_versions(store, 2, ttl=timedelta(seconds=1))
    time.sleep(1.1)
    assert len(store.gc().expired) == 2
    assert living_numbers(store) == []


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-5)], ids=str)
def test_a_ttl_must_be_positive(store: Store, source: Path, ttl: timedelta) -> None:
    (source / "cat").write_bytes(b"meow")
    with pytest.raises(InvalidInput, match=r"(?i)ttl"):
        draft = store.draft("animals", "dataset", ttl=ttl)
        store.add_dir(draft, source)
        store.commit(draft)
    assert store.collections() == []


# Versions that others reference


@pytest.fixture
def referencing_model(store: Store, source: Path) -> Version:
    """`weights:v0`, which references `animals:v0`; there is an `animals:v1`."""
    data = commit_versions(store, 2)[0]
    draft = store.draft("weights", "model")
    (source / "cat").write_bytes(b"weights")
    store.add_file(draft, source / "cat", "weights.pt")
    draft.dependencies.add(Dependency(data.project, data.collection, data.number, data.digest))
    return store.commit(draft)


def test_a_version_that_another_references_is_still_needed(store: Store, referencing_model: Version) -> None:
    before = store_state(store)
    for dry in (True, False):
        with pytest.raises(StillNeeded, match=r"animals:v0 is referenced by uncategorized/weights:v0: .*force=True"):
            store.delete("animals:v0", dry_run=dry)
        with pytest.raises(StillNeeded, match="referenced"):
            store.delete_collection("animals", dry_run=dry)
    assert store.prune("animals", keep_last=1).versions == []
    assert store_state(store) == before


def test_a_referenced_version_is_deleted_by_force_or_with_its_dependents(
    store: Store, referencing_model: Version
) -> None:
    assert len(store.delete("animals:v0", referencing_model, delete_aliases=True, dry_run=True).versions) == 2
    store.delete("animals:v0", force=True)
    assert living_numbers(store) == [1] and living_numbers(store, "weights") == [0]
    check_usage(store)


def test_a_version_can_be_deleted_after_its_dependents(store: Store, referencing_model: Version) -> None:
    store.delete(referencing_model, delete_aliases=True)
    assert [v.number for v in store.prune("animals", keep_last=1).versions] == [0]
    check_usage(store)


def test_a_referenced_version_does_not_expire(store: Store, source: Path) -> None:
    [data] = commit_versions(store, 1, ttl=timedelta(seconds=1))
    draft = store.draft("weights", "model")
    draft.dependencies.add(Dependency(data.project, data.collection, data.number, data.digest))
    store.commit(draft)
    time.sleep(1.1)
    assert store.gc().expired == []
    store.delete("weights:v0", delete_aliases=True)
    assert [v.number for v in store.gc().expired] == [0]


def test_a_reference_to_a_deleted_version_is_refused(store: Store, source: Path) -> None:
    [data] = commit_versions(store, 1)
    draft = store.draft("weights", "model")
    draft.dependencies.add(Dependency(data.project, data.collection, data.number, data.digest))
    store.delete(data, delete_aliases=True)
    with pytest.raises(NotFound, match=r"uncategorized/animals:v0.*was deleted: reference a version that still exists"):
        store.commit(draft)
    assert [collection.name for collection in store.collections()] == ["animals"]


def test_the_same_content_with_other_dependencies_is_another_version(store: Store, source: Path) -> None:
    first, second = commit_versions(store, 2)
    made = []
    for data in (first, second, second):
        draft = store.draft("weights", "model")
        store.add_file(draft, source / "cat")
        draft.dependencies.add(Dependency(data.project, data.collection, data.number, data.digest))
        made.append(store.commit(draft).number)
    assert made == [0, 1, 1]


def test_deleting_while_listing_skips_nothing(store: Store, source: Path) -> None:
    """There is more than one page of versions."""
    for i in range(120):
        draft = store.draft("animals", "dataset", metadata={"i": i})
        store.commit(draft)
    seen = []
    for version in store.versions("animals"):
        seen.append(version.number)
        store.delete(version, delete_aliases=True)
    assert seen == list(range(119, -1, -1))
    assert living_numbers(store) == []
