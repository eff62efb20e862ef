"""Imports of libraries that are optional, or that cost more than they should."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from artstore.errors import MissingLibrary


def need(module: str, purpose: str, extra: str) -> Any:
    """Import a module of an optional library. Raises `MissingLibrary`, which says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise MissingLibrary(f"{purpose} needs {library}: pip install 'artstore[{extra}]'") from error


def has(module: str) -> bool:
    """Return whether a module can be imported, and import it."""
    try:
        import_module(module)
    except ImportError:
        return False
    return True


def import_sqlite_utils() -> None:
    """Import sqlite-utils as if pandas and NumPy were not installed; for a process where no other thread imports.

    Where they are installed sqlite-utils imports both, to know their types as well: 0.4 s for each command.
    """
    absent: dict[str, None] = dict.fromkeys({"numpy", "pandas"} - sys.modules.keys())
    # Python refuses to import a module that it finds as None here.
    sys.modules.update(absent)  # type: ignore[arg-type]
    try:
        import_module("sqlite_utils")
    finally:
        for name in absent:
            del sys.modules[name]
