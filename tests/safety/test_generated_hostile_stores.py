"""Stores changed at random by an attacker: nothing outside is touched, nothing hangs, and each error is one of ours."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from tests.support import child_tasks
from tests.support.budgets import BUDGET
from tests.support.figures import Figures, Record
from tests.support.hostile_edits import hostile
from tests.support.hostile_stores import BAIT, VERBS, outside
from tests.support.kill_points import TaskRunner

BAIT_BYTES = b"artstore-pack-1\nbait"
SECONDS = 60
"""A verb that takes longer hangs."""
PARTS = 8
"""The torture test is cut into parts, which run in several processes."""


def template(runner: TaskRunner, folder: Path) -> Path:
    """Make a store that has something of everything, and return the folder that it lies in."""
    base = folder / "sent"
    runner.complete(child_tasks.prepare_deed, deed="ref", base=base)
    for deed in ("labels", "log", "ref"):
        child = runner.start(child_tasks.do_deed, deed=deed, base=base)
        child.wait()
        assert (outcome := child.resume()).state == "done", outcome.error
    return base


def attack(runner: TaskRunner, folder: Path, seeds: range, figures: Figures) -> None:
    made = template(runner, folder / "made")
    for seed in seeds:
        draw = random.Random(seed)
        base = folder / "victim"
        shutil.rmtree(base, ignore_errors=True)
        shutil.copytree(made, base / "sent", symlinks=True)
        shutil.copytree(made / "old", base / "source", symlinks=True)
        bait = base / "sent" / BAIT
        bait.write_bytes(BAIT_BYTES)
        bait.chmod(0o600)
        edits = hostile(base / "sent" / "store", draw)
        own = (base / "out", base / "artifacts", base / "sent" / "store")
        before = outside(base, *own)
        verbs = [*draw.sample(VERBS, 4), ["verify"]]
        child = runner.start(child_tasks.use_hostile_store, base=base, store=base / "sent" / "store", verbs=verbs)
        outcome = child.wait(SECONDS)
        if outcome.state == "running":
            outcome = child.kill()
        answers = [json.loads(report) for report in outcome.reports]
        figures.tried["stores"] = figures.tried.get("stores", 0) + 1
        for edit in edits:
            figures.count(f"edits of a {edit.kind}")
        wrong = [f"{verb}: {foreign}" for verb, _, foreign in answers if foreign]
        wrong += [f"{verb}: exit code {code}" for verb, code, _ in answers if code not in (0, 1, 2)]
        if any(code for _, code, _ in answers):
            figures.count("stores that a verb refused or found damaged")
        if outcome.state != "done":
            wrong.append(f"{outcome.state} in {verbs[len(answers) :][:1]}: {outcome.error_line}")
        after = outside(base, *own)
        touched = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
        wrong += [f"{path} was touched" for path in sorted(touched)]
        figures.wrong += [f"store {seed}, {edits}: {what}" for what in wrong]


def test_a_sample(runner: TaskRunner, tmp_path: Path, record_property: Record) -> None:
    figures = Figures()
    attack(runner, tmp_path, range(6), figures)
    # Otherwise nothing hostile reached a verb.
    assert figures.tried["stores that a verb refused or found damaged"] >= 3
    figures.report(record_property, "hostile stores made by chance")


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
def test_very_many(part: int, runner: TaskRunner, tmp_path: Path, record_property: Record) -> None:
    figures = Figures()
    each = -(-BUDGET.hostile // PARTS)
    attack(runner, tmp_path, range(1000 + part * each, 1000 + (part + 1) * each), figures)
    figures.report(record_property, f"hostile stores made by chance, part {part}")
