"""Hooks for forks, and a gate that keeps a fork apart from what other threads do with SQLite.

A forked child has only the thread that forked, and every lock in the state it had at that moment: one that another
thread held stays locked for good. So modules replace their locks in the child, and a fork waits at the gate until no
other thread is inside SQLite, whose locks cannot be replaced. All modules register their hooks here; the gate
registers first, so it shuts after the other hooks ran and is open in the child before they run.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Hook = Callable[[], None]

_PATIENCE = 5.0
"""Seconds that a fork waits. A thread may keep a query open for as long as it likes, and rarely works on it."""

_changed = threading.Condition()
_holding_off: Counter[int] = Counter()
"""How many nested `held_off` blocks each thread is in."""
_forking: list[int] = []
"""The thread that forks, if one does."""
_when_shut: list[Hook] = []


def _do_nothing() -> None: ...


def register(
    *, before: Hook = _do_nothing, after_in_parent: Hook = _do_nothing, after_in_child: Hook = _do_nothing
) -> None:
    """Call functions around each fork of this process, as `os.register_at_fork` does; not on systems without forks.

    `before` hooks run in the reverse order of registering, the others in that order.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=after_in_parent, after_in_child=after_in_child)


def when_gate_is_shut(hook: Hook) -> None:
    """Call a function before each fork, when no other thread uses SQLite."""
    _when_shut.append(hook)


@contextmanager
def held_off() -> Iterator[None]:
    """Keep other threads from forking, for the use of SQLite. May be nested; waits while another thread forks."""
    me = threading.get_ident()
    with _changed:
        if not _holding_off[me]:
            _changed.wait_for(lambda: not _forking or me in _forking)
        _holding_off[me] += 1
    try:
        yield
    finally:
        with _changed:
            _holding_off[me] -= 1
            if not _holding_off[me]:
                del _holding_off[me]
                _changed.notify_all()


def _shut() -> None:
    me = threading.get_ident()
    with _changed:
        _changed.wait_for(lambda: not _forking)
        _forking.append(me)
        _changed.wait_for(lambda: _holding_off.keys() <= {me}, _PATIENCE)
    for hook in _when_shut:
        hook()


def _open() -> None:
    with _changed:
        _forking.clear()
        _changed.notify_all()


def _open_in_child() -> None:
    global _changed
    _changed = threading.Condition()
    _forking.clear()
    mine = _holding_off[threading.get_ident()]
    _holding_off.clear()
    if mine:
        _holding_off[threading.get_ident()] = mine


register(before=_shut, after_in_parent=_open, after_in_child=_open_in_child)
