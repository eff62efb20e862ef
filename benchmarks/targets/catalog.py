"""P9 and P10: a version with many entries, a collection with many versions, and a lineage graph of many runs."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from artstore import Store
from benchmarks import measurement, stores
from benchmarks.datasets import Size
from benchmarks.measurement import best, timed
from benchmarks.stores import Contents
from benchmarks.targets.row import Row, count, seconds

_CHANGES = 10


def rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure P9, and the names of P10."""
    with Store.init(work / "store") as store:
        contents = stores.contents(store, work / "contents", invented=size.entries)
        yield from _changes(store, size, contents, f"{size.entries:,} entries")
        yield seconds("P9", "list it", best(lambda: sum(1 for _ in store.entries("entries:v0")), 5), 1)
        diff_seconds = best(lambda: store.diff("entries:v0", f"entries:v{size.commits}"))
        yield seconds("P9", f"diff about {size.commits * _CHANGES} changes of it", diff_seconds, 0.1)
        stores.many_versions(store, "contents", size.versions)
        store.describe(f"contents:v{size.versions // 2}", add_aliases=["best"])
        resolve_seconds = best(lambda: store.version("contents:best"), 9)
        yield seconds("P10", f"resolve name:alias among {size.versions:,} versions", resolve_seconds, 0.001)


def _changes(store: Store, size: Size, contents: Contents, description: str) -> Iterator[Row]:
    draw, commits = random.Random(5), []
    store.commit(stores.with_entries(store, "entries", size.entries, contents))
    measurement.quiet(size.rest)
    before = stores.catalog_bytes(store)
    for _ in range(size.commits):
        draft = stores.with_changes(store, "entries", size.entries, contents, draw, _CHANGES)
        commits.append(timed(partial(store.commit, draft)))
    grown = stores.catalog_bytes(store) - before
    yield seconds("P9", f"commit {_CHANGES} changes of {description}", statistics.median(commits), 0.03)
    yield count("P9", "growth of the catalog by that", grown / size.commits / 1e3, 350, "kB")


def lineage_rows(work: Path, size: Size) -> Iterator[Row]:
    """Measure the lineage of P10: around a version in the middle, and around one that a tenth of the runs used."""
    with Store.init(work / "store") as store:
        stores.many_runs(store, size.runs)
        for name in (f"data:v{size.runs // 2}", "data:v0"):
            near = partial(store.lineage, store.version(name), depth=2)
            what = f"2 hops around {name} of {size.runs:,} runs, {len(near().nodes):,} nodes"
            yield seconds("P10", what, best(near, 5), 0.1)
