"""The catalog in a backup: how it is copied, and how a copy is read."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from artstore.catalog import catalog_file, chunks, events, schema_check, structure
from artstore.catalog.chunks import StoredChunk
from artstore.catalog.connection import Connection
from artstore.core import digests
from artstore.runtime import platform
from artstore.runtime.sqlite_errors import translate_sqlite_errors


def copy(connection: Connection, path: Path) -> None:
    """Copy the catalog, as the connection sees it, into a new file without a journal."""
    platform.create_private_file(path)
    with translate_sqlite_errors(path):
        target = sqlite3.connect(path, isolation_level=None)
        try:
            connection.backup(target)
        finally:
            target.close()


def faults(path: Path) -> list[str]:
    """Return the faults that SQLite finds in a copy of a catalog."""
    target = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)
    try:
        return structure.check(target)
    finally:
        target.close()


class CatalogCopy:
    """A copy of a catalog that nothing changes, read as it is. It may be on a network file system."""

    def __init__(self, path: Path) -> None:
        self._path = path
        catalog_file.check_parts(path.parent)
        with translate_sqlite_errors(self._path):
            uri = f"{self._path.absolute().as_uri()}?immutable=1"
            self.connection = sqlite3.connect(uri, uri=True, factory=Connection, isolation_level=None)
            try:
                schema_check.check(self.connection)
                self.uid, algorithm = self.connection.execute("select uid, algorithm from store").fetchone()
                """The id of the store that it is a copy of."""
                self.connection.algorithm = digests.algorithm(algorithm)
                self.head = events.head(self.connection)
                """The hash of the newest event in it."""
            except BaseException:
                self.connection.close()
                raise

    def chunks_of_pack(self, name: str) -> list[StoredChunk]:
        """Return the chunks of a pack, by offset."""
        with translate_sqlite_errors(self._path):
            return chunks.chunks_of_pack(self.connection, name)

    def find(self, digest: bytes) -> StoredChunk | None:
        """Return a chunk with its place; None if it is not stored."""
        with translate_sqlite_errors(self._path):
            return chunks.find(self.connection, digest)

    def close(self) -> None:
        """Close the copy."""
        self.connection.close()
