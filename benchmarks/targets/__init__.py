"""The thirteen goals of speed, P1 to P13: each measured beside what it is a ratio of, in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmarks.shapes import Size
from benchmarks.targets import catalog, files, large, references, removal, starting, writing
from benchmarks.targets.row import Row

COUNT = 13
MEASURED: dict[str, Callable[[Path, Size], Iterator[Row]]] = {
    "starting": starting.rows,
    "files": files.rows,
    "removal": removal.rows,
    "large": large.rows,
    "references": references.rows,
    "catalog": catalog.rows,
    "lineage": catalog.lineage_rows,
    "writing": writing.rows,
}
"""What is measured together, because it shares its data. Each gives the rows of several goals."""


def measure(work: Path, size: Size, only: Iterable[str] = MEASURED) -> Iterator[Row]:
    """Measure the goals in a folder; rows come as they are measured."""
    for name in only:
        yield from MEASURED[name](work / name, size)


def sorted_rows(rows: Iterable[Row]) -> list[Row]:
    """Rows by the numbers of their goals."""
    return sorted(rows, key=lambda row: int(row.number.removeprefix("P")))


def conclusion(rows: Iterable[Row]) -> str:
    """How many of the goals hold: those of which every row does."""
    held: dict[str, bool] = {}
    for row in rows:
        held[row.number] = held.get(row.number, True) and row.held
    missed = [number for number, all_held in held.items() if not all_held]
    said = f"{len(held) - len(missed)} of {COUNT} hold"
    if missed:
        said += f"; not held: {', '.join(missed)}"
    if len(held) < COUNT:
        said += f"; not measured: {', '.join(f'P{n}' for n in range(1, COUNT + 1) if f'P{n}' not in held)}"
    return said
