"""The benchmarks run, at sizes too small for their numbers to mean anything, so that they keep working."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from artstore import Store
from benchmarks import comparison, datasets, growth, machine, measurement, million_files, report, savings, targets
from benchmarks.__main__ import main
from benchmarks.comparison import Skipped, StepResult
from benchmarks.datasets import MEBI, TINY
from benchmarks.histories import HISTORIES
from benchmarks.measurement import CommandFailed, Cost, Pair
from benchmarks.peers.artstore_command import Artstore
from benchmarks.peers.backups import Borg
from benchmarks.peers.cp import Cp
from benchmarks.peers.peer import Command, Peer, Place
from benchmarks.peers.working_trees import Git
from benchmarks.savings import Saving, Stored
from benchmarks.targets.row import Row, ratio
from tests.support.files import snapshot


@pytest.mark.parametrize("name", targets.MEASURED)
def test_every_goal_is_measured(name: str, tmp_path: Path) -> None:
    rows = list(targets.measure(tmp_path, TINY, [name]))
    assert rows and all(re.fullmatch(r"P\d+", row.number) and row.goal and row.measured for row in rows)
    for row in rows:
        # Counts hold at any size; times do not.
        assert row.held or not re.search(
            "requests|version ids|versions that|growth|on disk", row.description + row.goal
        )


def test_the_last_line_names_goals_that_are_missed_or_not_measured() -> None:
    held, missed = Row("P1", "a", "b", "c", True), Row("P2", "a", "b", "c", False)
    assert targets.conclusion([held] * 2).startswith("1 of 13 hold; not measured: P2, P3,")
    assert targets.conclusion([held, missed, held._replace(number="P2")]).startswith("1 of 13 hold; not held: P2; not")
    all_thirteen = [held._replace(number=f"P{number}") for number in range(1, 14)]
    assert targets.conclusion(all_thirteen) == "13 of 13 hold"


def test_the_data_is_removed_at_the_end_unless_keep_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["targets", "lineage", "--tiny", "--dir", str(tmp_path)]) == 0
    assert not list(tmp_path.iterdir()) and "1 of 13 hold" in capsys.readouterr().out
    assert main(["targets", "lineage", "--tiny", "--keep", "--dir", str(tmp_path)]) == 0
    (kept_folder,) = tmp_path.iterdir()
    assert str(kept_folder) in capsys.readouterr().out


def test_a_store_above_the_data_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    Store.init(tmp_path / ".artstore").close()
    before = snapshot(tmp_path / ".artstore")
    assert main(["savings", "--tiny", "--dir", str(tmp_path / "below")]) == 0
    assert snapshot(tmp_path / ".artstore") == before


def test_a_group_that_fails_is_told_and_the_others_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(work: Path, size: datasets.Size) -> Iterator[Row]:
        raise OSError("no disk")

    monkeypatch.setitem(targets.MEASURED, "files", failing)
    assert main(["targets", "files", "lineage", "--tiny", "--dir", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "1 of 13 hold" in said.out and "Not measured, see above: files" in said.out and "no disk" in said.err
    assert not list(tmp_path.iterdir())


def test_pages_are_measured_beside_one_that_says_hello(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pages", "lineage of 12", "a folder", "--tiny", "--dir", str(tmp_path)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "times hello" in line]
    assert [line.split("  ")[0] for line in lines] == ["lineage of 12", "a folder"]
    assert "12 boxes, 0 overlap" in lines[0] and "memory" in lines[1]


def test_tools_are_measured_on_the_same_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Artstore, "environment", lambda self, cache: Path(sys.executable))
    installed, skipped = comparison.install(tmp_path, ["cp", "artstore", "git"])
    assert not skipped and all(version for _, version in installed.values())
    results = list(comparison.run(tmp_path, TINY, [peer for peer, _ in installed.values()], ["medium"]))
    costs = comparison.medians(results)
    assert len(costs) == len(results) == 3 * len(comparison.STEPS)
    assert all(cost.seconds > 0 for cost in costs.values())
    # Each step of another tool stands beside the same step of artstore.
    assert all((cost.times_ours is None) == (peer == "artstore") for (_, peer, _), cost in costs.items())
    # A copy takes the full size again, artstore only what is new.
    assert costs["medium", "cp -r", "few"].grown_bytes == pytest.approx(3 * 2 * MEBI, rel=0.01)
    assert costs["medium", "artstore", "again"].grown_bytes < MEBI
    assert costs["medium", "artstore", "few"].grown_bytes == pytest.approx(2 * MEBI, rel=0.1)


def test_steps_that_a_tool_does_not_support_are_listed(tmp_path: Path) -> None:
    assert list(comparison.run(tmp_path, TINY, [Git()], ["one_large"])) == [Skipped("one_large", "git", ANY)]


def test_a_tool_that_returns_other_content_is_reported_and_not_measured(tmp_path: Path) -> None:
    class Forgetful(Cp):
        def after_get(self, place: Place, out: Path) -> Path:
            min(path for path in out.rglob("*") if path.is_file()).unlink()
            return out

    results = list(comparison.run(tmp_path, TINY, [Forgetful()], ["medium"]))
    assert results[-1] == Skipped("medium", "cp -r", "cp -r returned other files than were logged")
    assert [result.step for result in results if isinstance(result, StepResult)] == ["first", "again", "few"]


def test_a_tool_that_fails_half_way_is_reported_and_the_next_one_is_measured(tmp_path: Path) -> None:
    class Breaking(Cp):
        name = "breaking"

        def get(self, place: Place, out: Path) -> Command:
            return Command(["false"], place.tree)

        def after_get(self, place: Place, out: Path) -> Path:
            raise FileNotFoundError(out)

    results = list(comparison.run(tmp_path, TINY, [Breaking(), Cp()], ["medium"]))
    (skipped,) = [result for result in results if isinstance(result, Skipped)]
    assert skipped.peer == "breaking"
    assert [result.step for result in results if result.peer == "cp -r" and isinstance(result, StepResult)] == list(
        comparison.STEPS
    )


def test_a_tool_that_is_not_available_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    installed, skipped = comparison.install(tmp_path, ["git", "restic"])
    assert not installed
    assert [tool.peer for tool in skipped] == ["git", "restic"]
    assert skipped[0].reason == "git is not installed" and "restic" in skipped[1].reason


def test_the_cost_of_a_command_includes_its_children() -> None:
    child = "x = bytearray(50_000_000); import time; t = time.process_time()\nwhile time.process_time() < t + 0.3: pass"
    parent = f"import subprocess, sys; y = bytearray(30_000_000); subprocess.run([sys.executable, '-c', {child!r}])"
    cost = measurement.run([sys.executable, "-c", parent])
    assert cost.cpu_seconds > 0.3 and cost.seconds > 0.3
    assert 80e6 < cost.peak_bytes < 200e6
    with pytest.raises(CommandFailed, match=r"(?s)ended with 3:\nsaid before"):
        measurement.run(["sh", "-c", "echo said before; exit 3"])


def test_the_processor_time_of_a_pair_includes_children_that_work_on() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass\n"
    begun: list[subprocess.Popen[bytes]] = []

    def begin() -> None:
        begun.append(subprocess.Popen([sys.executable, "-c", busy + "print(flush=True); input()"], **pipes))
        assert begun[0].stdout is not None
        begun[0].stdout.readline()

    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    working = measurement.spent(begin)
    ended = measurement.spent(lambda: subprocess.run([sys.executable, "-c", busy], check=True))
    begun[0].communicate(b"\n")
    # The system counts in hundredths of a second, and rounds down.
    assert 0.25 < working.cpu_seconds < 2 and 0.25 < ended.cpu_seconds < 2
    assert "CPU" in ratio("P1", "work", Pair(working, ended), 1, "other work").measured


@pytest.mark.parametrize("name", growth.GROUPS)
def test_every_cost_is_measured_at_several_sizes(name: str, tmp_path: Path) -> None:
    for curve in growth.measure(tmp_path, TINY, [name]):
        assert len(curve.points) > 1 and all(x > 0 and y > 0 for x, y in curve.points)
        assert sorted(curve.points) == list(curve.points)


def test_ten_times_the_files_are_measured_step_by_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["million", "one folder", "--tiny", "--dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("one folder")[1].split("cpu")[0].strip() for line in lines] == list(million_files.STEPS)
    few = million_files.Growth("one folder", "put", 1000, Cost(1, 1, 1), Cost(10, 10, 1, 600_000_000), 100, 1000)
    assert few.held
    too_much = Cost(10, 10.1, 1), Cost(10, 10, 1, 601_000_000)
    assert not any(few._replace(many=cost).held for cost in too_much) and not few._replace(many_rows=1001).held


def test_a_slope_is_that_of_the_last_two_decades() -> None:
    fixed_costs_first = [(x, 1 + x / 1000) for x in (1.0, 10.0, 100.0)]
    linear = [(x, x / 1000) for x in (10_000.0, 100_000.0, 1_000_000.0)]
    assert growth.slope(fixed_costs_first + linear) == pytest.approx(1)
    assert growth.slope([(x, x**2) for x in (1.0, 2.0, 4.0)]) == pytest.approx(2)
    assert not growth.Curve("", "", [(x, x**2) for x in (1.0, 2.0, 4.0)], growth.LINEAR_LIMIT).held


def test_successive_versions_take_less_than_whole_files(tmp_path: Path) -> None:
    curves = {curve.name: curve for curve in savings.measure(tmp_path, TINY)}
    assert len(curves) == len(HISTORIES) + 1
    fine_tuned, inserted = curves["checkpoints, last layer trained"], curves["one large file"]
    for saving in (fine_tuned, inserted):
        for stored in saving.stored.values():
            assert stored.all_bytes < 0.7 * saving.whole_bytes
    assert inserted.whole_bytes == 2 * TINY.large_bytes + MEBI


def test_the_page_of_results_shows_everything_and_its_charts(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    results = report.Results(page, "make bench-full", machine.facts(tmp_path))
    report.add_goals(results, [Row("P2", "b", "<= 1 s", "2 s", False), Row("P1", "a", "<= 1 s", "1 s", True)])
    report.add_growth(results, [growth.Curve("log", "files", [(1, 0.1), (100, 0.2)], 1.1)])
    report.add_savings(results, [Saving("model", "x", 2, 5, 10 * MEBI, {"artstore": Stored(5 * MEBI, 6 * MEBI, 1.5)})])
    cost = Cost(1.0, 0.5, 10**7)
    measured = [
        StepResult("medium", name, step, cost._replace(seconds=seconds), 10**6)
        for name, seconds in (("artstore", 1.0), ("cp -r", 0.5), ("borg", 0.8), ("dvc", 0.95))
        for step in comparison.STEPS
    ]
    tools: dict[str, tuple[Peer, str]] = {"cp": (Cp(), "9.1"), "borg": (Borg(), "1.2")}
    report.add_tools(results, tools, TINY, [*measured, Skipped("all", "restic", "not to be had")])
    text = page.read_text()
    assert text.index("| P1 | a |") < text.index("| P2 | b |") < text.index("1 of 13 hold")
    assert "| model | x | 2 | 10.0 | 6.0 (60%) | 1.00 | 1.5 |" in text
    assert "- restic, all: not to be had" in text
    as_much, less = text.split("Ahead of artstore, without them")
    assert "log it again unchanged: borg 0.80 s, artstore 1.00 s" in as_much
    assert "log it again unchanged: cp -r 0.50 s, artstore 1.00 s" in less and "dvc 0.95" not in less
    linked = re.findall(r"\]\((charts/[^)]+\.svg)\)", text)
    assert len(linked) == 4
    for chart in linked:
        assert (tmp_path / chart).read_text().startswith("<svg")
    assert platform.node() not in text and str(tmp_path) not in text
