"""Which driver knows a scheme: those that installed packages announce (entry points `artstore.drivers`), else fsspec's.

The name of an entry point is the scheme. The one called `fsspec` takes every scheme that fsspec knows and nobody else
has. Another package's driver goes before one that comes with artstore, so that a scheme can be taken over.
"""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points

from artstore.drivers import Driver
from artstore.drivers.redaction import redacted
from artstore.errors import InvalidInput, InvalidUri, MissingExtra, NoDriver

GROUP = "artstore.drivers"
ANY = "fsspec"

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):")


def scheme_of(uri: str) -> str:
    """The scheme of a URI, in lower case. Raises `InvalidUri` if it has none."""
    found = _SCHEME.match(uri) if isinstance(uri, str) else None
    if found is None or (len(found[1]) == 1 and "://" not in uri):
        raise InvalidUri(
            f"References must be URIs. To reference a local file, use file:// (and not {uri!r}: it has no scheme)"
        )
    return found[1].lower()


def driver_for(scheme: str) -> type[Driver]:
    """The driver for a scheme.

    Raises `NoDriver` if there is none, `MissingExtra` if the library that it needs is not installed.
    """
    found = _announced(scheme) or (_announced(ANY) if _fsspec_knows(scheme) else None)
    if found is None:
        raise NoDriver(
            f"no driver knows {scheme}://, and fsspec does not either: install a package that does "
            f"(drivers in use: {', '.join(sorted(set(entry_points(group=GROUP).names) - {ANY})) or 'none'})"
        )
    driver = found.load()
    if not (isinstance(driver, type) and issubclass(driver, Driver)):
        raise NoDriver(f"what announces itself for {scheme}:// is no driver: {found.value}. Ask its authors to mend it")
    return driver


def missing(scheme: str, library: str, extra: str) -> MissingExtra:
    """The error for a driver whose library is not there."""
    return MissingExtra(f"{scheme}:// needs {library}, which is not installed: pip install 'artstore[{extra}]'")


def unusable_options(scheme: str, error: TypeError) -> InvalidInput:
    """The error for an option that the library below a driver does not take."""
    return InvalidInput(
        f"{scheme}:// cannot be set up: {redacted(error)}. Check storage_options, FSSPEC_{scheme.upper()}_* and "
        "fsspec's configuration files"
    )


def _announced(name: str) -> EntryPoint | None:
    def order(point: EntryPoint) -> tuple[bool, str]:
        package = point.dist.name if point.dist else ""
        return package == "artstore", package

    return min(entry_points(group=GROUP, name=name), key=order, default=None)


def _fsspec_knows(scheme: str) -> bool:
    from fsspec.registry import known_implementations, registry

    return scheme in known_implementations or scheme in registry
