"""P11: the time to start, each time in a new process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.datasets import Size
from benchmarks.measurement import median, timed
from benchmarks.targets.row import Row, seconds

_IMPORT = "import time; start = time.perf_counter(); import artstore; print(time.perf_counter() - start)"


def rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure this goal."""
    times = 3 * size.rounds

    def import_seconds() -> float:
        return float(subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, check=True).stdout)

    def help_seconds() -> float:
        command = [sys.executable, "-m", "artstore", "--help"]
        return timed(lambda: subprocess.run(command, capture_output=True, check=True))

    yield seconds("P11", "import artstore", median(import_seconds, times), 0.1)
    yield seconds("P11", "artstore --help, the whole process", median(help_seconds, times), 0.25)
