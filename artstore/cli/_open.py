"""Open the store that a verb reads or writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from artstore.cli import _format
from artstore.errors import Damaged, NoStore
from artstore.runtime import terminal
from artstore.runtime.optional_imports import import_sqlite_utils
from artstore.tracking import location

if TYPE_CHECKING:
    from artstore.store import Store

_OPENED = "artstore.opened"


def open_store(named: Path | None) -> Store:
    """Open the store to read or maintain. Raises `NoStore` if there is none."""
    return open_folder(location.existing(named))


def open_or_create_store(named: Path | None, before_creating: Callable[[], None] = lambda: None) -> Store:
    """Open the store to write to; if there is none, create it and say so, unless `before_creating` raises.

    A note names the store, unless it was named or is that of the working folder.
    """
    folder = location.find(named)
    try:
        store = open_folder(folder)
        if named is None and folder != Path.cwd() / location.FOLDER:
            terminal.note(f"in the store {_format.near(folder)}")
        return store
    except NoStore:
        from artstore.store import Store  # late, as below

        before_creating()
        import_sqlite_utils()
        store = Store.init(folder)
        terminal.note(f"created the store {_format.near(folder)}")
        return store


def open_folder(folder: Path) -> Store:
    """Open the store in a folder. Raises the errors of `Store.open`."""
    from artstore.store import Store  # late: a shell that completes a verb does not need it

    _opened().append(folder)
    return Store.open(folder)


def damage_behind(error: BaseException) -> Damaged | None:
    """Return the error to show for an unexpected one, if damaged rows of a store that was opened may be its cause."""
    from artstore.store import Store  # late: as above

    found = (Store.damage_behind(error, folder) for folder in _opened())
    return next((damaged for damaged in found if damaged is not None), None)


def _opened() -> list[Path]:
    """Return the folders of the stores that the command has opened."""
    context = click.get_current_context(silent=True)
    # A shell that completes a command runs none.
    return [] if context is None else cast("list[Path]", context.meta.setdefault(_OPENED, []))
