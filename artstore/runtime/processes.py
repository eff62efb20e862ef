"""Batches of small work in worker processes, where there is enough of it to pay for starting them.

Threads do not help with small files: the interpreter takes the time, not the disk.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, NamedTuple, TypeVar

from artstore.runtime import platform
from artstore.runtime.threads import main_thread_is_ending
from artstore.runtime.worker_process import WorkerProcess

Batch = TypeVar("Batch")
Result = TypeVar("Result")

WORTH_STARTING = 6
"""With fewer batches than this, no worker is started."""
_MAX_WORKERS = 8
_WHILE_STARTING = 64
"""How many batches at most are done in this process while the workers start."""


class _UnderWay(NamedTuple, Generic[Batch, Result]):
    """A batch that was sent to a worker, or done in this process, and its result."""

    batch: Batch
    result: Future[Result]
    is_at_worker: bool


def map_batches(
    batches: Iterable[Batch],
    *,
    here: Callable[[Batch], Result],
    in_worker: Callable[..., Result],
    arguments: Callable[[Batch], tuple[Any, ...]],
    workers: int | None = None,
) -> Generator[tuple[Batch, Result], None, None]:
    """Do every batch, and yield each with its result, in order.

    A few batches are done by `here(batch)`. More of them go to worker processes as `in_worker(*arguments(batch))`,
    where `arguments` is called when the batch is sent. While the main thread is ending, and in a program that has no
    Python to start, all are done here. Only a few batches are under way at a time, so memory stays bounded.
    Raises `StoreError` if the system ends one of the workers.
    """
    workers = min(platform.cores(), _MAX_WORKERS) if workers is None else workers
    if main_thread_is_ending():
        workers = 1
    iterator = iter(batches)
    first = list(itertools.islice(iterator, WORTH_STARTING)) if workers > 1 else []
    remaining = itertools.chain(first, iterator)
    if len(first) < WORTH_STARTING:
        for batch in remaining:
            yield batch, here(batch)
        return
    pool: list[WorkerProcess] = []
    under_way: deque[_UnderWay[Batch, Result]] = deque()
    has_started = has_finished = False
    try:
        _start(workers, pool)
        for batch in remaining:
            future = _least_busy(pool).submit(in_worker, *arguments(batch)) if pool else _done(here(batch))
            under_way.append(_UnderWay(batch, future, bool(pool)))
            if len(under_way) > 2 * workers and not has_started:
                under_way.extend(_while_starting(under_way[0].result, remaining, here))
                has_started = True
            yield from _oldest(under_way, 2 * workers)
        yield from _oldest(under_way, 0)
        has_finished = True
    finally:
        _end(pool, kill=not has_finished)


def _start(number: int, pool: list[WorkerProcess]) -> None:
    """Start workers: fewer, or none, where the system starts no more."""
    with suppress(OSError, RuntimeError):
        for _ in range(number):
            pool.append(WorkerProcess())


def _end(pool: list[WorkerProcess], *, kill: bool) -> None:
    """End workers. An interrupt waits until all have ended: what they write into is used by others then."""
    interrupt: KeyboardInterrupt | None = None
    while pool:
        try:
            if kill:
                for worker in pool:
                    worker.kill()
            pool[-1].close()
            pool.pop()
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt


def _least_busy(pool: list[WorkerProcess]) -> WorkerProcess:
    return min(pool, key=lambda worker: worker.unanswered)


def _oldest(under_way: deque[_UnderWay[Batch, Result]], most: int) -> Iterator[tuple[Batch, Result]]:
    """Take away the oldest batches until at most so many are at workers, and the next one is at one of them."""
    while under_way and (sum(one.is_at_worker for one in under_way) > most or not under_way[0].is_at_worker):
        oldest = under_way.popleft()
        yield oldest.batch, oldest.result.result()


def _while_starting(
    first: Future[Result], remaining: Iterator[Batch], here: Callable[[Batch], Result]
) -> Iterator[_UnderWay[Batch, Result]]:
    """Do batches here until the workers have done one: they take as long to start as thousands of files to read."""
    for _ in range(_WHILE_STARTING):
        if first.done() or (batch := next(remaining, None)) is None:
            return
        yield _UnderWay(batch, _done(here(batch)), False)


def _done(result: Result) -> Future[Result]:
    future: Future[Result] = Future()
    future.set_result(result)
    return future
