"""Measure costs at growing sizes: no cost grows faster than its input, and a new version costs what it changes.

The slope is that of a straight line through the logarithms over the last two decades of sizes; below them, fixed costs
dominate. 1 means that the cost is proportional to its input, 0 that it does not grow.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from artstore import Store
from benchmarks import datasets, measurement, stores, synthetic_driver
from benchmarks.datasets import MEBI, Size
from benchmarks.measurement import best, timed, warm

LINEAR_LIMIT = 1.1
CONSTANT_LIMIT = 0.35
_DECADES = 2


class Curve(NamedTuple):
    """One cost at several sizes."""

    name: str
    input: str
    """The unit of the sizes."""
    points: Sequence[tuple[float, float]]
    """Pairs of size and seconds, in order of size."""
    limit: float
    """The highest slope allowed."""

    @property
    def slope(self) -> float:
        """The slope over the last two decades of sizes."""
        return slope(self.points)

    @property
    def held(self) -> bool:
        """Whether the slope is within the limit."""
        return self.slope <= self.limit


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line through the logarithms of the points in the last two decades."""
    largest = max(x for x, _ in points)
    logs = [(math.log(x), math.log(y)) for x, y in points if x >= largest / 10**_DECADES]
    return statistics.linear_regression(*zip(*logs, strict=True)).slope


def measure(work: Path, size: Size, only: Iterable[str] | None = None) -> Iterator[Curve]:
    """Measure all curves; the curves of a group share their data."""
    for name in only or GROUPS:
        yield from GROUPS[name](work / name, size)


def files(work: Path, size: Size) -> Iterator[Curve]:
    """Measure files of 4 KB, up to the number in the dataset `many_small`."""
    log, again, get = [], [], []
    for count in _sizes(size.small_files, least=100):
        source = datasets.many_small(work / f"files-{count}", size._replace(small_files=count))
        time.sleep(size.pause)
        warm(source)
        with Store.init(work / f"store-{count}") as store:
            log.append((count, timed(partial(stores.log, store, "files", source))))
            again.append((count, best(partial(stores.log, store, "files", source))))
            get.append((count, timed(partial(store.get, "files", work / f"out-{count}"))))
    yield Curve("log files of 4 KB", "files", log, LINEAR_LIMIT)
    yield Curve("log them again unchanged", "files", again, LINEAR_LIMIT)
    yield Curve("get them", "files", get, LINEAR_LIMIT)


def entries(work: Path, size: Size) -> Iterator[Curve]:
    """Measure entries of a version. They are invented: a million real files would measure the file system."""
    make, listed, commit, diff = [], [], [], []
    draw = random.Random(5)
    with Store.init(work / "store") as store:
        contents = stores.contents(store, work / "contents", invented=size.entries)
        for count in _sizes(size.entries, least=100):
            name = f"entries-{count}"
            draft = stores.with_entries(store, name, count, contents)
            make.append((count, timed(partial(store.commit, draft))))
            listed.append((count, best(lambda name=name: sum(1 for _ in store.entries(f"{name}:v0")))))  # type: ignore[misc]
            drafts = (stores.with_changes(store, name, count, contents, draw) for _ in range(9))
            commit.append((count, statistics.median(timed(partial(store.commit, draft)) for draft in drafts)))
            diff.append((count, best(partial(store.diff, f"{name}:v0", f"{name}:latest"))))
    yield Curve("commit a new version", "entries", make, LINEAR_LIMIT)
    yield Curve("list it", "entries", listed, LINEAR_LIMIT)
    yield Curve("commit 10 changes", "entries", commit, CONSTANT_LIMIT)
    yield Curve("diff of 90 changes", "entries", diff, CONSTANT_LIMIT)


def versions(work: Path, size: Size) -> Iterator[Curve]:
    """Measure versions of one collection, each of which changes one file of a hundred."""
    commit, resolve = [], []
    with Store.init(work / "store") as store:
        draft = store.draft("grown", "dataset")
        for i in range(100):
            store.add_bytes(draft, b"%d" % i, f"file-{i}")
        store.commit(draft)
        recent: list[float] = []
        wanted = set(_sizes(size.history, least=10))
        for number in range(1, size.history + 1):
            start = time.perf_counter()
            draft = store.draft("grown", base="grown:latest")
            store.add_bytes(draft, b"new %d" % number, f"file-{number % 100}", overwrite=True)
            store.commit(draft)
            recent = [*recent[-8:], time.perf_counter() - start]
            if number in wanted:
                commit.append((number, statistics.median(recent)))
                resolve.append((number, best(lambda: store.version("grown:latest"), 9)))
    yield Curve("commit 1 change", "versions", commit, CONSTANT_LIMIT)
    yield Curve("resolve a name", "versions", resolve, CONSTANT_LIMIT)


def file_size(work: Path, size: Size) -> Iterator[Curve]:
    """Measure the size of one file, up to twice that of the dataset `one_large`."""
    log, get = [], []
    for count in _sizes(2 * size.large_bytes, least=MEBI, factor=8):
        here = work / str(count)
        path = datasets.large_file(here / "file", count)
        time.sleep(size.pause)
        with Store.init(here / "store") as store:
            warm(path)
            log.append((count / MEBI, timed(partial(stores.log, store, "large", path.parent))))
            get.append((count / MEBI, timed(partial(store.get, "large", here / "out"))))
        measurement.remove(here)
    yield Curve("log one file", "MiB", log, LINEAR_LIMIT)
    yield Curve("get one file", "MiB", get, LINEAR_LIMIT)


def lineage(work: Path, size: Size) -> Iterator[Curve]:
    """Measure lineage in a chain of runs."""
    near, far = [], []
    for count in _sizes(10 * size.runs, least=10):
        with Store.init(work / f"store-{count}") as store:
            stores.many_runs(store, count)
            middle, newest = store.version(f"data:v{count // 2}"), store.version("data:latest")
            near.append((count, best(partial(store.lineage, middle, depth=2))))
            upstream: Callable[[], object] = partial(store.lineage, newest, direction="upstream")
            far.append((count, best(upstream, 2)))
    yield Curve("lineage, 2 hops", "runs", near, CONSTANT_LIMIT)
    yield Curve("lineage, everything upstream", "runs", far, LINEAR_LIMIT)


def references(work: Path, size: Size) -> Iterator[Curve]:
    """Measure objects below a prefix. The listing is invented, so that no server is measured."""
    synthetic_driver.install(work)
    sys.path.insert(0, str(work))
    add = []
    try:
        with Store.init(work / "store") as store:
            for count in _sizes(size.entries, least=100):
                draft = store.draft(f"objects-{count}", "dataset")
                listing = partial(store.add_reference, draft, f"many://{count}/", max_objects=count)
                add.append((count, timed(listing) + timed(partial(store.commit, draft))))
    finally:
        sys.path.remove(str(work))
    yield Curve("reference a listing and commit", "objects", add, LINEAR_LIMIT)


def _sizes(most: int, *, least: int, factor: float = math.sqrt(10)) -> list[int]:
    """Return sizes that grow by a factor, from `least` to `most`."""
    sizes = [most]
    while sizes[-1] / factor >= least:
        sizes.append(round(most / factor ** len(sizes)))
    return sizes[::-1]


GROUPS: dict[str, Callable[[Path, Size], Iterator[Curve]]] = {
    "files": files,
    "entries": entries,
    "versions": versions,
    "file_size": file_size,
    "lineage": lineage,
    "references": references,
}
