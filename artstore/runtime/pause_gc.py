"""Pause Python's cyclic garbage collector while very many plain objects are made.

None of them can be part of a cycle, and searching all of them again and again costs a sixth of the time of a large log
or download.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# A signal handler may pause the collector at any line of a block below, so each line leaves a state that it can use.
_guard = threading.RLock()
_paused = 0
_was_enabled = False


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the collector for a block. May be nested, and used by several threads."""
    global _paused, _was_enabled
    with _guard:
        _paused += 1
        if gc.isenabled():
            _was_enabled = True
            gc.disable()
    try:
        yield
    finally:
        with _guard:
            _paused -= 1
            if _paused == 0 and _was_enabled:
                _was_enabled = False
                gc.enable()
