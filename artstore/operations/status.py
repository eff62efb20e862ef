"""Check whether the objects changed that a version references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from itertools import accumulate, chain, islice
from typing import Any, NamedTuple

from artstore.catalog.repository import Repository
from artstore.checkout import reader
from artstore.core.changes import Changes
from artstore.core.manifest import Entry, Kind
from artstore.core.versions import Version
from artstore.drivers import RemoteObject, Target
from artstore.drivers.session import Session
from artstore.errors import ReferenceGone
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.spool import Spool
from artstore.runtime.threads import ThreadPool

UNCHANGED, CHANGED, MISSING, NEW = "unchanged", "changed", "missing", "new"
_AT_ONCE = 16
_BATCH = 1_000


class Status(NamedTuple):
    """The state of a reference: `unchanged`, `changed`, `missing`, or `new` for an object that no entry tracks."""

    path: str
    state: str
    expected: str = ""
    found: str = ""


def status(
    repository: Repository,
    version: Version,
    *,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> Sequence[Status]:
    """Compare the references of a version with the objects that exist now, by one listing of each added prefix.

    The results are in path order; new objects come last, by URI. A reference to an explicit object version is unchanged
    as long as that version is kept, even if newer ones exist. Few of the results are in memory.
    """
    with Session(storage_options) as session:
        return _StatusCheck(session, repository, version, progress).run()


class _StatusCheck:
    """One check of one version."""

    def __init__(self, session: Session, repository: Repository, version: Version, progress: Progress) -> None:
        self._session = session
        self._repository = repository
        self._algorithm = repository.db.algorithm
        self._version = version
        self._progress = progress
        self._explicit = {session.driver(uri).parse(uri) for uri in version.prefixes if not uri.endswith("/")}
        """Object versions that were asked for by their id."""
        self._prefixes = _still_tracked(version.prefixes, (entry.uri or "" for entry in self._references()))
        self._listed = Changes()
        """The objects that the listings found, by URI."""

    def run(self) -> Sequence[Status]:
        for prefix in self._prefixes:
            with step(self._progress, f"listing {prefix}", None, "files"):
                self._list(prefix)
        results: Spool[Status] = Spool()
        with step(self._progress, f"looking at {self._version.name}", self._version.entries, "files"):
            for result in chain(self._tracked(self._references(self._progress)), self._new()):
                results.append(result)
        return results.plain()

    def _list(self, prefix: str) -> None:
        for remote in self._session.list(prefix):
            self._progress.advance(1)
            if remote.kind == Kind.REFERENCE:
                self._listed[remote.uri] = remote.entry(remote.uri)

    def _tracked(self, entries: Iterator[Entry]) -> Iterator[Status]:
        """Yield the status of each entry: from the listings, or from requests, several at once."""
        with ThreadPool(_AT_ONCE, "artstore-look") as pool:
            while batch := list(islice(entries, _BATCH)):
                results = [self._start(entry, pool) for entry in batch]
                for result in results:
                    yield result if isinstance(result, Status) else result.result()

    def _start(self, entry: Entry, pool: ThreadPool) -> Status | Future[Status]:
        listed = self._from_listing(entry)
        return listed if isinstance(listed, Status) else pool.submit(self._from_request, entry, listed)

    def _from_listing(self, entry: Entry) -> Status | RemoteObject | None:
        """Return the status of an entry by the listings, or an object whose content must be read, or None."""
        uri = entry.uri or ""
        if self._is_explicit(entry) or not uri.startswith(self._prefixes):
            return None
        listed = self._listed.get(uri)
        if listed is None:
            return _compared(entry, None)
        current = RemoteObject.of(listed)
        return current if self._must_be_read(entry, current) else _compared(entry, current)

    def _from_request(self, entry: Entry, listed: RemoteObject | None) -> Status:
        """Return the status of an entry by a request, which reads the content where only its digest pins it."""
        version = entry.version_id if self._is_explicit(entry) else None
        try:
            current = listed or self._session.stat(entry, version=version)
            if self._must_be_read(entry, current):
                current = self._session.stat(entry, checksum=self._algorithm)
        except ReferenceGone:
            return _compared(entry, None)
        return _compared(entry, current)

    def _is_explicit(self, entry: Entry) -> bool:
        return Target(entry.uri or "", entry.version_id) in self._explicit

    def _must_be_read(self, entry: Entry, current: RemoteObject) -> bool:
        """Whether only the content tells if an object changed."""
        pinned = RemoteObject.of(entry)
        is_hashed = (entry.digest or "").startswith(f"{self._algorithm.name}:")
        return is_hashed and pinned.size == current.size and not pinned.is_same(current)

    def _references(self, progress: Progress = SILENT) -> Iterator[Entry]:
        for entry in reader.entries(self._repository, self._version, ""):
            progress.advance(1)
            if entry.kind == Kind.REFERENCE:
                yield entry

    def _new(self) -> Iterator[Status]:
        if self._listed:
            for entry in self._references():
                self._listed.discard(entry.uri or "")
        for entry in self._listed.added():
            if not RemoteObject.of(entry).is_folder_marker:
                yield Status(entry.path, NEW, found=RemoteObject.of(entry).described())


def _compared(entry: Entry, current: RemoteObject | None) -> Status:
    pinned = RemoteObject.of(entry)
    if current is None:
        return Status(entry.path, MISSING, pinned.described())
    if not pinned.differs(current):
        return Status(entry.path, UNCHANGED)
    return Status(entry.path, CHANGED, pinned.described(), current.described())


def _still_tracked(prefixes: Iterable[str], uris: Iterator[str]) -> tuple[str, ...]:
    """Return the prefixes that have references below them, without those that lie below another."""
    waiting: set[str] = set()
    last: str | None = None
    for prefix in sorted(uri for uri in prefixes if uri.endswith("/")):
        if last is None or not prefix.startswith(last):
            waiting.add(prefix)
            last = prefix
    tracked: list[str] = []
    while waiting and (uri := next(uris, None)) is not None:
        for prefix in waiting.intersection(accumulate(part + "/" for part in uri.split("/")[:-1])):
            waiting.remove(prefix)
            tracked.append(prefix)
    return tuple(sorted(tracked))
