"""The thirteen performance goals, P1 to P13. A goal that is a ratio measures both sides in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmarks.datasets import Size
from benchmarks.targets import catalog, concurrent_writers, deletion, files, large_file, references, startup
from benchmarks.targets.row import Row

COUNT = 13
MEASURED: dict[str, Callable[[Path, Size], Iterator[Row]]] = {
    "startup": startup.rows,
    "files": files.rows,
    "deletion": deletion.rows,
    "large_file": large_file.rows,
    "references": references.rows,
    "catalog": catalog.rows,
    "lineage": catalog.lineage_rows,
    "concurrent_writers": concurrent_writers.rows,
}
"""Groups of goals that share their data. Each yields the rows of one or more goals."""


def measure(work: Path, size: Size, only: Iterable[str] = MEASURED) -> Iterator[Row]:
    """Measure the goals in a folder; each row is yielded when it is measured."""
    for name in only:
        yield from MEASURED[name](work / name, size)


def sorted_rows(rows: Iterable[Row]) -> list[Row]:
    """Sort rows by the numbers of their goals."""
    return sorted(rows, key=lambda row: int(row.number.removeprefix("P")))


def conclusion(rows: Iterable[Row]) -> str:
    """Return how many goals hold, as text. A goal holds if each of its rows does."""
    held: dict[str, bool] = {}
    for row in rows:
        held[row.number] = held.get(row.number, True) and row.held
    missed = [number for number, all_held in held.items() if not all_held]
    text = f"{len(held) - len(missed)} of {COUNT} hold"
    if missed:
        text += f"; not held: {', '.join(missed)}"
    if len(held) < COUNT:
        text += f"; not measured: {', '.join(f'P{n}' for n in range(1, COUNT + 1) if f'P{n}' not in held)}"
    return text
