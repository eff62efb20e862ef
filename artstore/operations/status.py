"""What became of the objects that a version refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from itertools import accumulate, chain, islice
from typing import Any, NamedTuple

from artstore.catalog.db import Db
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
    """What became of a reference: `unchanged`, `changed`, `missing`, or `new` for what no entry tracks yet."""

    path: str
    state: str
    expected: str = ""
    found: str = ""


def status(
    db: Db, version: Version, *, storage_options: Mapping[str, Any] | None = None, progress: Progress = SILENT
) -> Sequence[Status]:
    """Compare the references of a version with what is there now, by one listing of each prefix that was added.

    In path order; what is new comes last, by its URI. A version of an object that was asked for by its id is unchanged
    as long as it is kept, whatever came after it. Few of the results are in memory.
    """
    with Session(storage_options) as session:
        return _Look(session, db, version, progress).states()


class _Look:
    def __init__(self, session: Session, db: Db, version: Version, progress: Progress) -> None:
        self._session = session
        self._db = db
        self._version = version
        self._progress = progress
        self._asked_for = {session.driver(each).parse(each) for each in version.prefixes if not each.endswith("/")}
        self._listed = _still_tracked(version.prefixes, (entry.uri or "" for entry in self._references()))
        self._there = Changes()
        """What listings found, by URI."""

    def states(self) -> Sequence[Status]:
        for prefix in self._listed:
            with step(self._progress, f"listing {prefix}", None, "files"):
                self._list(prefix)
        found: Spool[Status] = Spool()
        with step(self._progress, f"looking at {self._version.name}", self._version.entries, "files"):
            for state in chain(self._known(self._references(self._progress)), self._new()):
                found.append(state)
        return found.plain()

    def _list(self, prefix: str) -> None:
        for each in self._session.list(prefix):
            self._progress.advance(1)
            if each.kind == Kind.REFERENCE:
                self._there[each.uri] = each.entry(each.uri)

    def _known(self, entries: Iterator[Entry]) -> Iterator[Status]:
        """The states of entries: by the listings, or where those do not tell, by requests, several at once."""
        with ThreadPool(_AT_ONCE, "artstore-look") as pool:
            while batch := list(islice(entries, _BATCH)):
                states = [self._state(entry, pool) for entry in batch]
                for state in states:
                    yield state if isinstance(state, Status) else state.result()

    def _state(self, entry: Entry, pool: ThreadPool) -> Status | Future[Status]:
        told = self._told(entry)
        return told if isinstance(told, Status) else pool.submit(self._asked, entry, told)

    def _told(self, entry: Entry) -> Status | RemoteObject | None:
        """What the listings tell of an entry: its state, or an object whose content has to be read; None if nothing."""
        uri = entry.uri or ""
        if self._is_asked_for(entry) or not uri.startswith(self._listed):
            return None
        found = self._there.get(uri)
        if found is None:
            return _compared(entry, None)
        there = RemoteObject.of(found)
        return there if self._has_to_be_read(entry, there) else _compared(entry, there)

    def _asked(self, entry: Entry, listed: RemoteObject | None) -> Status:
        """What a request tells of an entry; its content is read again where nothing but that pins it."""
        version = entry.version_id if self._is_asked_for(entry) else None
        try:
            found = listed or self._session.stat(entry, version=version)
            if self._has_to_be_read(entry, found):
                found = self._session.stat(entry, checksum=self._db.algorithm)
        except ReferenceGone:
            return _compared(entry, None)
        return _compared(entry, found)

    def _is_asked_for(self, entry: Entry) -> bool:
        return Target(entry.uri or "", entry.version_id) in self._asked_for

    def _has_to_be_read(self, entry: Entry, found: RemoteObject) -> bool:
        pinned = RemoteObject.of(entry)
        hashed = (entry.digest or "").startswith(f"{self._db.algorithm.name}:")
        return hashed and pinned.size == found.size and not pinned.is_same(found)

    def _references(self, progress: Progress = SILENT) -> Iterator[Entry]:
        for entry in reader.entries(self._db, self._version, ""):
            progress.advance(1)
            if entry.kind == Kind.REFERENCE:
                yield entry

    def _new(self) -> Iterator[Status]:
        if self._there:
            for entry in self._references():
                self._there.discard(entry.uri or "")
        for found in self._there.added():
            yield Status(found.path, NEW, found=RemoteObject.of(found).described())


def _compared(entry: Entry, found: RemoteObject | None) -> Status:
    pinned = RemoteObject.of(entry)
    if found is None:
        return Status(entry.path, MISSING, pinned.described())
    if not pinned.differs(found):
        return Status(entry.path, UNCHANGED)
    return Status(entry.path, CHANGED, pinned.described(), found.described())


def _still_tracked(prefixes: Iterable[str], uris: Iterator[str]) -> tuple[str, ...]:
    """The prefixes that have references below them, without those that lie below another."""
    waiting: set[str] = set()
    last: str | None = None
    for prefix in sorted(each for each in prefixes if each.endswith("/")):
        if last is None or not prefix.startswith(last):
            waiting.add(prefix)
            last = prefix
    found: list[str] = []
    while waiting and (uri := next(uris, None)) is not None:
        for prefix in waiting.intersection(accumulate(part + "/" for part in uri.split("/")[:-1])):
            waiting.remove(prefix)
            found.append(prefix)
    return tuple(sorted(found))
