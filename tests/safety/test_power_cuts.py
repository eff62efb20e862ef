"""After a power cut at any point, what was acknowledged is there, nothing is half done, and the store goes on.

Each deed is recorded, and its folder rebuilt as a cut may have left it (`tests.support.power_cuts`). What is there is
read without artstore, then with it. By default a sample of the cuts; the torture test tries all of them.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.support.budgets import BUDGET
from tests.support.deed_checks import Scene
from tests.support.deeds import DEEDS
from tests.support.figures import Figures, Record
from tests.support.kill_points import TaskRunner
from tests.support.power_cuts import Disk

SAMPLED = "log", "delete"
NOT_DURABLE = "get", "get-again", "verify"
"""Downloads are not durable, and verification writes nothing."""


def cut(scene: Scene, figures: Figures, strict: float, lenient: float, seeds: int = 1) -> None:
    """Cut at a part of the points: at every one if it is 1."""
    scene.renewed()
    disk = Disk(scene.base)
    trace = scene.record()
    draw = random.Random(scene.name)
    for number, _ in enumerate(disk.play(trace)):
        kinds: list[tuple[str, random.Random | None]] = []
        if disk.is_durable_changed and draw.random() < strict:
            kinds.append(("strict", None))
        if draw.random() < lenient:
            kinds += [("lenient", random.Random(f"{scene.name} {number} {seed}")) for seed in range(seeds)]
        for kind, chance in kinds:
            left = scene.folder / "left"
            shutil.rmtree(left, ignore_errors=True)
            disk.rebuild((*scene.deed.stores, *scene.deed.built), left, chance)
            figures.count(kind)
            try:
                scene.check(left, disk.acknowledged, scene.folder / "scratch")
            except Exception as error:
                figures.fail(f"{scene.name}, {kind} cut after call {number}", error)
    assert disk.acknowledged == len(scene.states) - 1
    assert disk.differences() == [], "the trace does not tell all"
    shutil.rmtree(scene.folder)


def test_a_sample(runner: TaskRunner, tmp_path: Path, record_property: Record) -> None:
    figures = Figures()
    for name in SAMPLED:
        cut(Scene(runner, name, tmp_path / name), figures, 0.25, 0.02)
    figures.report(record_property, "cuts of the power")


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", sorted(DEEDS.keys() - set(NOT_DURABLE)))
def test_every_cut(name: str, runner: TaskRunner, tmp_path: Path, record_property: Record) -> None:
    figures = Figures()
    cut(Scene(runner, name, tmp_path / name), figures, 1, 1, BUDGET.chances)
    figures.report(record_property, f"cuts of the power during {name}")
