"""Read everything again: every chunk, every file of several chunks, every manifest, the log and SQLite's structures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from artstore.catalog import chunks as chunk_rows
from artstore.catalog import damage, events, garbage, newest_event, pack_space, row_quarantine, versions
from artstore.catalog.chunks import PackCounts, StoredChunk
from artstore.catalog.pack_space import Pack
from artstore.catalog.repository import Repository
from artstore.checkout.reader import Reader
from artstore.errors import Damaged
from artstore.operations import row_checks
from artstore.operations.findings import Finding as Finding
from artstore.operations.findings import Harm as Harm
from artstore.operations.findings import harmed, harms_of_chunk
from artstore.operations.hold_everything import hold_everything
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.threads import ThreadPool
from artstore.storage.packs import HEADER


@dataclass
class VerifyResult:
    """The result of a verification: how much was read, and what is damaged."""

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
        return harmed(self.findings)


def verify(repository: Repository, *, head: str | None = None, progress: Progress = SILENT) -> VerifyResult:
    """Read the whole store again, and name each damaged entry and every version that it harms.

    With `head`, the hash of an event that was kept elsewhere, also check whether the history up to it was rewritten.
    Nothing is reclaimed while this runs.
    """
    result = VerifyResult()
    # First: while everything is held, nothing is an orphan.
    _keep_going(partial(_check_orphans, repository, result), result)
    # Also what is released at the end may meet damaged rows.
    _keep_going(partial(_check_while_held, repository, result, head, progress), result)
    return result


def _check_while_held(repository: Repository, result: VerifyResult, head: str | None, progress: Progress) -> None:
    with hold_everything(repository, "verify"):
        for check in (
            partial(_check_structures, repository, result),
            partial(_check_rows, repository, result),
            partial(_check_log, repository, result, head),
            partial(_check_chunks, repository, result, progress),
            partial(_check_files, repository, result),
            partial(_check_manifests, repository, result),
        ):
            _keep_going(check, result)
        if result.findings:
            # Digests tell that rows are damaged, and not which. Reading all of them takes long.
            _keep_going(partial(_name_large_rows, repository, result), result)


def _keep_going(check: Callable[[], object], result: VerifyResult) -> None:
    """Run a part of the verification; damage that ends it is a finding, and the other parts follow."""
    try:
        check()
    except Damaged as error:
        if not any(str(error) == finding.what for finding in result.findings):
            result.findings.append(Finding(str(error)))


def _check_orphans(repository: Repository, result: VerifyResult) -> None:
    with repository.db.reading() as connection:
        # While damaged entries are in quarantine, what nothing seems to use is kept for them.
        orphans = {} if row_quarantine.holds_content(connection) else garbage.orphans(connection)
    result.findings += [
        Finding(f"{count} rows of {name} are held by nothing") for name, count in orphans.items() if count
    ]


def _check_structures(repository: Repository, result: VerifyResult) -> None:
    result.findings += [Finding(f"SQLite: {message}") for message in repository.db.integrity()]


def _check_rows(repository: Repository, result: VerifyResult) -> None:
    """Decode the rows that no digest covers, and compare their checksums."""
    result.findings += [Finding(str(row)) for row in damage.damaged_rows(repository.folder, without=damage.LARGE)]
    result.findings += row_checks.told(repository, row_checks.changed_rows(repository))


def _name_large_rows(repository: Repository, result: VerifyResult) -> None:
    result.findings += [Finding(str(row)) for row in damage.damaged_large_rows(repository.folder)]


def _check_log(repository: Repository, result: VerifyResult, head: str | None) -> None:
    # Before the transaction, which does not see what is committed after it began.
    noted = newest_event.noted(repository.folder)
    with repository.db.reading() as connection:
        result.head = events.head(connection)
        result.findings += row_checks.told(repository, row_checks.broken_log(connection))
        if noted is not None and newest_event.is_another(connection, noted):
            result.findings.append(
                Finding(f"event {noted.id} is not the one that was committed: the catalog is older, or was rewritten")
            )
        if head is not None and not events.contains(connection, head):
            result.findings.append(
                Finding(f"no event has the hash {head}: the log was rewritten after that hash was taken")
            )
        newest_event.check(connection, repository.folder, noted)


class _CheckedPack(NamedTuple):
    """The chunks of a pack, summed up and as the catalog counts them."""

    chunks: int
    held: PackCounts
    counted: PackCounts
    damaged: list[StoredChunk]
    faults: list[str]


def _check_chunks(repository: Repository, result: VerifyResult, progress: Progress) -> None:
    with repository.db.reading() as connection:
        ids = pack_space.pack_ids(connection)
    packs = list[Pack]()
    for id in ids:
        _keep_going(lambda id=id: packs.append(_pack(repository, id)), result)  # type: ignore[misc]
    live = sum(pack.live for pack in packs)
    with step(progress, "verifying", live, "bytes"), ThreadPool(platform.cores(), "artstore-verify") as pool:
        futures = [pool.submit(_check_pack, repository, pack, progress) for pack in packs]
        for pack, future in zip(packs, futures, strict=True):
            try:
                checked = future.result()
            except Damaged as error:
                result.findings.append(Finding(f"packs row {pack.id} cannot be checked: {error}"))
                continue
            result.chunks += checked.chunks
            result.bytes += checked.held.content
            for what, held, counted in zip(("chunks", "content"), checked.held, checked.counted, strict=True):
                if held != counted:
                    result.findings.append(
                        Finding(f"pack {pack.name} holds {held} bytes of {what}, and counts {counted}")
                    )
            result.findings += map(Finding, checked.faults)
            for chunk in checked.damaged:
                result.findings.append(_damaged_chunk(repository, chunk))


def damaged_chunks(repository: Repository, progress: Progress = SILENT) -> Iterator[StoredChunk]:
    """Read all chunks; yield those that are damaged or gone."""
    with repository.db.reading() as connection:
        packs = pack_space.packs(connection)
    with step(progress, "looking for damage", sum(pack.live for pack in packs), "bytes"):
        for pack in packs:
            yield from _check_pack(repository, pack, progress).damaged


def _pack(repository: Repository, id: int) -> Pack:
    with repository.db.reading() as connection:
        return pack_space.by_id(connection, id)


def _check_pack(repository: Repository, pack: Pack, progress: Progress) -> _CheckedPack:
    with repository.db.reading() as connection:
        # In one transaction: others append to the pack.
        pack = pack_space.by_id(connection, pack.id)
        chunks = chunk_rows.chunks_of_pack(connection, pack.name)
        counted = chunk_rows.pack_counts(connection, pack.name)
    faults = list(_faults_of_ranges(repository, pack, chunks))
    reader, damaged = Reader(repository), list[StoredChunk]()
    for chunk in chunks:
        try:
            if len(reader.read_chunk(chunk)) != chunk.size:
                damaged.append(chunk)
        except Damaged:
            damaged.append(chunk)
        progress.advance(chunk.place.length)
    held = PackCounts(sum(chunk.place.length for chunk in chunks), sum(chunk.size for chunk in chunks))
    return _CheckedPack(len(chunks), held, counted, damaged, faults)


def _faults_of_ranges(repository: Repository, pack: Pack, chunks: list[StoredChunk]) -> Iterator[str]:
    """Compare the end of a pack, as the catalog has it, with its chunks and with its file."""
    end = len(HEADER)
    for chunk in chunks:
        if chunk.place.offset < end:
            yield f"chunk {repository.db.algorithm.text(chunk.digest)} overlaps with what lies before it in {pack.name}"
        end = chunk.place.offset + chunk.place.length
    if pack.end < end:
        yield f"packs row {pack.id}: pack {pack.name} ends at {pack.end} there, and its last chunk at {end}"
    try:
        size = repository.packs.size(pack.name)
    except Damaged as error:
        # A link or a FIFO. Its chunks cannot be read either, and their findings name the versions.
        yield str(error)
        return
    if size is None:
        yield f"pack {pack.name} is gone"
    elif size < pack.end:
        yield f"packs row {pack.id}: pack {pack.name} ends at {pack.end} there, and its file at {size}"


def _damaged_chunk(repository: Repository, chunk: StoredChunk) -> Finding:
    digest, place = repository.db.algorithm.text(chunk.digest), chunk.place
    what = f"chunk {digest} at {place.offset} of pack {place.pack} is damaged or gone"
    try:
        with repository.db.reading() as connection:
            return Finding(what, harms_of_chunk(connection, chunk.digest))
    except Damaged as error:
        return Finding(f"{what}; which versions that harms is not known: {error}")


def _check_files(repository: Repository, result: VerifyResult) -> None:
    """Check that each file's digest is that of its chunks together."""
    known_harms = {harm for finding in result.findings for harm in finding.harms}
    wrong = [fault for fault in row_checks.wrong_files(repository) if not set(fault.finding.harms) <= known_harms]
    result.findings += row_checks.told(repository, iter(wrong))


def _check_manifests(repository: Repository, result: VerifyResult) -> None:
    with repository.db.reading() as connection:
        committed = versions.committed(connection)
    result.versions = len(committed)
    result.findings += row_checks.told(repository, row_checks.wrong_manifests(repository, committed))
