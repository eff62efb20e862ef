"""Spreading batches of small work over processes, where there is enough of it to pay for starting them.

Threads do not help with small files: what costs is the interpreter, not the disk. The processes come from loky, which neither forks a
process that may have threads nor runs the user's main module again.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from artstore import system

Batch = TypeVar("Batch")
Result = TypeVar("Result")

WORTH_STARTING = 6
"""With fewer batches than this, the work is done here."""
_IDLE_SECONDS = 10


def spread(
    work: Callable[..., Result],
    batches: Iterable[Batch],
    *arguments: Any,
    key: Callable[[Batch], Any],
    processes: int | None = None,
) -> Iterator[tuple[Batch, Result]]:
    """Do `work(key(batch), *arguments)` for each batch; yield each batch with its result, in order.

    Only `key(batch)` and the result travel between processes. Never more than a few batches a process are under way, so memory stays bounded.
    """
    processes = min(system.cores(), 8) if processes is None else processes
    iterator = iter(batches)
    first = list(itertools.islice(iterator, WORTH_STARTING)) if processes > 1 else []
    if processes < 2 or len(first) < WORTH_STARTING:
        for batch in itertools.chain(first, iterator):
            yield batch, work(key(batch), *arguments)
        return
    from loky import ProcessPoolExecutor

    executor = ProcessPoolExecutor(max_workers=processes, timeout=_IDLE_SECONDS)
    waiting: deque[tuple[Batch, Any]] = deque()
    finished = False
    try:
        for batch in itertools.chain(first, iterator):
            waiting.append((batch, executor.submit(work, key(batch), *arguments)))
            if len(waiting) > 2 * processes:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
        finished = True
    finally:
        executor.shutdown(wait=True, kill_workers=not finished)
