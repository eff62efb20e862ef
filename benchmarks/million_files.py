"""Measure a million files beside a tenth of them: each step costs at most ten times as much, in bounded memory."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from artstore import Store
from benchmarks import measurement
from benchmarks.datasets import Size
from benchmarks.measurement import Cost

FEW_PART = 10
"""The smaller set has one file in this many of the larger one's."""
_FILES_PER_FOLDER = 1000
_BYTES = 1024
_MEMORY = 600e6
"""Bytes of the largest process."""

STEPS = {
    "put": ["put", "files", "--name", "files", "--type", "dataset"],
    "put again": ["put", "files", "--name", "files", "--type", "dataset"],
    "get": ["get", "files", "--root", "out"],
    "get again": ["get", "files", "--root", "out"],
    "delete": ["rm", "files", "--all", "--yes"],
}


class Growth(NamedTuple):
    """The cost of a step for a set of files, and for one of ten times as many."""

    layout: str
    step: str
    files: int
    """The number in the larger set."""
    few: Cost
    many: Cost
    few_rows: int
    """The rows of the catalog after the step."""
    many_rows: int

    @property
    def times(self) -> float:
        """The processor time of the larger set as a multiple of the smaller set's."""
        return self.many.cpu_seconds / max(self.few.cpu_seconds, 0.01)

    @property
    def held(self) -> bool:
        """Whether time, rows and memory are within their bounds."""
        rows = self.few_rows * FEW_PART
        return self.times <= FEW_PART and self.many_rows <= rows and self.many.largest_bytes <= _MEMORY


def measure(work: Path, size: Size, only: Iterable[str] | None = None) -> Iterator[Growth]:
    """Measure all steps, with a thousand files in a folder and with all in one folder."""
    for layout in only or LAYOUTS:
        count = LAYOUTS[layout](size.many_files)
        per_folder = count if layout == "one folder" else _FILES_PER_FOLDER
        few, many = (
            list(_steps(work / f"{layout.replace(' ', '-')}-{number}", number, per_folder, size))
            for number in (count // FEW_PART, count)
        )
        for step, (few_cost, few_rows), (cost, rows) in zip(STEPS, few, many, strict=True):
            yield Growth(layout, step, count, few_cost, cost, few_rows, rows)


LAYOUTS: dict[str, Callable[[int], int]] = {
    "many folders": lambda count: count,
    "one folder": lambda count: count * 3 // 10,
}
"""How files are laid out, and how many of them are measured."""


def _steps(work: Path, count: int, per_folder: int, size: Size) -> Iterator[tuple[Cost, int]]:
    """Run each step as a command; yield its cost and the rows of the catalog after it."""
    _create(work / "files", count, per_folder)
    Store.init(work / "store").close()
    for arguments in STEPS.values():
        measurement.quiet(size.rest)
        command = [sys.executable, "-m", "artstore", *arguments, "--store", "store"]
        cost = measurement.run(command, cwd=work, env={"PYTHONPATH": _SOURCE})
        yield cost, _rows(work / "store" / "artstore.db")


_SOURCE = str(Path(__file__).parents[1])


def _create(folder: Path, count: int, per_folder: int) -> None:
    for i in range(count):
        below = folder / f"{i // per_folder:04}"
        if i % per_folder == 0:
            below.mkdir(parents=True)
        (below / f"{i:07}").write_bytes(i.to_bytes(8) * (_BYTES // 8))


def _rows(catalog: Path) -> int:
    with closing(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True)) as connection:
        tables = connection.execute("select name from sqlite_schema where type = 'table' and sql like 'create table%'")
        return sum(
            int(connection.execute(f'select count(*) from "{name}"').fetchone()[0]) for (name,) in tables.fetchall()
        )
