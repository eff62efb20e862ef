"""Trying again what a server could not do just now, a little later each time, and not for ever."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TypeVar

from artstore.errors import Unreachable

T = TypeVar("T")

PAUSES = (0.1, 0.4, 1.2, 3.0)
"""How long to wait before each further try, in seconds; up to half as much again is added."""
LONGEST = 10.0
"""How long a server may make us wait before the next try, in seconds, whatever it asks for."""
PATIENCE = 25.0
"""How long all tries of one call may take together, in seconds."""


class Tries:
    """The tries of one thing; `again` begins them anew when there was progress."""

    def __init__(self) -> None:
        self.again()

    def again(self) -> None:
        """Forget the failures so far."""
        self._made = 0
        self._since = time.monotonic()

    async def pause(self, error: Unreachable) -> None:
        """Wait before the next try; raise the error if there is to be none, because of their number or the time."""
        late = time.monotonic() - self._since > PATIENCE / 2
        if late or self._made == len(PAUSES):
            raise error
        self._made += 1
        await asyncio.sleep(max(PAUSES[self._made - 1] * random.uniform(1, 1.5), min(error.wait, LONGEST)))


def later(message: str, retry_after: str | None) -> Unreachable:
    """The error for a server that cannot answer now, and may say when it can: in seconds, or as a date."""
    error = Unreachable(message)
    with suppress(ValueError, OverflowError):
        if retry_after is not None and retry_after.strip().isdecimal():
            error.wait = float(retry_after)
        elif retry_after is not None:
            when = parsedate_to_datetime(retry_after)
            error.wait = max(0.0, when.timestamp() - time.time())
    return error


async def retried(attempt: Callable[[], Awaitable[T]], what: str) -> T:
    """Make one call, and make it again while it raises `Unreachable`.

    Raises the last `Unreachable` when all tries or `PATIENCE` are used up; `what` is named if there was no answer at
    all.
    """
    tries = Tries()
    last: Unreachable | None = None
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await attempt()
                except Unreachable as error:
                    last = error
                    await tries.pause(error)
    except TimeoutError:
        raise last or Unreachable(
            f"{what!r} gave no answer within {PATIENCE:g} s: check the address and the network, or try again later"
        ) from None
