"""Tell open pages that the store has changed, so that they read themselves again.

A browser that shows a running run keeps one request open, which costs a look at two files each second. Pages of one
address that are read again at the same time share one answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from artstore.store import Store

FOLLOWS = "x-follows"
"""The header of a page that reads itself again."""
_EVERY = 1.0
_QUIET = 15.0
"""Seconds after which pages are told to read themselves again without a change: a run may have crashed."""
_SHARED = 2.0
_ANSWERS = 64


def stream(store: Store, request: Request) -> Response:
    """Answer with an event for each second in which the store changed, and now and then without one."""
    return StreamingResponse(_events(store), media_type="text/event-stream")


async def _events(store: Store) -> AsyncIterator[str]:
    before, said = store.browse.change_mark(), time.monotonic()
    yield "retry: 3000\n\n"
    while True:
        await asyncio.sleep(_EVERY)
        mark = store.browse.change_mark()
        if mark != before:
            before, said = mark, time.monotonic()
            yield "data: changed\n\n"
        elif time.monotonic() - said > _QUIET:
            said = time.monotonic()
            yield "data: unchanged\n\n"


class SharedAnswers:
    """The newest answers to pages that follow, each for the seconds in which others may ask for the same."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, str]] = {}

    def get(self, request: Request, answer: Callable[[], str]) -> str:
        """Return an answer of the last seconds to a page that follows, and a new one to every other."""
        address, now = str(request.url), time.monotonic()
        kept = self._kept.get(address)
        if kept and request.headers.get(FOLLOWS) and now - kept[0] < _SHARED:
            return kept[1]
        text = answer()
        if len(self._kept) >= _ANSWERS:
            self._kept.clear()
        self._kept[address] = now, text
        return text
