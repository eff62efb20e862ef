"""Reading everything again: every chunk, every file of several, every manifest, the log and SQLite's structures."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from artstore.catalog import chunks as content
from artstore.catalog import collections, events, leases, manifests, needed, pack_space, reclaim, versions
from artstore.catalog.chunks import PackCounts, StoredChunk
from artstore.catalog.connection import Connection
from artstore.catalog.db import Db
from artstore.checkout.reader import Reader
from artstore.core.manifest import Dependency, cut_groups, manifest_digest, version_digest
from artstore.core.versions import Version
from artstore.errors import Damaged
from artstore.operations.reclaim_space import sweep
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.threads import ThreadPool
from artstore.storage.packs import Packs
from artstore.storage.process_locks import ProcessLock

_READ_AT_ONCE = 8 * 1024 * 1024


class Harm(NamedTuple):
    """An entry of a living version that contains something damaged."""

    version: str
    path: str


class Finding(NamedTuple):
    """Something that is not as it should be, and what that harms."""

    what: str
    harms: tuple[Harm, ...] = ()


@dataclass
class Report:
    """What a verification found."""

    chunks: int = 0
    bytes: int = 0
    versions: int = 0
    head: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything is as it was stored."""
        return not self.findings

    @property
    def harmed(self) -> list[str]:
        """The names of the versions that are not whole any more."""
        return sorted({harm.version for finding in self.findings for harm in finding.harms})


def verify(
    db: Db, packs: Packs, session: ProcessLock, *, head: str | None = None, progress: Progress = SILENT
) -> Report:
    """Read the whole store again, and name each damaged entry and every version that it harms.

    With `head`, the hash of an event kept elsewhere, also tell whether the history up to it was rewritten.
    Nothing is reclaimed while this runs.
    """
    with db.reading() as connection:
        loose = reclaim.orphans(connection)
    with db.writing(durable=False) as connection:
        lease = leases.open_lease(connection, session.name, "verify")
        leases.claim_everything(connection, lease)
    try:
        report = Report()
        report.findings += [Finding(f"{n} rows of {name} are held by nothing") for name, n in loose.items() if n]
        for check in (
            partial(_check_structures, db, report, head),
            partial(_check_chunks, db, packs, report, progress),
            partial(_check_files, db, packs, report),
            partial(_check_manifests, db, report),
        ):
            try:
                check()
            except Damaged as error:
                report.findings.append(Finding(str(error)))
        return report
    finally:
        with db.writing() as connection:
            reclaim.release(connection, claims=leases.close_lease(connection, lease))
        sweep(db, packs)


def _check_structures(db: Db, report: Report, head: str | None) -> None:
    report.findings += [Finding(f"SQLite: {said}") for said in db.integrity()]
    with db.reading() as connection:
        report.head = events.head(connection)
        broken = events.first_broken(connection)
        if broken is not None:
            report.findings.append(
                Finding(f"event {broken} does not follow from the events before it: the log was rewritten")
            )
        if head is not None and not events.contains(connection, head):
            report.findings.append(
                Finding(f"no event has the hash {head}: the log was rewritten after that hash was taken")
            )


def _check_chunks(db: Db, packs: Packs, report: Report, progress: Progress) -> None:
    known = pack_space.packs(db.connection)
    live = sum(pack.live for pack in known)
    with step(progress, "verifying", live, "bytes"), ThreadPool(platform.cores(), "artstore-verify") as pool:
        futures = [pool.submit(_check_pack, db, packs, pack.name, progress) for pack in known]
        for pack, future in zip(known, futures, strict=True):
            count, held, counted, damaged = future.result()
            report.chunks += count
            report.bytes += held.content
            for what, holds, counts in zip(("chunks", "content"), held, counted, strict=True):
                if holds != counts:
                    report.findings.append(
                        Finding(f"pack {pack.name} holds {holds} bytes of {what}, and counts {counts}")
                    )
            for chunk in damaged:
                report.findings.append(_finding(db, chunk))


def _check_pack(
    db: Db, packs: Packs, name: str, progress: Progress
) -> tuple[int, PackCounts, PackCounts, list[StoredChunk]]:
    with db.reading() as connection:
        chunks = content.chunks_of_pack(connection, name)
        counted = content.pack_counts(connection, name)
    reader, damaged = Reader(db, packs), list[StoredChunk]()
    for chunk in chunks:
        try:
            reader.chunk(chunk)
        except Damaged:
            damaged.append(chunk)
        progress.advance(chunk.place.length)
    held = PackCounts(sum(chunk.place.length for chunk in chunks), sum(chunk.size for chunk in chunks))
    return len(chunks), held, counted, damaged


def _finding(db: Db, chunk: StoredChunk) -> Finding:
    with db.reading() as connection:
        harms = _harms(db, connection, content.files_with_chunk(connection, chunk.digest))
    digest, place = db.algorithm.text(chunk.digest), chunk.place
    return Finding(f"chunk {digest} at {place.offset} of pack {place.pack} is damaged or gone", harms)


def _harms(db: Db, connection: Connection, files: list[bytes]) -> tuple[Harm, ...]:
    committed = [(each.qualified_name, path) for each, path in needed.versions_with(connection, files)]
    waiting = [(f"{name} (pending)", path) for name, path in needed.pending_with(connection, files)]
    return tuple(Harm(*each) for each in committed + waiting)


def _check_files(db: Db, packs: Packs, report: Report) -> None:
    """A file's digest must be that of its chunks one after the other."""
    damaged_already = {harm for finding in report.findings for harm in finding.harms}
    with db.reading() as connection:
        wrong = content.files_not_matching_chunk(connection)
        several = list(content.files_of_several_chunks(connection))
    reader = Reader(db, packs)
    wrong += [digest for digest, size in several if not _is_whole(reader, digest, size)]
    for digest in wrong:
        with db.reading() as connection:
            harms = _harms(db, connection, [digest])
        if not set(harms) <= damaged_already:
            report.findings.append(Finding(f"the chunks of file {db.algorithm.text(digest)} do not make it up", harms))


def _is_whole(reader: Reader, digest: bytes, size: int) -> bool:
    hasher, length = reader.algorithm.hasher(), 0
    try:
        for piece in reader.pieces(reader.algorithm.text(digest)):
            hasher.update(piece)
            length += len(piece)
    except Damaged:
        return False
    return length == size and hasher.digest() == digest


def _check_manifests(db: Db, report: Report) -> None:
    with db.reading() as connection:
        listed = [
            version
            for collection in collections.find_all(connection)
            for version in versions.of_collection(connection, collection.id)
        ]
        good: set[str] = set()
        for version in listed:
            report.versions += 1
            if not _manifest_is_right(db, connection, version, good):
                harm = Harm(version.qualified_name, "")
                report.findings.append(
                    Finding(f"the entries of {version.qualified_name} are not those of its digest", (harm,))
                )


def _manifest_is_right(db: Db, connection: Connection, version: Version, good: set[str]) -> bool:
    groups = manifests.groups_of(connection, version.id)
    for group in groups:
        if group.digest in good:
            continue
        entries = [
            entry
            for id, _ in manifests.segments_of(connection, group)
            for entry in manifests.entries_of_segment(connection, id)
        ]
        if [found.digest for found in cut_groups(db.algorithm, entries)] != [group.digest]:
            return False
        good.add(group.digest)
    root = manifest_digest(db.algorithm, [group.digest for group in groups])
    needed = [
        Dependency(other.project, other.collection, other.number, other.digest)
        for other in versions.dependencies(connection, version.id)
    ]
    return version_digest(db.algorithm, root, needed) == version.digest
