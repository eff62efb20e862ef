"""References in drafts and versions: added by a listing, and fetched."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from artstore import names
from artstore.db import Db
from artstore.digests import Algorithm
from artstore.draft import Draft
from artstore.drivers import RemoteObject, Target, placing
from artstore.drivers.session import Session
from artstore.drivers.verifying import digest_of
from artstore.errors import InvalidInput, MissingExtra, NoDriver, ReferenceGone, RemoteError
from artstore.manifest import Entry, Kind
from artstore.progress import SILENT, Progress
from artstore.spool import Spool
from artstore.workers import Threads
from artstore.writing import Root

AT_ONCE = 16
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
            target = _target(session, uri)
            listed = _Listed(found, target, _prefix(session, target))
            draft.add_all(listed)
    if listed.prefix is not None:
        draft.prefixes.add(listed.prefix)
    if listed.versioned:
        draft.prefixes.add(uri)
    return listed.entries.plain()


def _found(session: Session, uri: str, checksum: Algorithm | None, options: Mapping[str, Any]) -> Generator[Entry]:
    """The entries that a reference is; unpinned ones without an algorithm for checksums."""
    target = _target(session, uri)
    if checksum is not None or target is None:
        yield from session.references(uri, checksum=checksum, **options)
    elif _is_looked_at(session, target):
        for entry in session.references(uri, **options):
            yield _unpinned(entry)
    else:
        yield _unseen(session, target, options["name"])


class _Listed:
    """Entries that are noted while somebody goes through them.

    `prefix` is what they all lie below, if they do; `versioned`, whether one is the version that was asked for.
    """

    def __init__(self, found: Iterable[Entry], target: Target | None, prefix: str | None) -> None:
        self._found = found
        self._target = target
        self.prefix = prefix
        self.versioned = False
        self.entries: Spool[Entry] = Spool()

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._found:
            self.entries.append(entry)
            if self.prefix is not None and not (entry.uri or self.prefix).startswith(self.prefix):
                self.prefix = None
            if entry.version_id is not None and (entry.uri, entry.version_id) == self._target:
                self.versioned = True
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
            raise InvalidInput(
                f"{target.uri!r} ends without a name: pass name= (--as on the command line) to say what to call it"
            )
        name = placing.placed(name)
    path = names.entry_path(name)
    return RemoteObject(target.uri, path, version=target.version).entry(path)


def _unpinned(entry: Entry) -> Entry:
    if entry.kind != Kind.REFERENCE:
        return entry
    return entry._replace(digest=None, size=None, etag=None, version_id=None)


def _target(session: Session, uri: str) -> Target | None:
    """What a URI means; None if nobody knows."""
    try:
        return session.driver(uri).parse(uri)
    except MissingExtra:
        raise
    except NoDriver:
        return None


def _prefix(session: Session, target: Target | None) -> str | None:
    """The prefix that a listing is of, unless it is of one object."""
    if target is None or not session.driver(target.uri).lists:
        return None
    return target.uri if target.uri.endswith("/") else target.uri + "/"


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
