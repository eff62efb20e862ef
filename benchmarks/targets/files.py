"""P1, P2, P3, P6 and P7: log and get a folder of many small files, compared with `cp -r` and a scan of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from artstore import Store
from benchmarks import datasets, measurement
from benchmarks.datasets import Size
from benchmarks.measurement import Pair, copy, fastest_pair, median_pair, paired_rounds, scan, spent
from benchmarks.stores import catalog_bytes, log
from benchmarks.targets.row import Row, count, ratio

_GROWTH = 350
_TIMES = 5
"""How often short work that can be repeated in place is timed: the least of each side counts."""


def rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure these goals."""
    source = datasets.many_small(work / "files", size)
    time.sleep(size.pause)
    yield from _written(work, source, size)
    with Store.open(work / "store-0") as store:
        yield from _again(store, source, work, size)


def _written(work: Path, source: Path, size: Size) -> Iterator[Row]:
    """Measure P1 and P6, each round in new folders."""
    what = f"{size.small_files:,} x 4 KB"

    def put(number: int) -> None:
        with Store.init(work / f"store-{number}") as store:
            log(store, "files", source)

    def get(number: int) -> None:
        with Store.open(work / f"store-{number}") as store:
            store.get("files", work / f"out-{number}")

    def copy_to(name: str, number: int) -> None:
        copy(source, work / f"{name}-{number}")

    ready = partial(measurement.ready, source, size.rest)

    logged = paired_rounds(put, partial(copy_to, "copy"), size.rounds, before=ready)
    yield ratio("P1", f"log {what}, durable", median_pair(logged), 0.8, "cp -r")
    got = paired_rounds(get, partial(copy_to, "copy-of-copy"), size.rounds, before=ready)
    yield ratio("P6", f"get {what}, verified", median_pair(got), 0.9, "cp -r")


def _again(store: Store, source: Path, work: Path, size: Size) -> Iterator[Row]:
    """Measure P2, P7 and P3: repeat work that is done already, and log a few changes."""
    relogged = fastest_pair(paired_rounds(lambda _: log(store, "files", source), lambda _: scan(source), _TIMES))
    yield ratio("P2", "log it again unchanged", relogged, 4, "scandir + stat")
    out = work / "out-0"
    present = fastest_pair(paired_rounds(lambda _: store.get("files", out), lambda _: scan(out), _TIMES))
    yield ratio("P7", "get it again into the same folder", present, 4, "scandir + stat")
    pairs, grown = [], []
    for number in range(_TIMES):
        datasets.edit_small(source, number)
        before = catalog_bytes(store)
        changed = spent(lambda: log(store, "files", source))
        grown.append(catalog_bytes(store) - before)
        time.sleep(size.pause)
        log(store, "files", source)
        pairs.append(Pair(changed, spent(lambda: log(store, "files", source))))
    yield ratio("P3", "log it with 10 files changed", fastest_pair(pairs), 1.2, "P2")
    yield count("P3", "growth of the catalog by that", statistics.median(grown) / 1e3, _GROWTH, "kB")
