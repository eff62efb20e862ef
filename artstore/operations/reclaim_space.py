"""Give bytes back to the disk after the catalog has released them (docs/lifecycle.md, rules 5 and 8).

Free ranges are punched out of their packs, widened to everything dead around them. Small chunks leave holes that are
too small for whole blocks: a pack that still takes noticeably more room than the chunks that live in it is copied and
removed.
"""

from __future__ import annotations

from typing import NamedTuple

from artstore.catalog import chunks as chunk_rows
from artstore.catalog import pack_space
from artstore.catalog.pack_space import Move, Pack
from artstore.catalog.repository import Repository
from artstore.errors import DiskFull, StoreError
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.storage import codec
from artstore.storage.packs import HEADER, SEAL_AT, Packs, PackWriter

WASTE = 0.05
"""A pack is repacked when more than this part of it is unused room."""
_BLOCK = 4096


class ReclaimResult(NamedTuple):
    """The result: bytes given back to the disk, packs removed, packs copied, and why some space could not be freed."""

    disk: int = 0
    removed: int = 0
    repacked: int = 0
    left: str | None = None


def reclaim_space(repository: Repository, *, everywhere: bool = False, progress: Progress = SILENT) -> ReclaimResult:
    """Give back what is free, in the packs with newly free ranges or `everywhere`.

    Packs that cannot be written, those of another user for example, are left to the next call: the catalog knows what
    is free in them.
    """
    db, packs = repository.db, repository.packs
    with platform.translate_os_errors(str(packs.folder)), translate_sqlite_errors(db.path):
        before = packs.allocated()
        removed = repacked = 0
        left = None
        keep_packs = pack_space.must_stay(db.connection)
        todo = pack_space.packs(db.connection) if everywhere else pack_space.packs_with_free_ranges(db.connection)
        with step(progress, "giving back space", len(todo), "packs"):
            for pack in todo:
                try:
                    with platform.translate_os_errors(str(packs.path(pack.name))):
                        was_removed, was_repacked = _reclaim(repository, pack, keep=keep_packs)
                except StoreError as error:
                    left = left or str(error)
                else:
                    removed += was_removed
                    repacked += was_repacked
                progress.advance(1)
        return ReclaimResult(max(0, before - packs.allocated()), removed, repacked, left)


def _reclaim(repository: Repository, pack: Pack, *, keep: bool) -> tuple[bool, bool]:
    """Give back what is free in a pack; return whether it was removed, and whether it was repacked."""
    # Held, so that no writer continues with a pack whose free ranges the catalog forgets together with it.
    with repository.packs.locked(pack.name) as held:
        if held and pack.live == 0 and _remove(repository, pack):
            return True, False
        with repository.db.reading() as connection:
            _, ranges = pack_space.free_ranges(connection, pack.id)
        worth_repacking = held and not keep and _waste(repository.packs, pack, ranges) > _least_waste(pack)
        if (ranges or worth_repacking) and not _is_plausible(repository, pack):
            return False, False
        if worth_repacking and _repack_if_there_is_room(repository, pack):
            return False, True
    _punch(repository, pack)
    return False, False


def _is_plausible(repository: Repository, pack: Pack) -> bool:
    """Whether the rows of a pack's chunks agree with each other and with its total.

    If one is damaged, its chunk lies where the catalog knows nothing, and giving that space back would destroy it:
    such a pack is left as it is, for `verify` to report and `repair` to heal.
    """
    with repository.db.reading() as connection:
        ranges = pack_space.chunk_ranges(connection, pack.id)
        live = chunk_rows.pack_counts(connection, pack.name).stored
    end = len(HEADER)
    for _, offset, length in ranges:
        if offset < end:
            return False
        end = offset + length
    return sum(length for _, _, length in ranges) == live


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


def _repack_if_there_is_room(repository: Repository, pack: Pack) -> bool:
    try:
        return _repack(repository, pack)
    except DiskFull:
        if not repository.db.shrink_journal():
            return False
    try:
        return _repack(repository, pack)
    except DiskFull:
        # What can be punched is punched, and the next call tries again.
        return False


def _repack(repository: Repository, pack: Pack) -> bool:
    """Copy the live chunks of a pack elsewhere unchanged, then remove it; return whether that was done.

    Raises `DiskFull`. A pack with a damaged chunk stays: if the row of the chunk is damaged, its bytes may still be
    somewhere in it.
    """
    writer = _target(repository, avoid=pack.name)
    try:
        if not _copy(repository, pack, writer):
            return False
    finally:
        writer.close_and_cut(chunk_rows.published_end(repository.db.connection, writer.name))
    return _remove(repository, pack)


def _copy(repository: Repository, pack: Pack, writer: PackWriter) -> bool:
    moves: list[Move] = []
    with repository.db.reading() as connection:
        chunks = dict(
            zip(
                pack_space.chunk_ranges(connection, pack.id),
                chunk_rows.chunks_of_pack(connection, pack.name),
                strict=True,
            )
        )
    for (id, offset, length), chunk in chunks.items():
        stored = repository.packs.read_stored(chunk.place)
        if repository.db.algorithm.raw(codec.decode(stored, chunk.place.codec)) != chunk.digest:
            return False
        moves.append(Move(id, offset, writer.append(stored), length))
    end = writer.sync()
    with repository.db.writing() as connection:
        return pack_space.move(connection, pack.id, writer.name, end, moves)


def _target(repository: Repository, avoid: str) -> PackWriter:
    """Return a writer to copy to: for a pack that has room, or a new one."""
    connection = repository.db.connection
    for name in chunk_rows.unsealed_packs(connection, SEAL_AT // 2):
        if name != avoid:
            writer = repository.packs.adopt(name, lambda pack: chunk_rows.published_end(connection, pack))
            if writer is not None:
                return writer
    return repository.packs.create()
