"""Add references to a draft: the object that a URI means, or everything below a prefix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, TypedDict
from urllib.parse import unquote, urlsplit

from artstore.catalog.repository import Repository
from artstore.core import names
from artstore.core.draft import Draft
from artstore.core.manifest import Entry, Kind
from artstore.drivers import RemoteObject, placing
from artstore.drivers.driver import ParsedUri
from artstore.drivers.session import Session
from artstore.errors import InvalidInput, PathConflict
from artstore.runtime.progress import SILENT, Progress
from artstore.runtime.spool import Spool


class ReferenceOptions(TypedDict, total=False):
    """The options of `add_reference`, for functions that pass them on."""

    checksum: bool
    max_objects: int | None
    storage_options: Mapping[str, Any] | None
    progress: Progress


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
    """Track an object, or everything below a prefix, in a draft; return the entries, few of which are in memory.

    With `checksum=False` entries are unpinned, and a download fetches whatever is there at that time; only prefixes (a
    URI that ends with `/`, or a whole bucket) and local files are looked at then. Raises what `Session.references`
    does, or `PathConflict`; the draft is then as it was.
    """
    algorithm = repository.db.algorithm if checksum else None
    with Session(storage_options) as session:
        parsed = session.parse(uri)
        listing = session.references(
            parsed or uri, name=name, checksum=algorithm, max_objects=max_objects, progress=progress
        )
        with closing(listing):
            added = _Added(listing if checksum else _without_pins(listing, parsed, name), parsed)
            try:
                draft.add_all(added)
            except PathConflict as error:
                conflict = str(error).rpartition(";")[0]
                another = "name=..." if name is None else "another name"
                raise PathConflict(f"{conflict}; pass {another} to add {uri!r} under another path") from error
    if added.prefix is not None:
        draft.prefixes.add(added.prefix)
    if added.has_explicit_version:
        draft.prefixes.add(uri)
    return added.entries.plain()


def check_reference(
    uri: str,
    name: str | None = None,
    *,
    checksum: bool = True,
    max_objects: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> None:
    """Raise what `add_reference` would raise about the objects. No content is read, and no store is needed."""
    with Session(storage_options) as session:
        parsed = session.parse(uri)
        listing = session.references(parsed or uri, name=name, max_objects=max_objects, progress=progress)
        with closing(listing):
            for _ in listing if checksum else _without_pins(listing, parsed, name):
                pass


def _without_pins(listing: Iterator[Entry], parsed: ParsedUri | None, name: str | None) -> Iterable[Entry]:
    """Return unpinned entries: those of a listing, or of the object itself, which is then not looked up."""
    if parsed is None:
        return listing
    return map(_unpinned, listing) if _must_be_looked_up(parsed) else [_unseen_entry(parsed, name)]


class _Added:
    """Entries that are collected while a draft iterates over them.

    `prefix` is the listed prefix if all of them lie below it; `has_explicit_version` tells whether one is the object
    version that the URI asks for.
    """

    def __init__(self, entries: Iterable[Entry], parsed: ParsedUri | None) -> None:
        self._source = entries
        self._target = None if parsed is None else parsed.target
        self.prefix = None if parsed is None else _listed_prefix(parsed)
        self.has_explicit_version = False
        self.entries: Spool[Entry] = Spool()

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._source:
            self.entries.append(entry)
            if self.prefix is not None and not (entry.uri or self.prefix).startswith(self.prefix):
                self.prefix = None
            if entry.version_id is not None and (entry.uri, entry.version_id) == self._target:
                self.has_explicit_version = True
            yield entry


def _must_be_looked_up(parsed: ParsedUri) -> bool:
    """Whether a reference is looked up even though it is not pinned.

    The URI of a prefix alone, such as a whole bucket, does not tell what lies below it, and looking at local files
    costs nothing.
    """
    uri, version = parsed.target
    is_prefix = uri.endswith("/") or (version is None and "/" not in uri.partition("://")[2])
    return parsed.driver.lists and (is_prefix or uri.startswith("file:"))


def _unseen_entry(parsed: ParsedUri, name: str | None) -> Entry:
    """Return the entry of an object that is not looked up; the version that the URI asks for is kept."""
    uri, version = parsed.target
    if name is None:
        # Where there are no prefixes, a URI has more parts than a key, such as a query.
        key = uri if parsed.driver.lists else unquote(urlsplit(uri).path)
        name = key.rstrip("/").rpartition("/")[2]
        if not name:
            raise InvalidInput(f"{uri!r} does not end with a name: pass name=... to say what to call it")
        name = placing.path_for_key(name)
    path = names.entry_path(name)
    return RemoteObject(uri, path, version=version).entry(path)


def _unpinned(entry: Entry) -> Entry:
    if entry.kind != Kind.REFERENCE:
        return entry
    return entry._replace(digest=None, size=None, etag=None, version_id=None)


def _listed_prefix(parsed: ParsedUri) -> str | None:
    """Return the prefix that a listing is of, if the driver lists."""
    if not parsed.driver.lists:
        return None
    uri = parsed.target.uri
    return uri if uri.endswith("/") else uri + "/"
