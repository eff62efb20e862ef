"""SIGKILL at any step of any operation loses no committed version, and one collection removes all remains.

By default a sample of the steps, spread over each operation; the torture tests kill at all of them.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from artstore.store import Store
from tests.support import child_tasks
from tests.support.files import Tree, commit_folder, noise, store_with_versions, tree_of, write_files
from tests.support.kill_points import Child, Outcome, TaskRunner, sampled, summary
from tests.support.store_checks import check_clean, check_no_locks, check_store

SAMPLES = 15


@dataclass
class Scene:
    """A store, a task to be killed in it, and the states of the store that are allowed afterwards."""

    store: Path
    task: Callable[..., None]
    arguments: dict[str, Any] = field(default_factory=dict)
    living: dict[str, Tree] = field(default_factory=dict)
    adds: dict[str, Tree] = field(default_factory=dict)
    """The versions that the task commits: present if acknowledged, possible if not."""
    removes: dict[str, Tree] = field(default_factory=dict)
    """The versions that the task deletes: gone if acknowledged, possible if not."""
    commit_again: Path | None = None
    samples: int = 8
    group: bool = False
    """Whether to kill the worker processes as well."""
    shows: frozenset[str] = frozenset()
    """Steps that an undisturbed run must take, which proves that the scene does what its name says."""


def folder_of_small_files(folder: Path, count: int, size: int = 4096) -> Path:
    return write_files(folder, {f"{i % 10}/{i:04}": noise(size, f"small {i}") for i in range(count)})


def first_commit(folder: Path) -> Scene:
    source = write_files(folder / "source", {"a": noise(5000, 1), "b/c": noise(300_000, 2), "d": b""})
    store = store_with_versions(folder / "store")
    return Scene(
        store, child_tasks.commit, {"source": source}, adds={"animals:v0": tree_of(source)}, commit_again=source
    )


def second_commit(folder: Path) -> Scene:
    """A commit that shares content, appends to a pack, starts from a base, and moves an alias."""
    old = write_files(folder / "old", {f"{i}": noise(3000, i) for i in range(20)} | {"big": noise(400_000, "big")})
    new = write_files(folder / "new", {"3": noise(3000, "new"), "big": noise(400_000, "big") + noise(100_000, "more")})
    with Store.init(folder / "store") as store:
        commit_folder(store, old, "animals")
        store.describe("animals:v0", add_aliases=["best"])
    return Scene(
        folder / "store",
        child_tasks.commit,
        {"source": new, "alias": "best", "base": "animals:v0"},
        living={"animals:v0": tree_of(old)},
        adds={"animals:v1": tree_of(old) | tree_of(new)},
        commit_again=new,
    )


def commit_that_fills_packs(folder: Path) -> Scene:
    """Many packs in one commit: full packs are published before it."""
    files = {f"large/{i}": noise(700_000, f"large {i}") for i in range(4)}
    source = write_files(folder / "source", files | {f"small/{i}": noise(20_000, f"s {i}") for i in range(40)})
    store = store_with_versions(folder / "store", other=write_files(folder / "other", {"x": noise(700_000, "large 0")}))
    return Scene(
        store,
        child_tasks.commit,
        {"source": source, "full_at": 400_000},
        living={"other:v0": tree_of(folder / "other")},
        adds={"animals:v0": tree_of(source)},
        commit_again=source,
    )


def dropped_draft(folder: Path) -> Scene:
    source = write_files(folder / "source", {"a": noise(5000, 1), "b": noise(300_000, 2)})
    other = write_files(folder / "other", {"a": noise(5000, 1)})
    store = store_with_versions(folder / "store", other=other)
    return Scene(
        store, child_tasks.drop_draft, {"source": source}, living={"other:v0": tree_of(other)}, commit_again=source
    )


def delete_that_punches(folder: Path) -> Scene:
    kept = write_files(folder / "kept", {"a": noise(900_000, 1)})
    both = write_files(folder / "both", {"a": noise(900_000, 1), "b": noise(200_000, 2), "c": noise(200_000, 3)})
    after = write_files(folder / "after", {"c": noise(200_000, 3)})
    store = store_with_versions(folder / "store", both=both, kept=kept, after=after)
    return Scene(
        store,
        child_tasks.delete,
        {"name": "both:v0"},
        living={"kept:v0": tree_of(kept), "after:v0": tree_of(after)},
        removes={"both:v0": tree_of(both)},
        commit_again=both,
        shows=frozenset({"punch"}),
    )


def delete_that_repacks(folder: Path) -> Scene:
    """Delete a random tenth of small files, whose holes are smaller than blocks."""
    every = folder_of_small_files(folder / "every", 200)
    most = folder_of_small_files(folder / "most", 200)
    for path in random.Random(1).sample(child_tasks.files_below(most), 20):
        path.unlink()
    store = store_with_versions(folder / "store", every=every, most=most)
    return Scene(
        store,
        child_tasks.delete,
        {"name": "every:v0"},
        living={"most:v0": tree_of(most)},
        removes={"every:v0": tree_of(every)},
        samples=8,
        commit_again=every,
        shows=frozenset({"write", "unlink"}),
    )


def delete_of_a_whole_pack(folder: Path) -> Scene:
    one, two = (
        write_files(folder / "one", {"a": noise(200_000, 1)}),
        write_files(folder / "two", {"a": noise(200_000, 2)}),
    )
    with Store.init(folder / "store") as store:
        drafts = [store.draft(name, "dataset") for name in ("one", "two")]
        for draft, source in zip(drafts, (one, two), strict=True):
            store.add_dir(draft, source)
        for draft in drafts:
            store.commit(draft)
        assert len(store.sql("select * from packs")) == 2
    return Scene(
        folder / "store",
        child_tasks.delete,
        {"name": "one:v0"},
        living={"two:v0": tree_of(two)},
        removes={"one:v0": tree_of(one)},
        commit_again=one,
        shows=frozenset({"unlink"}),
    )


def collection_after_crashes(folder: Path) -> Scene:
    """Dead leases, unpublished bytes at the end of a pack, an unknown pack, and a repacking that was cut off."""
    kept = write_files(folder / "kept", {"a": noise(900_000, 1), "b": noise(2000, 2)})
    lost = write_files(
        folder / "lost", {"a": noise(900_000, 1)} | {f"{i}": noise(200_000, f"lost {i}") for i in range(8)}
    )
    doomed = {"a": noise(900_000, 1), "c": noise(400_000, 3)}
    store = store_with_versions(folder / "store", doomed=write_files(folder / "doomed", doomed), kept=kept)
    with TaskRunner() as runner:
        for arguments in ({"full_at": 600_000}, {}):
            outcome = runner.complete(child_tasks.commit, store=store, source=lost, **arguments)
            with Store.open(store) as opened:
                opened.delete(*opened.versions("animals"), delete_aliases=True)
            killed = runner.run(
                child_tasks.commit, store=store, source=lost, kill_at=len(outcome.steps) // 2, **arguments
            )
            assert killed.state == "killed"
        steps = runner.complete(
            child_tasks.delete, store=shutil.copytree(store, folder / "copy"), name="doomed:v0"
        ).steps
        killed = runner.run(child_tasks.delete, store=store, name="doomed:v0", kill_at=steps.index("pwritev") + 1)
        assert killed.state == "killed"
    return Scene(
        store,
        child_tasks.collect_garbage,
        living={"kept:v0": tree_of(kept)},
        commit_again=lost,
        shows=frozenset({"unlink"}),
    )


def verification(folder: Path) -> Scene:
    source = write_files(folder / "source", {"a": noise(5000, 1), "b": noise(300_000, 2)})
    store = store_with_versions(folder / "store", animals=source)
    return Scene(store, child_tasks.verify, living={"animals:v0": tree_of(source)}, commit_again=source, samples=12)


def commit_of_a_large_file(folder: Path) -> Scene:
    """A file larger than a pack, with packs of the normal size."""
    source = write_files(folder / "source", {"large": noise(70 << 20, "large"), "small": noise(2000, "small")})
    return Scene(
        store_with_versions(folder / "store"),
        child_tasks.commit,
        {"source": source},
        adds={"animals:v0": tree_of(source)},
        samples=4,
    )


def commit_by_workers(folder: Path, count: int = 2600) -> Scene:
    """Enough small files for worker processes to write them."""
    source = folder_of_small_files(folder / "source", count, 200)
    old = folder_of_small_files(folder / "old", 30, 200)
    store = store_with_versions(folder / "store", old=old)
    return Scene(
        store,
        child_tasks.commit,
        {"source": source},
        living={"old:v0": tree_of(old)},
        adds={"animals:v0": tree_of(source)},
        commit_again=old,
        samples=5,
        group=True,
    )


def commit_that_compresses(folder: Path) -> Scene:
    large = noise(200_000, "text").hex().encode() + noise(200_000, "large")
    source = write_files(folder / "source", {"a": noise(5000, 1), "b": large[:5000], "c": large, "d": large + b"d"})
    old = write_files(folder / "old", {"c": large})
    with Store.init(folder / "store", compression="zstd") as store:
        commit_folder(store, old, "old")
    return Scene(
        folder / "store",
        child_tasks.commit,
        {"source": source},
        living={"old:v0": tree_of(old)},
        adds={"animals:v0": tree_of(source)},
        commit_again=source,
        samples=4,
    )


def delete_that_repacks_what_is_compressed(folder: Path) -> Scene:
    files = {f"{i:03}": noise(2000, i).hex().encode() if i % 2 else noise(3000, i) for i in range(50)}
    every = write_files(folder / "every", files)
    most = write_files(folder / "most", {path: data for path, data in files.items() if int(path) % 5})
    with Store.init(folder / "store", compression="zstd") as store:
        commit_folder(store, every, "every")
        commit_folder(store, most, "most")
    return Scene(
        folder / "store",
        child_tasks.delete,
        {"name": "every:v0"},
        living={"most:v0": tree_of(most)},
        removes={"every:v0": tree_of(every)},
        commit_again=every,
        samples=4,
        shows=frozenset({"write", "unlink"}),
    )


SCENES = [
    first_commit,
    second_commit,
    commit_that_fills_packs,
    dropped_draft,
    delete_that_punches,
    delete_that_repacks,
    delete_of_a_whole_pack,
    collection_after_crashes,
    verification,
    commit_of_a_large_file,
    commit_by_workers,
    commit_that_compresses,
    delete_that_repacks_what_is_compressed,
]


def copy_store(scene: Scene, folder: Path) -> Path:
    """Copy the store of a scene, for a task to be killed in."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(scene.store, folder)
    return folder


def steps_without_kill(runner: TaskRunner, scene: Scene, folder: Path) -> list[str]:
    """Return the steps of the task when it is not killed."""
    outcome = runner.complete(scene.task, store=copy_store(scene, folder), **scene.arguments)
    assert scene.shows <= set(outcome.steps), "the scene does not take the steps that it is made for"
    check_scene(scene, folder, outcome, folder.with_name("scratch"))
    return outcome.steps


def check_scene(scene: Scene, store: Path, outcome: Outcome, scratch: Path) -> None:
    """Check a store after the task of a scene ended or was killed."""
    shutil.rmtree(scratch, ignore_errors=True)
    acknowledged = bool(outcome.reports)
    check_store(
        store,
        scratch,
        living={**scene.living, **(scene.adds if acknowledged else {})},
        possible={} if acknowledged else {**scene.adds, **scene.removes},
        deleted=scene.removes if acknowledged else (),
        commit_again=scene.commit_again,
    )


def kill_everywhere(
    runner: TaskRunner, scene: Scene, tmp_path: Path, record: Callable[[str, object], None], *, every: bool
) -> None:
    steps = steps_without_kill(runner, scene, tmp_path / "copy")
    record("steps", len(steps))
    wrong = []
    for at in sampled(len(steps), len(steps) if every else scene.samples):
        copy = copy_store(scene, tmp_path / "copy")
        child = runner.start(scene.task, store=copy, kill_at=at, group=scene.group, **scene.arguments)
        outcome = child.wait()
        child.kill_helpers()
        assert outcome.state in ("killed", "done"), outcome.error
        try:
            check_scene(scene, tmp_path / "copy", outcome, tmp_path / "scratch")
        except Exception as error:
            wrong.append(f"killed before step {at} of {len(steps)} ({steps[at - 1]}): {summary(error)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("build", SCENES, ids=lambda build: build.__name__)
def test_a_kill_loses_no_committed_version(
    build: Callable[[Path], Scene], runner: TaskRunner, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    kill_everywhere(runner, build(tmp_path), tmp_path, record_property, every=False)


@pytest.mark.torture
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("build", SCENES, ids=lambda build: build.__name__)
def test_a_kill_at_every_step_loses_no_committed_version(
    build: Callable[[Path], Scene], runner: TaskRunner, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    kill_everywhere(runner, build(tmp_path), tmp_path, record_property, every=True)


@pytest.fixture
def busy_workers(runner: TaskRunner, tmp_path: Path) -> Iterator[tuple[Scene, Child]]:
    """A process that was killed while its worker processes were writing."""
    scene = commit_by_workers(tmp_path)
    steps = runner.complete(scene.task, store=copy_store(scene, tmp_path / "copy"), **scene.arguments).steps
    last_lent = len(steps) - steps[::-1].index("write", steps[::-1].index("fsync"))
    for at in range(last_lent - 40, last_lent):
        child = runner.start(scene.task, store=copy_store(scene, tmp_path / "copy"), kill_at=at, **scene.arguments)
        assert child.wait().state == "killed"
        if child.helpers():
            break
        child.kill_helpers()
    yield scene, child
    child.kill_helpers()


def test_workers_that_outlive_a_killed_process_do_no_harm(
    busy_workers: tuple[Scene, Child], runner: TaskRunner, tmp_path: Path
) -> None:
    scene, child = busy_workers
    assert child.helpers(), "no worker outlives the process"
    outcome = child.wait(0)
    check_scene(scene, tmp_path / "copy", outcome, tmp_path / "scratch")
    child.kill_helpers()
    with Store.open(tmp_path / "copy") as store:
        check_clean(store)


def test_workers_end_when_their_process_is_killed(busy_workers: tuple[Scene, Child]) -> None:
    _, child = busy_workers
    until = time.monotonic() + 5
    while child.helpers() and time.monotonic() < until:
        time.sleep(0.05)
    assert child.helpers() == []


def test_a_killed_worker_is_an_error_that_harms_nothing(runner: TaskRunner, tmp_path: Path) -> None:
    scene = commit_by_workers(tmp_path, 6000)
    steps = runner.complete(scene.task, store=copy_store(scene, tmp_path / "copy"), **scene.arguments).steps
    # Each pack that a worker writes is created when a batch is handed out.
    lent = [i + 1 for i, step in enumerate(steps) if steps[i : i + 3] == ["open", "flock", "write"]]
    failed = 0
    for at in (lent[1], lent[-1], lent[-1] + 20):
        copy = copy_store(scene, tmp_path / "copy")
        child = runner.start(scene.task, store=copy, pause_at=[at], **scene.arguments)
        assert child.wait().state == "paused"
        workers = [
            pid for pid in child.helpers() if "artstore.runtime.worker" in " ".join(psutil.Process(pid).cmdline())
        ]
        for pid in workers[:1]:
            os.kill(pid, signal.SIGKILL)
        outcome = child.resume()
        child.kill_helpers()
        assert outcome.state == "done" or outcome.error_line.startswith("artstore.errors.StoreError"), (
            outcome.error_line
        )
        failed += outcome.state == "failed"
        check_scene(scene, copy, outcome, tmp_path / "scratch")
    assert failed > 0, "no worker was killed while it was needed"


@pytest.mark.parametrize("before", ["nothing", "an empty folder"])
def test_creating_a_store_can_be_killed_and_repeated(before: str, runner: TaskRunner, tmp_path: Path) -> None:
    def place(name: str) -> Path:
        if before == "an empty folder":
            (tmp_path / name).mkdir()
        return tmp_path / name

    steps = runner.complete(child_tasks.create, store=place("undisturbed")).steps
    for at in sampled(len(steps), SAMPLES):
        folder = place(f"{at}")
        assert runner.run(child_tasks.create, store=folder, kill_at=at).state == "killed"
        with Store.init(folder) as store:
            commit_folder(store, write_files(tmp_path / "source", {"a": b"a"}), "animals")
            store.gc()
            check_clean(store)
        check_no_locks(folder)
        left = {path.name for path in folder.iterdir()} - {
            "artstore.db",
            "artstore.db-reserve",
            "verified.json",
            "packs",
            "locks",
        }
        assert left == set(), f"killed before step {at} ({steps[at - 1]})"


def store_with_backup(folder: Path) -> tuple[Path, dict[str, Tree]]:
    """A store and an earlier backup of it, since which one pack has grown and one is new."""
    one = write_files(folder / "one", {"a": noise(200_000, 1), "b": noise(2000, 2)})
    two = write_files(folder / "two", {"a": noise(200_000, 1), "c": noise(200_000, 3)})
    with Store.init(folder / "store") as store:
        commit_folder(store, one, "one")
        commit_folder(store, write_files(folder / "gone", {"x": noise(150_000, "x")}), "gone")
        store.backup(folder / "backup")
        store.delete("gone:v0", delete_aliases=True)
        commit_folder(store, two, "two")
    return folder / "store", {"one:v0": tree_of(one), "two:v0": tree_of(two)}


@pytest.mark.parametrize("earlier", [True, False], ids=["on-an-earlier-one", "the-first"])
def test_a_killed_backup_harms_neither_the_store_nor_the_backup(
    earlier: bool, runner: TaskRunner, tmp_path: Path
) -> None:
    store, living = store_with_backup(tmp_path)
    scene = Scene(store, child_tasks.backup, living=living)
    to = tmp_path / "to"

    def prepare() -> dict[str, Path]:
        shutil.rmtree(to, ignore_errors=True)
        if earlier:
            shutil.copytree(tmp_path / "backup", to)
        return {"store": copy_store(scene, tmp_path / "copy"), "to": to}

    steps = runner.complete(child_tasks.backup, **prepare()).steps
    wrong = []
    for at in sampled(len(steps), SAMPLES):
        killed = runner.run(child_tasks.backup, **prepare(), kill_at=at)
        try:
            check_scene(scene, tmp_path / "copy", killed, tmp_path / "scratch")
            if earlier:
                check_backup(to, tmp_path)
            runner.complete(child_tasks.backup, store=tmp_path / "copy", to=to)
            shutil.rmtree(tmp_path / "scratch")
            check_store(to, tmp_path / "scratch", living=living)
        except Exception as error:
            wrong.append(f"killed before step {at} of {len(steps)} ({steps[at - 1]}): {summary(error)}")
    assert not wrong, "\n".join(wrong)


def check_backup(backup: Path, tmp_path: Path) -> None:
    """Check that a backup is complete, whether it is the earlier or the later one."""
    shutil.rmtree(tmp_path / "opened", ignore_errors=True)
    shutil.copytree(backup, tmp_path / "opened")
    with Store.open(tmp_path / "opened") as store:
        assert store.verify().findings == []
        names = {version.name for collection in store.collections() for version in store.versions(collection.name)}
        assert names in ({"one:v0", "gone:v0"}, {"one:v0", "two:v0"})


def test_a_killed_download_leaves_whole_files_only(runner: TaskRunner, tmp_path: Path) -> None:
    source = write_files(
        tmp_path / "source",
        {f"d/{i}": noise(3000, i) for i in range(5)} | {"large": noise(900_000, "l"), "same": b"same", "run": b"#!"},
    )
    (source / "run").chmod(0o755)
    (source / "link").symlink_to("d/1")
    before = {"d/1": b"old", "large": noise(900_000, "old"), "same": b"same", "mine": b"mine"}
    store = store_with_versions(tmp_path / "store", animals=source)
    old, new = tree_of(write_files(tmp_path / "root", before)), tree_of(source)
    arguments = {"store": store, "name": "animals:v0", "root": tmp_path / "root"}
    steps = runner.complete(child_tasks.get, **arguments).steps
    for at in sampled(len(steps), SAMPLES):
        shutil.rmtree(tmp_path / "root")
        write_files(tmp_path / "root", before)
        assert runner.run(child_tasks.get, **arguments, kill_at=at).state == "killed"
        written = tree_of(tmp_path / "root")
        for path, digest in written.items():
            if not path.rpartition("/")[2].startswith("."):
                assert digest in (old.get(path), new.get(path)), f"{path} is wrong, killed before step {at}"
        runner.complete(child_tasks.get, **arguments)
        written = {path: digest for path, digest in tree_of(tmp_path / "root").items() if "/." not in f"/{path}"}
        assert written == {**old, **new}
        # Links are removed once they are a minute old.
        assert [path for path in (tmp_path / "root").rglob(".*") if not path.is_symlink()] == []
        assert os.access(tmp_path / "root" / "run", os.X_OK)
        assert os.readlink(tmp_path / "root" / "link") == "d/1"


def test_the_note_of_a_verification_that_was_killed_is_removed(runner: TaskRunner, tmp_path: Path) -> None:
    store = store_with_versions(tmp_path / "store")
    steps = runner.complete(child_tasks.verify, store=store).steps
    renamed = len(steps) - steps[::-1].index("replace" if "replace" in steps else "rename")
    assert runner.run(child_tasks.verify, store=store, kill_at=renamed).state == "killed"
    assert [path.name for path in store.glob(".*")] != []
    with Store.open(store) as opened:
        opened.gc()
    assert [path.name for path in store.glob(".*")] == []
