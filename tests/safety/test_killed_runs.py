"""A run that is killed at any step keeps the versions that it acknowledged, and others see it as crashed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from artstore import Store
from tests.support import child_tasks
from tests.support.kill_points import TaskRunner
from tests.support.programs import ProgramFolder

VERSIONS = 3


def check_run(place: ProgramFolder, reports: list[str]) -> None:
    acknowledged = [report for report in reports if report != "over"]
    states = place.states()
    # A program that the killed process had just forked holds its lock until it begins.
    deadline = time.monotonic() + 10
    while "running" in states.values() and time.monotonic() < deadline:
        time.sleep(0.01)
        states = place.states()
    if not states:
        assert acknowledged == []
        return
    contents = place.contents("a") if place.produced() else []
    assert contents == [str(index) for index in range(len(contents))]
    assert len(acknowledged) <= len(contents) <= len(acknowledged) + 1
    assert place.produced() == [f"a:v{index}" for index in range(len(contents))]
    if "over" in reports:
        assert states == {"r": "finished"}
    else:
        assert states in ({"r": "crashed"}, {"r": "finished"} if len(acknowledged) == VERSIONS else None)
    place.check()


@pytest.mark.parametrize("every", [50, pytest.param(1, marks=[pytest.mark.torture, pytest.mark.timeout(1800)])])
def test_a_run_that_is_killed_keeps_what_it_acknowledged(runner: TaskRunner, tmp_path: Path, every: int) -> None:
    steps: list[str] = []
    kill_at = 1
    while not steps:
        place = ProgramFolder(tmp_path / f"{kill_at}")
        place.folder.mkdir()
        Store.init(place.store).close()
        outcome = runner.run(child_tasks.log_in_a_run, store=place.store, count=VERSIONS, kill_at=kill_at)
        assert outcome.state in ("killed", "done"), outcome.error
        check_run(place, outcome.reports)
        steps = outcome.steps
        kill_at += every
    assert len(steps) > 100
