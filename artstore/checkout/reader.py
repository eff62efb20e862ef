"""Read a version: its entries group by group, and the content of its files, verified.

Nothing is locked or held open between reads. Chunks move when packs are repacked, so a chunk that is not found where it
should be is looked up again before it is called damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import NamedTuple

from artstore.catalog import chunks, manifests, small_files, versions
from artstore.catalog import entries as entry_rows
from artstore.catalog.chunks import StoredChunk
from artstore.catalog.connection import Connection
from artstore.catalog.entries import PlainFiles
from artstore.catalog.repository import Repository
from artstore.core import names
from artstore.core.digests import Hasher
from artstore.core.file_columns import SmallFiles
from artstore.core.manifest import Entry, Group, Kind, group_digest
from artstore.core.versions import Version
from artstore.errors import Damaged, InvalidInput, NotFound
from artstore.runtime.pause_gc import gc_paused
from artstore.storage import codec

_TRIES = 3
_MOST_COMPARED = 100_000
"""A listing of at most so many entries is compared with their digests: more would take half as long again."""


class SelectedGroup(NamedTuple):
    """A group of a version with all its entries, as they were read, of which those at or below a path are selected."""

    group: Group
    parts: list[PlainFiles | list[Entry]]
    prefix: str

    def selected(self, entries: list[Entry]) -> list[Entry]:
        """Return those of some entries that are selected."""
        prefix = self.prefix
        return [e for e in entries if e.path == prefix or e.path.startswith(prefix + "/")] if prefix else entries

    def is_selected(self, files: PlainFiles) -> bool:
        """Whether all of some files are selected."""
        folder = self.prefix + "/"
        return not self.prefix or (files.paths[0].startswith(folder) and files.paths[-1].startswith(folder))


class Reader:
    """Reads chunks and files of one store, verified. Safe for use by several threads."""

    def __init__(self, repository: Repository) -> None:
        self._db = repository.db
        self._packs = repository.packs
        self.algorithm = repository.db.algorithm

    def read_chunk(self, stored: StoredChunk) -> bytes:
        """Return the bytes of a chunk.

        It may have moved since it was looked up, so it is looked up again before `Damaged` is raised.
        """
        place = stored.place
        for _ in range(_TRIES):
            data = self._packs.read(place)
            if self.algorithm.raw(data) == stored.digest:
                return data
            with self._db.reading() as connection:
                current = chunks.find(connection, stored.digest)
            if current is None or current.place == place:
                break
            place = current.place
        fault = "is damaged" if place.codec in codec.KNOWN else f"has codec {place.codec}, which is not known here"
        raise Damaged(
            f"chunk {self.algorithm.text(stored.digest)} in {self._packs.path(place.pack).name} at {place.offset} "
            f"{fault}: run `artstore verify` to see which versions that harms, and restore the pack from a backup"
        )

    def read_span(self, span: list[StoredChunk], buffer: bytearray) -> memoryview | None:
        """Return the bytes of consecutive chunks of a pack, not verified; None if the pack ends before they do."""
        first, last = span[0].place, span[-1].place
        window = memoryview(buffer)[: last.offset + last.length - first.offset]
        if self._packs.read_into(first.pack, first.offset, window) != len(window):
            return None
        if not any(stored.place.codec for stored in span):
            return window
        starts = (stored.place.offset - first.offset for stored in span)
        pieces = (
            codec.decode(window[start : start + stored.place.length], stored.place.codec)
            for start, stored in zip(starts, span, strict=True)
        )
        return memoryview(b"".join(pieces))

    def chunks_of(self, digest: str) -> list[StoredChunk]:
        """Return the chunks of a file, in order."""
        with self._db.reading() as connection:
            stored = chunks.chunks_of_file(connection, self.algorithm.parse(digest))
        if stored is None:
            raise Damaged(f"the catalog does not know the file {digest} any more: run `artstore verify`")
        return stored

    def read_chunks(self, digest: str) -> Iterator[bytes]:
        """Yield the content of a file chunk by chunk, each verified by itself."""
        for stored in self.chunks_of(digest):
            yield self.read_chunk(stored)

    def read_file(self, digest: str) -> Iterator[bytes]:
        """Yield the content of a file chunk by chunk; after the last one, raise `Damaged` if they are not the file."""
        whole = self.algorithm.hasher()
        for piece in self.read_chunks(digest):
            whole.update(piece)
            yield piece
        self.check_whole(digest, whole)

    def check_whole(self, digest: str, whole: Hasher) -> None:
        """Raise `Damaged` if the chunks of a file, each of them right, add up to another file."""
        if self.algorithm.text(whole.digest()) != digest:
            raise Damaged(
                f"the catalog lists the wrong chunks for the file {digest}: run `artstore verify`, restore a backup"
            )


@contextmanager
def damage_located(version: Version, path: str) -> Iterator[None]:
    """Name the file and the version in a `Damaged` error that is raised in a block."""
    try:
        yield
    except Damaged as error:
        raise Damaged(f"{path!r} of {version.name} is damaged, and was not written: {error}") from error


def read(repository: Repository, entry: Entry) -> Iterator[bytes]:
    """Yield the content of a stored file chunk by chunk, verified. Raises `InvalidInput` for other kinds of entry."""
    if entry.kind != Kind.FILE or entry.digest is None:
        raise InvalidInput(f"{entry.path!r} is a {entry.kind.name.lower()}, and has no content in the store")
    return Reader(repository).read_file(entry.digest)


def selected_groups(repository: Repository, version: Version, path_prefix: str | None) -> Iterator[SelectedGroup]:
    """Yield the groups of a version that may have entries at or below a path, and select these; all without a path."""
    prefix = names.entry_path(path_prefix) if path_prefix else ""
    for group in _groups(repository, version, prefix):
        yield SelectedGroup(group, _read(repository, version, group, manifests.read_group), prefix)


def selected_segments(
    repository: Repository, version: Version, path_prefix: str | None
) -> Iterator[SmallFiles | list[Entry]]:
    """Yield the entries of a version at or below a path, or all without one, by segments and as columns if possible.

    Raises `Damaged` if a group does not match its digest, before any of it is yielded.
    """
    prefix = names.entry_path(path_prefix) if path_prefix else ""
    for group in _groups(repository, version, prefix):
        with repository.db.reading() as connection, gc_paused():
            segments = small_files.segments_of(connection, group)
        if not segments:
            raise version_deleted(version)
        if group_digest(repository.db.algorithm, [digest for digest, _ in segments]) != group.digest:
            raise entries_damaged(version, group)
        for _, segment in segments:
            if isinstance(segment, SmallFiles):
                paths = segment.paths.split("\0")
                names.check_entry_paths(paths)
                if not prefix or (paths[0].startswith(prefix + "/") and paths[-1].startswith(prefix + "/")):
                    yield segment
                    continue
                segment = small_files.entries(repository.db.connection, segment)
            else:
                names.check_entry_paths([entry.path for entry in segment])
            yield [e for e in segment if not prefix or e.path == prefix or e.path.startswith(prefix + "/")]


def entries_damaged(version: Version, group: Group) -> Damaged:
    """Return the error for entries that differ from the digest of their group."""
    return Damaged(
        f"the catalog's entries of {version.name} from {group.first!r} to {group.last!r} are damaged: "
        "run `artstore verify`, and restore the catalog from a backup"
    )


def entries(repository: Repository, version: Version, folder: str) -> Iterator[Entry]:
    """Yield the entries of a version in path order, only those below a folder if it is not empty."""
    every = chain.from_iterable(_entries_of_groups(repository, version, folder))
    return (entry for entry in every if entry.path.startswith(folder + "/")) if folder else every


def entries_after(repository: Repository, version: Version, after: str | None, count: int) -> list[Entry]:
    """Return one page of the entries of a version: the first `count` whose paths follow `after`."""
    page: list[Entry] = []
    with repository.db.reading() as connection:
        groups = manifests.groups_of(connection, version.id)
        if not versions.exists(connection, version.id):
            raise version_deleted(version)
        manifests.check_groups(connection, version.id, groups)
        if after is not None:
            manifests.check_order(groups)
            for group in [group for group in groups if group.last <= after][-1:]:
                manifests.check_bounds(connection, group)
    for group in groups:
        if len(page) < count and (after is None or group.last > after):
            with repository.db.reading() as connection:
                group_entries = manifests.entries_of_group(connection, group)
            if group_entries is None:
                raise version_deleted(version)
            page += [entry for entry in group_entries if after is None or entry.path > after]
    return page[:count]


def _entries_of_groups(repository: Repository, version: Version, prefix: str) -> Iterator[Iterator[Entry]]:
    """Yield the entries of each group of a version that may have entries at or below a path.

    Each is read by itself, so no transaction stays open between them. Raises `NotFound` if the version is deleted
    before the last one is read.
    """
    groups = _groups(repository, version, prefix)
    is_compared = sum(group.entries for group in groups) <= _MOST_COMPARED
    read = manifests.read_verified_group if is_compared else manifests.read_group
    for group in groups:
        parts = _read(repository, version, group, read)
        yield chain.from_iterable(map(entry_rows.make, repeat(repository.db.connection), parts))


def _read(
    repository: Repository,
    version: Version,
    group: Group,
    read: Callable[[Connection, Group], list[PlainFiles | list[Entry]] | None],
) -> list[PlainFiles | list[Entry]]:
    with repository.db.reading() as connection, gc_paused():
        parts = read(connection, group)
    if parts is None:
        raise version_deleted(version)
    return parts


def _groups(repository: Repository, version: Version, prefix: str) -> list[Group]:
    """Return the groups of a version that may have entries at or below a path."""
    with repository.db.reading() as connection:
        groups = manifests.groups_of(connection, version.id)
        if not versions.exists(connection, version.id):
            raise version_deleted(version)
        manifests.check_groups(connection, version.id, groups)
        if not prefix:
            return groups
        manifests.check_order(groups)
        # "0" is the character after "/".
        before = [group for group in groups if group.last < prefix]
        after = [group for group in groups if group.first >= prefix + "0"]
        # No digest covers bounds: those of the groups next to the ones that are read must be right.
        for group in before[-1:] + after[:1]:
            manifests.check_bounds(connection, group)
    return groups[len(before) : len(groups) - len(after)]


def version_deleted(version: Version) -> NotFound:
    """Return the error for a version that was deleted while it was read."""
    return NotFound(f"{version.name} was deleted while it was read: use a version that still exists")
