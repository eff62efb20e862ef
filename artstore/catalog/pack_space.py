"""Space in packs: how full each is, which ranges are free, and chunks that move to another pack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from artstore.catalog import chunks, quarantine
from artstore.catalog.connection import Connection
from artstore.catalog.leases import EVERYTHING
from artstore.storage.packs import HEADER

_NO_CHUNK = 2**62


class Pack(NamedTuple):
    """A pack: its published end, and the bytes of it that chunks take."""

    id: int
    name: str
    end: int
    live: int
    sealed: bool

    @property
    def dead(self) -> int:
        """Bytes that no chunk takes."""
        return max(0, self.end - len(HEADER) - self.live)


def packs(connection: Connection) -> list[Pack]:
    """Return every published pack."""
    return _select(connection, "order by id")


def pack_ids(connection: Connection) -> list[int]:
    """Return the id of every published pack."""
    return [id for (id,) in connection.execute("select id from packs order by id")]


def by_id(connection: Connection, id: int) -> Pack:
    """Return the pack with an id."""
    return _select(connection, f"where id = {id:d}")[0]


def packs_with_free_ranges(connection: Connection) -> list[Pack]:
    """Return the packs that have ranges to be punched."""
    return _select(connection, "where id in (select pack from free) order by id")


def _select(connection: Connection, where: str) -> list[Pack]:
    rows = connection.execute(f'select id, name, "end", live, sealed from packs {where}').fetchall()
    return [Pack(id, name, end, live, bool(sealed)) for id, name, end, live, sealed in rows]


class FreeRange(NamedTuple):
    """A row of the catalog: a range of a pack that is to be punched."""

    id: int
    pack: int
    offset: int


def free_ranges(connection: Connection, pack: int) -> tuple[list[FreeRange], list[tuple[int, int]]]:
    """Return the free rows of a pack, and the ranges (offset, length) to punch for them.

    Each range is widened to all dead bytes around it, because only whole blocks can be returned to the file system.
    """
    query = "select id, offset, length from free where pack = ? order by offset"
    free = connection.execute(query, (pack,)).fetchall()
    if not free:
        # Another process may have removed the pack.
        return [], []
    end = connection.execute('select "end" from packs where id = ?', (pack,)).fetchone()[0]
    rows, ranges, start, stop = [], set(), 0, 0
    for id, offset, length in free:
        rows.append(FreeRange(id, pack, offset))
        # What lies between two chunks is looked for once, however many rows are in it.
        if not start <= offset < stop:
            start, stop = _dead_around(connection, pack, offset)
        # Behind the last chunk not beyond the row itself: another writer may be appending there, and `end` be damaged.
        last = stop if stop < _NO_CHUNK else min(end, offset + length)
        ranges.add((start, last - start))
    return rows, _joined(sorted(ranges))


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join ranges (offset, length) that overlap, as those behind the last chunk do."""
    joined: list[tuple[int, int]] = []
    for offset, length in ranges:
        if joined and offset < sum(joined[-1]):
            first = joined[-1][0]
            joined[-1] = (first, max(sum(joined[-1]), offset + length) - first)
        else:
            joined.append((offset, length))
    return joined


def _dead_around(connection: Connection, pack: int, offset: int) -> tuple[int, int]:
    """Return the end of the chunk before an offset, and the start of the one after it."""
    before = connection.execute(
        "select offset + length from chunks where pack = ? and offset < ? order by offset desc limit 1", (pack, offset)
    ).fetchone()
    after = connection.execute(
        "select offset from chunks where pack = ? and offset >= ? order by offset limit 1", (pack, offset)
    ).fetchone()
    return before[0] if before else len(HEADER), after[0] if after else _NO_CHUNK


def free_bytes(connection: Connection) -> int:
    """Return the number of bytes that are to be punched."""
    return int(connection.execute("select coalesce(sum(length), 0) from free").fetchone()[0])


def forget_free(connection: Connection, rows: Iterable[FreeRange]) -> None:
    """Remove the rows of ranges that were punched."""
    # Another process may have punched and removed them too, and SQLite uses ids again: an id alone is not enough.
    connection.executemany("delete from free where id = ? and pack = ? and offset = ?", rows)


def must_stay(connection: Connection) -> bool:
    """Whether packs must not be moved or removed, because a backup or a verification reads all of them."""
    query = "select 1 from claims where kind = 'chunk' and first = ? and last = ?"
    return connection.execute(query, EVERYTHING).fetchone() is not None


def forget_pack(connection: Connection, pack: int) -> bool:
    """Remove a pack from the catalog; return False if it has chunks, or if packs must stay."""
    if must_stay(connection):
        return False
    if connection.execute("select 1 from chunks where pack = ? limit 1", (pack,)).fetchone():
        return False
    connection.execute("delete from free where pack = ?", (pack,))
    connection.execute("delete from packs where id = ?", (pack,))
    return True


class Move(NamedTuple):
    """A chunk that was copied from one offset to another: it moves if it is still at the old one."""

    chunk: int
    old: int
    new: int
    length: int


def chunk_ranges(connection: Connection, pack: int) -> list[tuple[int, int, int]]:
    """Return the chunks of a pack by offset: (id, offset, length)."""
    query = "select id, offset, length from chunks where pack = ? order by offset"
    return connection.execute(query, (pack,)).fetchall()


def move(connection: Connection, source: int, target: str, end: int, moves: Iterable[Move]) -> bool:
    """Point chunks to the pack that they were copied to; return False if packs must stay.

    The copy of a chunk that was moved or deleted in between becomes a free range.
    """
    if must_stay(connection):
        return False
    run = connection.execute
    run('insert into packs (name, "end") values (?, 0) on conflict do nothing', (target,))
    pack = run("select id from packs where name = ?", (target,)).fetchone()[0]
    run("create temp table if not exists moves (chunk integer primary key, old integer, new integer, length integer)")
    run("delete from temp.moves")
    connection.executemany("insert into temp.moves values (?, ?, ?, ?)", moves)
    still_there = "exists (select 1 from chunks where id = moves.chunk and pack = ? and offset = moves.old)"
    run(
        f"insert into free (pack, offset, length) select ?, new, length from temp.moves where not {still_there}",
        (pack, source),
    )
    run(f"delete from temp.moves where not {still_there}", (source,))
    run("update chunks set pack = ?, offset = moves.new from temp.moves where chunks.id = moves.chunk", (pack,))
    # If a writer has continued the pack, it stays, and the old places are to be punched.
    run("insert into free (pack, offset, length) select ?, old, length from temp.moves", (source,))
    gained, saved = run(
        """
        select coalesce(sum(chunks.length), 0), coalesce(sum(chunks.size - chunks.length), 0)
        from temp.moves join chunks on chunks.id = moves.chunk
        """
    ).fetchone()
    run("update packs set live = live - ?, saved = saved - ? where id = ?", (gained, saved, source))
    run('update packs set "end" = ?, live = live + ?, saved = saved + ? where id = ?', (end, gained, saved, pack))
    return True


class Healed(NamedTuple):
    """A good copy of a damaged chunk in another pack, not compressed."""

    digest: bytes
    offset: int
    length: int


def heal(connection: Connection, target: str, end: int, copies: Iterable[Healed]) -> None:
    """Point damaged chunks to good copies, and count again what the packs contain.

    The old places are not given back to the disk here: a row that was damaged may have named the place of other chunks.
    """
    run, healed = connection.execute, list(copies)
    run('insert into packs (name, "end") values (?, ?)', (target, end))
    pack = run("select id from packs where name = ?", (target,)).fetchone()[0]
    connection.executemany(
        "update chunks set pack = ?, offset = ?, length = ?, size = ?, codec = 0 where digest = ?",
        [(pack, copy.offset, copy.length, copy.length, copy.digest) for copy in healed],
    )
    quarantine.release(connection, [copy.digest for copy in healed])
    chunks.count_again(connection)
