"""P13: several processes (eight), each committing 50 versions to one collection of one new store as fast as it can."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from artstore import Store
from benchmarks.shapes import Size
from benchmarks.targets.row import Row, seconds


def rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure the longest wait, and see that nobody's version is missing."""
    work.mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.targets.writer", str(work / "store"), str(size.commits)]
    running = [subprocess.Popen([*command, str(i)], stdout=subprocess.PIPE, text=True) for i in range(size.writers)]
    waits = [float(process.communicate()[0]) for process in running]
    yield seconds("P13", f"the longest wait of {size.writers} tight writers", max(waits), 1)
    with Store.open(work / "store") as store:
        found = sum(1 for _ in store.versions("shared"))
    wanted = size.writers * size.commits
    yield Row("P13", "versions that they made", f"{wanted}", f"{found}", found == wanted)
