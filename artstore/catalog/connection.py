"""Connections to the catalog: their class, and the settings that each is opened with.

SQLite alone opens `artstore.db`: closing any other file descriptor of it would drop SQLite's POSIX locks.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

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


class Connection(sqlite3.Connection):
    """A connection that knows the digest algorithm of its store: the first argument of the catalog's functions."""

    algorithm: Algorithm
    """The store's digest algorithm. Not set while a store is being opened, before it is known."""


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
    connection.execute("pragma cache_size = -32768")
    return connection
