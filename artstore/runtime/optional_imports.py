"""Libraries that are imported only by what needs them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from artstore.errors import MissingLibrary


def need(module: str, purpose: str, extra: str) -> Any:
    """Import a library that is no dependency of artstore. Raises `MissingLibrary`, which says how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise MissingLibrary(f"{purpose} needs {library}: pip install 'artstore[{extra}]'") from error


def has(module: str) -> bool:
    """Whether a library is there."""
    try:
        import_module(module)
    except ImportError:
        return False
    return True
