"""References in drafts and versions: added by a listing, and fetched."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import unquote, urlsplit

from artstore.catalog.repository import Repository
from artstore.core import names
from artstore.core.digests import Algorithm
from artstore.core.draft import Draft
from artstore.core.manifest import Entry, Kind
from artstore.drivers import RemoteObject, Target, placing
from artstore.drivers.session import Session
from artstore.errors import InvalidInput, MissingExtra, NoDriver
from artstore.runtime.progress import SILENT, Progress
from artstore.runtime.spool import Spool


def add_reference(
    repository: Repository,
    draft: Draft,
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
        found = _found(session, uri, repository.db.algorithm if checksum else None, options)
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
            raise InvalidInput(f"{target.uri!r} ends without a name: pass name=... to say what to call it")
        name = placing.path_for_key(name)
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
