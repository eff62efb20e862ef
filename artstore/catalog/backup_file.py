"""The catalog in a backup: how it is copied, and what an earlier copy says of itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from artstore.catalog.connection import FILE, Connection
from artstore.runtime.sqlite_errors import translate_sqlite_errors


def copy(connection: Connection, path: Path) -> None:
    """Copy the catalog, as the connection sees it, into a new file without a journal."""
    with translate_sqlite_errors(path):
        target = sqlite3.connect(path, isolation_level=None)
        try:
            connection.backup(target)
        finally:
            target.close()


class EarlierBackup(NamedTuple):
    """The store that a backup is of, the hash of its newest event, and the end of each pack in it."""

    uid: str
    head: str
    ends: dict[str, int]


def read_earlier(folder: Path) -> EarlierBackup:
    """Read what the backup in a folder contains. It may be on a network file system."""
    with translate_sqlite_errors(folder / FILE):
        connection = sqlite3.connect(f"{(folder / FILE).absolute().as_uri()}?immutable=1", uri=True)
        try:
            uid = connection.execute("select uid from store").fetchone()[0]
            head = connection.execute("select hash from events order by id desc limit 1").fetchone()
            ends = connection.execute('select name, "end" from packs').fetchall()
            return EarlierBackup(uid, head[0] if head else "", dict(ends))
        finally:
            connection.close()
