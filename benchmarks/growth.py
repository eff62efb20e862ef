"""Each cost against its size: nothing grows faster than its input, and a new version costs what it changes.

A slope is that of a straight line through the logarithms, over the last two decades of sizes: below them fixed costs
hide it. 1 means that the cost grows as its input, 0 that it does not grow.
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
from benchmarks import made_up, measuring, shapes, stores
from benchmarks.measuring import best, timed, warm
from benchmarks.shapes import MEBI, Size

AS_ITS_INPUT = 1.1
AS_THE_CHANGE = 0.35
_DECADES = 2


class Curve(NamedTuple):
    """One cost at several sizes."""

    name: str
    input: str
    """What the sizes count."""
    points: Sequence[tuple[float, float]]
    """Size and seconds, by size."""
    most: float
    """The slope that it may have."""

    @property
    def slope(self) -> float:
        """How the cost grows where it is large."""
        return slope(self.points)

    @property
    def held(self) -> bool:
        """Whether it grows no faster than it may."""
        return self.slope <= self.most


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the straight line through the logarithms of the points in the last two decades."""
    largest = max(x for x, _ in points)
    logs = [(math.log(x), math.log(y)) for x, y in points if x >= largest / 10**_DECADES]
    return statistics.linear_regression(*zip(*logs, strict=True)).slope


def measure(work: Path, size: Size, only: Iterable[str] | None = None) -> Iterator[Curve]:
    """Measure all curves; those of one group share their data."""
    for name in only or GROUPS:
        yield from GROUPS[name](work / name, size)


def files(work: Path, size: Size) -> Iterator[Curve]:
    """Files of 4 KB, up to as many as the shape `many_small` has."""
    log, again, get = [], [], []
    for count in _sizes(size.small_files, least=100):
        source = shapes.many_small(work / f"files-{count}", size._replace(small_files=count))
        time.sleep(size.pause)
        warm(source)
        with Store.init(work / f"store-{count}") as store:
            log.append((count, timed(partial(stores.log, store, "files", source))))
            again.append((count, best(partial(stores.log, store, "files", source))))
            get.append((count, timed(partial(store.get, "files", work / f"out-{count}"))))
    yield Curve("log files of 4 KB", "files", log, AS_ITS_INPUT)
    yield Curve("log them again unchanged", "files", again, AS_ITS_INPUT)
    yield Curve("get them", "files", get, AS_ITS_INPUT)


def entries(work: Path, size: Size) -> Iterator[Curve]:
    """Entries of a version. They are made up, because a million real files measure the file system."""
    make, listed, commit, diff = [], [], [], []
    draw = random.Random(5)
    with Store.init(work / "store") as store:
        contents = stores.contents(store, work / "contents", made_up=size.entries)
        for count in _sizes(size.entries, least=100):
            name = f"entries-{count}"
            draft = stores.with_entries(store, name, count, contents)
            make.append((count, timed(partial(store.commit, draft))))
            listed.append((count, best(lambda name=name: sum(1 for _ in store.entries(f"{name}:v0")))))  # type: ignore[misc]
            drafts = (stores.with_changes(store, name, count, contents, draw) for _ in range(9))
            commit.append((count, statistics.median(timed(partial(store.commit, draft)) for draft in drafts)))
            diff.append((count, best(partial(store.diff, f"{name}:v0", f"{name}:latest"))))
    yield Curve("commit a new version", "entries", make, AS_ITS_INPUT)
    yield Curve("list it", "entries", listed, AS_ITS_INPUT)
    yield Curve("commit 10 changes", "entries", commit, AS_THE_CHANGE)
    yield Curve("diff of 90 changes", "entries", diff, AS_THE_CHANGE)


def versions(work: Path, size: Size) -> Iterator[Curve]:
    """Versions of one collection, each of which changes one file of a hundred."""
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
    yield Curve("commit 1 change", "versions", commit, AS_THE_CHANGE)
    yield Curve("resolve a name", "versions", resolve, AS_THE_CHANGE)


def file_size(work: Path, size: Size) -> Iterator[Curve]:
    """The size of one file, up to twice that of the shape `one_large`."""
    log, get = [], []
    for count in _sizes(2 * size.large_bytes, least=MEBI, factor=8):
        here = work / str(count)
        path = shapes.large_file(here / "file", count)
        time.sleep(size.pause)
        with Store.init(here / "store") as store:
            warm(path)
            log.append((count / MEBI, timed(partial(stores.log, store, "large", path.parent))))
            get.append((count / MEBI, timed(partial(store.get, "large", here / "out"))))
        measuring.remove(here)
    yield Curve("log one file", "MiB", log, AS_ITS_INPUT)
    yield Curve("get one file", "MiB", get, AS_ITS_INPUT)


def lineage(work: Path, size: Size) -> Iterator[Curve]:
    """Runs in a row, as in the shape `deep_lineage`."""
    near, far = [], []
    for count in _sizes(10 * size.runs, least=10):
        with Store.init(work / f"store-{count}") as store:
            stores.many_runs(store, count)
            middle, newest = store.version(f"data:v{count // 2}"), store.version("data:latest")
            near.append((count, best(partial(store.lineage, middle, depth=2))))
            upstream: Callable[[], object] = partial(store.lineage, newest, direction="upstream")
            far.append((count, best(upstream, 2)))
    yield Curve("lineage, 2 hops", "runs", near, AS_THE_CHANGE)
    yield Curve("lineage, everything upstream", "runs", far, AS_ITS_INPUT)


def references(work: Path, size: Size) -> Iterator[Curve]:
    """Objects below a prefix. The listing is made up: a server's part is its own."""
    made_up.announce(work)
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
    yield Curve("reference a listing and commit", "objects", add, AS_ITS_INPUT)


def _sizes(most: int, *, least: int, factor: float = math.sqrt(10)) -> list[int]:
    """Sizes that grow by a factor, up to the most."""
    found = [most]
    while found[-1] / factor >= least:
        found.append(round(most / factor ** len(found)))
    return found[::-1]


GROUPS: dict[str, Callable[[Path, Size], Iterator[Curve]]] = {
    "files": files,
    "entries": entries,
    "versions": versions,
    "file_size": file_size,
    "lineage": lineage,
    "references": references,
}
