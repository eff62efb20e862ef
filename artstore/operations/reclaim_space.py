"""Giving bytes back to the disk, once the catalog has let go of them (docs/lifecycle.md, rules 5 and 8).

Dead ranges are punched out of their packs, widened to everything dead around them. Small chunks leave holes too small
for whole blocks: a pack that still takes noticeably more room than what lives in it is copied to a new place and
removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from artstore.catalog import chunks as content
from artstore.catalog import pack_space
from artstore.catalog.db import Db
from artstore.catalog.pack_space import Move, Pack
from artstore.errors import DiskFull
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.storage.packs import HEADER, SEAL_AT, Packs, PackWriter

WASTE = 0.05
"""A pack of which more than this part is room that nothing uses is repacked."""
_BLOCK = 4096
_PIECE = 4 * 1024 * 1024


class Swept(NamedTuple):
    """What was given back: bytes on the disk, packs removed, and packs copied to a new place."""

    disk: int = 0
    removed: int = 0
    repacked: int = 0


def sweep(db: Db, packs: Packs, *, everywhere: bool = False, progress: Progress = SILENT) -> Swept:
    """Give back what is free: in the packs where something was let go, or `everywhere`.

    Raises `StoreError` if the packs cannot be written; the catalog is right by then, and the next sweep goes on.
    """
    with platform.translate_os_errors(str(packs.folder)), translate_sqlite_errors(db.path):
        return _sweep(db, packs, everywhere, progress)


def _sweep(db: Db, packs: Packs, everywhere: bool, progress: Progress) -> Swept:
    before = packs.allocated()
    removed = repacked = 0
    stay = pack_space.must_stay(db.connection)
    found = pack_space.packs(db.connection) if everywhere else pack_space.packs_with_free_ranges(db.connection)
    with step(progress, "giving back space", len(found), "packs"):
        for pack in found:
            gone, moved = _give_back(db, packs, pack, stay=stay)
            removed += gone
            repacked += moved
            progress.advance(1)
    return Swept(max(0, before - packs.allocated()), removed, repacked)


def _give_back(db: Db, packs: Packs, pack: Pack, *, stay: bool) -> tuple[bool, bool]:
    """Give back what is free in a pack; tell whether it was removed, and whether it was copied elsewhere."""
    with db.reading() as connection:
        _, ranges = pack_space.free_ranges(connection, pack.id)
    # Held, so that no writer goes on with a pack whose free ranges the catalog forgets together with it.
    with packs.held(pack.name) as held:
        gone = held and pack.live == 0 and _remove(db, packs, pack)
        wasteful = held and not (gone or stay) and _waste(packs, pack, ranges) > _worth_it(pack)
        moved = wasteful and _repack(db, packs, pack)
    if not (gone or moved):
        _punch(db, packs, pack)
    return gone, moved


def _punch(db: Db, packs: Packs, pack: Pack) -> None:
    with db.reading() as connection:
        rows, ranges = pack_space.free_ranges(connection, pack.id)
    if rows:
        packs.punch(pack.name, ranges)
        with db.writing() as connection:
            pack_space.forget_free(connection, rows)


def _remove(db: Db, packs: Packs, pack: Pack) -> bool:
    with db.writing() as connection:
        if not pack_space.forget_pack(connection, pack.id):
            return False
    packs.remove(pack.name)
    return True


def _waste(packs: Packs, pack: Pack, ranges: list[tuple[int, int]]) -> int:
    """How much room a pack would take for nothing once the whole blocks within its free ranges were given back."""
    try:
        allocated = platform.allocated_bytes(packs.path(pack.name).stat())
    except FileNotFoundError:
        return 0
    blocks = sum(max(0, (first + length) // _BLOCK - -(-first // _BLOCK)) for first, length in ranges)
    return min(pack.dead, allocated - pack.live - len(HEADER)) - blocks * _BLOCK


def _worth_it(pack: Pack) -> float:
    return max(WASTE * pack.end, _BLOCK)


def _repack(db: Db, packs: Packs, pack: Pack) -> bool:
    """Copy what lives in a pack elsewhere as it is, then remove it; what is damaged there stays recognisably so."""
    writer = _target(db, packs, avoid=pack.name)
    try:
        if not _copy(db, packs, pack, writer):
            return False
    except DiskFull:
        # There is no room for a copy: what can be punched is punched, and the next sweep tries again.
        return False
    finally:
        writer.close_at(content.published_end(db.connection, writer.name))
    return _remove(db, packs, pack)


def _copy(db: Db, packs: Packs, pack: Pack, writer: PackWriter) -> bool:
    moves: list[Move] = []
    buffer = bytearray(_PIECE)
    for run in _runs(pack_space.chunk_ranges(db.connection, pack.id)):
        window = memoryview(buffer)[: sum(length for _, _, length in run)]
        start = run[0][1]
        there = packs.read_into(pack.name, start, window)
        # What is gone is zeros in the copy: it stays recognisable as damaged.
        window[there:] = bytes(len(window) - there)
        new = writer.append(window)
        writer.flush()
        moves += [Move(id, offset, new + offset - start, length) for id, offset, length in run]
    end = writer.sync()
    with db.writing() as connection:
        return pack_space.move(connection, pack.id, writer.name, end, moves)


def _runs(chunks: list[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Group chunks (id, offset, length) that lie one behind the other, up to a size."""
    run: list[tuple[int, int, int]] = []
    for chunk in chunks:
        if run and (run[-1][1] + run[-1][2] != chunk[1] or chunk[1] + chunk[2] - run[0][1] > _PIECE):
            yield run
            run = []
        run.append(chunk)
    if run:
        yield run


def _target(db: Db, packs: Packs, avoid: str) -> PackWriter:
    """A pack to copy to: one that has room, or a new one."""
    connection = db.connection
    for name in content.unsealed_packs(connection, SEAL_AT // 2):
        writer = packs.adopt(name, lambda each: content.published_end(connection, each)) if name != avoid else None
        if writer is not None:
            return writer
    return packs.create()
