"""Open a store for a command, without the 0.4 s that pandas and NumPy would cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from artstore.runtime.optional_imports import import_sqlite_utils

if TYPE_CHECKING:
    from artstore.store import Store


def opened(folder: Path) -> Store:
    """Open a store. Raises the errors of `Store.open`."""
    import_sqlite_utils()
    # Late, because it imports sqlite-utils.
    from artstore.store import Store

    return Store.open(folder)
