"""Upsert, finish and drop, killed or overtaken at any step, keep exactly what was acknowledged.

By default a sample of the steps; the torture tests take all of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from artstore.errors import PathConflict
from artstore.store import Store
from tests.support import child_tasks
from tests.support.files import Tree, noise, store_with_versions, tree_of, write_files
from tests.support.kill_points import Outcome, TaskRunner, sampled, summary
from tests.support.store_checks import check_clean, check_no_locks, check_numbers, downloaded_tree

SAMPLES = 6
PAUSES = 4


def upsert_and_report(store: Path, *sources: Path) -> None:
    with Store.open(store) as opened:
        for source in sources:
            draft = opened.draft("shared", "dataset")
            opened.add_dir(draft, source)
            opened.upsert(draft, "batch")


class Scene:
    """A store with a committed and a pending version, and a folder to upsert."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = write_files(folder / "kept", {"large": noise(400_000, "large"), "k": noise(3000, "k")})
        self.there = write_files(
            folder / "there", {"there/a": noise(3000, "a"), "there/large": noise(400_000, "large")}
        )
        self.new = write_files(
            folder / "new", {f"new/{i}": noise(20_000, f"new {i}") for i in range(20)} | {"new/k": noise(3000, "k")}
        )
        self.store = store_with_versions(folder / "store", kept=self.kept)
        upsert_and_report(self.store, self.there)

    def copy(self) -> Path:
        shutil.rmtree(self.folder / "copy", ignore_errors=True)
        return Path(shutil.copytree(self.store, self.folder / "copy"))

    def outcomes(self, task: Callable[..., None], outcome: Outcome) -> list[Tree | None]:
        """Return the contents that the pending version may have after a task was killed; None if it may be gone."""
        before, after = tree_of(self.there), tree_of(self.there) | tree_of(self.new)
        if task is child_tasks.upsert:
            return [after] if outcome.reports else [before, after]
        if task is child_tasks.drop_pending:
            return [None] if outcome.reports else [before, None]
        return [before]

    def check(self, store: Path, outcomes: list[Tree | None]) -> None:
        """Finish the pending version, if any, and check everything."""
        scratch = self.folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        with Store.open(store) as opened:
            assert downloaded_tree(opened, "kept:v0", scratch / "kept") == tree_of(self.kept)
            for pending in opened.pending():
                if pending.entries:
                    assert opened.finish(pending).name == "shared:v0"
            lives = any(summary.collection.name == "shared" and summary.versions for summary in opened.summaries())
            stored = downloaded_tree(opened, "shared:v0", scratch / "shared") if lives else None
            assert stored in outcomes, "the version is not what was acknowledged"
            opened.gc()
            check_clean(opened)
            check_numbers(opened)
            if lives:
                assert downloaded_tree(opened, "shared:v0", scratch / "again") == stored
        check_no_locks(store)


DEEDS: list[tuple[Callable[..., None], dict[str, int]]] = [
    (child_tasks.upsert, {}),
    (child_tasks.upsert, {"full_at": 100_000}),
    (child_tasks.finish_pending, {}),
    (child_tasks.drop_pending, {}),
]
IDS = ["upsert", "upsert-that-fills-packs", "finish", "drop"]


@pytest.mark.parametrize(("task", "how"), DEEDS, ids=IDS)
def test_after_a_kill_another_process_finishes_what_was_acknowledged(
    task: Callable[..., None], how: dict[str, int], every_step: bool, runner: TaskRunner, tmp_path: Path
) -> None:
    scene = Scene(tmp_path)
    arguments: dict[str, object] = {**how, **({"source": scene.new} if task is child_tasks.upsert else {})}
    steps = runner.complete(task, store=scene.copy(), **arguments).steps
    wrong = []
    for at in sampled(len(steps), len(steps) if every_step else SAMPLES):
        outcome = runner.run(task, store=(store := scene.copy()), kill_at=at, **arguments)
        assert outcome.state in ("killed", "done"), outcome.error
        try:
            scene.check(store, scene.outcomes(task, outcome))
        except Exception as error:
            wrong.append(f"killed before step {at} of {len(steps)} ({steps[at - 1]}): {summary(error)}")
    assert not wrong, "\n".join(wrong)


def delete_and_collect(store: Path) -> None:
    """Delete the version that shares content with the upsert, and collect."""
    with Store.open(store) as opened:
        opened.delete("kept:v0", delete_aliases=True)
        opened.gc()


def test_an_upsert_keeps_shared_content_of_a_version_deleted_meanwhile(
    every_step: bool, runner: TaskRunner, tmp_path: Path
) -> None:
    scene = Scene(tmp_path)
    steps = runner.complete(child_tasks.upsert, store=scene.copy(), source=scene.new).steps
    for at in sampled(len(steps), len(steps) if every_step else PAUSES):
        store = scene.copy()
        child = runner.start(child_tasks.upsert, store=store, source=scene.new, pause_at=[at])
        # Where the upsert holds the write lock, the deletion waits for it.
        if child.wait().state == "paused" and not is_write_locked(store):
            delete_and_collect(store)
            child.resume()
        else:
            child.resume()
            delete_and_collect(store)
        with Store.open(store) as opened:
            version = opened.finish(opened.pending()[0])
            stored = downloaded_tree(opened, version.name, tmp_path / f"found-{at}")
            assert stored == tree_of(scene.there) | tree_of(scene.new), f"paused before step {at}"
            opened.gc()
            check_clean(opened)


def is_write_locked(store: Path) -> bool:
    """Return whether a process holds the write lock."""
    import fcntl

    with (store / "locks" / "turn.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@pytest.mark.parametrize("other", ["upsert", "conflict", "drop", "rename", "finish"])
def test_finishing_includes_what_others_upserted_meanwhile_or_is_an_error(
    other: str, every_step: bool, runner: TaskRunner, tmp_path: Path
) -> None:
    scene = Scene(tmp_path)
    steps = runner.complete(child_tasks.finish_pending, store=scene.copy()).steps
    for at in sampled(len(steps), len(steps) if every_step else PAUSES):
        store = scene.copy()
        child = runner.start(child_tasks.finish_pending, store=store, pause_at=[at])
        if child.wait().state != "paused" or is_write_locked(store):
            assert child.resume().reports == ["shared:v0"]
            continue
        with Store.open(store) as opened:
            waiting = opened.pending()
            if not waiting:
                pass
            elif other == "upsert":
                upsert_and_report(store, scene.new)
            elif other == "conflict":
                clash = write_files(tmp_path / f"clash-{at}", {"there/a": b"clash"})
                with pytest.raises(PathConflict):
                    upsert_and_report(store, clash)
            elif other == "drop":
                opened.drop_pending(waiting[0])
            elif other == "rename":
                opened.describe_collection("shared", new_name="renamed")
            else:
                assert opened.finish(waiting[0]).name == "shared:v0"
        ended = child.resume()
        with Store.open(store) as opened:
            if other == "drop" and waiting:
                assert "NotFound" in ended.error
                assert opened.usage().versions == 1
            else:
                name = "renamed" if other == "rename" and waiting else "shared"
                assert ended.reports == [f"{name}:v0"], ended.error
                expected = tree_of(scene.there) | (tree_of(scene.new) if other == "upsert" and waiting else {})
                assert downloaded_tree(opened, f"{name}:v0", tmp_path / f"found-{at}") == expected
                assert [version.name for version in opened.versions(name)] == [f"{name}:v0"]
            opened.gc()
            check_clean(opened)
