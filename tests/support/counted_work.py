"""Count the work of a call, which shows how it grows with its input and is the same on every machine."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

from artstore import Store

_STEP = 10
"""SQLite counts this many instructions as one step."""


def sqlite_steps(opened: Store, deed: Callable[[], object]) -> int:
    """Return the number of steps that SQLite takes in this thread during a call."""
    count = 0

    def one_more() -> int:
        nonlocal count
        count += 1
        return 0

    opened.db.connection.set_progress_handler(one_more, _STEP)
    try:
        deed()
    finally:
        opened.db.connection.set_progress_handler(None, 0)
    return count


def statements(opened: Store, deed: Callable[[], object]) -> list[str]:
    """Return the statements that SQLite runs in this thread during a call."""
    found: list[str] = []
    opened.db.connection.set_trace_callback(found.append)
    try:
        deed()
    finally:
        opened.db.connection.set_trace_callback(None)
    return found


def calls(deed: Callable[[], object]) -> Counter[str]:
    """Return how often this thread calls functions of each name during a call."""
    count: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            count[frame.f_code.co_name] += 1
        elif event == "c_call":
            count[argument.__name__] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        deed()
    finally:
        sys.setprofile(before)
    return count
