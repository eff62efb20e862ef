"""P11: what it costs to start, each time in a new process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import median, timed
from benchmarks.shapes import Size
from benchmarks.targets.row import Row, seconds

_IMPORT = "import time; start = time.perf_counter(); import artstore; print(time.perf_counter() - start)"


def rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure both."""
    times = 3 * size.rounds

    def imported() -> float:
        return float(subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, check=True).stdout)

    def helped() -> float:
        command = [sys.executable, "-m", "artstore", "--help"]
        return timed(lambda: subprocess.run(command, capture_output=True, check=True))

    yield seconds("P11", "import artstore", median(imported, times), 0.1)
    yield seconds("P11", "artstore --help, the whole process", median(helped, times), 0.25)
