"""Connections to the catalog: their class, and the settings that each is opened with.

SQLite alone opens `artstore.db`: closing any other file descriptor of it would drop SQLite's POSIX locks.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from artstore.core.digests import Algorithm
from artstore.runtime.sqlite_errors import BUSY_SECONDS

FILE = "artstore.db"
"""The name of the catalog in the folder of a store."""
APPLICATION_ID = 0x41525453
FORMAT = 2
"""The newest format version of docs/format.md. A store has its own in `pragma user_version`."""
PLAIN_FORMAT = 1
"""The format version of stores that do not compress: every artstore can read them."""
_CACHE = "cache_size = -32768"
_LARGE_CACHE = "cache_size = -131072"
_SETTINGS = (
    "foreign_keys = on",
    "synchronous = full",
    _CACHE,
    "temp_store = memory",
    # Someone may have sent it: until it was compared, it calls no functions with effects.
    "trusted_schema = off",
    "journal_size_limit = 16777216",
    # As many pages as the journal may keep: a page that each commit changes is then copied back once for many commits.
    "wal_autocheckpoint = 4096",
)

_LONGEST_VALUE = 256 * 1024 * 1024
"""A value or row of more bytes than this is refused, whatever the file or its schema claims."""
_NO_JOURNAL = re.compile("unable to open|readonly|read-only|is full|disk I/O error")


class Noted(NamedTuple):
    """The number and the hash of an event."""

    id: int
    hash: str


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
        self.newest_event: Noted | None = None
        """The newest event that the transaction has recorded."""
        self.why_read_only: sqlite3.Error | None = None
        """Why the catalog could only be opened for reading, if that is so."""

    def trust_schema(self) -> None:
        """Allow the checks of tables, once their schema is known to be that of artstore.

        Some builds of SQLite count `json_valid`, which they call, among the functions that only a trusted schema may.
        """
        if not _can_check_json_distrusted():
            self.execute("pragma trusted_schema = on")

    @contextmanager
    def large_cache(self) -> Iterator[None]:
        """Hold up to 128 MiB of pages, not 32, while rows are deleted in another order than that of their indexes.

        The indexes by digest of a million files are larger than the usual cache: each row would read a page again.
        """
        self.execute(f"pragma {_LARGE_CACHE}")
        try:
            yield
        finally:
            self.execute(f"pragma {_CACHE}")


def connect(path: Path, *, create: bool = False) -> Connection:
    """Open a catalog for reading and writing, in autocommit mode; with `create`, a file that need not exist yet.

    If it cannot be opened for writing because its folder is read-only or its disk is full, it is opened for reading.
    """
    return _open(path, "rwc" if create else "rw", check_same_thread=False)


def connect_for_reading(folder: Path) -> Connection:
    """Open the catalog of the store in a folder so that it cannot be changed."""
    return _open(folder / FILE, "ro")


def _open(path: Path, mode: str, *, check_same_thread: bool = True) -> Connection:
    try:
        return _open_as(path, f"mode={mode}", check_same_thread)
    except sqlite3.OperationalError as error:
        if mode == "rwc" or not _NO_JOURNAL.search(str(error)) or journal_is_in_use(path):
            raise
        # SQLite cannot create the files of its journal, and without one nothing changes the catalog while it is read.
        connection = _open_as(path, "mode=ro&immutable=1", check_same_thread)
        connection.why_read_only = error
        return connection


def _open_as(path: Path, how: str, check_same_thread: bool) -> Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=check_same_thread,
        cached_statements=256,
        factory=Connection,
    )
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        for setting in _SETTINGS:
            connection.execute(f"pragma {setting}")
        # The first look at the file: only now SQLite opens the journal.
        connection.execute("pragma schema_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


@cache
def _can_check_json_distrusted() -> bool:
    """Whether tables of a schema that is not trusted can check JSON."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("pragma trusted_schema = off")
        try:
            connection.execute("create table checked (value text check (json_valid(value)))")
        except sqlite3.OperationalError:
            return False
        return True


def journal_is_in_use(path: Path) -> bool:
    """Whether a catalog has a journal that is not empty: it then may have changes that the file itself has not."""
    try:
        return os.stat(f"{path}-wal").st_size > 0
    except FileNotFoundError:
        return False
