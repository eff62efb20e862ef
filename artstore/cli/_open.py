"""Opening a store without what sqlite-utils takes along.

Where pandas and NumPy are installed it imports both, to know their types as well; that is 0.4 s, for each command.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artstore.store import Store


def opened(folder: Path) -> Store:
    """Open a store. Raises what `Store.open` does."""
    _import_sqlite_utils()
    from artstore.store import Store

    return Store.open(folder)


def _import_sqlite_utils() -> None:
    """Import sqlite-utils as if pandas and NumPy were not installed. For processes in which nobody else imports."""
    absent: dict[str, None] = dict.fromkeys({"numpy", "pandas"} - sys.modules.keys())
    # What Python finds as None it takes for not there.
    sys.modules.update(absent)  # type: ignore[arg-type]
    try:
        importlib.import_module("sqlite_utils")
    finally:
        for name in absent:
            del sys.modules[name]
