"""The stores that this process has open: one for each folder, shared by its runs, artifacts and Apis.

What belongs to a run is kept in the run's store; everything else goes to the store that `location` finds.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path

from artstore.errors import NoStore
from artstore.runtime import forking, terminal
from artstore.store import Store
from artstore.tracking import location

_guard = threading.RLock()
_open: dict[tuple[int, int], Store] = {}


def _begin_anew_in_child() -> None:
    # Another thread of the parent may have held it.
    global _guard
    _guard = threading.RLock()


forking.register(after_in_child=_begin_anew_in_child)


def to_read(named: str | os.PathLike[str] | None = None) -> Store:
    """The store to read from. Raises `NoStore`, which says where was looked and what to do."""
    return _opened(location.existing(named))


def to_write(named: str | os.PathLike[str] | None = None) -> Store:
    """The store to write to; made, and that said, if it is not there."""
    folder = location.find(named)
    with _guard:
        try:
            return _opened(folder)
        except NoStore:
            Store.init(folder).close()
            terminal.note(f"artstore: created the store {folder}")
            return _opened(folder)


def _opened(folder: Path) -> Store:
    with _guard:
        key = Store.identity(folder)
        found = _open.get(key) if key else None
        if found is None or found.closed:
            found = Store.open(folder)
            key = Store.identity(folder)
            if key:
                _open[key] = found
        return found


@atexit.register
def close() -> None:
    """Close all of them."""
    with _guard:
        while _open:
            _open.popitem()[1].close()
