"""Translate SQLite's errors into artstore's, which name the file and the next step."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from artstore.errors import ArtstoreError, Damaged, DiskFull, NotAStore, StoreBusy, StoreError, StoreReadOnly

_LITTLE = 256 * 1024
"""With less space than this many bytes, SQLite cannot create the files of its journal."""
BUSY_SECONDS = 60.0
"""Seconds to wait for another program that holds SQLite's write lock."""


@contextmanager
def translate_sqlite_errors(path: Path) -> Iterator[None]:
    """Raise artstore's errors in place of SQLite's in a block; they name the file and the next step."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _translated(error, path) from error


def _translated(error: sqlite3.DatabaseError, path: Path) -> ArtstoreError | sqlite3.DatabaseError:
    if isinstance(error, sqlite3.IntegrityError) and "CHECK constraint" in str(error):
        return Damaged(f"{path} is damaged: its rows contradict each other ({error}). Run `artstore verify`")
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
        return error
    message = str(error)
    if "locked" in message or "busy" in message:
        return StoreBusy(
            f"{path} has been locked by another program for {BUSY_SECONDS:.0f} s: close that program, then try again"
        )
    if "is full" in message:
        return DiskFull(f"no space left while writing {path}: free some, then run the same again; nothing was lost")
    if "not a database" in message:
        return NotAStore(f"{path} is not a catalog of artstore: restore it from a backup, or choose another folder")
    if "malformed" in message or "already exists" in message or "no such" in message:
        return Damaged(f"{path} is damaged ({message}): restore it from a backup, then run `artstore verify`")
    if "readonly" in message or "read-only" in message:
        return StoreReadOnly(f"{path} cannot be written: check the permissions of the folder and the file")
    if "unable to open" in message:
        if path.is_file() and os.access(path, os.R_OK):
            return StoreReadOnly(f"{path} cannot be written: check the permissions of the folder and the file")
        return StoreError(f"{path} cannot be opened: check the permissions of the folder and the file")
    if "disk I/O error" in message and shutil.disk_usage(path.parent).free < _LITTLE:
        return DiskFull(f"no space left while writing {path}: free some, then run the same again; nothing was lost")
    if "disk I/O error" in message:
        return StoreError(
            f"the system failed to read or write {path} ({message}): check the disk and the space left on it"
        )
    return error
