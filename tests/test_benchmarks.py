"""The benchmarks run, at sizes at which their numbers mean nothing, so that they do not rot."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from unittest.mock import ANY

import pytest

from benchmarks import measuring, side_by_side, targets
from benchmarks.__main__ import main
from benchmarks.measuring import CommandFailed
from benchmarks.peers.peer import Place
from benchmarks.peers.plain import Cp
from benchmarks.shapes import MEBI, TINY
from benchmarks.side_by_side import Left, Measured
from benchmarks.targets.row import Row


@pytest.mark.parametrize("name", targets.MEASURED)
def test_every_goal_is_measured(name: str, tmp_path: Path) -> None:
    rows = list(targets.measure(tmp_path, TINY, [name]))
    assert rows and all(re.fullmatch(r"P\d+", row.number) and row.goal and row.measured for row in rows)
    for row in rows:
        # What is counted and not timed holds at any size.
        assert row.held or not re.search("requests|version ids|versions that|growth|on disk", row.what + row.goal)


def test_the_last_line_of_the_goals_names_what_is_missed_and_what_was_not_measured() -> None:
    held, missed = Row("P1", "a", "b", "c", True), Row("P2", "a", "b", "c", False)
    assert targets.conclusion([held] * 2).startswith("1 of 13 hold; not measured: P2, P3,")
    assert targets.conclusion([held, missed, held._replace(number="P2")]).startswith("1 of 13 hold; not held: P2; not")
    all_thirteen = [held._replace(number=f"P{number}") for number in range(1, 14)]
    assert targets.conclusion(all_thirteen) == "13 of 13 hold"


def test_the_data_is_removed_at_the_end_unless_it_is_to_be_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["targets", "lineage", "--tiny", "--dir", str(tmp_path)]) == 0
    assert not list(tmp_path.iterdir()) and "1 of 13 hold" in capsys.readouterr().out
    assert main(["targets", "lineage", "--tiny", "--keep", "--dir", str(tmp_path)]) == 0
    (kept,) = tmp_path.iterdir()
    assert str(kept) in capsys.readouterr().out


def test_tools_do_the_same_work_beside_each_other(tmp_path: Path) -> None:
    found, left = side_by_side.install(tmp_path, ["cp", "artstore", "git"])
    assert not left and all(version for _, version in found.values())
    results = list(side_by_side.run(tmp_path, TINY, [peer for peer, _ in found.values()], ["medium", "one_large"]))
    cells = side_by_side.cells(results)
    assert [each for each in results if isinstance(each, Left)] == [Left("one_large", "git", ANY)]
    assert {key[2] for key in cells} == side_by_side.STEPS.keys()
    assert all(cell.seconds > 0 for cell in cells.values())
    # A copy takes all of it again, artstore what is new: 2 MiB of the medium files, about 1 MiB in the large one.
    assert cells["medium", "cp -r", "few"].grown_bytes == pytest.approx(3 * 2 * MEBI, rel=0.01)
    assert cells["medium", "artstore", "again"].grown_bytes < MEBI
    assert cells["medium", "artstore", "few"].grown_bytes == pytest.approx(2 * MEBI, rel=0.1)
    assert cells["one_large", "artstore", "few"].grown_bytes < 2 * MEBI


def test_a_tool_that_gives_back_something_else_is_not_measured_but_reported(tmp_path: Path) -> None:
    class Forgetful(Cp):
        def after_get(self, place: Place, out: Path) -> Path:
            min(path for path in out.rglob("*") if path.is_file()).unlink()
            return out

    results = list(side_by_side.run(tmp_path, TINY, [Forgetful()], ["medium"]))
    assert results[-1] == Left("medium", "cp -r", "cp -r gave back something else than it was given")
    assert [each.step for each in results if isinstance(each, Measured)] == ["first", "again", "few"]


def test_a_tool_that_is_not_to_be_had_is_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found, left = side_by_side.install(tmp_path, ["git", "restic"])
    assert not found
    assert [each.peer for each in left] == ["git", "restic"]
    assert left[0].why == "git is not installed" and "restic" in left[1].why


def test_what_a_command_takes_is_measured_with_its_children() -> None:
    child = "x = bytearray(50_000_000); import time; t = time.process_time()\nwhile time.process_time() < t + 0.3: pass"
    parent = f"import subprocess, sys; y = bytearray(30_000_000); subprocess.run([sys.executable, '-c', {child!r}])"
    cost = measuring.command([sys.executable, "-c", parent])
    assert cost.cpu_seconds > 0.3 and cost.seconds > 0.3
    assert 80e6 < cost.peak_bytes < 200e6
    with pytest.raises(CommandFailed, match=r"(?s)ended with 3:\nsaid before"):
        measuring.command(["sh", "-c", "echo said before; exit 3"])
