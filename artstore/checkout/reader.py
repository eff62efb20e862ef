"""Reading a version back: its entries group by group, and the content of its files, verified.

A reader holds nothing. Chunks move when packs are repacked, so what is not found right is looked up again before it
is called damaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

from artstore.catalog import chunks as content
from artstore.catalog import manifests
from artstore.catalog.chunks import StoredChunk
from artstore.catalog.repository import Repository
from artstore.core import names
from artstore.core.digests import Hasher
from artstore.core.manifest import Entry, Group, Kind
from artstore.core.versions import Version
from artstore.errors import Damaged, InvalidInput, NotFound
from artstore.runtime.pause_gc import gc_paused
from artstore.storage import codec

_REREADS = 3


class Part(NamedTuple):
    """A group of a version: all its entries, and those that are wanted."""

    group: Group
    entries: list[Entry]
    wanted: list[Entry]


class Reader:
    """Reads chunks of one store, verified. Safe for use by several threads."""

    def __init__(self, repository: Repository) -> None:
        self._db = repository.db
        self._packs = repository.packs
        self.algorithm = repository.db.algorithm

    def chunk(self, stored: StoredChunk) -> bytes:
        """The bytes of a chunk.

        It may have moved since its place was looked up, so that is done again before `Damaged` is raised.
        """
        place = stored.place
        for _ in range(_REREADS):
            data = self._packs.read(place)
            if self.algorithm.raw(data) == stored.digest:
                return data
            with self._db.reading() as connection:
                now = content.find(connection, stored.digest)
            if now is None or now.place == place:
                break
            place = now.place
        is_wrong = "is damaged" if place.codec in codec.KNOWN else f"has codec {place.codec}, which is not known here"
        raise Damaged(
            f"chunk {self.algorithm.text(stored.digest)} in {self._packs.path(place.pack).name} at {place.offset} "
            f"{is_wrong}: run `artstore verify` to see which versions that harms, and restore the pack from a backup"
        )

    def span(self, chunks: list[StoredChunk], buffer: bytearray) -> memoryview | None:
        """The bytes of chunks that lie one behind the other, not verified; None if they are not all there."""
        first, last = chunks[0].place, chunks[-1].place
        window = memoryview(buffer)[: last.offset + last.length - first.offset]
        if self._packs.read_into(first.pack, first.offset, window) != len(window):
            return None
        if not any(stored.place.codec for stored in chunks):
            return window
        starts = (stored.place.offset - first.offset for stored in chunks)
        pieces = (
            codec.decode(window[start : start + stored.place.length], stored.place.codec)
            for start, stored in zip(starts, chunks, strict=True)
        )
        return memoryview(b"".join(pieces))

    def chunks_of(self, digest: str) -> list[StoredChunk]:
        """The chunks of a file, by its digest."""
        with self._db.reading() as connection:
            found = content.chunks_of_file(connection, self.algorithm.parse(digest))
        if found is None:
            raise Damaged(f"the catalog does not know the file {digest} any more: run `artstore verify`")
        return found

    def pieces(self, digest: str) -> Iterator[bytes]:
        """The content of a file, chunk by chunk, each verified."""
        for stored in self.chunks_of(digest):
            yield self.chunk(stored)

    def content(self, digest: str) -> Iterator[bytes]:
        """The content of a file, chunk by chunk; at its end it is known whether these chunks are the file."""
        whole = self.algorithm.hasher()
        for piece in self.pieces(digest):
            whole.update(piece)
            yield piece
        self.check_whole(digest, whole)

    def check_whole(self, digest: str, whole: Hasher) -> None:
        """Raise `Damaged` if the chunks of a file are each right, and together another file."""
        if self.algorithm.text(whole.digest()) != digest:
            raise Damaged(
                f"the catalog lists the wrong chunks for the file {digest}: run `artstore verify`, restore a backup"
            )


@contextmanager
def damage_named(version: Version, path: str) -> Iterator[None]:
    """Say in an error which file of which version is damaged."""
    try:
        yield
    except Damaged as error:
        raise Damaged(f"{path!r} of {version.name} is damaged, and was not written: {error}") from error


def read(repository: Repository, entry: Entry) -> Iterator[bytes]:
    """Read a stored file, piece by piece, verified. Raises `InvalidInput` for another kind of entry."""
    if entry.kind != Kind.FILE or entry.digest is None:
        raise InvalidInput(f"{entry.path!r} is a {entry.kind.name.lower()}, and has no content in the store")
    return Reader(repository).content(entry.digest)


def selected(repository: Repository, version: Version, path_prefix: str | None) -> Iterator[Part]:
    """The groups of a version in which something lies at or below a path, each with those entries."""
    prefix = names.entry_path(path_prefix) if path_prefix else ""
    for group, entries in read_groups(repository, version, prefix):
        found = list(entries)
        inside = [e for e in found if e.path == prefix or e.path.startswith(prefix + "/")] if prefix else found
        if inside:
            yield Part(group, found, inside)


def entries(repository: Repository, version: Version, folder: str) -> Iterator[Entry]:
    """The entries of a version in path order, or those below a folder."""
    found = chain.from_iterable(entries for _, entries in read_groups(repository, version, folder))
    return (entry for entry in found if entry.path.startswith(folder + "/")) if folder else found


def entries_after(repository: Repository, version: Version, after: str | None, count: int) -> list[Entry]:
    """A page of the entries of a version: those that follow a path."""
    found: list[Entry] = []
    with repository.db.reading() as connection:
        groups = manifests.groups_of(connection, version.id)
    for group in groups:
        if len(found) < count and (after is None or group.last > after):
            with repository.db.reading() as connection:
                entries = manifests.entries_of_group(connection, group)
            if entries is None:
                raise gone(version)
            found += [entry for entry in entries if after is None or entry.path > after]
    return found[:count]


def read_groups(repository: Repository, version: Version, prefix: str) -> Iterator[tuple[Group, Iterator[Entry]]]:
    """The groups of a version that reach to or below a path, with all their entries.

    They are read one by one, so that nothing is held between them. Raises `NotFound` if the version is deleted
    meanwhile.
    """
    end = prefix + "0" if prefix else None
    with repository.db.reading() as connection:
        groups = manifests.groups_of(connection, version.id)
    if sum(group.entries for group in groups) != version.entries:
        raise gone(version)
    for group in groups:
        if group.last < prefix or (end is not None and group.first >= end):
            continue
        with repository.db.reading() as connection, gc_paused():
            found = manifests.entries_of_group(connection, group)
        if found is None:
            raise gone(version)
        yield group, found


def gone(version: Version) -> NotFound:
    """The error for a version that was deleted while it was read."""
    return NotFound(f"{version.name} was deleted while it was read: use a version that lives")
