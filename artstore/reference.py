"""References in drafts and versions: added by a listing, compared with what is there now, and fetched."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from artstore import names, reader
from artstore.db import Db
from artstore.digests import Algorithm
from artstore.draft import Draft
from artstore.drivers import RemoteObject, Target, placing
from artstore.drivers.session import Session
from artstore.drivers.verifying import digest_of
from artstore.errors import InvalidInput, NoDriver, ReferenceGone, RemoteError
from artstore.manifest import Entry, Kind
from artstore.progress import SILENT, Progress, step
from artstore.spool import Spool
from artstore.version import Version
from artstore.workers import Threads
from artstore.writing import Root

AT_ONCE = 16
UNCHANGED, CHANGED, MISSING, NEW = "unchanged", "changed", "missing", "new"
_MD5 = re.compile("[0-9a-f]{32}")


def add(
    draft: Draft,
    db: Db,
    uri: str,
    name: str | None = None,
    *,
    checksum: bool = True,
    max_objects: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> Sequence[Entry]:
    """Track an object, or what lies below a prefix, in a draft; return the entries, of which few are in memory.

    With `checksum=False` entries are unpinned, and give what is there when they are fetched; only prefixes (a URI that
    ends with `/`) and local files are looked at then. Raises what `Session.references` does, or `PathConflict`; the
    draft is then as it was.
    """
    options: dict[str, Any] = {"name": name, "max_objects": max_objects, "progress": progress}
    with Session(storage_options) as session:
        found = _found(session, uri, db.algorithm if checksum else None, options)
        with closing(found):
            listed = _Listed(found, _prefix(session, uri))
            draft.add_all(listed)
    if listed.prefix is not None:
        draft.prefixes.add(listed.prefix)
    return listed.entries.plain()


def _found(session: Session, uri: str, checksum: Algorithm | None, options: Mapping[str, Any]) -> Generator[Entry]:
    """The entries that a reference is; unpinned ones without an algorithm for checksums."""
    try:
        target = session.driver(uri).parse(uri)
    except NoDriver:
        yield from session.references(uri, **options)
        return
    if checksum is not None:
        yield from session.references(uri, checksum=checksum, **options)
    elif _is_looked_at(session, target):
        for entry in session.references(uri, **options):
            yield _unpinned(entry)
    else:
        yield _unseen(session, target, options["name"])


class _Listed:
    """Entries that are noted while somebody goes through them; `prefix` is what they all lie below, if they do."""

    def __init__(self, found: Iterable[Entry], prefix: str | None) -> None:
        self._found = found
        self.prefix = prefix
        self.entries: Spool[Entry] = Spool()

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._found:
            self.entries.append(entry)
            if self.prefix is not None and not (entry.uri or self.prefix).startswith(self.prefix):
                self.prefix = None
            yield entry


def _is_looked_at(session: Session, target: Target) -> bool:
    """Whether a reference that is not to be pinned is looked at nevertheless.

    An address alone does not tell what lies below it; and looking at this machine costs nothing.
    """
    return session.driver(target.uri).lists and (target.uri.endswith("/") or target.uri.startswith("file:"))


def _unseen(session: Session, target: Target, name: str | None) -> Entry:
    """The entry of an object that was not looked at; a version that was asked for is kept."""
    if name is None:
        # Only where there are no prefixes does an address have more parts than a key.
        key = target.uri if session.driver(target.uri).lists else unquote(urlsplit(target.uri).path)
        name = key.rstrip("/").rpartition("/")[2]
        if not name:
            raise InvalidInput(f"{target.uri!r} ends without a name: pass name= to say what to call it")
        name = placing.placed(name)
    path = names.entry_path(name)
    return RemoteObject(target.uri, path, version=target.version).entry(path)


def _unpinned(entry: Entry) -> Entry:
    if entry.kind != Kind.REFERENCE:
        return entry
    return entry._replace(digest=None, size=None, etag=None, version_id=None)


def _prefix(session: Session, uri: str) -> str | None:
    """The prefix that a listing is of, unless it is of one object."""
    try:
        driver = session.driver(uri)
    except NoDriver:
        return None
    if not driver.lists:
        return None
    target = driver.parse(uri).uri
    return target if target.endswith("/") else target + "/"


class Status(NamedTuple):
    """What became of a reference: `unchanged`, `changed`, `missing`, or `new` for what no entry tracks yet."""

    path: str
    state: str
    expected: str = ""
    found: str = ""


def status(
    db: Db, version: Version, *, storage_options: Mapping[str, Any] | None = None, progress: Progress = SILENT
) -> list[Status]:
    """Compare the references of a version with what is there now, by one listing of each prefix that was added.

    In path order; what is new comes last, by its URI.
    """
    entries = [entry for entry in reader.entries(db, version, "") if entry.kind == Kind.REFERENCE]
    with Session(storage_options) as session, step(progress, f"looking at {version.name}", len(entries), "files"):
        look = _Look(session, db, progress)
        return look.at(entries, version.prefixes)


class _Look:
    def __init__(self, session: Session, db: Db, progress: Progress) -> None:
        self._session = session
        self._algorithm = db.algorithm
        self._progress = progress

    def at(self, entries: list[Entry], prefixes: Iterable[str]) -> list[Status]:
        there: dict[str, RemoteObject] = {}
        listed = _still_tracked(prefixes, entries)
        for prefix in listed:
            for each in self._session.list(prefix):
                if each.kind == Kind.REFERENCE:
                    there[each.uri] = each

        def state(entry: Entry) -> Status:
            uri = entry.uri or ""
            found = there.get(uri) if uri.startswith(listed) else self._stat(entry)
            self._progress.advance(1)
            return self._compared(entry, found)

        with Threads(AT_ONCE, "artstore-look") as pool:
            states = list(pool.map(state, entries))
        known = {entry.uri for entry in entries}
        return states + [Status(uri, NEW, found=each.described()) for uri, each in there.items() if uri not in known]

    def _stat(self, entry: Entry) -> RemoteObject | None:
        try:
            return self._session.stat(entry)
        except ReferenceGone:
            return None

    def _compared(self, entry: Entry, found: RemoteObject | None) -> Status:
        pinned = RemoteObject.of(entry)
        if found is None:
            return Status(entry.path, MISSING, pinned.described())
        if not pinned.is_same(found) and pinned.size == found.size and self._was_hashed(entry):
            # Nothing but its content pins it: that is read again.
            found = self._session.stat(entry, checksum=self._algorithm)
            same = found.digest == entry.digest
        else:
            same = not pinned.differs(found)
        return (
            Status(entry.path, UNCHANGED)
            if same
            else Status(entry.path, CHANGED, pinned.described(), found.described())
        )

    def _was_hashed(self, entry: Entry) -> bool:
        return (entry.digest or "").startswith(f"{self._algorithm.name}:")


def _still_tracked(prefixes: Iterable[str], entries: list[Entry]) -> tuple[str, ...]:
    """The prefixes that have references below them, without those that lie below another."""
    found: list[str] = []
    for prefix in sorted(prefixes):
        covered = bool(found) and prefix.startswith(found[-1])
        if not covered and any((entry.uri or "").startswith(prefix) for entry in entries):
            found.append(prefix)
    return tuple(found)


def fetch(
    db: Db,
    of: str,
    entries: list[Entry],
    root: Path,
    *,
    allow_missing: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> Counter[bool | None]:
    """Write the objects that references pin into a folder.

    Return how many were written (`True`), were there and right (`False`), and are gone (`None`).

    Several are fetched at once; `of` names what they belong to. With `allow_missing`, those that are gone are left
    out. Raises `RemoteError`, naming the entry; those that were written until then are right.
    """

    told = _UntilStopped(progress)

    def one(entry: Entry) -> bool | None:
        if _is_there(root / entry.path, entry):
            return False
        target = Root(root, db.folder)
        try:
            folder, _, name = entry.path.rpartition("/")
            with target.new_file(folder, name, executable=False) as new:
                session.fetch(entry, new.descriptor, progress=told)
        except ReferenceGone:
            if allow_missing:
                return None
            raise
        finally:
            target.close()
        return True

    with Session(storage_options) as session, Threads(AT_ONCE, "artstore-fetch") as pool:
        futures = [pool.submit(_named, of, entry, one) for entry in entries]
        try:
            return Counter(future.result() for future in futures)
        finally:
            told.stop()
            pool.shutdown(wait=True, cancel_futures=True)


class _Stopped(Exception):
    """Nobody wants what is being fetched any more."""


class _UntilStopped:
    """A listener that ends what tells it of progress, once it is to stop."""

    def __init__(self, progress: Progress) -> None:
        self.begin, self.end = progress.begin, progress.end
        self._advance = progress.advance
        self._stopped = threading.Event()

    def advance(self, amount: int) -> None:
        if self._stopped.is_set():
            raise _Stopped
        self._advance(amount)

    def stop(self) -> None:
        self._stopped.set()


def _named(of: str, entry: Entry, work: Callable[[Entry], bool | None]) -> bool | None:
    try:
        return work(entry)
    except RemoteError as error:
        raise type(error)(f"{entry.path!r} of {of}: {error}") from error


def _is_there(path: Path, entry: Entry) -> bool:
    """Whether a file is certainly what a reference pins, by what can be computed from its bytes."""
    digest = entry.digest
    if digest is None and entry.etag is not None and _MD5.fullmatch(entry.etag):
        # What looks like the MD5 of an object, and is that of the file, is that of the object.
        digest = f"md5:{entry.etag}"
    if digest is None or path.is_symlink() or not path.is_file() or path.stat().st_size != entry.size:
        return False
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return digest_of(descriptor, digest.partition(":")[0], entry.size or 0) == digest
    finally:
        os.close(descriptor)
