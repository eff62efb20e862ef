"""P1, P2, P3, P6 and P7: a folder of many small files, logged and got back, beside `cp -r` and a scan of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from artstore import Store
from benchmarks import measuring, shapes
from benchmarks.measuring import Pair, beside, copy, least_pair, median_pair, scan, timed
from benchmarks.shapes import Size
from benchmarks.stores import catalog_bytes, log
from benchmarks.targets.row import Row, count, ratio

_GROWTH = 350
_TIMES = 5
"""How often what is short, and can be done again in place, is timed: the least of each side counts."""


def rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure all five."""
    source = shapes.many_small(work / "files", size)
    time.sleep(size.pause)
    yield from _written(work, source, size)
    with Store.open(work / "store-0") as store:
        yield from _again(store, source, work, size)


def _written(work: Path, source: Path, size: Size) -> Iterator[Row]:
    """P1 and P6: each round into new folders."""
    what = f"{size.small_files:,} x 4 KB"

    def put(number: int) -> None:
        with Store.init(work / f"store-{number}") as store:
            log(store, "files", source)

    def take(number: int) -> None:
        with Store.open(work / f"store-{number}") as store:
            store.get("files", work / f"out-{number}")

    def into(name: str, number: int) -> None:
        copy(source, work / f"{name}-{number}")

    ready = partial(measuring.ready, source, size.rest)

    logged = beside(put, partial(into, "copy"), size.rounds, before=ready)
    yield ratio("P1", f"log {what}, durable", median_pair(logged), 0.8, "cp -r")
    got = beside(take, partial(into, "copy-of-copy"), size.rounds, before=ready)
    yield ratio("P6", f"get {what}, verified", median_pair(got), 0.9, "cp -r")


def _again(store: Store, source: Path, work: Path, size: Size) -> Iterator[Row]:
    """P2, P7 and P3: what is there already, and a few changes."""
    relogged = least_pair(beside(lambda _: log(store, "files", source), lambda _: scan(source), _TIMES))
    yield ratio("P2", "log it again unchanged", relogged, 4, "scandir + stat")
    out = work / "out-0"
    there = least_pair(beside(lambda _: store.get("files", out), lambda _: scan(out), _TIMES))
    yield ratio("P7", "get what is there already", there, 4, "scandir + stat")
    pairs, grown = [], []
    for number in range(_TIMES):
        shapes.edit_small(source, number)
        before = catalog_bytes(store)
        changed = timed(lambda: log(store, "files", source))
        grown.append(catalog_bytes(store) - before)
        time.sleep(size.pause)
        log(store, "files", source)
        pairs.append(Pair(changed, timed(lambda: log(store, "files", source))))
    yield ratio("P3", "log it with 10 files changed", least_pair(pairs), 1.2, "P2")
    yield count("P3", "growth of the catalog by that", statistics.median(grown) / 1e3, _GROWTH, "kB")
