"""Connections to the catalog: their class, and the settings that each is opened with.

SQLite alone opens `artstore.db`: closing any other file descriptor of it would drop SQLite's POSIX locks.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from artstore.core.digests import Algorithm
from artstore.runtime.sqlite_errors import BUSY_SECONDS

FILE = "artstore.db"
"""The name of the catalog in the folder of a store."""
_SETTINGS = (
    "foreign_keys = on",
    "synchronous = full",
    "cache_size = -32768",
    "temp_store = memory",
    "journal_size_limit = 16777216",
    # As many pages as the journal may keep: a page that each commit changes is then copied back once for many commits.
    "wal_autocheckpoint = 4096",
)


class VerifiedParts:
    """The parts of manifests that a connection verified last, by digest: each is verified once for many files."""

    _AT_MOST = 64

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}

    def get(self, digest: str) -> Any:
        """Return the part with a digest, if it was verified."""
        return self._parts.get(digest)

    def add(self, digest: str, part: object) -> None:
        """Note that a part has this digest."""
        self._parts[digest] = part
        if len(self._parts) > self._AT_MOST:
            del self._parts[next(iter(self._parts))]


class Connection(sqlite3.Connection):
    """A connection that knows the digest algorithm of its store: the first argument of the catalog's functions."""

    algorithm: Algorithm
    """The store's digest algorithm. Not set while a store is being opened, before it is known."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.verified = VerifiedParts()
        self.watches_rows = False
        """Whether `row_checksums` notes what this connection changes."""


def connect(path: Path, *, create: bool = False) -> Connection:
    """Open a catalog for reading and writing, in autocommit mode; with `create`, a file that need not exist yet."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        factory=Connection,
    )
    try:
        for setting in _SETTINGS:
            connection.execute(f"pragma {setting}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_for_reading(folder: Path) -> Connection:
    """Open the catalog of the store in a folder so that it cannot be changed."""
    connection = sqlite3.connect(
        f"{(folder / FILE).absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        factory=Connection,
    )
    try:
        connection.execute("pragma cache_size = -32768")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
