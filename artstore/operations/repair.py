"""Heal a store: its damaged rows, and its damaged chunks, of which a folder, a backup or another store has good copies.

What no source has can be put into quarantine, so that no new version reuses it and the rest can be used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import events, pack_space, quarantine
from artstore.catalog.backup_file import CatalogCopy
from artstore.catalog.chunks import StoredChunk
from artstore.catalog.connection import FILE
from artstore.catalog.pack_space import Healed
from artstore.catalog.repository import Repository
from artstore.errors import InvalidInput, NotFound
from artstore.operations import repair_rows
from artstore.operations.findings import Finding, harmed, harms_of_chunk
from artstore.operations.hold_everything import hold_everything
from artstore.operations.verify import damaged_chunks
from artstore.runtime.progress import SILENT, Progress
from artstore.storage import codec
from artstore.storage.chunking import WHOLE, Cutter
from artstore.storage.packs import Packs


class RepairResult(NamedTuple):
    """The result of a repair: how many chunks were healed, with how many bytes, and what is still damaged."""

    healed: int
    bytes: int
    findings: tuple[Finding, ...] = ()
    quarantined: int = 0
    """How many chunks were put into quarantine, besides those that were there before."""
    healed_rows: int = 0
    """How many rows of the catalog were healed."""
    quarantined_rows: int = 0
    """How many rows were put into quarantine, besides those that were there before."""

    @property
    def harmed(self) -> list[str]:
        """The names of the versions that are still damaged."""
        return harmed(self.findings)


def repair(
    repository: Repository,
    source: Path | None,
    *,
    set_aside: bool = False,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> RepairResult:
    """Look for good copies of damaged chunks in a folder of files, a backup or a store, and store them again.

    Before that, damaged rows are healed from a backup (`repair_rows`). With `set_aside`, what has no good copy goes
    into quarantine. With `dry_run`, nothing changes. Raises `NotFound`
    if the folder does not exist, and `InvalidInput` if it is a store that is in use or has another digest algorithm.
    """
    if source is None and not set_aside:
        raise InvalidInput("nothing to repair from: give a backup, a store or a folder with the files, or quarantine")
    if source is not None and not source.is_dir():
        raise NotFound(f"no folder at {source}: give a backup, a store, or a folder with the files")
    rows = repair_rows.repair(repository, source, set_aside=set_aside, dry_run=dry_run)
    with hold_everything(repository, "repair"):
        wanted = {chunk.digest: chunk for chunk in damaged_chunks(repository, progress)}
        copies = _copies(repository, source, wanted) if source is not None and wanted else iter(())
        if dry_run:
            healed = {digest: len(content) for digest, content in copies}
        else:
            healed = _store(repository, copies) if wanted else {}
        left = {digest: chunk for digest, chunk in wanted.items() if digest not in healed}
        quarantined = _quarantine(repository, wanted, left if set_aside else {}, dry_run=dry_run)
    if not dry_run:
        _forget_lost_packs(repository)
    findings = (*rows.findings, *(_still_damaged(repository, chunk) for chunk in left.values()))
    return RepairResult(len(healed), sum(healed.values()), findings, quarantined, rows.healed, rows.quarantined)


def _copies(repository: Repository, source: Path, wanted: dict[bytes, StoredChunk]) -> Iterator[tuple[bytes, bytes]]:
    is_store = (source / FILE).is_file()
    return _in_store(repository, source, wanted) if is_store else _in_files(repository, source, wanted)


def _quarantine(
    repository: Repository, damaged: Mapping[bytes, object], left: Mapping[bytes, StoredChunk], *, dry_run: bool
) -> int:
    """Put chunks into quarantine, and take out those that are not damaged any more; return how many were put in."""
    with repository.db.reading() as connection:
        there = quarantine.digests(connection)
    good = there - damaged.keys()
    if dry_run or not (good or left.keys() - there):
        return len(left.keys() - there)
    with repository.db.writing() as connection:
        quarantine.release(connection, good)
        added = quarantine.add(connection, left)
        for digest in added:
            text = repository.db.algorithm.text(digest)
            events.record(connection, "chunk-quarantined", text, pack=left[digest].place.pack)
    return len(added)


def _forget_lost_packs(repository: Repository) -> None:
    """Remove packs from the catalog whose files are gone and of which no chunk is needed any more."""
    with repository.db.reading() as connection:
        lost = [pack for pack in pack_space.packs(connection) if not pack.live]
    for pack in lost:
        if repository.packs.size(pack.name) is None:
            with repository.db.writing() as connection:
                pack_space.forget_pack(connection, pack.id)


def _still_damaged(repository: Repository, chunk: StoredChunk) -> Finding:
    with repository.db.reading() as connection:
        harms = harms_of_chunk(connection, chunk.digest)
    digest, place = repository.db.algorithm.text(chunk.digest), chunk.place
    return Finding(
        f"chunk {digest} at {place.offset} of pack {place.pack} is damaged, and no good copy was found", harms
    )


def _in_store(repository: Repository, source: Path, wanted: dict[bytes, StoredChunk]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the wanted chunks that another store or a backup has, each as (digest, content)."""
    journal = source / f"{FILE}-wal"
    if journal.exists() and journal.stat().st_size:
        raise InvalidInput(f"{source} is in use: close it, or back it up and repair from the backup")
    with closing(CatalogCopy(source / FILE)) as catalog, closing(Packs(source)) as packs:
        algorithm = repository.db.algorithm
        if catalog.connection.algorithm.name != algorithm.name:
            raise InvalidInput(f"{source} does not use {algorithm.name}: repair from a store with that algorithm")
        for digest in wanted:
            there = catalog.find(digest)
            content = codec.decode(packs.read_stored(there.place), there.place.codec) if there is not None else b""
            if algorithm.raw(content) == digest:
                yield digest, content


def _in_files(repository: Repository, source: Path, wanted: dict[bytes, StoredChunk]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the wanted chunks that files below a folder contain, cut as they were when they were stored."""
    raw, cutter = repository.db.algorithm.raw, Cutter()
    sizes = {chunk.size for chunk in wanted.values()}
    for folder, _, names in os.walk(source):
        for name in names:
            path = Path(folder, name)
            if path.is_symlink() or not path.is_file():
                continue
            size = path.stat().st_size
            if size > WHOLE:
                data = path.read_bytes()
                lengths = cutter.lengths(memoryview(data), last=True)
            elif size in sizes:
                data = path.read_bytes()
                lengths = [len(data)]
            else:
                continue
            offset = 0
            for length in lengths:
                piece, offset = data[offset : offset + length], offset + length
                if length in sizes and (digest := raw(piece)) in wanted:
                    yield digest, piece


def _store(repository: Repository, copies: Iterator[tuple[bytes, bytes]]) -> dict[bytes, int]:
    """Append good copies to a new pack and point the chunks there; return their sizes by digest."""
    healed: dict[bytes, Healed] = {}
    writer = repository.packs.create()
    published = False
    try:
        for digest, content in copies:
            if digest not in healed:
                healed[digest] = Healed(digest, writer.append(content), len(content))
        end = writer.sync()
        if healed:
            with repository.db.writing() as connection:
                pack_space.heal(connection, writer.name, end, healed.values())
            published = True
    finally:
        writer.close_and_cut(writer.end if published else None)
    return {digest: copy.length for digest, copy in healed.items()}
