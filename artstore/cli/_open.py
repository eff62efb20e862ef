"""Open the store that a verb reads or writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from artstore.cli import _format
from artstore.errors import NoStore
from artstore.runtime import terminal
from artstore.runtime.optional_imports import import_sqlite_utils
from artstore.tracking import location

if TYPE_CHECKING:
    from artstore.store import Store


def open_store(named: Path | None) -> Store:
    """Open the store to read or maintain. Raises `NoStore` if there is none."""
    return open_folder(location.existing(named))


def open_or_create_store(named: Path | None) -> Store:
    """Open the store to write to; if there is none, create it and say so."""
    folder = location.find(named)
    try:
        return open_folder(folder)
    except NoStore:
        from artstore.store import Store  # late, as below

        store = Store.init(folder)
        terminal.note(f"created the store {_format.near(folder)}")
        return store


def open_folder(folder: Path) -> Store:
    """Open the store in a folder. Raises the errors of `Store.open`."""
    import_sqlite_utils()
    from artstore.store import Store  # late: a shell that completes a verb does not need it

    return Store.open(folder)
