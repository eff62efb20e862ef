"""The stores that this process has open: one for each folder, shared by its runs, artifacts and Apis.

A run uses its own store; everything else uses the one that `location` finds.
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
_noted: set[Path] = set()
"""The stores above the working folder that were named in a note."""


def _reset_in_child() -> None:
    # Another thread of the parent may have held the lock.
    global _guard
    _guard = threading.RLock()


forking.register(after_in_child=_reset_in_child)


def to_read(given: str | os.PathLike[str] | None = None) -> Store:
    """Open the store to read from. Raises `NoStore` if there is none."""
    return _opened(location.existing(given))


def to_write(given: str | os.PathLike[str] | None = None) -> Store:
    """Open the store to write to; create it if there is none. A store that was created or found above is noted."""
    folder = location.find(given)
    with _guard:
        try:
            store = _opened(folder)
            if given is None and folder not in _noted and location.is_found_above(folder):
                _noted.add(folder)
                terminal.note(f"artstore: using the store {folder}")
            return store
        except NoStore:
            Store.init(folder).close()
            terminal.note(f"artstore: created the store {folder}")
            return _opened(folder)


def temporary(folder: Path) -> Store:
    """Create a store that is deleted soon, without a note."""
    Store.init(folder).close()
    return _opened(folder)


def _opened(folder: Path) -> Store:
    with _guard:
        key = Store.identity(folder)
        store = _open.get(key) if key else None
        if store is None or store.closed:
            store = Store.open(folder)
            key = Store.identity(folder)
            if key:
                _open[key] = store
        return store


@atexit.register
def close() -> None:
    """Close all of them."""
    with _guard:
        while _open:
            _open.popitem()[1].close()
