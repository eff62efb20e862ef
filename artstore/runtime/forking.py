"""A gate between threads that use SQLite and those that fork: no child inherits a lock that nobody opens for it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 5.0
"""Seconds that a fork waits. A thread may keep a query open for as long as it likes, and rarely works on it."""

_changed = threading.Condition()
_inside: Counter[int] = Counter()
_forking: list[int] = []
_before: list[Callable[[], None]] = []


@contextmanager
def inside() -> Iterator[None]:
    """Use SQLite. May be nested; waits while another thread forks."""
    me = threading.get_ident()
    with _changed:
        if not _inside[me]:
            _changed.wait_for(lambda: not _forking or me in _forking)
        _inside[me] += 1
    try:
        yield
    finally:
        with _changed:
            _inside[me] -= 1
            if not _inside[me]:
                del _inside[me]
                _changed.notify_all()


def before_fork(action: Callable[[], None]) -> None:
    """Have something done before each fork, when no other thread uses SQLite."""
    _before.append(action)


def _shut() -> None:
    me = threading.get_ident()
    with _changed:
        _changed.wait_for(lambda: not _forking)
        _forking.append(me)
        _changed.wait_for(lambda: _inside.keys() <= {me}, _PATIENCE)
    for action in _before:
        action()


def _open() -> None:
    with _changed:
        _forking.clear()
        _changed.notify_all()


def _begin_anew_in_child() -> None:
    global _changed
    _changed = threading.Condition()
    _forking.clear()
    mine = _inside[threading.get_ident()]
    _inside.clear()
    if mine:
        _inside[threading.get_ident()] = mine


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_shut, after_in_parent=_open, after_in_child=_begin_anew_in_child)
