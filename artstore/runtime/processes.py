"""Batches of small work in worker processes, where there is enough of it to pay for starting them.

Threads do not help with small files: the interpreter takes the time, not the disk. The workers come from loky, which
neither forks a process that may have threads nor runs the user's main module again.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from artstore.errors import StoreError
from artstore.runtime import platform
from artstore.runtime.threads import main_thread_is_ending

Batch = TypeVar("Batch")
Result = TypeVar("Result")

WORTH_STARTING = 6
"""With fewer batches than this, no worker is started."""
_MAX_WORKERS = 8
_WHILE_STARTING = 64
"""How many batches at most are done in this process while the workers start."""
_IDLE_SECONDS = 10
_PARENT_CHECK_SECONDS = 0.5


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
    where `arguments` is called when the batch is sent. While the main thread is ending, all are done here. Only a few
    batches are under way at a time, so memory stays bounded.
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
    # Late, for the start-up time: it takes 55 ms.
    from loky import ProcessPoolExecutor
    from loky.process_executor import TerminatedWorkerError

    executor = ProcessPoolExecutor(
        max_workers=workers, timeout=_IDLE_SECONDS, initializer=_end_with, initargs=(os.getpid(),)
    )
    under_way: deque[tuple[Batch, Future[Result]]] = deque()
    started = finished = too_late = False
    try:
        for batch in remaining:
            future = None if too_late else _sent(executor, in_worker, arguments, batch)
            too_late = future is None
            under_way.append((batch, future or _done(here(batch))))
            if len(under_way) > 2 * workers:
                if not started:
                    under_way.extend(_while_starting(under_way[0][1], remaining, here))
                    started = True
                oldest, result = under_way.popleft()
                yield oldest, result.result()
        while under_way:
            oldest, result = under_way.popleft()
            yield oldest, result.result()
        finished = True
    except TerminatedWorkerError as error:
        raise StoreError(
            "the system ended a process of artstore (out of memory?): nothing was lost, try again"
        ) from error
    finally:
        executor.shutdown(wait=True, kill_workers=not finished)


def _sent(
    executor: Executor,
    in_worker: Callable[..., Result],
    arguments: Callable[[Batch], tuple[Any, ...]],
    batch: Batch,
) -> Future[Result] | None:
    """Send a batch to the workers; return None if it is too late for that, as the main thread is ending."""
    values = arguments(batch)
    try:
        return executor.submit(in_worker, *values)
    except RuntimeError as error:
        # Executors of processes refuse work a moment before executors of threads do.
        if main_thread_is_ending() or str(error).startswith("cannot schedule new futures"):
            return None
        raise


def _while_starting(
    first: Future[Result], remaining: Iterator[Batch], here: Callable[[Batch], Result]
) -> Iterator[tuple[Batch, Future[Result]]]:
    """Do batches here until the workers have done one: they take as long to start as thousands of files to read."""
    for _ in range(_WHILE_STARTING):
        if first.done() or (batch := next(remaining, None)) is None:
            return
        yield batch, _done(here(batch))


def _done(result: Result) -> Future[Result]:
    future: Future[Result] = Future()
    future.set_result(result)
    return future


def _end_with(parent: int) -> None:
    """End this worker soon after its parent process, however that ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="artstore-parent", daemon=True).start()
