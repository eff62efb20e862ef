"""Read everything again: every chunk, every file of several chunks, every manifest, the log and SQLite's structures."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from artstore.catalog import chunks as chunk_rows
from artstore.catalog import collections, events, manifests, needed, pack_space, reclaim, versions
from artstore.catalog.chunks import PackCounts, StoredChunk
from artstore.catalog.connection import Connection
from artstore.catalog.repository import Repository
from artstore.checkout.reader import Reader
from artstore.core.digests import Algorithm
from artstore.core.manifest import Dependency, cut_groups, manifest_digest, version_digest
from artstore.core.versions import Version
from artstore.errors import Damaged
from artstore.operations.hold_everything import hold_everything
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.threads import ThreadPool


class Harm(NamedTuple):
    """An entry of a version that contains something damaged."""

    version: str
    path: str


class Finding(NamedTuple):
    """Something that is not as it should be, and the entries that it harms."""

    what: str
    harms: tuple[Harm, ...] = ()


@dataclass
class VerifyResult:
    """What a verification read, and what it found."""

    chunks: int = 0
    bytes: int = 0
    versions: int = 0
    head: str = ""
    """The hash of the newest event."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything is as it was stored."""
        return not self.findings

    @property
    def harmed(self) -> list[str]:
        """The names of the versions that are no longer complete."""
        return sorted({harm.version for finding in self.findings for harm in finding.harms})


def verify(repository: Repository, *, head: str | None = None, progress: Progress = SILENT) -> VerifyResult:
    """Read the whole store again, and name each damaged entry and every version that it harms.

    With `head`, the hash of an event that was kept elsewhere, also check whether the history up to it was rewritten.
    Nothing is reclaimed while this runs.
    """
    with repository.db.reading() as connection:
        orphans = reclaim.orphans(connection)
    with hold_everything(repository, "verify"):
        result = VerifyResult()
        result.findings += [
            Finding(f"{count} rows of {name} are held by nothing") for name, count in orphans.items() if count
        ]
        for check in (
            partial(_check_structures, repository, result, head),
            partial(_check_chunks, repository, result, progress),
            partial(_check_files, repository, result),
            partial(_check_manifests, repository, result),
        ):
            try:
                check()
            except Damaged as error:
                result.findings.append(Finding(str(error)))
        return result


def _check_structures(repository: Repository, result: VerifyResult, head: str | None) -> None:
    result.findings += [Finding(f"SQLite: {message}") for message in repository.db.integrity()]
    with repository.db.reading() as connection:
        result.head = events.head(connection)
        broken = events.first_broken(connection)
        if broken is not None:
            result.findings.append(
                Finding(f"event {broken} does not follow from the events before it: the log was rewritten")
            )
        if head is not None and not events.contains(connection, head):
            result.findings.append(
                Finding(f"no event has the hash {head}: the log was rewritten after that hash was taken")
            )


class _CheckedPack(NamedTuple):
    """The chunks of a pack, summed up and as the catalog counts them."""

    chunks: int
    held: PackCounts
    counted: PackCounts
    damaged: list[StoredChunk]


def _check_chunks(repository: Repository, result: VerifyResult, progress: Progress) -> None:
    packs = pack_space.packs(repository.db.connection)
    live = sum(pack.live for pack in packs)
    with step(progress, "verifying", live, "bytes"), ThreadPool(platform.cores(), "artstore-verify") as pool:
        futures = [pool.submit(_check_pack, repository, pack.name, progress) for pack in packs]
        for pack, future in zip(packs, futures, strict=True):
            checked = future.result()
            result.chunks += checked.chunks
            result.bytes += checked.held.content
            for what, held, counted in zip(("chunks", "content"), checked.held, checked.counted, strict=True):
                if held != counted:
                    result.findings.append(
                        Finding(f"pack {pack.name} holds {held} bytes of {what}, and counts {counted}")
                    )
            for chunk in checked.damaged:
                result.findings.append(_damaged_chunk(repository, chunk))


def _check_pack(repository: Repository, name: str, progress: Progress) -> _CheckedPack:
    with repository.db.reading() as connection:
        chunks = chunk_rows.chunks_of_pack(connection, name)
        counted = chunk_rows.pack_counts(connection, name)
    reader, damaged = Reader(repository), list[StoredChunk]()
    for chunk in chunks:
        try:
            reader.read_chunk(chunk)
        except Damaged:
            damaged.append(chunk)
        progress.advance(chunk.place.length)
    held = PackCounts(sum(chunk.place.length for chunk in chunks), sum(chunk.size for chunk in chunks))
    return _CheckedPack(len(chunks), held, counted, damaged)


def _damaged_chunk(repository: Repository, chunk: StoredChunk) -> Finding:
    with repository.db.reading() as connection:
        harms = _harms(connection, chunk_rows.files_with_chunk(connection, chunk.digest))
    digest, place = repository.db.algorithm.text(chunk.digest), chunk.place
    return Finding(f"chunk {digest} at {place.offset} of pack {place.pack} is damaged or gone", harms)


def _harms(connection: Connection, files: list[bytes]) -> tuple[Harm, ...]:
    committed = [Harm(version.qualified_name, path) for version, path in needed.versions_with(connection, files)]
    waiting = [Harm(f"{name} (pending)", path) for name, path in needed.pending_with(connection, files)]
    return tuple(committed + waiting)


def _check_files(repository: Repository, result: VerifyResult) -> None:
    """Check that each file's digest is that of its chunks together."""
    known_harms = {harm for finding in result.findings for harm in finding.harms}
    with repository.db.reading() as connection:
        wrong = chunk_rows.files_not_matching_chunk(connection)
        several = list(chunk_rows.files_of_several_chunks(connection))
    reader = Reader(repository)
    wrong += [digest for digest, size in several if not _is_whole(reader, digest, size)]
    for digest in wrong:
        with repository.db.reading() as connection:
            harms = _harms(connection, [digest])
        if not set(harms) <= known_harms:
            text = repository.db.algorithm.text(digest)
            result.findings.append(Finding(f"the chunks of file {text} do not make it up", harms))


def _is_whole(reader: Reader, digest: bytes, size: int) -> bool:
    hasher, length = reader.algorithm.hasher(), 0
    try:
        for piece in reader.read_chunks(reader.algorithm.text(digest)):
            hasher.update(piece)
            length += len(piece)
    except Damaged:
        return False
    return length == size and hasher.digest() == digest


def _check_manifests(repository: Repository, result: VerifyResult) -> None:
    algorithm = repository.db.algorithm
    with repository.db.reading() as connection:
        listed = [
            version
            for collection in collections.find_all(connection)
            for version in versions.of_collection(connection, collection.id)
        ]
        good: set[str] = set()
        for version in listed:
            result.versions += 1
            if not _has_right_digest(connection, algorithm, version, good):
                harm = Harm(version.qualified_name, "")
                result.findings.append(
                    Finding(f"the entries of {version.qualified_name} are not those of its digest", (harm,))
                )


def _has_right_digest(connection: Connection, algorithm: Algorithm, version: Version, good: set[str]) -> bool:
    """Whether a version's digest is that of its entries; `good` holds the digests of right groups."""
    groups = manifests.groups_of(connection, version.id)
    for group in groups:
        if group.digest in good:
            continue
        entries = [
            entry
            for id, _ in manifests.segments_of(connection, group)
            for entry in manifests.entries_of_segment(connection, id)
        ]
        if [cut.digest for cut in cut_groups(algorithm, entries)] != [group.digest]:
            return False
        good.add(group.digest)
    root = manifest_digest(algorithm, [group.digest for group in groups])
    dependencies = [
        Dependency(other.project, other.collection, other.number, other.digest)
        for other in versions.dependencies(connection, version.id)
    ]
    return version_digest(algorithm, root, dependencies) == version.digest
