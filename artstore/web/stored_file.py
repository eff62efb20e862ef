"""A stored file that a page shows: an entry of a version, or a file of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request

from artstore.core.manifest import Entry, Kind
from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.errors import InvalidInput, NotFound
from artstore.store import Store
from artstore.web import links
from artstore.web.page import Query
from artstore.web.versions import find

LARGEST = 32 * 1024 * 1024
"""The largest file that is read whole for a preview."""


@dataclass(frozen=True)
class StoredFile:
    """A file, how to read it, and the addresses of the files beside it."""

    path: str
    size: int
    digest: str | None
    open: Callable[[], Iterator[bytes]]
    address: Callable[[str, str], str]
    """Return the address of a page (`file`, `content`, `sandbox`, `mask`) about a path beside this file."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def read(self) -> bytes:
        """Return the whole content, of a file that is not larger than `LARGEST`."""
        return b"".join(self.open())


def in_version(store: Store, request: Request) -> StoredFile:
    """Return the file of a version that an address names. Raises `NotFound` or `InvalidInput`."""
    version, path = find(store, request), Query(request).text("path")
    entry = entry_of(store, version, path)
    if entry.kind != Kind.FILE:
        raise InvalidInput(f"{path!r} of {version.qualified_name} is not a stored file: `artstore get` fetches it")
    return of_entry(store, version, entry)


def entry_of(store: Store, version: Version, path: str) -> Entry:
    """Return an entry of a version. Raises `NotFound`."""
    entry = store.entry(version, path) if version.state == "committed" and path else None
    if entry is None:
        raise NotFound(f"{version.qualified_name} has no file {path!r}: its page lists its files")
    return entry


def of_entry(store: Store, version: Version, entry: Entry) -> StoredFile:
    """Return the stored file of an entry."""

    def address(page: str, path: str) -> str:
        return links.version(version.project, version.collection, version.number, page, path=path)

    return StoredFile(entry.path, entry.size or 0, entry.digest, partial(store.read, entry), address)


def in_run(store: Store, request: Request) -> StoredFile:
    """Return the file of a run that an address names. Raises `NotFound`."""
    record = store.runs.find(f"{request.path_params['project']}/{request.path_params['id']}", "")
    path = Query(request).text("path")
    found = store.runs.files.find(record, [path]) if path else []
    if not found:
        raise NotFound(f"run {record.project}/{record.uid} has no file {path!r}: its page lists its files")
    reading = partial(store.runs.files.read, record, path)
    return StoredFile(path, found[0].size, found[0].digest, reading, address_in(record))


def address_in(record: RunRecord) -> Callable[[str, str], str]:
    """Return the function that gives addresses of files of a run."""

    def address(page: str, path: str) -> str:
        return links.run(record.project, record.uid, page, path=path)

    return address
