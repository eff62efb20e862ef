"""Retry calls to servers that are busy or out of reach, with growing pauses and within a time limit.

asyncio takes 30 ms to import and is imported when a call is made, so that verbs of the command line that only look at
the scheme of a URI start faster.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TypeVar

from artstore.errors import Unreachable
from artstore.runtime.arguments import checked

T = TypeVar("T")

PAUSES = (0.1, 0.4, 1.2, 3.0)
"""The pause before each retry, in seconds; up to half as much again is added at random."""
LONGEST = 10.0
"""The longest pause that a server can ask for, in seconds."""
PATIENCE = 25.0
"""How long all attempts of one call may take together, in seconds."""


class Retries:
    """Counts the failed attempts of one call, and pauses between them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the failures so far, because there was progress."""
        self._failures = 0
        self._since = time.monotonic()

    async def pause(self, error: Unreachable) -> None:
        """Wait before the next attempt, or raise the error if there were too many attempts or they took too long."""
        import asyncio

        late = time.monotonic() - self._since > PATIENCE / 2
        if late or self._failures == len(PAUSES):
            raise error
        self._failures += 1
        await asyncio.sleep(max(PAUSES[self._failures - 1] * random.uniform(1, 1.5), min(error.wait, LONGEST)))


@checked
def unavailable(message: str, retry_after: str | None) -> Unreachable:
    """Return the error for a server that cannot answer now.

    `retry_after` is the value of its `Retry-After` header: a number of seconds, or a date.
    """
    error = Unreachable(message)
    with suppress(ValueError, OverflowError):
        if retry_after is not None and retry_after.strip().isdecimal():
            error.wait = float(retry_after)
        elif retry_after is not None:
            date = parsedate_to_datetime(retry_after)
            error.wait = max(0.0, date.timestamp() - time.time())
    return error


async def retried(attempt: Callable[[], Awaitable[T]], uri: str) -> T:
    """Await a call, and retry it while it raises `Unreachable`.

    Raises the last `Unreachable` when the retries or `PATIENCE` are used up, or one that names `uri` if no attempt
    was ever answered.
    """
    import asyncio

    retries = Retries()
    failure: Unreachable | None = None
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await attempt()
                except Unreachable as error:
                    failure = error
                    await retries.pause(error)
    except TimeoutError:
        raise failure or Unreachable(
            f"{uri!r} did not answer within {PATIENCE:g} s: check the address and the network, or try again later"
        ) from None
