"""Giving bytes back to the disk, once the catalog has let go of them (docs/lifecycle.md, rules 5 and 8).

Dead ranges are punched out of their packs, widened to everything dead around them. Small chunks leave holes too small for whole blocks: a
pack that still takes noticeably more room than what lives in it is copied to a new place and removed.
"""

from __future__ import annotations

from typing import NamedTuple

from artstore import system
from artstore.catalog import content, places
from artstore.catalog.places import Move, Pack
from artstore.db import Db
from artstore.packs import HEADER, SEAL_AT, Packs, PackWriter

WASTE = 0.05
"""A pack of which more than this part is room that nothing uses is repacked."""
_BLOCK = 4096
_MOVED_AT_ONCE = 4096


class Swept(NamedTuple):
    """What was given back: bytes on the disk, packs removed, and packs copied to a new place."""

    disk: int = 0
    removed: int = 0
    repacked: int = 0


def sweep(db: Db, packs: Packs, *, everywhere: bool = False) -> Swept:
    """Give back what is free: in the packs where something was let go, or `everywhere`."""
    before = packs.allocated()
    removed = repacked = 0
    for pack in places.packs(db.connection) if everywhere else places.packs_with_free_ranges(db.connection):
        if pack.live == 0 and _remove(db, packs, pack):
            removed += 1
            continue
        _punch(db, packs, pack)
        if _wasted(packs, pack) > WASTE * max(pack.end, _BLOCK / WASTE) and not packs.is_written(pack.name):
            repacked += _repack(db, packs, pack)
    return Swept(max(0, before - packs.allocated()), removed, repacked)


def _remove(db: Db, packs: Packs, pack: Pack) -> bool:
    if packs.is_written(pack.name):
        return False
    with db.writing() as connection:
        if not places.forget_pack(connection, pack.id):
            return False
    return packs.delete(pack.name)


def _punch(db: Db, packs: Packs, pack: Pack) -> None:
    with db.reading() as connection:
        ids, ranges = places.free_ranges(connection, pack.id)
    if not ids:
        return
    packs.punch(pack.name, ranges)
    with db.writing() as connection:
        places.forget_free(connection, ids)


def _wasted(packs: Packs, pack: Pack) -> int:
    try:
        allocated = system.allocated_bytes(packs.path(pack.name).stat())
    except FileNotFoundError:
        return 0
    return min(pack.dead, allocated - pack.live - len(HEADER))


def _repack(db: Db, packs: Packs, pack: Pack) -> bool:
    """Copy what lives in a pack elsewhere, then remove it."""
    stored = content.all_chunks(db.connection, pack.name)
    with _Target(db, packs, avoid=pack.name) as target:
        for start in range(0, len(stored), _MOVED_AT_ONCE):
            moves = []
            for chunk in stored[start : start + _MOVED_AT_ONCE]:
                data = packs.read(chunk.place)
                if len(data) != chunk.place.length or db.algorithm.raw(data) != chunk.digest:
                    return False
                moves.append(Move(chunk.digest, chunk.place, target.append(data)))
            target.publish(moves)
    return _remove(db, packs, pack)


class _Target:
    """The pack that chunks are copied to."""

    def __init__(self, db: Db, packs: Packs, avoid: str) -> None:
        self._db = db
        self._writer: PackWriter = self._open(packs, avoid)

    def _open(self, packs: Packs, avoid: str) -> PackWriter:
        connection = self._db.connection
        for name in content.unsealed_packs(connection, SEAL_AT // 2):
            if name != avoid:
                writer = packs.adopt(name, lambda each: content.published_end(connection, each))
                if writer is not None:
                    return writer
        return packs.create()

    def append(self, data: bytes) -> int:
        return self._writer.append(data)

    def publish(self, moves: list[Move]) -> None:
        end = self._writer.sync()
        with self._db.writing() as connection:
            places.move(connection, moves, self._writer.name, end)

    def __enter__(self) -> _Target:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()
