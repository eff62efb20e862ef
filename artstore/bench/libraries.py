"""The libraries that only the bench needs, asked for when it begins."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from artstore.errors import MissingLibrary


def library(name: str, distribution: str) -> Any:
    """Import a library of the extra `bench`. Raises `MissingLibrary`, which says how to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingLibrary(
            f"`artstore bench` needs {distribution}, which is not installed: pip install 'artstore[bench]'"
        ) from error
