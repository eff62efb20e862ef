"""Sources of data to measure: folders, files, versions of a store, or URIs of drivers. They are only read."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from artstore.bench.strategies import BLOCK, Block
from artstore.catalog import collections, versions
from artstore.catalog.collections import Collection
from artstore.catalog.connection import FILE
from artstore.catalog.repository import Repository
from artstore.checkout import reader
from artstore.core import names
from artstore.core.manifest import Entry, Kind
from artstore.core.versions import Version
from artstore.drivers.session import Session
from artstore.errors import InvalidInput, NotFound
from artstore.ingest.walk import Walk
from artstore.runtime import source_file
from artstore.runtime.progress import Progress
from artstore.runtime.threads import ThreadPool

REMOTE_LIMIT = 1_000_000_000
"""The default limit of bytes to read from each URI."""
_SMALL = 1 << 20
_AT_ONCE = 16
_UNLIMITED = 1 << 62

Contents = Iterator[Iterator[bytes]]
"""Files, each as an iterator of its bytes."""


@dataclass(frozen=True)
class Source:
    """One version of the data."""

    label: str
    size: int
    """Bytes that will be read, if known in advance; otherwise 0."""
    contents: Callable[[], Contents]

    def files(self) -> Iterator[Iterator[Block]]:
        """Yield its files, each as blocks."""
        return map(_blocks, self.contents())


class Sources:
    """Finds the versions at the paths and URIs that a user names; a context manager.

    The folder `store` is skipped, as `put` skips it. `limit` is the most bytes to read of each version: by default
    `REMOTE_LIMIT` for URIs, and everything for paths. `notes` lists what was not read.
    """

    def __init__(self, store: Path | None, limit: int | None, progress: Progress) -> None:
        self._store = store
        self._limit = limit
        self._progress = progress
        self._open = ExitStack()
        self._session: Session | None = None
        self.notes: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def find(self, path: str, name: str | None = None) -> list[Source]:
        """Return the versions at a path: if it is a store, those of the collection `name`, otherwise one.

        Raises `SourceUnreadable`, `NotFound`, `InvalidInput`, and the errors of drivers.
        """
        if "://" in path and not os.path.exists(path):
            return [self._remote(path)]
        try:
            status = os.stat(path)
        except OSError as error:
            raise InvalidInput(f"{path!r} cannot be read: {error.strerror}; check the path") from error
        if stat.S_ISREG(status.st_mode):
            return [self._limited(Source(path, status.st_size, lambda: iter([_file(path)])), self._limit)]
        if not stat.S_ISDIR(status.st_mode):
            raise InvalidInput(f"{path!r} is neither a file nor a folder: name one of these, or a URI")
        if (Path(path) / FILE).exists():
            return self._stored(Path(path), name)
        return [self._folder(path)]

    def _folder(self, path: str) -> Source:
        # Walk everything first: unreadable files are reported before hours of reading.
        sizes = [size for _, size in self._walk(path)]
        if not sizes:
            raise InvalidInput(f"{path!r} holds no files: there is nothing to measure")
        source = Source(path, sum(sizes), lambda: (_file(file) for file, _ in self._walk(path)))
        return self._limited(source, self._limit)

    def _walk(self, path: str) -> Iterator[tuple[str, int]]:
        for walked in Walk(Path(path), self._store).run(""):
            for name, status in zip(walked.names, walked.statuses, strict=True):
                yield os.path.join(walked.folder, name), status.st_size
            for link in sorted(walked.followed):
                yield link.source, link.stat.size

    def _limited(self, source: Source, limit: int | None) -> Source:
        if limit is None or source.size <= limit:
            return source
        self.notes.append(f"{source.label}: only the first {limit:,} of {source.size:,} bytes were read (--limit)")
        return Source(source.label, limit, lambda: _first(source.contents(), limit))

    # Stores

    def _stored(self, path: Path, name: str | None) -> list[Source]:
        repository = Repository(path)
        self._open.callback(repository.close)
        with repository.db.reading() as connection:
            collection = _collection(path, collections.find_all(connection, None), name)
            listed = list(versions.page(connection, collection, beyond=None, limit=_UNLIMITED, oldest_first=True))
        if not listed:
            raise NotFound(f"all versions of {collection.name!r} were deleted: there is nothing to measure")
        sources = [self._version(repository, version) for version in listed]
        if not any(source.size for source in sources):
            raise InvalidInput(f"{collection.name!r} holds no stored files: there is nothing to measure")
        return [self._limited(source, self._limit) for source in sources]

    def _version(self, repository: Repository, version: Version) -> Source:
        def files() -> Iterator[Entry]:
            return (entry for entry in reader.entries(repository, version, "") if entry.kind == Kind.FILE)

        references = sum(entry.kind == Kind.REFERENCE for entry in reader.entries(repository, version, ""))
        if references:
            self.notes.append(
                f"{version.name}: {references:,} references were left out: their bytes are not in the store"
            )
        content = reader.Reader(repository).read_file
        return Source(
            version.name,
            sum(entry.size or 0 for entry in files()),
            lambda: (content(entry.digest) for entry in files() if entry.digest),
        )

    # Drivers

    def _remote(self, uri: str) -> Source:
        if self._session is None:
            self._session = self._open.enter_context(Session())
        session = self._session
        limit = REMOTE_LIMIT if self._limit is None else self._limit
        entries: list[Entry] = []
        size = 0
        more = False
        for entry in session.references(uri, name="data", max_objects=_UNLIMITED, progress=self._progress):
            more = size >= limit
            if more:
                break
            if entry.kind == Kind.REFERENCE:
                entries.append(entry)
                size += entry.size or 0
        if any(entry.size is None for entry in entries):
            self.notes.append(f"{uri}: its size is unknown; at most {limit:,} bytes of it were read (--limit)")
        elif more or size > limit:
            self.notes.append(f"{uri}: only its first {limit:,} bytes were read; a higher --limit reads more")
        if not size and all(entry.size == 0 for entry in entries):
            raise InvalidInput(f"{uri!r} is empty: there is nothing to measure")
        return Source(uri, min(size, limit), lambda: _first(_fetched(session, entries), limit))


def _collection(path: Path, listed: list[Collection], name: str | None) -> Collection:
    if name is None:
        if len(listed) == 1:
            return listed[0]
        some = sorted(f"{collection.project}/{collection.name}" for collection in listed)[:5]
        choices = ", ".join(some if len(some) == len(listed) else [*some, "..."])
        raise InvalidInput(
            f"the store {str(path)!r} has {len(listed)} collections: pass one of them as --name ({choices})"
            if listed
            else f"the store {str(path)!r} has no versions: put something there first, or name a folder"
        )
    parsed = names.parse(name)
    if ":" in name:
        raise InvalidInput(f"--name takes a collection, and all its versions are measured: pass {name.split(':')[0]!r}")
    project = parsed.project or names.default_project()
    for collection in listed:
        if (collection.project, collection.name) == (project, parsed.name):
            return collection
    raise NotFound(f"no artifact {parsed.name!r} in project {project!r} of {str(path)!r}: `artstore ls` lists them")


def _file(path: str) -> Iterator[bytes]:
    descriptor = source_file.open_source(path)
    try:
        while data := os.read(descriptor, BLOCK):
            yield data
    except OSError as error:
        raise source_file.unreadable(path, error.strerror or str(error)) from error
    finally:
        os.close(descriptor)


def _fetched(session: Session, entries: Iterable[Entry]) -> Contents:
    """Yield the contents of objects in order; small ones are fetched ahead, because each costs a round trip."""
    ahead: deque[tuple[Entry, Future[bytes] | None]] = deque()

    def next_one() -> Iterator[bytes]:
        entry, future = ahead.popleft()
        return session.stream(entry) if future is None else iter([future.result()])

    with ThreadPool(_AT_ONCE, "artstore-fetch") as pool:
        for entry in entries:
            small = entry.size is not None and entry.size <= _SMALL
            ahead.append((entry, pool.submit(session.read, entry) if small else None))
            if len(ahead) == _AT_ONCE:
                yield next_one()
        while ahead:
            yield next_one()


def _first(contents: Contents, limit: int) -> Contents:
    """Yield files until a limit of bytes; the last one is cut there."""
    left = limit

    def within(pieces: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal left
        for piece in pieces:
            yield piece[:left]
            left = max(0, left - len(piece))
            if not left:
                return

    for pieces in contents:
        yield within(pieces)
        if not left:
            return


def _blocks(pieces: Iterator[bytes]) -> Iterator[Block]:
    """Split a file into blocks of one size; the last one is shorter or empty."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        while size > BLOCK:
            joined = waiting[0] if len(waiting) == 1 else b"".join(waiting)
            yield Block(joined[:BLOCK], last=False)
            waiting, size = [joined[BLOCK:]], size - BLOCK
    yield Block(b"".join(waiting), last=True)
