"""P13: eight processes, each of which commits 50 versions to one collection of a new store as fast as it can."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from artstore import Store
from benchmarks.datasets import Size
from benchmarks.targets.row import Row, seconds


def rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure the longest wait, and check that no version is missing."""
    work.mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.targets.writer_process", str(work / "store"), str(size.commits)]
    running = [subprocess.Popen([*command, str(i)], stdout=subprocess.PIPE, text=True) for i in range(size.writers)]
    waits = [float(process.communicate()[0]) for process in running]
    yield seconds("P13", f"the longest wait of {size.writers} tight writers", max(waits), 1)
    with Store.open(work / "store") as store:
        committed = sum(1 for _ in store.versions("shared"))
    expected = size.writers * size.commits
    yield Row("P13", "versions that they made", f"{expected}", f"{committed}", committed == expected)
