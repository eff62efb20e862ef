"""Data to be measured: folders, files, the versions of a store, or what drivers reach; read, and never written to."""

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

from artstore.bench.ways import BLOCK, Block
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
"""How many bytes are read of each place that is not on this machine, unless somebody says otherwise."""
_SMALL = 1 << 20
_AT_ONCE = 16
_UNLIMITED = 1 << 62

Contents = Iterator[Iterator[bytes]]
"""Files, each as its bytes, piece by piece."""


@dataclass(frozen=True)
class Source:
    """One version of the data."""

    label: str
    size: int
    """How many bytes will be read, as far as that is known before; 0 where it is not."""
    contents: Callable[[], Contents]

    def files(self) -> Iterator[Iterator[Block]]:
        """Its files, one after the other, each in blocks."""
        return map(_blocks, self.contents())


class Sources:
    """Finds the versions that a person means by a path; a context manager.

    `store` is left out of folders, as `put` leaves it out. `limit` is how many bytes of each version are read at most:
    by default `REMOTE_LIMIT` of what is not on this machine, and everything else. `notes` says what was not read.
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

    def of(self, path: str, name: str | None = None) -> list[Source]:
        """The versions at a path: those of a collection if a store is there, else one.

        `name` says which collection. Raises `SourceUnreadable`, `NotFound`, `InvalidInput`, and what drivers raise.
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
            raise InvalidInput(f"{path!r} is neither a file nor a folder: give one of these, or a URI")
        if (Path(path) / FILE).exists():
            return self._stored(Path(path), name)
        return [self._folder(path)]

    def _folder(self, path: str) -> Source:
        # The whole walk first: what cannot be read is said before hours of reading what can.
        sizes = [size for _, size in self._walk(path)]
        if not sizes:
            raise InvalidInput(f"{path!r} holds no files: there is nothing to measure")
        source = Source(path, sum(sizes), lambda: (_file(each) for each, _ in self._walk(path)))
        return self._limited(source, self._limit)

    def _walk(self, path: str) -> Iterator[tuple[str, int]]:
        for walked in Walk(Path(path), self._store).run(""):
            for name, _, status in sorted(walked.files):
                yield os.path.join(walked.folder, name), status.st_size
            for found in sorted(walked.followed):
                yield found.source, found.stat.size

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
            found = list(versions.page(connection, collection, beyond=None, limit=_UNLIMITED, oldest_first=True))
        if not found:
            raise NotFound(f"all versions of {collection.name!r} were deleted: there is nothing to measure")
        sources = [self._version(repository, each) for each in found]
        if not any(source.size for source in sources):
            raise InvalidInput(f"{collection.name!r} holds no stored files: there is nothing to measure")
        return [self._limited(source, self._limit) for source in sources]

    def _version(self, repository: Repository, version: Version) -> Source:
        def files() -> Iterator[Entry]:
            return (each for each in reader.entries(repository, version, "") if each.kind == Kind.FILE)

        elsewhere = sum(each.kind == Kind.REFERENCE for each in reader.entries(repository, version, ""))
        if elsewhere:
            self.notes.append(
                f"{version.name}: {elsewhere:,} references were left out: their bytes are not in the store"
            )
        content = reader.Reader(repository).content
        return Source(
            version.name,
            sum(each.size or 0 for each in files()),
            lambda: (content(each.digest) for each in files() if each.digest),
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
            self.notes.append(
                f"{uri}: how large it is was not told; of it no more than {limit:,} bytes were read (--limit)"
            )
        elif more or size > limit:
            self.notes.append(f"{uri}: only its first {limit:,} bytes were read; --limit takes more")
        if not size and all(entry.size == 0 for entry in entries):
            raise InvalidInput(f"{uri!r} holds no bytes: there is nothing to measure")
        return Source(uri, min(size, limit), lambda: _first(_fetched(session, entries), limit))


def _collection(path: Path, there: list[Collection], name: str | None) -> Collection:
    if name is None:
        if len(there) == 1:
            return there[0]
        some = sorted(f"{each.project}/{each.name}" for each in there)[:5]
        listed = ", ".join(some if len(some) == len(there) else [*some, "..."])
        raise InvalidInput(
            f"the store {str(path)!r} has {len(there)} collections: say which one by --name ({listed})"
            if there
            else f"the store {str(path)!r} has no versions: put something there first, or give a folder"
        )
    wanted = names.parse(name)
    if ":" in name:
        raise InvalidInput(
            f"--name says which collection, and all its versions are measured: give {name.split(':')[0]!r}"
        )
    project = wanted.project or names.DEFAULT_PROJECT
    for each in there:
        if (each.project, each.name) == (project, wanted.name):
            return each
    raise NotFound(f"no artifact {wanted.name!r} in project {project!r} of {str(path)!r}: `artstore ls` lists them")


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
    """The contents of objects in their order; small ones are fetched some ahead, because each is a wait."""
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
    """The first bytes of files: whole ones, and the beginning of the one that the limit falls into."""
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
    """A file in blocks of one size, the last one shorter or empty."""
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
