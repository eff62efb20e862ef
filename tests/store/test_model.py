"""A store and a model of it made of dicts agree on contents, names and space after any operations."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from artstore.core.draft import Draft
from artstore.core.manifest import Kind
from artstore.core.versions import Pending, Version
from artstore.errors import NotFound, PathConflict, StillNeeded
from artstore.storage import chunking
from artstore.store import Store
from tests.support.files import noise, write_files
from tests.support.store_checks import check_clean, check_no_locks, check_numbers

Files = dict[str, bytes]


def contents() -> list[bytes]:
    """Return contents of all kinds of sizes, many of which share chunks: within, at their start or their end."""
    large = noise(400_000, "large")
    lengths = chunking.Cutter().lengths(memoryview(large), last=True)
    middle = large[:200_000] + noise(1000, "middle") + large[200_000:]
    edges = [noise(65_535 + i, "edge") for i in range(3)]
    parts = [large[: lengths[0]], large[-lengths[-1] :], large[: sum(lengths[:2])]]
    text = noise(100_000, "text").hex().encode()
    return [
        b"",
        b"x",
        text,
        text + large,
        noise(3000, "small"),
        large,
        large + b"more",
        large * 2,
        middle,
        bytes(200_000),
        *edges,
        *parts,
    ]


CONTENTS = contents()
PATHS = ["a", "b", "c", "d/a", "d/b", "d/e/c"]
NAMES = ["cats", "dogs"]
trees = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(range(len(CONTENTS))), min_size=1, max_size=4)


def chunks_of(files: Iterable[bytes]) -> set[bytes]:
    chunks = set()
    for data in files:
        whole = len(data) <= chunking.WHOLE
        lengths = [len(data)] if whole else chunking.Cutter().lengths(memoryview(data), last=True)
        start = 0
        for length in lengths:
            chunks.add(data[start : start + length])
            start += length
    return chunks - {b""}


def size_of(chunks: Iterable[bytes]) -> int:
    return sum(map(len, chunks))


@dataclass
class Committed:
    """A version in the model."""

    name: str
    number: int
    files: Files
    chunks: set[bytes]
    lives: bool = True
    aliases: set[str] = field(default_factory=set)

    @property
    def full_name(self) -> str:
        return f"{self.name}:v{self.number}"


class StoreBesideModel(RuleBasedStateMachine):
    """Applies every operation to a store and to the model."""

    @initialize(compression=st.sampled_from([None, "zstd"]))
    def make(self, compression: str | None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="artstore-model-"))
        self.store = Store.init(self.folder / "store", compression=compression)
        self.history: list[Committed] = []
        self.open: list[tuple[Draft, Files]] = []
        self.pending: dict[tuple[str, str], Files] = {}
        self.made = 0

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        for draft, _ in self.open:
            self.store.drop(draft)
        for pending in self.store.pending():
            self.store.drop_pending(pending)
        self.store.gc()
        check_clean(self.store)
        check_numbers(self.store)
        self.store.close()
        check_no_locks(self.folder / "store")
        shutil.rmtree(self.folder)

    # State of the model

    @property
    def living(self) -> list[Committed]:
        return [version for version in self.history if version.lives]

    def newest(self, name: str) -> Committed | None:
        return next((version for version in reversed(self.living) if version.name == name), None)

    def one_of_the_living(self, number: int) -> Committed:
        return self.living[number % len(self.living)]

    def held_by_others(self, version: Committed) -> set[bytes]:
        return self.held_by_pending() | {
            chunk for other in self.living if other is not version for chunk in other.chunks
        }

    def held_by_pending(self) -> set[bytes]:
        return {chunk for files in self.pending.values() for chunk in chunks_of(files.values())}

    def one_that_is_pending(self, number: int) -> tuple[tuple[str, str], Pending]:
        key = sorted(self.pending)[number % len(self.pending)]
        (pending,) = (row for row in self.store.pending(key[0]) if row.distributed_id == key[1])
        return key, pending

    # Operations

    def source(self, files: Files) -> Path:
        self.made += 1
        return write_files(self.folder / f"source-{self.made}", files)

    def committed(self, draft: Draft, files: Files) -> None:
        self.landed(self.store.commit(draft), draft.name, files)

    def landed(self, version: Version, name: str, files: Files) -> None:
        newest = self.newest(name)
        if newest is not None and newest.files == files:
            assert version.name == newest.full_name, "equal content is the same version"
            return
        number = sum(other.name == name for other in self.history)
        self.history.append(Committed(name, number, files, chunks_of(files.values())))
        assert version.name == self.history[-1].full_name
        assert version.size == size_of(files.values())

    @rule(name=st.sampled_from(NAMES), tree=trees)
    def put(self, name: str, tree: dict[str, int]) -> None:
        files = {path: CONTENTS[number] for path, number in tree.items()}
        draft = self.store.draft(name, "dataset")
        self.store.add_dir(draft, self.source(files))
        self.committed(draft, files)

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0, 50), name=st.sampled_from(NAMES), tree=trees, gone=st.sets(st.sampled_from(PATHS)))
    def put_on_a_base(self, which: int, name: str, tree: dict[str, int], gone: set[str]) -> None:
        base = self.one_of_the_living(which)
        draft = self.store.draft(name, "dataset", base=base.full_name)
        files = dict(base.files)
        for path in sorted(gone & files.keys()):
            assert draft.remove(path) == [path]
            del files[path]
        new = {path: CONTENTS[number] for path, number in tree.items()}
        self.store.add_dir(draft, self.source(new), overwrite=True)
        self.committed(draft, files | new)

    @rule(name=st.sampled_from(NAMES), tree=trees)
    def begin_a_draft(self, name: str, tree: dict[str, int]) -> None:
        files = {path: CONTENTS[number] for path, number in tree.items()}
        draft = self.store.draft(name, "dataset")
        self.store.add_dir(draft, self.source(files))
        self.open.append((draft, files))

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 50))
    def commit_a_draft(self, which: int) -> None:
        self.committed(*self.open.pop(which % len(self.open)))

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 50))
    def drop_a_draft(self, which: int) -> None:
        self.store.drop(self.open.pop(which % len(self.open))[0])

    @rule(name=st.sampled_from(NAMES), id=st.sampled_from(["day", "night"]), tree=trees)
    def upsert(self, name: str, id: str, tree: dict[str, int]) -> None:
        files = {path: CONTENTS[number] for path, number in tree.items()}
        there = self.pending.get((name, id), {})
        draft = self.store.draft(name, "dataset")
        self.store.add_dir(draft, self.source(files))
        if any(there.get(path, data) != data for path, data in files.items()):
            with pytest.raises(PathConflict):
                self.store.upsert(draft, id)
            self.store.drop(draft)
            return
        number = self.store.upsert(draft, id)
        self.pending[name, id] = there | files
        (pending,) = (row for row in self.store.pending(name) if row.id == number)
        assert (pending.entries, pending.size) == (len(there | files), size_of((there | files).values()))

    @precondition(lambda self: self.pending)
    @rule(which=st.integers(0, 50))
    def finish_what_is_pending(self, which: int) -> None:
        key, pending = self.one_that_is_pending(which)
        self.landed(self.store.finish(pending), key[0], self.pending.pop(key))

    @precondition(lambda self: self.pending)
    @rule(which=st.integers(0, 50))
    def drop_what_is_pending(self, which: int) -> None:
        key, pending = self.one_that_is_pending(which)
        promised = self.store.drop_pending(pending, dry_run=True).content
        done = self.store.drop_pending(pending).content
        mine = chunks_of(self.pending.pop(key).values())
        assert promised == size_of(
            mine - self.held_by_pending() - {c for version in self.living for c in version.chunks}
        )
        if not self.open:
            assert done == promised

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0, 50), alias=st.sampled_from(["best", "prod"]))
    def name_a_version(self, which: int, alias: str) -> None:
        version = self.one_of_the_living(which)
        for other in self.history:
            if other.name == version.name:
                other.aliases.discard(alias)
        version.aliases.add(alias)
        self.store.describe(version.full_name, add_aliases=[alias])

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0, 50))
    def delete(self, which: int) -> None:
        version = self.one_of_the_living(which)
        if version.aliases or version is self.newest(version.name):
            with pytest.raises(StillNeeded):
                self.store.delete(version.full_name)
        promised = self.store.reclaimable_bytes(version.full_name)
        tried = self.store.delete(version.full_name, delete_aliases=True, dry_run=True)
        before = self.store.usage()
        done = self.store.delete(version.full_name, delete_aliases=True)
        version.lives, version.aliases = False, set()
        if not self.open:
            assert promised == tried.content == done.content
            assert before.content_bytes - self.store.usage().content_bytes == promised
        with pytest.raises(NotFound):
            self.store.version(version.full_name)

    @rule()
    def collect(self) -> None:
        self.store.gc()

    @rule()
    def open_again(self) -> None:
        """Reopen the store, as after the end of a process: open drafts are gone."""
        self.store.close()
        self.open.clear()
        self.store = Store.open(self.folder / "store")

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0, 50))
    def get(self, which: int) -> None:
        """Download into a folder that already holds files of other versions."""
        version = self.one_of_the_living(which)
        root = self.folder / "root"
        outcome = self.store.get(version.full_name, root)
        assert outcome.written + outcome.kept == len(version.files)
        assert {path: (root / path).read_bytes() for path in version.files} == version.files
        again = self.store.get(version.full_name, root)
        assert (again.written, again.kept) == (0, len(version.files))

    @precondition(lambda self: self.living)
    @rule(one=st.integers(0, 50), other=st.integers(0, 50))
    def diff(self, one: int, other: int) -> None:
        old, new = self.one_of_the_living(one), self.one_of_the_living(other)
        diff = self.store.diff(old.full_name, new.full_name)
        added = {entry.path for entry in diff.added} | {pair[1].path for pair in diff.renamed}
        removed = {entry.path for entry in diff.removed} | {pair[0].path for pair in diff.renamed}
        assert added == new.files.keys() - old.files.keys()
        assert removed == old.files.keys() - new.files.keys()
        both = old.files.keys() & new.files.keys()
        assert [pair[0].path for pair in diff.changed] == sorted(p for p in both if old.files[p] != new.files[p])
        assert all(old.files[pair[0].path] == new.files[pair[1].path] for pair in diff.renamed)

    @rule()
    def verify(self) -> None:
        assert self.store.verify().findings == []

    # Invariants after each step

    @invariant()
    def every_living_version_is_readable(self) -> None:
        for version in self.living:
            entries = {entry.path: entry for entry in self.store.entries(version.full_name)}
            assert sorted(version.files) == list(entries)
            for path, data in version.files.items():
                assert entries[path].kind == Kind.FILE
                assert b"".join(self.store.read(entries[path])) == data

    @invariant()
    def names_mean_what_they_meant(self) -> None:
        for name in NAMES:
            newest = self.newest(name)
            if newest is not None:
                assert self.store.version(name).name == newest.full_name
        for version in self.living:
            current = self.store.version(version.full_name)
            latest = {"latest"} if version is self.newest(version.name) else set()
            assert set(current.aliases) == version.aliases | latest
            for alias in version.aliases:
                assert self.store.version(f"{version.name}:{alias}").id == current.id

    @invariant()
    def the_space_is_what_the_model_says(self) -> None:
        seen: set[bytes] = set()
        owned = 0
        for version in self.living:
            mine = self.store.owned_bytes(version.full_name)
            assert mine == size_of(version.chunks - seen)
            assert self.store.reclaimable_bytes(version.full_name) == size_of(
                version.chunks - self.held_by_others(version)
            )
            seen |= version.chunks
            owned += mine
        usage = self.store.usage()
        assert usage.versions == len(self.living)
        assert usage.version_bytes == sum(size_of(version.files.values()) for version in self.living)
        assert owned == size_of(seen)
        assert (usage.pending, usage.pending_bytes) == (
            len(self.pending),
            sum(size_of(files.values()) for files in self.pending.values()),
        )
        if not self.open:
            assert usage.content_bytes == size_of(seen | self.held_by_pending())


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_the_store_agrees_with_its_model() -> None:
    # Without shrinking, so that a failure takes no longer; the long one below shrinks.
    short = settings(
        max_examples=20,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=QUIET,
        derandomize=True,
        phases=[Phase.generate],
    )
    run_state_machine_as_test(StoreBesideModel, settings=short)


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_the_store_agrees_with_its_model_for_long() -> None:
    long = settings(max_examples=400, stateful_step_count=60, deadline=None, suppress_health_check=QUIET)
    run_state_machine_as_test(StoreBesideModel, settings=long)
