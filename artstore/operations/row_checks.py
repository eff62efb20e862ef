"""Find the rows of a catalog that are not those that were stored, by their checksums, the log and the manifests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from artstore.catalog import chunks as chunk_rows
from artstore.catalog import events, manifests, row_checksums, row_quarantine, versions
from artstore.catalog.connection import Connection
from artstore.catalog.repository import Repository
from artstore.catalog.row_quarantine import ENTRIES, EVENTS, FILES
from artstore.catalog.versions import Committed
from artstore.checkout.reader import Reader
from artstore.core.digests import Algorithm
from artstore.core.manifest import Dependency, ManifestBuilder, manifest_digest, version_digest
from artstore.errors import Damaged
from artstore.operations.findings import Finding, Harm, harms_of_files


class RowFault(NamedTuple):
    """Rows of a table that are not those that were stored: all of them belong to one owner."""

    table: str
    owner: int
    finding: Finding


def changed_rows(repository: Repository) -> Iterator[RowFault]:
    """Yield the rows that do not fit their checksums."""
    for table in row_checksums.OWNERS:
        with repository.db.reading() as connection:
            for found in row_checksums.differences(connection, table):
                yield RowFault(table, found.owner, Finding(str(found)))


def broken_log(connection: Connection) -> Iterator[RowFault]:
    """Yield the first event that does not follow from those before it."""
    broken = events.first_broken(connection)
    if broken is not None:
        what = f"event {broken} does not follow from the events before it: the log was rewritten"
        yield RowFault(EVENTS, broken, Finding(what))


def wrong_manifests(repository: Repository, committed: Iterable[Committed]) -> Iterator[RowFault]:
    """Yield the versions among `committed` whose entries are not those of their digests."""
    good: set[str] = set()
    for version in committed:
        what = None
        try:
            with repository.db.reading() as connection:
                if not _has_right_digest(connection, repository.db.algorithm, version, good):
                    what = f"versions row {version.id}: the entries of {version.name} are not those of its digest"
        except Damaged as error:
            what = f"the entries of {version.name} cannot be read: {error}"
        if what is not None:
            yield RowFault(ENTRIES, version.id, Finding(what, (Harm(version.name, ""),)))


def wrong_files(
    repository: Repository, among: Collection[int] | None = None, *, unreadable: bool = True
) -> Iterator[RowFault]:
    """Yield the files that their chunks do not make up; of those with several chunks all are read, or those `among`.

    Those with a chunk that cannot be read are left out unless `unreadable` is set.
    """
    with repository.db.reading() as connection:
        wrong = chunk_rows.files_not_matching_chunk(connection)
        several = list(chunk_rows.files_of_several_chunks(connection))
    reader = Reader(repository)
    for id, digest, size in several:
        if among is None or id in among:
            try:
                is_right = _is_whole(reader, digest, size)
            except Damaged:
                is_right = not unreadable
            if not is_right:
                wrong.append((id, digest))
    for id, digest in wrong:
        with repository.db.reading() as connection:
            harms = harms_of_files(connection, [digest])
        text = repository.db.algorithm.text(digest)
        yield RowFault(FILES, id, Finding(f"files row {id}: the chunks of file {text} do not make it up", harms))


def _is_whole(reader: Reader, digest: bytes, size: int) -> bool:
    hasher, length = reader.algorithm.hasher(), 0
    for piece in reader.read_chunks(reader.algorithm.text(digest)):
        hasher.update(piece)
        length += len(piece)
    return length == size and hasher.digest() == digest


def told(repository: Repository, faults: Iterator[RowFault]) -> Iterator[Finding]:
    """Yield the findings of faults; those of rows in quarantine say so."""
    with repository.db.reading() as connection:
        there = row_quarantine.listed(connection)
    for table, owner, finding in faults:
        since = there.get((table, owner))
        yield finding if since is None else finding._replace(what=f"{finding.what} (in quarantine since {since})")


def _has_right_digest(connection: Connection, algorithm: Algorithm, version: Committed, good: set[str]) -> bool:
    """Whether a version's digest is that of its entries; `good` holds the digests of right groups."""
    groups = manifests.groups_of(connection, version.id)
    for group in groups:
        if group.digest in good:
            continue
        segments = manifests.segments_of(connection, group)
        entries = [entry for id, _ in segments for entry in manifests.entries_of_segment(connection, id)]
        builder = ManifestBuilder(algorithm)
        builder.add(entries)
        builder.finish()
        # Bounds, counts and sizes of segments are in no digest.
        if builder.new_groups != [(group, [segment for _, segment in segments])]:
            return False
        good.add(group.digest)
    root = manifest_digest(algorithm, [group.digest for group in groups])
    totals = sum(group.entries for group in groups), sum(group.size for group in groups)
    if (root, *totals) != (version.manifest, version.entries, version.size):
        return False
    dependencies = [
        Dependency(other.project, other.collection, other.number, other.digest)
        for other in versions.dependencies(connection, version.id)
    ]
    return version_digest(algorithm, root, dependencies) == version.digest
