"""The benchmarks run, at sizes at which their numbers mean nothing, so that they do not rot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import targets
from benchmarks.__main__ import main
from benchmarks.shapes import TINY
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
