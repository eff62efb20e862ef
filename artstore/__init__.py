"""Versioned artifacts for machine-learning work, in one SQLite database and a folder, with no server."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artstore.errors import ArtstoreError
    from artstore.manifest import Entry, Kind
    from artstore.store import Store
    from artstore.version import Version

__version__ = "0.1.0"
__all__ = ["ArtstoreError", "Entry", "Kind", "Store", "Version"]

_HOMES = {
    "ArtstoreError": "artstore.errors",
    "Entry": "artstore.manifest",
    "Kind": "artstore.manifest",
    "Store": "artstore.store",
    "Version": "artstore.version",
}


def __getattr__(name: str) -> Any:
    # Opening a store costs its libraries' imports; importing the package costs none of them.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'artstore' has no attribute {name!r}")
    return getattr(import_module(home), name)
