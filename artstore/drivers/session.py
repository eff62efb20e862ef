"""All drivers, for code that just calls: each is made when a URI needs it, and lives until the session ends.

This is the whole of what the rest of artstore uses. A session may be used by several threads at once, which is also
how many objects are fetched at the same time.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from artstore.core import names
from artstore.core.manifest import Entry, Kind
from artstore.drivers import Algorithm, Driver, RemoteObject, expanding, fetching, placing, registry
from artstore.drivers.loop import each, run
from artstore.drivers.redaction import refuse_secrets
from artstore.errors import InvalidInput, MissingExtra, NoDriver
from artstore.runtime.progress import SILENT, Progress, step


class Session:
    """Finds, lists, fetches and reads objects of any scheme; a context manager.

    `storage_options` go to the driver of each URI, as fsspec takes them; they are written nowhere.

    >>> with Session() as session:
    ...     entries = list(session.references("s3://bucket/images", name="images"))
    ...     session.fetch_to(entries[0], "cat.png")
    """

    def __init__(self, storage_options: Mapping[str, Any] | None = None) -> None:
        if not isinstance(storage_options, Mapping | None):
            raise InvalidInput("storage_options are a dict, such as {'anon': True}")
        self._options = dict(storage_options or {})
        self._drivers: dict[str, Driver] = {}
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all drivers. Another call opens them again."""
        with self._lock:
            drivers, self._drivers = list(self._drivers.values()), {}
            if self._process != os.getpid():
                return
        for driver in drivers:
            run(driver.close())

    def driver(self, uri: str) -> Driver:
        """The driver for a URI. Raises `InvalidUri`, `NoDriver` or `MissingExtra`."""
        scheme = registry.scheme_of(uri)
        with self._lock:
            if self._process != os.getpid():
                # What a parent's loop holds is not for its child.
                self._process, self._drivers = os.getpid(), {}
            if scheme not in self._drivers:
                self._drivers[scheme] = registry.driver_for(scheme)(self._options)
            return self._drivers[scheme]

    def references(
        self,
        uri: str,
        *,
        name: str | None = None,
        checksum: Algorithm | None = None,
        max_objects: int | None = None,
        progress: Progress = SILENT,
    ) -> Iterator[Entry]:
        """Yield the entries that a reference to a URI is, listing as it goes.

        One object lands under its own name, or at `name`; what lies below a prefix lands there without it, or below
        `name`. `checksum` is the algorithm for content that has to be read because nothing else pins it; without one
        nothing is read. `max_objects` (default 10,000) limits a prefix.

        Raises `InvalidUri`, `SecretInUri`, `TooManyObjects`, `ReferenceGone`, `AccessDenied`, `Unreachable`,
        `BadReply`, `MissingExtra`, `InvalidPath`; whoever stops at the first error has nothing to take back. A scheme
        that nobody knows is one unpinned entry, which needs a `name`.
        """
        if name is not None:
            name = names.entry_path(name)
        limit = expanding.MAX_OBJECTS if max_objects is None else max_objects
        if not isinstance(limit, int) or limit < 1:
            raise InvalidInput(f"max_objects is {max_objects!r}: expected a number of at least 1")
        try:
            driver = self.driver(uri)
        except MissingExtra:
            raise
        except NoDriver:
            yield _untracked(uri, name)
            return
        with step(progress, f"listing {driver.parse(uri).uri}", None, "files"):
            for entry in each(_references(driver, uri, name, checksum, limit)):
                progress.advance(1)
                yield entry

    def stat(
        self, pinned: Entry | RemoteObject, *, version: str | None = None, checksum: Algorithm | None = None
    ) -> RemoteObject:
        """Look at what is now where an entry refers to, in its newest version or the given. Raises `ReferenceGone`."""
        known = _object(pinned)
        return run(expanding.stat(self.driver(known.uri), known.uri, version, checksum))

    def list(self, prefix: str, *, checksum: Algorithm | None = None) -> Iterator[RemoteObject]:
        """Look at everything below a prefix, as it is now; nothing if there is none. For comparing many at once.

        The prefix is that of URIs of entries, and ends with `/`.
        """
        return each(_listed(self.driver(prefix), prefix, checksum))

    def fetch(self, pinned: Entry | RemoteObject, descriptor: int, *, progress: Progress = SILENT) -> None:
        """Write the content that an entry pins into an empty file, open for reading and writing, and check it there.

        Raises `ReferenceChanged`, `ReferenceGone`, `AccessDenied`, `Unreachable`, `BadReply`, `NoDriver`, `DiskFull`;
        the file is of no use then.
        """
        known = _object(pinned)
        run(fetching.fetch(self.driver(known.uri), known, descriptor, progress.advance))

    def fetch_to(
        self, pinned: Entry | RemoteObject, path: str | os.PathLike[str], *, progress: Progress = SILENT
    ) -> None:
        """Write the content that an entry pins to a path, where it appears whole and checked, or not at all."""
        target = Path(path)
        temporary = target.with_name(f".{target.name[:100]}-{secrets.token_hex(6)}")
        try:
            with temporary.open("x+b") as file:
                self.fetch(pinned, file.fileno(), progress=progress)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def read(self, pinned: Entry | RemoteObject, start: int = 0, stop: int | None = None) -> bytes:
        """Read the bytes from `start` to before `stop` (None: to the end) of the content that an entry pins.

        Raises as `fetch` does. A digest can only be checked over the whole content, which this does not do.
        """
        known = _object(pinned)
        if start < 0 or (stop is not None and stop < start):
            raise InvalidInput(f"no range of bytes: from {start} to {stop}")
        if known.size is not None:
            stop = known.size if stop is None else min(stop, known.size)
        if stop is not None and start >= stop:
            return b""
        return run(fetching.read_range(self.driver(known.uri), known, start, stop))

    def stream(self, pinned: Entry | RemoteObject) -> Iterator[bytes]:
        """Read all of the content that an entry pins, piece by piece, to look at it once; only its size is checked.

        Raises as `fetch` does.
        """
        known = _object(pinned)
        return each(fetching.stream(self.driver(known.uri), known), at_once=1)


def _object(pinned: Entry | RemoteObject) -> RemoteObject:
    return RemoteObject.of(pinned) if isinstance(pinned, Entry) else pinned


def _untracked(uri: str, name: str | None) -> Entry:
    refuse_secrets(uri)
    if name is None:
        raise InvalidInput(
            f'You must pass name="<entry_name>" when tracking references with unknown schemes. ref: {uri}'
        )
    return Entry(name, Kind.REFERENCE, uri=uri)


async def _references(
    driver: Driver, uri: str, name: str | None, checksum: Algorithm | None, limit: int
) -> AsyncGenerator[Entry]:
    one, below = await expanding.meant(driver, uri, checksum)
    if one is not None:
        if name is None and not one.key:
            raise InvalidInput(f"{uri!r} ends without a name: pass name=... to say what to call it")
        yield one.entry(name or placing.placed(one.key))
        return
    async for entry in placing.entries(expanding.limited(below, limit, uri), name or ""):
        yield entry


async def _listed(driver: Driver, prefix: str, checksum: Algorithm | None) -> AsyncGenerator[RemoteObject]:
    found: AsyncIterator[RemoteObject] = driver.list(prefix, checksum=checksum)
    async for one in found:
        yield one
