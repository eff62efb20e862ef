"""Check whether the objects changed that a version references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice
from typing import Any, NamedTuple

from artstore.catalog.repository import Repository
from artstore.checkout import reader
from artstore.core.changes import Changes
from artstore.core.digests import Algorithm
from artstore.core.manifest import Entry, Kind
from artstore.core.versions import Version
from artstore.drivers import RemoteObject, Target
from artstore.drivers.session import Session
from artstore.runtime import notebook
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.spool import Spool

UNCHANGED, CHANGED, MISSING, NEW = "unchanged", "changed", "missing", "new"
_SHOWN = 100
"""The most references that a notebook shows."""
_BATCH = 1_000


class Status(NamedTuple):
    """The state of a reference: `unchanged`, `changed`, `missing`, or `new` for an object that no entry tracks."""

    path: str
    state: str
    expected: str = ""
    found: str = ""


class Statuses(Spool[Status]):
    """The states of references, which a notebook shows as a table: those that are not unchanged first."""

    def plain(self) -> Sequence[Status]:
        """Return the states as a list if all are in memory."""
        held = super().plain()
        return StatusList(held) if isinstance(held, list) else held

    def _repr_html_(self) -> str:
        return _table(self)


class StatusList(list[Status]):
    """The states of references, as a list."""

    def _repr_html_(self) -> str:
        return _table(self)


def _table(listed: Sequence[Status]) -> str:
    counts = Counter(one.state for one in listed)
    differing = (one for one in listed if one.state != UNCHANGED)
    rows = list(islice(chain(differing, (one for one in listed if one.state == UNCHANGED)), _SHOWN))
    note = ", ".join(f"{count:,} {state}" for state, count in counts.items()) or "no references"
    return notebook.table(Status._fields, rows, note)


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
        self._prefixes = dict.fromkeys(
            _still_tracked(version.prefixes, (entry.uri or "" for entry in self._references()))
        )
        self._listed = Changes()
        """The objects that the listings found, by URI."""

    def run(self) -> Sequence[Status]:
        for prefix in self._prefixes:
            with step(self._progress, f"listing {prefix}", None, "files"):
                self._list(prefix)
        results = Statuses()
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
        while batch := list(islice(entries, _BATCH)):
            yield from self._looked_at(batch)

    def _looked_at(self, batch: list[Entry]) -> Iterator[Status]:
        """Yield the status of each entry: from the listings, or from requests, many at once.

        Content is read only where its digest alone pins it, and its size is still the same.
        """
        current: dict[Entry, RemoteObject | None] = {}
        plain: list[Entry] = []
        hashed: list[Entry] = []
        for entry in batch:
            if self._is_below_prefix(entry):
                listed = self._listed.get(entry.uri or "")
                current[entry] = None if listed is None else RemoteObject.of(listed)
            else:
                (hashed if self._is_hashed(entry) else plain).append(entry)
        current |= self._request(plain, self._progress) | self._request(hashed)
        read = [entry for entry, found in current.items() if found and self._must_be_read(entry, found)]
        current |= self._request(read, self._progress, self._algorithm)
        self._progress.advance(len(batch) - len(plain) - len(read))
        for entry in batch:
            yield _compared(entry, current[entry])

    def _request(
        self, entries: list[Entry], progress: Progress = SILENT, checksum: Algorithm | None = None
    ) -> dict[Entry, RemoteObject | None]:
        targets = [Target(entry.uri or "", entry.version_id if self._is_explicit(entry) else None) for entry in entries]
        found = self._session.stat_many(targets, checksum=checksum, progress=progress)
        return dict(zip(entries, found, strict=True))

    def _is_below_prefix(self, entry: Entry) -> bool:
        return not self._is_explicit(entry) and any(above in self._prefixes for above in _above(entry.uri or ""))

    def _is_explicit(self, entry: Entry) -> bool:
        return Target(entry.uri or "", entry.version_id) in self._explicit

    def _must_be_read(self, entry: Entry, current: RemoteObject) -> bool:
        """Whether only the content tells if an object changed."""
        pinned = RemoteObject.of(entry)
        return self._is_hashed(entry) and pinned.size == current.size and not pinned.is_same(current)

    def _is_hashed(self, entry: Entry) -> bool:
        return (entry.digest or "").startswith(f"{self._algorithm.name}:")

    def _references(self, progress: Progress = SILENT) -> Iterator[Entry]:
        """Yield the entries that are references; the others count as looked at."""
        for entry in reader.entries(self._repository, self._version, ""):
            if entry.kind == Kind.REFERENCE:
                yield entry
            else:
                progress.advance(1)

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
        for prefix in waiting.intersection(_above(uri)):
            waiting.remove(prefix)
            tracked.append(prefix)
    return tuple(sorted(tracked))


def _above(uri: str) -> Iterator[str]:
    """Yield the prefixes that a URI lies below, the longest last."""
    return accumulate(part + "/" for part in uri.split("/")[:-1])
