"""Find the driver for a URI scheme among the entry points of installed packages.

The name of an entry point in the group `artstore.drivers` is a scheme. The entry point named `fsspec` takes all schemes
that fsspec knows and that have no driver of their own. A driver of another package wins over one that comes with
artstore, so a package can take over a scheme.
"""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import TypeAlias

from artstore.core import names
from artstore.drivers.driver import Driver
from artstore.errors import InvalidUri, NoDriver
from artstore.runtime.secrets import shown

GROUP = "artstore.drivers"
FALLBACK = "fsspec"

_Searched: TypeAlias = tuple[tuple[str, int], ...]
"""The folders in which packages are found, and when each was changed."""

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):")


def scheme_of(uri: str) -> str:
    """Return the scheme of a URI in lower case. Raises `InvalidUri` if it has none, or is not UTF-8 text."""
    match = _SCHEME.match(uri) if isinstance(uri, str) else None
    if match is None or (len(match[1]) == 1 and "://" not in uri):
        raise InvalidUri(
            "References must be URIs. To reference a local file, use file:// "
            f"(and not {shown(uri)!r}: it has no scheme)"
        )
    if not names.is_utf8(uri):
        raise InvalidUri(f"{shown(uri)!r} is not UTF-8 text: write such bytes with % escapes, or rename the object")
    return match[1].lower()


def driver_for(scheme: str) -> type[Driver]:
    """Return the driver for a scheme.

    Raises `NoDriver` if there is none, `MissingExtra` if the library that it needs is not installed.
    """
    entry_point = _entry_point(scheme) or (_entry_point(FALLBACK) if _fsspec_knows(scheme) else None)
    if entry_point is None:
        raise NoDriver(
            f"no driver knows {scheme}://, and fsspec does not know it either: install a package with a driver for it "
            f"(installed: {', '.join(sorted(set(_installed().names) - {FALLBACK})) or 'none'})"
        )
    driver = entry_point.load()
    if not (isinstance(driver, type) and issubclass(driver, Driver)):
        raise NoDriver(
            f"the entry point for {scheme}:// is not a subclass of Driver: {entry_point.value}. Report this to its "
            "authors"
        )
    return driver


def _entry_point(name: str) -> EntryPoint | None:
    return _preferred(name, _searched())


@lru_cache(maxsize=64)
def _preferred(name: str, searched: _Searched) -> EntryPoint | None:
    # The name of a package is parsed from its metadata, which takes a millisecond.
    def order(point: EntryPoint) -> tuple[bool, str]:
        package = point.dist.name if point.dist else ""
        return package == "artstore", package

    return min(_entry_points(searched).select(name=name), key=order, default=None)


def _installed() -> EntryPoints:
    """Return the entry points of all drivers: read again if a package may have been installed since."""
    return _entry_points(_searched())


def _searched() -> _Searched:
    return tuple((folder, _modified(folder)) for folder in sys.path)


@lru_cache(maxsize=1)
def _entry_points(searched: _Searched) -> EntryPoints:
    return entry_points(group=GROUP)


def _modified(folder: str) -> int:
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0


def _fsspec_knows(scheme: str) -> bool:
    from fsspec.registry import known_implementations, registry

    return scheme in known_implementations or scheme in registry
