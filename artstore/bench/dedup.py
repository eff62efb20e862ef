"""What each way to store data would keep of it, version by version.

The data is read once. Each batch of it is given to all ways at the same time, and the next one is read meanwhile: two
batches are in memory, however large the data is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from artstore.bench.sources import Source
from artstore.bench.ways import BLOCK, Block, Way, all_ways
from artstore.errors import InvalidInput
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.threads import ThreadPool

_BATCH_BLOCKS = 2048


@dataclass(frozen=True)
class Taken:
    """A version as it was read."""

    label: str
    files: int
    size: int


@dataclass
class Kept:
    """What one way would have stored: the total in bytes after each version, as it is and compressed."""

    way: Way
    stored: list[int] = field(default_factory=list)
    compressed: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """All versions that were read, and what each way would keep of them; whole files first, artstore last."""

    versions: list[Taken]
    kept: list[Kept]
    compress: bool
    seconds: float
    """How long it all took, reading included."""

    @property
    def size(self) -> int:
        """The bytes of all versions together."""
        return sum(version.size for version in self.versions)


def measure(sources: Iterable[Source], *, compress: bool = True, progress: Progress = SILENT) -> Outcome:
    """Find out what each way would store of versions that follow each other; nothing is written.

    `compress` adds what zstd per piece would make of it. Raises `InvalidInput` if there is not one byte, and what
    reading raises.
    """
    kept = [Kept(way) for way in all_ways(compress=compress)]
    versions: list[Taken] = []
    begun = time.perf_counter()
    with ThreadPool(min(platform.cores(), len(kept)), "artstore-bench") as pool:
        for source in sources:
            with step(progress, f"reading {source.label}", source.size or None, "bytes"):
                versions.append(_take(source, [each.way for each in kept], pool, progress))
            for each in kept:
                each.stored.append(each.way.stored)
                each.compressed.append(each.way.compressed)
    outcome = Outcome(versions, kept, compress, time.perf_counter() - begun)
    if not outcome.size:
        raise InvalidInput("all files are empty: there is nothing to measure")
    return outcome


def _take(source: Source, ways: list[Way], pool: ThreadPool, progress: Progress) -> Taken:
    files = size = 0
    under_way: list[Future[None]] = []
    for batch in _batches(source.files()):
        for future in under_way:
            future.result()
        under_way = [pool.submit(way.take, batch) for way in ways]
        read = sum(len(block.data) for block in batch)
        files += sum(block.last for block in batch)
        size += read
        progress.advance(read)
    for future in under_way:
        future.result()
    return Taken(source.label, files, size)


def _batches(files: Iterator[Iterator[Block]]) -> Iterator[list[Block]]:
    """Blocks, as many at a time as are worth handing over."""
    batch: list[Block] = []
    size = 0
    for blocks in files:
        for block in blocks:
            batch.append(block)
            size += len(block.data)
            if size >= BLOCK or len(batch) >= _BATCH_BLOCKS:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch
