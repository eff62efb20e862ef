"""Use drivers from synchronous code: the rest of artstore finds, lists, fetches and reads objects through a `Session`.

A driver is created when the first URI needs it, and closed with the session. Several threads may share a session; the
number of threads is also the number of objects that are fetched at the same time.
"""

from __future__ import annotations

import builtins
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from artstore.core import names
from artstore.core.digests import Algorithm
from artstore.core.manifest import Entry, Kind
from artstore.drivers import expanding, fetching, placing, registry
from artstore.drivers.driver import Driver, ParsedUri, Target
from artstore.drivers.loop import iterate, run
from artstore.drivers.remote_object import RemoteObject
from artstore.errors import InvalidInput, MissingExtra, NoDriver
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.secrets import refuse_secrets


class Session:
    """Finds, lists, fetches and reads objects of any scheme. A context manager.

    `storage_options` are passed to the driver of each URI, as fsspec takes them, and never stored.

    >>> with Session() as session:
    ...     entries = list(session.references("s3://bucket/images", name="images"))
    ...     session.fetch_to(entries[0], "cat.png")
    """

    def __init__(self, storage_options: Mapping[str, Any] | None = None) -> None:
        if not isinstance(storage_options, Mapping | None):
            raise InvalidInput("storage_options must be a dict, such as {'anon': True}")
        self._options = dict(storage_options or {})
        self._drivers: dict[str, Driver] = {}
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all drivers. The next call creates them again."""
        with self._lock:
            drivers, self._drivers = list(self._drivers.values()), {}
            if self._process != os.getpid():
                return
        for driver in drivers:
            run(driver.close())

    def driver(self, uri: str) -> Driver:
        """Return the driver for a URI. Raises `InvalidUri`, `NoDriver` or `MissingExtra`."""
        scheme = registry.scheme_of(uri)
        with self._lock:
            if self._process != os.getpid():
                # A forked child cannot use drivers that belong to its parent's loop.
                self._process, self._drivers = os.getpid(), {}
            if scheme not in self._drivers:
                self._drivers[scheme] = registry.driver_for(scheme)(self._options)
            return self._drivers[scheme]

    def parse(self, uri: str) -> ParsedUri | None:
        """Find the driver for a URI and let it parse it; return None for a scheme without a driver.

        The result can be passed to `references`. Raises `InvalidUri`, `SecretInUri` or `MissingExtra`.
        """
        try:
            driver = self.driver(uri)
        except MissingExtra:
            raise
        except NoDriver:
            return None
        return ParsedUri(uri, driver, driver.parse(uri))

    def references(
        self,
        uri: str | ParsedUri,
        *,
        name: str | None = None,
        checksum: Algorithm | None = None,
        max_objects: int | None = None,
        progress: Progress = SILENT,
    ) -> Generator[Entry]:
        """Yield the entries for a reference to a URI while its objects are listed.

        One object lands under its own name, or at `name`. The objects below a prefix land at their paths below it, or
        below `name`. `checksum` hashes content that nothing else pins; without it, nothing is read. `max_objects`
        limits a prefix (default 10,000). A scheme without a driver becomes one unpinned entry, which needs a `name`.

        Raises `InvalidUri`, `SecretInUri`, `TooManyObjects`, `ReferenceGone`, `AccessDenied`, `Unreachable`,
        `BadReply`, `MissingExtra` or `InvalidPath`. A session keeps nothing, so after an error there is nothing to
        undo.
        """
        if name is not None:
            name = names.entry_path(name)
        limit = expanding.MAX_OBJECTS if max_objects is None else max_objects
        if not isinstance(limit, int) or limit < 1:
            raise InvalidInput(f"max_objects is {max_objects!r}: expected a number of at least 1")
        parsed = uri if isinstance(uri, ParsedUri) else self.parse(uri)
        if parsed is None:
            yield _untracked(str(uri), name)
            return
        with step(progress, f"listing {parsed.target.uri}", None, "files"):
            for entry in iterate(_references(parsed, name, checksum, limit)):
                progress.advance(1)
                yield entry

    def stat(
        self, pinned: Entry | RemoteObject, *, version: str | None = None, checksum: Algorithm | None = None
    ) -> RemoteObject:
        """Return the object that is now at the URI of an entry, in its newest or the given version.

        Raises `ReferenceGone` if there is none.
        """
        known = _remote_object(pinned)
        return run(expanding.stat(self.driver(known.uri), known.uri, version, checksum))

    def stat_many(
        self, targets: Sequence[Target], *, checksum: Algorithm | None = None, progress: Progress = SILENT
    ) -> builtins.list[RemoteObject | None]:
        """Return the objects that are now at many URIs, many looked at together; None where there is none."""
        found: builtins.list[RemoteObject | None] = [None] * len(targets)
        by_driver: dict[Driver, builtins.list[int]] = {}
        for index, target in enumerate(targets):
            by_driver.setdefault(self.driver(target.uri), []).append(index)
        for driver, indexes in by_driver.items():
            looked_at = driver.stat_many([targets[index] for index in indexes], checksum=checksum)
            run(_put_at(looked_at, indexes, found, progress))
        return found

    def list(self, prefix: str, *, checksum: Algorithm | None = None) -> Iterator[RemoteObject]:
        """Yield the objects that are now below a prefix, to compare many at once.

        The prefix is written as in the URIs of entries, and ends with `/`. Yields nothing if there are no objects.
        """
        return iterate(_listed(self.driver(prefix), prefix, checksum))

    def fetch(self, pinned: Entry | RemoteObject, descriptor: int, *, progress: Progress = SILENT) -> None:
        """Write the content that an entry pins to an empty file, open for reading and writing, and verify it there.

        Raises `ReferenceChanged`, `ReferenceGone`, `AccessDenied`, `Unreachable`, `BadReply`, `NoDriver` or
        `DiskFull`; the content of the file is not usable then.
        """
        known = _remote_object(pinned)
        run(fetching.fetch(self.driver(known.uri), known, descriptor, progress.advance))

    def fetch_to(
        self, pinned: Entry | RemoteObject, path: str | os.PathLike[str], *, progress: Progress = SILENT
    ) -> None:
        """Write the content that an entry pins to a path, where it appears complete and verified, or not at all."""
        target = Path(path)
        temporary = target.with_name(platform.temporary_name(target.name))
        try:
            with temporary.open("x+b") as file:
                self.fetch(pinned, file.fileno(), progress=progress)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def read(self, pinned: Entry | RemoteObject, start: int = 0, stop: int | None = None) -> bytes:
        """Return bytes of the content that an entry pins, from `start` up to but not including `stop`.

        `stop` None means to the end. Raises the same errors as `fetch`. The digest is not verified, because it covers
        the whole content.
        """
        known = _remote_object(pinned)
        if start < 0 or (stop is not None and stop < start):
            raise InvalidInput(f"not a range of bytes: from {start} to {stop}")
        if known.size is not None:
            stop = known.size if stop is None else min(stop, known.size)
        if stop is not None and start >= stop:
            return b""
        return run(fetching.read_range(self.driver(known.uri), known, start, stop))

    def stream(self, pinned: Entry | RemoteObject) -> Iterator[bytes]:
        """Yield the content that an entry pins piece by piece; only its size is verified.

        Raises the same errors as `fetch`.
        """
        known = _remote_object(pinned)
        return iterate(fetching.stream(self.driver(known.uri), known), batch_size=1)


def _remote_object(pinned: Entry | RemoteObject) -> RemoteObject:
    return RemoteObject.of(pinned) if isinstance(pinned, Entry) else pinned


def _untracked(uri: str, name: str | None) -> Entry:
    refuse_secrets(uri)
    if name is None:
        raise InvalidInput(
            f'You must pass name="<entry_name>" when tracking references with unknown schemes. ref: {uri}'
        )
    return Entry(name, Kind.REFERENCE, uri=uri)


async def _references(
    parsed: ParsedUri, name: str | None, checksum: Algorithm | None, limit: int
) -> AsyncGenerator[Entry]:
    exact, below = await expanding.expand(parsed, checksum)
    if exact is not None:
        if name is None and not exact.key:
            raise InvalidInput(f"{parsed.uri!r} does not end with a name: pass name=... to say what to call it")
        yield exact.entry(name or placing.path_for_key(exact.key))
        return
    async for entry in placing.place(expanding.limited(below, limit, parsed.uri), name or ""):
        yield entry


async def _put_at(
    looked_at: AsyncIterator[tuple[int, RemoteObject | None]],
    indexes: Sequence[int],
    found: list[RemoteObject | None],
    progress: Progress,
) -> None:
    async for number, remote in looked_at:
        found[indexes[number]] = remote
        progress.advance(1)


async def _listed(driver: Driver, prefix: str, checksum: Algorithm | None) -> AsyncGenerator[RemoteObject]:
    async for remote in driver.list(prefix, checksum=checksum):
        yield remote
