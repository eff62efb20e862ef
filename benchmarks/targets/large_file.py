"""P4, P5 and P6: log, change and get one large file, compared with `cp`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from artstore import Store
from benchmarks import datasets, measurement
from benchmarks.datasets import MEBI, Size
from benchmarks.measurement import copy, median_pair, pair
from benchmarks.stores import catalog_bytes, log
from benchmarks.targets.row import Row, count, ratio


def rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure these goals. The files of a round, which are few and large, are removed before the next round."""
    source = datasets.one_large(work / "file", size)
    what = f"one file of {size.large_bytes // MEBI:,} MiB"
    time.sleep(size.pause)

    ready = partial(measurement.ready, source, size.rest)

    def put(number: int) -> None:
        with Store.init(work / f"store-{number}") as store:
            log(store, "large", source)

    def get(number: int) -> None:
        with Store.open(work / f"store-{number}") as store:
            store.get("large", work / f"out-{number}")

    def copy_source(durable: bool) -> None:
        copy(source, work / "copy", durable=durable)

    logged, got = [], []
    for number in range(size.rounds):
        logged.append(pair(partial(put, number), partial(copy_source, True), ready))
        measurement.remove(work / "copy")
        got.append(pair(partial(get, number), partial(copy_source, False), ready))
        for name in ("copy", f"out-{number}", *([f"store-{number}"] if number else [])):
            measurement.remove(work / name)
    yield ratio("P4", f"log {what}, durable", median_pair(logged), 1.25, "cp + fsync")
    program = [sys.executable, "-m", "artstore", "put", str(source), "--name", "large", "--type", "dataset"]
    peak = measurement.run([*program, "--store", work / "store-alone"]).peak_bytes
    yield count("P4", "peak memory of that, all processes", peak / 1e6, 256, "MB")
    measurement.remove(work / "store-alone")
    yield ratio("P6", f"get {what}, verified", median_pair(got), 1.25, "cp")
    with Store.open(work / "store-0") as store:
        grown = []
        for number in range(3):
            before = store.usage().allocated_bytes + catalog_bytes(store)
            datasets.edit_large(source, number)
            log(store, "large", source)
            grown.append(store.usage().allocated_bytes + catalog_bytes(store) - before)
    yield count("P5", "1 MiB inserted, on disk, median of 3 places", sorted(grown)[1] / MEBI, 1.5, "MiB")
    measurement.remove(work)
