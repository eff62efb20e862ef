"""The one event loop that drivers run on, in a thread of its own, and the way to it from code that just calls."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

_BATCH = 1000
_lock = threading.Lock()
_running: tuple[int, asyncio.AbstractEventLoop] | None = None


def _loop() -> asyncio.AbstractEventLoop:
    """The loop of this process; a forked child has none of its parent's threads, and begins one of its own."""
    global _running
    with _lock:
        if _running is None or _running[0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="artstore-drivers", daemon=True).start()
            _running = os.getpid(), loop
        return _running[1]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the drivers' loop and wait for it.

    When the waiting is interrupted, by Ctrl-C above all, the coroutine is cancelled, and has ended when this returns:
    nothing goes on behind the caller's back.
    """
    loop = _loop()
    outcome: Future[T] = Future()
    tasks: list[asyncio.Task[T]] = []

    def begin() -> None:
        tasks.append(loop.create_task(coroutine))
        tasks[0].add_done_callback(partial(_hand_over, outcome))

    loop.call_soon_threadsafe(begin)
    try:
        return outcome.result()
    except BaseException:
        if not outcome.done():
            loop.call_soon_threadsafe(lambda: tasks[0].cancel())
            wait([outcome])
        raise


def _hand_over(outcome: Future[T], task: asyncio.Task[T]) -> None:
    if task.cancelled():
        outcome.set_exception(asyncio.CancelledError())
        return
    error = task.exception()
    if error is not None:
        outcome.set_exception(error)
    else:
        outcome.set_result(task.result())


def each(items: AsyncGenerator[T], at_once: int = _BATCH) -> Iterator[T]:
    """Go through what is made on the drivers' loop, a batch at a time; nothing is made ahead of the batch."""
    try:
        while batch := run(_next(items, at_once)):
            yield from batch
    finally:
        run(_closed(items))


async def _next(items: AsyncIterator[T], at_once: int) -> list[T]:
    batch: list[T] = []
    async for item in items:
        batch.append(item)
        if len(batch) == at_once:
            break
    return batch


async def _closed(items: AsyncGenerator[T]) -> None:
    await items.aclose()
