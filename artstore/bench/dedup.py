"""Measure how much each storage strategy would store of some data, version by version.

The data is read once. Each batch is passed to all strategies in parallel while the next batch is read: two batches are
in memory, however large the data is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from artstore.bench.sources import Source
from artstore.bench.strategies import BLOCK, Block, Strategy, all_strategies
from artstore.errors import InvalidInput
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.threads import ThreadPool

_BATCH_BLOCKS = 2048


@dataclass(frozen=True)
class ReadVersion:
    """A version that was read."""

    label: str
    files: int
    size: int


@dataclass
class StrategyTotals:
    """The bytes that one strategy would have stored in total after each version, plain and compressed."""

    strategy: Strategy
    stored: list[int] = field(default_factory=list)
    compressed: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class DedupResult:
    """The versions that were read, and the totals of each strategy; whole files first, artstore last."""

    versions: list[ReadVersion]
    totals: list[StrategyTotals]
    compress: bool
    seconds: float
    """Seconds for everything, reading included."""

    @property
    def size(self) -> int:
        """The bytes of all versions together."""
        return sum(version.size for version in self.versions)


def measure(sources: Iterable[Source], *, compress: bool = True, progress: Progress = SILENT) -> DedupResult:
    """Measure what each strategy would store of consecutive versions; nothing is written.

    `compress` also measures zstd on each piece. Raises `InvalidInput` if the data is empty, and the errors of reading.
    """
    totals = [StrategyTotals(strategy) for strategy in all_strategies(compress=compress)]
    versions: list[ReadVersion] = []
    begun = time.perf_counter()
    with ThreadPool(min(platform.cores(), len(totals)), "artstore-bench") as pool:
        for source in sources:
            with step(progress, f"reading {source.label}", source.size or None, "bytes"):
                versions.append(_read(source, [total.strategy for total in totals], pool, progress))
            for total in totals:
                total.stored.append(total.strategy.stored)
                total.compressed.append(total.strategy.compressed)
    result = DedupResult(versions, totals, compress, time.perf_counter() - begun)
    if not result.size:
        raise InvalidInput("all files are empty: there is nothing to measure")
    return result


def _read(source: Source, strategies: list[Strategy], pool: ThreadPool, progress: Progress) -> ReadVersion:
    files = size = 0
    running: list[Future[None]] = []
    for batch in _batches(source.files()):
        for future in running:
            future.result()
        running = [pool.submit(strategy.add, batch) for strategy in strategies]
        read = sum(len(block.data) for block in batch)
        files += sum(block.last for block in batch)
        size += read
        progress.advance(read)
    for future in running:
        future.result()
    return ReadVersion(source.label, files, size)


def _batches(files: Iterator[Iterator[Block]]) -> Iterator[list[Block]]:
    """Collect blocks into batches that are worth passing to a thread."""
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
