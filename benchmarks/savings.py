"""What successive versions of real files take in a store, against keeping each version as a whole file."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from artstore import Store
from benchmarks import measuring, shapes, stores
from benchmarks.measuring import timed
from benchmarks.shapes import Size
from benchmarks.successive import HISTORIES, History

PLAIN = "artstore"
COMPRESSED = "artstore, zstd"


class Saving(NamedTuple):
    """What the versions of one history take."""

    name: str
    what: str
    versions: int
    file_bytes: int
    """Of the first version."""
    whole_bytes: int
    """Each version a whole file, as W&B and dvc keep them."""
    stored: dict[str, Stored]
    """By the kind of store."""


class Stored(NamedTuple):
    """What one kind of store takes for a history."""

    first_bytes: int
    """After the first version: packs and catalog."""
    all_bytes: int
    """After the last."""
    seconds: float
    """To log all versions."""


def kinds() -> dict[str, dict[str, Any]]:
    """The stores to compare, each with what `Store.init` is told: also a compressing one, where there is that."""
    found: dict[str, dict[str, Any]] = {PLAIN: {}}
    if "compression" in inspect.signature(Store.init).parameters:
        found[COMPRESSED] = {"compression": "zstd"}
    return found


def measure(work: Path, size: Size, only: Iterable[str] | None = None) -> Iterator[Saving]:
    """Measure the histories, and 1 MiB inserted into the one large file."""
    wanted = [*HISTORIES, _inserted()]
    for number, history in enumerate(wanted):
        if only is None or history.name in set(only):
            yield _saving(work / str(number), size, history)


def _inserted() -> History:
    def write(folder: Path, size: Size) -> Iterator[int]:
        path = shapes.large_file(folder / "large", size.large_bytes)
        yield path.stat().st_size
        shapes.edit_large(path.parent, 0)
        yield path.stat().st_size

    return History("one large file", "random bytes; 1 MiB inserted in the middle", write)


def _saving(work: Path, size: Size, history: History) -> Saving:
    data = work / "data"
    data.mkdir(parents=True)
    opened = {kind: Store.init(work / kind, **options) for kind, options in kinds().items()}
    took: dict[str, list[tuple[int, float]]] = {kind: [] for kind in opened}
    lengths = []
    try:
        for length in history.write(data, size):
            lengths.append(length)
            time.sleep(size.pause)
            for kind, store in opened.items():
                spent = timed(lambda store=store: stores.log(store, "data", data))  # type: ignore[misc]
                took[kind].append((store.usage().allocated_bytes + stores.catalog_bytes(store), spent))
    finally:
        for store in opened.values():
            store.close()
    measuring.remove(work)
    stored = {kind: Stored(sizes[0][0], sizes[-1][0], sum(spent for _, spent in sizes)) for kind, sizes in took.items()}
    return Saving(history.name, history.what, len(lengths), lengths[0], sum(lengths), stored)
