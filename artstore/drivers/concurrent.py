"""Await many calls, a few of them at the same time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from asyncio import Future

T = TypeVar("T")


async def as_done(calls: Iterable[Callable[[], Awaitable[T]]], at_once: int) -> AsyncGenerator[T]:
    """Yield the results of calls in the order in which they are done; `at_once` are made at the same time.

    The first error is raised, and the calls that are under way then are cancelled, as they are when the generator is
    closed.
    """
    import asyncio  # late, for the start-up time

    waiting = iter(calls)
    running: set[Future[T]] = set()
    try:
        while True:
            running |= {asyncio.ensure_future(call()) for call in islice(waiting, at_once - len(running))}
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
