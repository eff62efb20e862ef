"""Give bytes back to the disk after the catalog has released them (docs/lifecycle.md, rules 5 and 8).

Free ranges are punched out of their packs, widened to everything dead around them. Small chunks leave holes that are
too small for whole blocks: a pack that still takes noticeably more room than the chunks that live in it is copied and
removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from artstore.catalog import chunks as chunk_rows
from artstore.catalog import pack_space
from artstore.catalog.pack_space import Move, Pack
from artstore.catalog.repository import Repository
from artstore.errors import DiskFull
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.storage.packs import HEADER, SEAL_AT, Packs, PackWriter

WASTE = 0.05
"""A pack is repacked when more than this part of it is unused room."""
_BLOCK = 4096
_PIECE = 4 * 1024 * 1024


class ReclaimResult(NamedTuple):
    """What was given back: bytes on disk, packs removed, and packs copied to a new place."""

    disk: int = 0
    removed: int = 0
    repacked: int = 0


def reclaim_space(repository: Repository, *, everywhere: bool = False, progress: Progress = SILENT) -> ReclaimResult:
    """Give back what is free, in the packs with newly free ranges or `everywhere`.

    Raises `StoreError` if the packs cannot be written; the catalog is right by then, and the next call continues.
    """
    db, packs = repository.db, repository.packs
    with platform.translate_os_errors(str(packs.folder)), translate_sqlite_errors(db.path):
        before = packs.allocated()
        removed = repacked = 0
        keep_packs = pack_space.must_stay(db.connection)
        todo = pack_space.packs(db.connection) if everywhere else pack_space.packs_with_free_ranges(db.connection)
        with step(progress, "giving back space", len(todo), "packs"):
            for pack in todo:
                was_removed, was_repacked = _reclaim(repository, pack, keep=keep_packs)
                removed += was_removed
                repacked += was_repacked
                progress.advance(1)
        return ReclaimResult(max(0, before - packs.allocated()), removed, repacked)


def _reclaim(repository: Repository, pack: Pack, *, keep: bool) -> tuple[bool, bool]:
    """Give back what is free in a pack; return whether it was removed, and whether it was repacked."""
    packs = repository.packs
    with repository.db.reading() as connection:
        _, ranges = pack_space.free_ranges(connection, pack.id)
    # Held, so that no writer continues with a pack whose free ranges the catalog forgets together with it.
    with packs.locked(pack.name) as held:
        removed = held and pack.live == 0 and _remove(repository, pack)
        worth_repacking = held and not (removed or keep) and _waste(packs, pack, ranges) > _least_waste(pack)
        repacked = worth_repacking and _repack(repository, pack)
    if not (removed or repacked):
        _punch(repository, pack)
    return removed, repacked


def _punch(repository: Repository, pack: Pack) -> None:
    with repository.db.reading() as connection:
        rows, ranges = pack_space.free_ranges(connection, pack.id)
    if rows:
        repository.packs.punch(pack.name, ranges)
        with repository.db.writing() as connection:
            pack_space.forget_free(connection, rows)


def _remove(repository: Repository, pack: Pack) -> bool:
    with repository.db.writing() as connection:
        if not pack_space.forget_pack(connection, pack.id):
            return False
    repository.packs.remove(pack.name)
    return True


def _waste(packs: Packs, pack: Pack, ranges: list[tuple[int, int]]) -> int:
    """Return the bytes on disk that a pack would still waste if the whole blocks in its free ranges were given back."""
    try:
        allocated = platform.allocated_bytes(packs.path(pack.name).stat())
    except FileNotFoundError:
        return 0
    blocks = sum(max(0, (first + length) // _BLOCK - -(-first // _BLOCK)) for first, length in ranges)
    return min(pack.dead, allocated - pack.live - len(HEADER)) - blocks * _BLOCK


def _least_waste(pack: Pack) -> float:
    return max(WASTE * pack.end, _BLOCK)


def _repack(repository: Repository, pack: Pack) -> bool:
    """Copy the live chunks of a pack elsewhere unchanged, then remove it. Damaged chunks stay recognisably damaged."""
    writer = _target(repository, avoid=pack.name)
    try:
        if not _copy(repository, pack, writer):
            return False
    except DiskFull:
        # The disk has no room for a copy: what can be punched is punched, and the next call tries again.
        return False
    finally:
        writer.close_and_cut(chunk_rows.published_end(repository.db.connection, writer.name))
    return _remove(repository, pack)


def _copy(repository: Repository, pack: Pack, writer: PackWriter) -> bool:
    moves: list[Move] = []
    buffer = bytearray(_PIECE)
    for run in _runs(pack_space.chunk_ranges(repository.db.connection, pack.id)):
        window = memoryview(buffer)[: sum(length for _, _, length in run)]
        start = run[0][1]
        read = repository.packs.read_into(pack.name, start, window)
        # Bytes that are missing are zeros in the copy, which shows that the chunk is damaged.
        window[read:] = bytes(len(window) - read)
        new = writer.append(window)
        writer.flush()
        moves += [Move(id, offset, new + offset - start, length) for id, offset, length in run]
    end = writer.sync()
    with repository.db.writing() as connection:
        return pack_space.move(connection, pack.id, writer.name, end, moves)


def _runs(chunks: list[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Group consecutive chunks (id, offset, length), up to a size."""
    run: list[tuple[int, int, int]] = []
    for chunk in chunks:
        if run and (run[-1][1] + run[-1][2] != chunk[1] or chunk[1] + chunk[2] - run[0][1] > _PIECE):
            yield run
            run = []
        run.append(chunk)
    if run:
        yield run


def _target(repository: Repository, avoid: str) -> PackWriter:
    """Return a writer to copy to: for a pack that has room, or a new one."""
    connection = repository.db.connection
    for name in chunk_rows.unsealed_packs(connection, SEAL_AT // 2):
        if name != avoid:
            writer = repository.packs.adopt(name, lambda pack: chunk_rows.published_end(connection, pack))
            if writer is not None:
                return writer
    return repository.packs.create()
