"""Measure the disk space of successive versions in a store, compared with whole files for each version."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from artstore import Store
from benchmarks import datasets, measurement, stores
from benchmarks.datasets import Size
from benchmarks.histories import HISTORIES, History
from benchmarks.measurement import timed

PLAIN = "artstore"
COMPRESSED = "artstore, zstd"


class Saving(NamedTuple):
    """The disk space of the versions of one history."""

    name: str
    description: str
    versions: int
    file_bytes: int
    """Bytes of the first version."""
    whole_bytes: int
    """Bytes if each version is a whole file, as in W&B and dvc."""
    stored: dict[str, Stored]
    """By kind of store."""


class Stored(NamedTuple):
    """The disk space of a history in one kind of store."""

    first_bytes: int
    """Bytes of packs and catalog after the first version."""
    all_bytes: int
    """Bytes after the last version."""
    seconds: float
    """Seconds to log all versions."""


def kinds() -> dict[str, dict[str, Any]]:
    """Return the kinds of stores to compare, each with its arguments of `Store.init`."""
    arguments: dict[str, dict[str, Any]] = {PLAIN: {}}
    if "compression" in inspect.signature(Store.init).parameters:
        arguments[COMPRESSED] = {"compression": "zstd"}
    return arguments


def measure(work: Path, size: Size, only: Iterable[str] | None = None) -> Iterator[Saving]:
    """Measure the histories, and 1 MiB inserted into the one large file."""
    for number, history in enumerate(_histories()):
        if only is None or history.name in set(only):
            yield _saving(work / str(number), size, history)


def _histories() -> list[History]:
    return [*HISTORIES, _inserted()]


def _inserted() -> History:
    def write(folder: Path, size: Size) -> Iterator[int]:
        path = datasets.large_file(folder / "large", size.large_bytes)
        yield path.stat().st_size
        datasets.edit_large(path.parent, 0)
        yield path.stat().st_size

    return History("one large file", "random bytes; 1 MiB inserted in the middle", write)


def _saving(work: Path, size: Size, history: History) -> Saving:
    data = work / "data"
    data.mkdir(parents=True)
    opened = {kind: Store.init(work / kind, **options) for kind, options in kinds().items()}
    measured: dict[str, list[tuple[int, float]]] = {kind: [] for kind in opened}
    lengths = []
    try:
        for length in history.write(data, size):
            lengths.append(length)
            time.sleep(size.pause)
            for kind, store in opened.items():
                spent = timed(lambda store=store: stores.log(store, "data", data))  # type: ignore[misc]
                measured[kind].append((store.usage().allocated_bytes + stores.catalog_bytes(store), spent))
    finally:
        for store in opened.values():
            store.close()
    measurement.remove(work)
    stored = {
        kind: Stored(sizes[0][0], sizes[-1][0], sum(spent for _, spent in sizes)) for kind, sizes in measured.items()
    }
    return Saving(history.name, history.description, len(lengths), lengths[0], sum(lengths), stored)


MEASURED = [history.name for history in _histories()]
"""The names of what is measured."""
