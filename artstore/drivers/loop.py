"""The event loop of all drivers, which runs in a thread of its own, and how synchronous code uses it."""

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
    """Return the loop of this process, and start it first if needed: a forked child has no threads of its parent."""
    global _running
    with _lock:
        if _running is None or _running[0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="artstore-drivers", daemon=True).start()
            _running = os.getpid(), loop
        return _running[1]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the drivers' loop and return its result.

    If the wait is interrupted, usually by Ctrl-C, the coroutine is cancelled and has ended when this raises, so that
    it does not continue in the background.
    """
    loop = _loop()
    outcome: Future[T] = Future()
    tasks: list[asyncio.Task[T]] = []

    def begin() -> None:
        tasks.append(loop.create_task(coroutine))
        tasks[0].add_done_callback(partial(_pass_on, outcome))

    loop.call_soon_threadsafe(begin)
    try:
        return outcome.result()
    except BaseException:
        if not outcome.done():
            loop.call_soon_threadsafe(lambda: tasks[0].cancel())
            wait([outcome])
        raise


def _pass_on(outcome: Future[T], task: asyncio.Task[T]) -> None:
    if task.cancelled():
        outcome.set_exception(asyncio.CancelledError())
        return
    error = task.exception()
    if error is not None:
        outcome.set_exception(error)
    else:
        outcome.set_result(task.result())


def iterate(items: AsyncGenerator[T], batch_size: int = _BATCH) -> Iterator[T]:
    """Iterate over an asynchronous generator on the drivers' loop, reading one batch at a time."""
    try:
        while batch := run(_next_batch(items, batch_size)):
            yield from batch
    finally:
        run(_close(items))


async def _next_batch(items: AsyncIterator[T], batch_size: int) -> list[T]:
    batch: list[T] = []
    async for item in items:
        batch.append(item)
        if len(batch) == batch_size:
            break
    return batch


async def _close(items: AsyncGenerator[T]) -> None:
    await items.aclose()
