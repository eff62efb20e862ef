"""A driver for shelves: `shelf:///folder/book`, where a book is a folder with its editions, `1.txt`, `2.txt` and so on.

A book whose newest edition is `N.gone` was removed; its editions can still be read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from artstore.drivers import Algorithm, Driver, RemoteObject, changed
from artstore.errors import ReferenceGone


class ShelfDriver(Driver):
    """Finds books and reads their editions."""

    async def stat(self, uri: str, *, version: str | None = None, checksum: Algorithm | None = None) -> RemoteObject:
        """Look at the newest edition of a book, or at the requested one."""
        book = _folder(uri)
        edition = _newest(book) if version is None else book / f"{version}.txt"
        if edition is None or not edition.is_file():
            raise ReferenceGone(f"the book {uri!r} does not exist: look at another shelf")
        return RemoteObject(uri, book.name, edition.stat().st_size, version=edition.stem)

    async def list(self, uri: str, *, checksum: Algorithm | None = None) -> AsyncIterator[RemoteObject]:
        """Look at all books of a shelf, and of the shelves in it."""
        shelf = _folder(uri)
        below = {edition.parent for edition in shelf.rglob("*.txt")} - {shelf}
        books = [book.relative_to(shelf).as_posix() for book in below]
        for key in sorted(books, key=str.encode):
            edition = _newest(shelf / key)
            if edition is not None:
                yield RemoteObject(uri + key, key, edition.stat().st_size, version=edition.stem)

    async def read(self, pinned: RemoteObject, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Read an edition."""
        current = await self.stat(pinned.uri, version=pinned.version)
        if pinned.differs(current):
            raise changed(pinned, current)
        yield (_folder(pinned.uri) / f"{current.version}.txt").read_bytes()[start:stop]


def _folder(uri: str) -> Path:
    return Path(uri.removeprefix("shelf://"))


def _newest(book: Path) -> Path | None:
    editions = sorted((path for path in book.glob("*.*") if path.is_file()), key=lambda path: int(path.stem))
    return editions[-1] if editions and editions[-1].suffix == ".txt" else None
