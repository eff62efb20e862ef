"""Processes are killed at any instant, and before any system call, during everything that people do with a store.

After each kill, what was acknowledged is there byte for byte, nothing half done is visible, the next command works, and
a collection leaves nothing of the dead process. What is there is read without artstore, then with it.
"""

from __future__ import annotations

import ast
import inspect
import random
import shutil
import time
from pathlib import Path

import pytest

from artstore.cli import VERBS
from tests.support import child_tasks
from tests.support.budgets import BUDGET
from tests.support.deed_checks import Scene, seen
from tests.support.deeds import DEEDS
from tests.support.figures import Figures, Record
from tests.support.files import tree_of
from tests.support.kill_points import Child, Outcome, TaskRunner
from tests.support.system_calls import DEADLY, killing, traced

SAMPLED = "put", "rm"
NOT_KILLED = {
    "ls": "reads",
    "show": "reads",
    "log": "reads",
    "diff": "reads",
    "status": "reads",
    "lineage": "reads",
    "runs": "reads",
    "du": "reads",
    "sql": "reads",
    "report": "reads, and writes a file outside of the store",
    "ui": "reads, and serves pages",
    "bench": "opens no store of the user",
    "demo": "runs the other verbs in a new folder",
    "completion": "prints a script",
}
"""The verbs that no deed runs, each with the reason: they change no store."""
TURNS = 40
"""Rounds of one deed before it is prepared again."""


def killed_by_time(scene: Scene, draw: random.Random) -> Outcome:
    child = scene.paused()
    child.unpause()
    outcome = child.wait(draw.uniform(0, scene.seconds * 1.1))
    return ended(child, child.kill() if outcome.state == "running" else outcome)


def killed_before_a_call(scene: Scene, draw: random.Random, counts: dict[str, int]) -> Outcome:
    call = draw.choice(sorted(counts))
    child = scene.paused()
    with traced(child.pid, killing(call, draw.randint(1, counts[call])), "-o", "/dev/null", calls=DEADLY):
        return ended(child, child.resume())


def ended(child: Child, outcome: Outcome) -> Outcome:
    """End the processes that a killed one has left, which would go on with their part."""
    child.kill_helpers()
    while child.helpers():
        time.sleep(0.01)
    return outcome


def check_filled(scene: Scene) -> None:
    """Check that each file of a folder is one of the version before or after, and that doing it again completes it."""
    before = [tree_of(scene.folder / "template" / name) for name in scene.deed.filled]
    for name, old, new in zip(scene.deed.filled, before, scene.filled, strict=True):
        for path, digest in tree_of(scene.base / name).items():
            if not path.rpartition("/")[2].startswith("."):
                assert digest in (old.get(path), new.get(path)), f"{path} is neither old nor new"
    if scene.deed.filled or scene.deed.built:
        child = scene.runner.start(child_tasks.do_deed, deed=scene.name, base=scene.base)
        child.wait()
        assert (outcome := child.resume()).state == "done", outcome.error
        for name, new in zip(scene.deed.filled, scene.filled, strict=True):
            # A file that replaces another has a hidden name for an instant, and keeps it if it is killed then.
            whole = {path: digest for path, digest in tree_of(scene.base / name).items() if "/." not in f"/{path}"}
            assert whole == new, "doing it again leaves something else"
        built, last = seen(scene.deed, scene.base), scene.states[-1]
        assert all(built[name] == last[name] for name in scene.deed.built), "doing it again does not complete it"
        places = {scene.base, *((scene.base / name).parent for name in scene.deed.built)}
        hidden = [path.name for place in places for path in place.iterdir() if path.name.startswith(".")]
        assert hidden == [], f"{hidden} are left"


def rounds(runner: TaskRunner, name: str, folder: Path, count: int, figures: Figures) -> None:
    draw = random.Random(name)
    for turn in range(count):
        if turn % TURNS == 0:
            shutil.rmtree(folder, ignore_errors=True)
            scene = Scene(runner, name, folder)
            counts = scene.counted()
        by_time = turn % 3 == 0
        outcome = killed_by_time(scene, draw) if by_time else killed_before_a_call(scene, draw, counts)
        figures.count("by time" if by_time else "before a call")
        figures.count(outcome.state)
        try:
            assert outcome.state in ("killed", "done"), outcome.error
            scene.check(scene.base, len(outcome.reports), scene.folder / "scratch")
            check_filled(scene)
        except Exception as error:
            figures.fail(f"{name}, round {turn}", error)
    shutil.rmtree(folder, ignore_errors=True)


def verbs_of_deeds() -> set[str]:
    """Return the verbs that deeds run, not those that only prepare them."""
    named: list[ast.expr] = []
    for deed in DEEDS.values():
        for node in ast.walk(ast.parse(inspect.getsource(deed.do))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "command":
                named.append(node.args[0])
            elif isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):
                named += [row.elts[0] for row in node.iter.elts if isinstance(row, ast.Tuple)]
    return {str(word.value) for word in named if isinstance(word, ast.Constant)}


def test_every_verb_that_changes_a_store_is_killed() -> None:
    assert verbs_of_deeds() & NOT_KILLED.keys() == set()
    assert verbs_of_deeds() | NOT_KILLED.keys() == VERBS.keys()


def test_a_sample(runner: TaskRunner, tmp_path: Path, record_property: Record) -> None:
    figures = Figures()
    for name in SAMPLED:
        rounds(runner, name, tmp_path / name, 4, figures)
    figures.report(record_property, "rounds of kills")


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", sorted(DEEDS))
def test_every_deed(name: str, runner: TaskRunner, tmp_path: Path, record_property: Record) -> None:
    figures = Figures()
    rounds(runner, name, tmp_path / name, -(-BUDGET.kills // len(DEEDS)), figures)
    figures.report(record_property, f"rounds of kills during {name}")
