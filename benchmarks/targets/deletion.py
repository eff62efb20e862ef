"""P12: delete a version that alone owns a tenth of many small files, compared with logging it; `du` and `gc`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from artstore import Store
from benchmarks import datasets
from benchmarks.datasets import Size
from benchmarks.measurement import Pair, best, median_pair, spent
from benchmarks.stores import log
from benchmarks.targets.row import Row, ratio, seconds


def rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure this goal, with another tenth in each round."""
    source = datasets.many_small(work / "files", size)
    time.sleep(size.pause)
    pairs = []
    with Store.init(work / "store") as store:
        log(store, "files", source)
        for number in range(size.rounds):
            datasets.edit_small(source, number, share=0.1)
            time.sleep(size.pause)
            logged = spent(lambda: log(store, "files", source))
            deleted = spent(lambda number=number: store.delete(f"files:v{number}"))  # type: ignore[misc]
            pairs.append(Pair(deleted, logged))
        yield ratio("P12", "delete a version owning a random tenth", median_pair(pairs), 1, "logging the tenth")
        yield seconds("P12", "du", best(store.usage), 0.1)
        store.gc()
        yield seconds("P12", "gc with nothing to do", best(store.gc), 0.2)
