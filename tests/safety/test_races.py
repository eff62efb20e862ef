"""Processes and threads add, commit, delete, collect and read at the same time: no needed content is lost.

Some races are random; in the others one process is paused at a step while others work, so that each way in which two
operations can interleave is tried every time.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from artstore.errors import SourceChanged
from artstore.storage import chunking
from artstore.store import Store
from tests.support import child_tasks
from tests.support.files import commit_folder, noise, store_with_versions, tree_of, write_files
from tests.support.kill_points import Child, Outcome, TaskRunner, sampled, summary
from tests.support.store_checks import check_clean, check_no_locks, check_numbers, check_store, downloaded_tree

STEPS = 5
LOCKS = 6
A_TICK = 0.2


# Open drafts


def write_shared(folder: Path) -> Path:
    return write_files(folder, {"small": noise(3000, "small"), "large": noise(400_000, "large"), "empty": b""})


def write_grown(folder: Path) -> Path:
    """Write files that share many chunks with those of `shared`."""
    return write_files(
        folder, {"small": noise(3000, "small"), "large": noise(400_000, "large") + noise(70_000, "more")}
    )


@pytest.mark.parametrize("how", ["by digest", "by chunk", "by stat cache", "as the base"])
def test_content_used_by_an_open_draft_stays_when_its_version_is_deleted(
    how: str, runner: TaskRunner, tmp_path: Path
) -> None:
    source = write_shared(tmp_path / "source")
    time.sleep(A_TICK)
    store = store_with_versions(tmp_path / "store", animals=source)
    taken = {
        "by digest": write_shared(tmp_path / "copy"),
        "by chunk": write_grown(tmp_path / "grown"),
        "by stat cache": source,
        "as the base": write_files(tmp_path / "other", {"other": b"other"}),
    }[how]
    holder = runner.start(
        child_tasks.commit_after_pause, store=store, source=taken, base="animals:v0" if how == "as the base" else None
    )
    assert holder.wait().state == "paused"
    with Store.open(store) as other:
        claims = {claim["kind"] for claim in other.sql("select kind from claims")}
        assert claims >= {"version" if how == "as the base" else "chunk" if how == "by chunk" else "file"}
        before = other.usage().content_bytes
        other.delete("animals:v0", delete_aliases=True)
        other.gc()
        assert other.verify().findings == [], "content held by a draft only is not damage"
        assert other.usage().content_bytes >= before - (0 if how != "by chunk" else 100_000)
    ended = holder.resume()
    with Store.open(store) as other:
        if how == "as the base":
            # The base of the draft is gone: that is an error, and its content is kept until the draft ends.
            assert "NotFound" in ended.error
        else:
            assert ended.reports == ["held:v0"], ended.error
            assert downloaded_tree(other, "held:v0", tmp_path / "out") == tree_of(taken)
        other.gc()
        check_clean(other)
    check_no_locks(store)


def test_the_content_of_a_killed_draft_is_collected(runner: TaskRunner, tmp_path: Path) -> None:
    store = store_with_versions(tmp_path / "store", animals=write_shared(tmp_path / "source"))
    holder = runner.start(child_tasks.commit_after_pause, store=store, source=write_shared(tmp_path / "copy"))
    assert holder.wait().state == "paused"
    with Store.open(store) as other:
        other.delete("animals:v0", delete_aliases=True)
        assert other.usage().content_bytes == 403_000
        assert holder.kill().state == "killed"
        assert other.gc().content == 403_000
        assert other.usage().content_bytes == 0
        check_clean(other)
    check_no_locks(store)


def test_content_published_by_an_open_draft_is_not_damage(runner: TaskRunner, tmp_path: Path) -> None:
    """Full packs are published before the commit: until then the catalog has files and chunks without a version."""
    source = write_files(tmp_path / "source", {f"{i}": noise(300_000, i) for i in range(16)})
    store = store_with_versions(tmp_path / "store")
    holder = runner.start(child_tasks.commit_after_pause, store=store, source=source, full_at=400_000)
    assert holder.wait().state == "paused"
    with Store.open(store) as other:
        assert other.sql("select count(*) as n from files") != [{"n": 0}], "nothing was published"
        assert other.verify().findings == []
        other.gc()
    assert holder.resume().reports == ["held:v0"]
    check_store(store, tmp_path / "scratch", living={"held:v0": tree_of(source)})


def test_a_small_file_that_is_also_the_end_of_a_large_one(runner: TaskRunner, tmp_path: Path) -> None:
    """Worker processes write the small files into packs that are published after those of the large files."""
    large = next(data for data in (noise(2 << 20, seed) for seed in range(100)) if last_chunk(data) <= 65_536)
    tail = {"tail": large[-last_chunk(large) :]}
    small = write_files(tmp_path / "small", {f"{i % 10}/{i:04}": noise(20, i) for i in range(3100)} | tail)
    one = write_files(tmp_path / "one", {"large": large})
    more = write_files(tmp_path / "more", {f"more {i}": noise(2 << 20, f"more {i}") for i in range(3)})
    store = store_with_versions(tmp_path / "store")
    runner.complete(child_tasks.commit, store=store, source=small, then=[one, more], full_at=1 << 20)
    check_store(store, tmp_path / "scratch", living={"animals:v0": tree_of(small) | tree_of(one) | tree_of(more)})


def last_chunk(data: bytes) -> int:
    return chunking.Cutter().lengths(memoryview(data), last=True)[-1]


# Two interleaved operations


def race(
    runner: TaskRunner,
    tmp_path: Path,
    make: Callable[[Path], Path],
    first: Callable[..., None],
    arguments: dict[str, Any],
    then: list[tuple[Callable[..., None], dict[str, Any]]],
    judge: Callable[[Path, Outcome, list[Outcome]], None],
    every_step: bool,
) -> None:
    """Pause an operation at a sample of its steps and locks, or at every step, run others meanwhile, check the result.

    Where the first operation holds the write lock, the others wait for it.
    """
    template = make(tmp_path / "template")
    copy = tmp_path / "copy"
    steps = runner.complete(first, store=shutil.copytree(template, copy), **arguments).steps
    wrong = []
    chosen = set(sampled(len(steps), len(steps) if every_step else STEPS))
    locks = [i + 1 for i, step in enumerate(steps) if step in ("flock", "punch", "fsync")]
    chosen |= {locks[number - 1] for number in sampled(len(locks), LOCKS)}
    for at in sorted(chosen):
        shutil.rmtree(copy)
        shutil.copytree(template, copy)
        paused = runner.start(first, store=copy, pause_at=[at], **arguments)
        outcome = paused.wait()
        children = [runner.start(task, store=copy, **others) for task, others in then]
        for child in children:
            child.wait(0.3)
        if outcome.state == "paused":
            outcome = paused.resume()
        outcomes = [child.wait() for child in children]
        try:
            judge(copy, outcome, outcomes)
        except Exception as error:
            wrong.append(f"paused before step {at} of {len(steps)} ({steps[at - 1]}): {summary(error)}")
    assert not wrong, "\n".join(wrong)


def check_outcomes(*outcomes: Outcome, but: str | None = None) -> None:
    for outcome in outcomes:
        error = outcome.error_line
        if outcome.state != "done" and (but is None or but not in error):
            raise AssertionError(f"{outcome.state}: {error}")


def clean_scratch(tmp_path: Path) -> Path:
    shutil.rmtree(tmp_path / "scratch", ignore_errors=True)
    return tmp_path / "scratch"


def test_a_commit_paused_while_its_content_is_deleted_and_collected(
    runner: TaskRunner, tmp_path: Path, every_step: bool
) -> None:
    source = write_shared(tmp_path / "source")
    tree = tree_of(source)

    def judge(store: Path, first: Outcome, others: list[Outcome]) -> None:
        check_outcomes(first, *others)
        check_store(store, clean_scratch(tmp_path), living={"again:v0": tree})

    race(
        runner,
        tmp_path,
        lambda folder: store_with_versions(folder, animals=source),
        child_tasks.commit,
        {"source": write_shared(tmp_path / "copied"), "name": "again"},
        [(child_tasks.delete, {"name": "animals:v0"}), (child_tasks.collect_garbage, {})],
        judge,
        every_step,
    )


def test_a_commit_paused_while_another_commits_the_same(runner: TaskRunner, tmp_path: Path, every_step: bool) -> None:
    source = write_shared(tmp_path / "source")
    tree = tree_of(source)

    def judge(store: Path, first: Outcome, others: list[Outcome]) -> None:
        check_outcomes(first, *others)
        check_store(store, clean_scratch(tmp_path), living={"one:v0": tree, "two:v0": tree})

    race(
        runner,
        tmp_path,
        store_with_versions,
        child_tasks.commit,
        {"source": source, "name": "one"},
        [
            (child_tasks.commit, {"source": write_shared(tmp_path / "copied"), "name": "two"}),
            (child_tasks.collect_garbage, {}),
        ],
        judge,
        every_step,
    )


def files_and_most(tmp_path: Path, count: int = 60) -> tuple[Path, Path]:
    """Small files, and most of them: deleting the first version leaves a pack to repack."""
    every = {f"{i}": noise(4096, f"file {i}") for i in range(count)}
    most = {name: data for i, (name, data) in enumerate(every.items()) if i % 5}
    return write_files(tmp_path / "every", every), write_files(tmp_path / "most", most)


@pytest.mark.parametrize("operation", ["delete", "collect"])
def test_a_deletion_paused_while_others_commit_and_delete(
    operation: str, runner: TaskRunner, tmp_path: Path, every_step: bool
) -> None:
    every, most = files_and_most(tmp_path)
    trees = {"most:v0": tree_of(most), "new:v0": tree_of(most)}

    def make(folder: Path) -> Path:
        store = store_with_versions(
            folder, every=every, most=most, other=write_files(tmp_path / "other", {"x": noise(90_000, "x")})
        )
        if operation == "collect":
            killed = runner.run(child_tasks.delete, store=store, name="every:v0", kill_at=deleted_by)
            assert killed.state == "killed"
        return store

    with_steps = store_with_versions(tmp_path / "counted", every=every, most=most)
    steps = runner.complete(child_tasks.delete, store=with_steps, name="every:v0").steps
    deleted_by = steps.index("close", steps.index("sql", steps.index("flock"))) + 2

    def judge(store: Path, first: Outcome, others: list[Outcome]) -> None:
        check_outcomes(first, *others)
        # It was committed before the deletion, so it is the version that was deleted.
        again = {name: tree_of(every) for name in others[0].reports if name == "every:v1"}
        check_store(store, clean_scratch(tmp_path), living=trees | again)

    race(
        runner,
        tmp_path,
        make,
        child_tasks.delete if operation == "delete" else child_tasks.collect_garbage,
        {"name": "every:v0"} if operation == "delete" else {},
        [
            (child_tasks.commit, {"source": every, "name": "every"}),
            (child_tasks.commit, {"source": most, "name": "new"}),
            (child_tasks.delete, {"name": "other:v0"}),
            (child_tasks.collect_garbage, {}),
        ],
        judge,
        every_step,
    )


def test_a_download_paused_while_its_chunks_move(runner: TaskRunner, tmp_path: Path, every_step: bool) -> None:
    every, most = files_and_most(tmp_path)
    large = write_files(tmp_path / "large", {"large": noise(300_000, "large")})
    os.link(large / "large", every / "large")
    os.link(large / "large", most / "large")
    tree = tree_of(most)

    def judge(store: Path, first: Outcome, others: list[Outcome]) -> None:
        check_outcomes(first, *others)
        assert tree_of(tmp_path / "root") == tree
        shutil.rmtree(tmp_path / "root")
        check_store(store, clean_scratch(tmp_path), living={"most:v0": tree})

    race(
        runner,
        tmp_path,
        lambda folder: store_with_versions(folder, every=every, most=most),
        child_tasks.get,
        {"name": "most:v0", "root": tmp_path / "root"},
        [(child_tasks.delete, {"name": "every:v0"}), (child_tasks.collect_garbage, {})],
        judge,
        every_step,
    )


def test_a_download_paused_while_its_version_is_deleted(runner: TaskRunner, tmp_path: Path, every_step: bool) -> None:
    source = write_shared(tmp_path / "source")
    tree = tree_of(source)

    def judge(store: Path, first: Outcome, others: list[Outcome]) -> None:
        check_outcomes(*others)
        check_outcomes(first, but="NotFound")
        written = tree_of(tmp_path / "root") if (tmp_path / "root").exists() else {}
        assert written.items() <= tree.items()
        assert first.state == "failed" or written == tree
        shutil.rmtree(tmp_path / "root", ignore_errors=True)

    race(
        runner,
        tmp_path,
        lambda folder: store_with_versions(folder, animals=source),
        child_tasks.get,
        {"name": "animals:v0", "root": tmp_path / "root"},
        [(child_tasks.delete, {"name": "animals:v0"}), (child_tasks.collect_garbage, {})],
        judge,
        every_step,
    )


def test_a_verification_paused_while_others_commit_and_delete(
    runner: TaskRunner, tmp_path: Path, every_step: bool
) -> None:
    every, most = files_and_most(tmp_path)
    new = write_shared(tmp_path / "new")
    trees = {"most:v0": tree_of(most), "new:v0": tree_of(new)}

    def judge(store: Path, first: Outcome, others: list[Outcome]) -> None:
        check_outcomes(first, *others)
        assert first.reports == [], f"nothing is wrong with the store: {first.reports}"
        check_store(store, clean_scratch(tmp_path), living=trees)

    race(
        runner,
        tmp_path,
        lambda folder: store_with_versions(folder, every=every, most=most),
        child_tasks.verify,
        {},
        [
            (child_tasks.commit, {"source": new, "name": "new"}),
            (child_tasks.delete, {"name": "every:v0"}),
            (child_tasks.collect_garbage, {}),
        ],
        judge,
        every_step,
    )


def test_a_backup_paused_while_others_commit_and_delete(runner: TaskRunner, tmp_path: Path, every_step: bool) -> None:
    every, most = files_and_most(tmp_path)
    new = write_shared(tmp_path / "new")
    trees = {"every:v0": tree_of(every), "most:v0": tree_of(most), "new:v0": tree_of(new)}
    to = tmp_path / "to"

    def judge(store: Path, first: Outcome, others: list[Outcome]) -> None:
        check_outcomes(first, *others)
        remaining = {name: tree for name, tree in trees.items() if name != "every:v0"}
        check_store(store, clean_scratch(tmp_path), living=remaining)
        check_store(to, clean_scratch(tmp_path), living={"most:v0": trees["most:v0"]}, possible=trees)
        shutil.rmtree(to)

    def make(folder: Path) -> Path:
        return store_with_versions(folder, every=every, most=most)

    shutil.rmtree(to, ignore_errors=True)
    race(
        runner,
        tmp_path,
        make,
        child_tasks.backup,
        {"to": to},
        [
            (child_tasks.commit, {"source": new, "name": "new"}),
            (child_tasks.delete, {"name": "every:v0"}),
            (child_tasks.collect_garbage, {}),
        ],
        judge,
        every_step,
    )


@pytest.mark.parametrize("pack", ["a dead pack", "a pack to repack"])
def test_a_pack_that_a_draft_adopts_while_it_is_swept(pack: str, runner: TaskRunner, tmp_path: Path) -> None:
    """The sweep is paused twice: a draft adopts the pack after the first pause, and is committed after the second."""
    every, most = files_and_most(tmp_path)
    new = write_files(tmp_path / "new", {"new": noise(30_000, "new")})
    living = {"most:v0": tree_of(most)} if pack == "a pack to repack" else {}
    template = store_with_versions(tmp_path / "template", every=every, **({"most": most} if living else {}))
    copy = tmp_path / "copy"
    steps = runner.complete(child_tasks.delete, store=shutil.copytree(template, copy), name="every:v0").steps
    committed = steps.index("close", steps.index("flock"))
    locks = [i + 1 for i, step in enumerate(steps) if step == "open" and steps[i + 1] == "flock" and i > committed]
    wrong = []
    for first, second in [(i, j) for i in locks for j in locks if i < j]:
        shutil.rmtree(copy)
        shutil.copytree(template, copy)
        sweeping = runner.start(child_tasks.delete, store=copy, name="every:v0", pause_at=[first, second])
        sweeping.wait()
        draft = runner.start(child_tasks.commit_after_pause, store=copy, source=new)
        if draft.wait(0.3).state == "running":
            # It waits for the write lock, which the sweep holds.
            sweeping.unpause()
            draft.wait()
        else:
            sweeping.resume()
        draft.unpause()
        draft.wait(0.3)
        sweeping.unpause()
        outcomes = [sweeping.wait(), draft.wait()]
        try:
            check_outcomes(*outcomes)
            check_store(copy, clean_scratch(tmp_path), living={**living, "held:v0": tree_of(new)})
        except Exception as error:
            wrong.append(f"paused at {first} ({steps[first - 1]}) and {second}: {summary(error)}")
    assert not wrong, "\n".join(wrong)


# Random races


def check_churned(store: Path, scratch: Path) -> None:
    """Check that every version has the content that its file names imply, and that the store is clean."""
    with Store.open(store) as opened:
        for collection in opened.collections():
            for version in opened.versions(collection.name):
                for path in child_tasks.files_below(
                    read_versions(opened, version.name, scratch / version.name.replace(":", "-"))
                ):
                    assert path.read_bytes() == child_tasks.content(path.name), f"{path} is wrong"
        check_numbers(opened)
        opened.gc()
        check_clean(opened)
    check_no_locks(store)


def read_versions(store: Store, name: str, root: Path) -> Path:
    store.get(name, root)
    return root


def churn(runner: TaskRunner, tmp_path: Path, processes: int, seconds: float, seed: int = 0) -> list[Outcome]:
    store = store_with_versions(tmp_path / "store")
    (tmp_path / "scratch").mkdir()
    children = [
        runner.start(child_tasks.churn, store=store, scratch=tmp_path / "scratch", seed=seed + i, seconds=seconds)
        for i in range(processes)
    ]
    return [child.wait(seconds + 60) for child in children]


def test_many_processes_that_share_content_lose_nothing(runner: TaskRunner, tmp_path: Path) -> None:
    for outcome in churn(runner, tmp_path, 4, 5):
        assert (outcome.state, outcome.reports) == ("done", []), "".join(outcome.reports)
    check_churned(tmp_path / "store", tmp_path / "out")


@pytest.mark.torture
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(10))
def test_very_many_processes_that_share_content_lose_nothing(seed: int, runner: TaskRunner, tmp_path: Path) -> None:
    for outcome in churn(runner, tmp_path, 8, 30, seed * 100):
        assert (outcome.state, outcome.reports) == ("done", []), "".join(outcome.reports)
    check_churned(tmp_path / "store", tmp_path / "out")


def churn_and_kill(runner: TaskRunner, tmp_path: Path, processes: int, kills: int, seconds: float) -> None:
    """Kill processes at random moments, also within SQLite, while others continue."""
    store = store_with_versions(tmp_path / "store")
    (tmp_path / "scratch").mkdir()
    draw = random.Random(1)

    def start(seed: int) -> Child:
        return runner.start(child_tasks.churn, store=store, scratch=tmp_path / "scratch", seed=seed, seconds=seconds)

    running = [start(seed) for seed in range(processes)]
    for kill in range(kills):
        time.sleep(draw.uniform(0.05, 0.4))
        doomed = running.pop(draw.randrange(len(running)))
        outcome = doomed.kill()
        assert outcome.reports == [], "".join(outcome.reports)
        running.append(start(100 + kill))
    for child in running:
        outcome = child.kill()
        assert outcome.reports == [], "".join(outcome.reports)
    check_churned(store, tmp_path / "out")


def test_processes_killed_at_any_instant_lose_nothing(runner: TaskRunner, tmp_path: Path) -> None:
    churn_and_kill(runner, tmp_path, 3, 12, 30)


@pytest.mark.torture
@pytest.mark.timeout(1200)
def test_very_many_processes_killed_at_any_instant_lose_nothing(runner: TaskRunner, tmp_path: Path) -> None:
    churn_and_kill(runner, tmp_path, 6, 600, 600)


def test_eight_threads_that_share_one_store(tmp_path: Path) -> None:
    store = store_with_versions(tmp_path / "store")
    source = write_files(tmp_path / "source", {f"{i}": noise(3000 if i % 3 else 100_000, i) for i in range(12)})
    trees = tree_of(source)
    with Store.open(store) as opened:

        def work(seed: int) -> list[str]:
            draw, made = random.Random(seed), []
            for turn in range(12):
                draft = opened.draft(f"t{seed}", "dataset", metadata={"turn": turn})
                for name in draw.sample(sorted(trees), 3):
                    opened.add_file(draft, source / name)
                made.append(opened.commit(draft).name)
                root = tmp_path / f"{seed}-{turn}"
                opened.get(draw.choice(made), root)
                assert tree_of(root).items() <= trees.items()
                if draw.random() < 0.4:
                    opened.delete(made.pop(draw.randrange(len(made))), delete_aliases=True)
                if draw.random() < 0.2:
                    opened.gc()
            return made

        with ThreadPoolExecutor(8) as pool:
            made = {name for names in pool.map(work, range(8)) for name in names}
        for number, name in enumerate(sorted(made)):
            assert downloaded_tree(opened, name, tmp_path / f"out-{number}").items() <= trees.items()
        opened.gc()
        check_clean(opened)
        check_numbers(opened)
    check_no_locks(store)


def test_threads_that_open_a_store_at_the_same_time_share_one_process_lock(tmp_path: Path) -> None:
    """Each process that has the store open has a lock file, which is removed when the store is closed."""
    source = write_files(tmp_path / "source", {"a": b"a"})
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for turn in range(8):
            store = store_with_versions(tmp_path / f"{turn}")
            begun = threading.Barrier(8)
            with Store.open(store) as opened, ThreadPoolExecutor(8) as pool:

                def work(number: int, opened: Store = opened, begun: threading.Barrier = begun) -> None:
                    begun.wait()
                    commit_folder(opened, source, f"a{number}")

                for done in [pool.submit(work, number) for number in range(8)]:
                    done.result()
            check_no_locks(store)
    finally:
        sys.setswitchinterval(before)


# Forks


def test_a_store_can_be_used_on_both_sides_of_a_fork(runner: TaskRunner, tmp_path: Path) -> None:
    ours, theirs = write_shared(tmp_path / "ours"), write_grown(tmp_path / "theirs")
    store = store_with_versions(tmp_path / "store")
    outcome = runner.complete(child_tasks.fork, store=store, ours=ours, theirs=theirs)
    names = {f"{side}-{turn}:v0" for side in ("ours", "theirs") for turn in range(5)}
    assert set(outcome.reports) == names | {"the child ended with 0"}
    trees = {name: tree_of(ours if name.startswith("ours") else theirs) for name in names}
    check_store(store, tmp_path / "scratch", living=trees)


@pytest.mark.parametrize(
    "task", [child_tasks.fork_and_close, child_tasks.fork_and_open], ids=["inherited", "opened-again"]
)
def test_a_forked_child_commits_durably_after_its_parent_closed_the_store(
    task: Callable[..., None], runner: TaskRunner, tmp_path: Path
) -> None:
    """SQLite removes its journal with the last connection, and a child must count as one."""
    one, two = write_shared(tmp_path / "one"), write_grown(tmp_path / "two")
    store = store_with_versions(tmp_path / "store")
    outcome = runner.complete(task, store=store, one=one, two=two)
    assert outcome.reports == ["one:v0", "two:v0"], outcome.error_line
    check_store(store, tmp_path / "scratch", living={"one:v0": tree_of(one), "two:v0": tree_of(two)})


def test_a_forked_child_that_closes_the_store_does_not_end_the_drafts_of_its_parent(
    runner: TaskRunner, tmp_path: Path
) -> None:
    source = write_shared(tmp_path / "source")
    store = store_with_versions(tmp_path / "store", animals=source)
    holder = runner.start(
        child_tasks.fork_and_close_in_the_child, store=store, source=write_shared(tmp_path / "copied")
    )
    assert holder.wait().state == "paused"
    with Store.open(store) as other:
        other.delete("animals:v0", delete_aliases=True)
        other.gc()
    outcome = holder.resume()
    assert outcome.reports == ["drafted:v0"], outcome.error_line
    check_store(store, tmp_path / "scratch", living={"drafted:v0": tree_of(source)})


@pytest.mark.parametrize("size", [3000, 3_000_000], ids=["small", "large"])
def test_a_draft_open_at_a_fork_never_mixes_the_bytes_of_two_processes(
    size: int, runner: TaskRunner, tmp_path: Path
) -> None:
    before = write_files(tmp_path / "before", {"before": noise(size, "before")})
    ours = write_files(tmp_path / "ours", {"ours": noise(size, "ours")})
    theirs = write_files(tmp_path / "theirs", {"theirs": noise(size + 1, "theirs")})
    store = store_with_versions(tmp_path / "store")
    outcome = runner.complete(child_tasks.fork_with_a_draft, store=store, before=before, ours=ours, theirs=theirs)
    assert "the child ended with 0" in outcome.reports, outcome.reports
    trees = {"parent": tree_of(before) | tree_of(ours), "child": tree_of(before) | tree_of(theirs)}
    committed = [report.split(" of ") for report in outcome.reports if report.startswith("drafted:")]
    assert "parent" in [who for _, who in committed], outcome.reports
    check_store(store, tmp_path / "scratch", living={name: trees[who] for name, who in committed})


# Sources that change


def numbered_content(number: int, size: int) -> bytes:
    """Return content that shows its number and whether it is whole."""
    return number.to_bytes(8, "big") + noise(size - 8, number)


def number_in(data: bytes) -> int:
    number = int.from_bytes(data[:8], "big")
    assert data == numbered_content(number, len(data)), "two states are mixed"
    return number


@pytest.fixture
def rewriting(tmp_path: Path) -> Iterator[Callable[[Callable[[int], None]], None]]:
    """Call a function with 1, 2, 3, ... in the background until the test ends, before its folder is removed."""
    stop, threads = threading.Event(), list[threading.Thread]()

    def begin(write: Callable[[int], None]) -> None:
        def run() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                write(number)

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield begin
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("size", [500, 60_000, 300_000], ids=["small", "one-chunk", "large"])
def test_a_file_that_is_replaced_constantly_is_stored_in_one_of_its_states(
    size: int, rewriting: Callable[[Callable[[int], None]], None], tmp_path: Path
) -> None:
    source = write_files(tmp_path / "source", {"file": numbered_content(0, size)})
    states = [numbered_content(number, size) for number in range(32)]

    def replace(number: int) -> None:
        (tmp_path / "next").write_bytes(states[number % len(states)])
        (tmp_path / "next").rename(source / "file")

    rewriting(replace)
    with Store.init(tmp_path / "store") as store:
        for turn in range(25):
            draft = store.draft("animals", "dataset", metadata={"turn": turn})
            store.add_dir(draft, source)
            entry = next(iter(store.entries(store.commit(draft))))
            number_in(b"".join(store.read(entry)))
        assert store.verify().findings == []


@pytest.mark.parametrize("size", [500, 60_000, 300_000], ids=["small", "one-chunk", "large"])
def test_a_file_that_is_overwritten_constantly_is_stored_as_its_digest_says(
    size: int, rewriting: Callable[[Callable[[int], None]], None], tmp_path: Path
) -> None:
    source = write_files(tmp_path / "source", {"file": numbered_content(0, size)})
    states = [numbered_content(number, size) for number in range(32)]

    def overwrite(number: int) -> None:
        with (source / "file").open("r+b") as file:
            file.write(states[number % len(states)])
        time.sleep(0.0005)

    rewriting(overwrite)
    with Store.init(tmp_path / "store") as store:
        for turn in range(25):
            draft = store.draft("animals", "dataset", metadata={"turn": turn})
            try:
                store.add_dir(draft, source)
            except SourceChanged:
                store.drop(draft)
                continue
            version = store.commit(draft)
            store.get(version, tmp_path / "out")
            digest = next(iter(store.entries(version))).digest
            assert [f"blake3:{digest_hex}" for digest_hex in tree_of(tmp_path / "out").values()] == [digest]
        store.gc()
        check_clean(store)


def test_a_file_that_changes_right_after_it_was_added_is_read_again(tmp_path: Path) -> None:
    """Size, inode and clock tick are unchanged, so only reading the file again finds the change."""
    source = write_files(tmp_path / "source", {"file": numbered_content(0, 500)})
    with Store.init(tmp_path / "store") as store:
        for number in range(60):
            draft = store.draft("animals", "dataset")
            store.add_dir(draft, source)
            entry = next(iter(store.entries(store.commit(draft))))
            assert number_in(b"".join(store.read(entry))) == number
            if number % 3 == 0:
                time.sleep(A_TICK / 10)
            with (source / "file").open("r+b") as file:
                file.write(numbered_content(number + 1, 500))


def test_a_file_that_changes_right_after_it_was_downloaded_is_read_again(tmp_path: Path) -> None:
    with Store.init(tmp_path / "store") as store:
        commit_folder(store, write_files(tmp_path / "source", {"file": numbered_content(0, 500)}), "animals")
        for turn in range(30):
            root = tmp_path / f"root-{turn % 3}"
            store.get("animals:v0", root)
            assert number_in((root / "file").read_bytes()) == 0
            with (root / "file").open("r+b") as file:
                file.write(numbered_content(turn + 1, 500))
            draft = store.draft("changed", "dataset")
            store.add_dir(draft, root)
            entry = next(iter(store.entries(store.commit(draft))))
            assert number_in(b"".join(store.read(entry))) == turn + 1


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "there"])
@pytest.mark.parametrize("size", [500, 300_000], ids=["small", "large"])
def test_a_file_that_changes_before_the_stat_cache_records_its_download_is_read_again(
    size: int, is_new: bool, runner: TaskRunner, tmp_path: Path
) -> None:
    """The file changes after it appeared and before the stat cache records it."""
    store = store_with_versions(
        tmp_path / "store", animals=write_files(tmp_path / "source", {"file": numbered_content(0, size)})
    )
    arguments: dict[str, Any] = {"store": store, "name": "animals:v0", "root": tmp_path / "root"}
    if not is_new:
        (tmp_path / "root").mkdir()
    steps = runner.complete(child_tasks.get, **arguments).steps
    noted = steps.index("rename") + 2 if is_new else steps.index("fstat", steps.index("link")) + 1
    shutil.rmtree(tmp_path / "root")
    if not is_new:
        (tmp_path / "root").mkdir()
    child = runner.start(child_tasks.get, **arguments, pause_at=[noted])
    assert child.wait().state == "paused"
    with (tmp_path / "root" / "file").open("r+b") as file:
        file.write(numbered_content(1, size))
    assert child.resume().state == "done"
    with Store.open(store) as opened:
        draft = opened.draft("changed", "dataset")
        opened.add_dir(draft, tmp_path / "root")
        entry = next(iter(opened.entries(opened.commit(draft))))
        assert number_in(b"".join(opened.read(entry))) == 1
