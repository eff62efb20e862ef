"""Packs as the catalog knows them: how full, what is free in them, and moving chunks between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from artstore.catalog.connection import Connection
from artstore.catalog.leases import EVERYTHING
from artstore.storage.packs import HEADER


class Pack(NamedTuple):
    """A pack: its published end, and how many bytes of it are chunks."""

    id: int
    name: str
    end: int
    live: int
    sealed: bool

    @property
    def dead(self) -> int:
        """Bytes that no chunk uses."""
        return max(0, self.end - len(HEADER) - self.live)


def packs(connection: Connection) -> list[Pack]:
    """Every published pack."""
    rows = connection.execute('select id, name, "end", live, sealed from packs order by id')
    return [Pack(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows]


def packs_with_free_ranges(connection: Connection) -> list[Pack]:
    """The packs in which something waits to be punched."""
    query = 'select id, name, "end", live, sealed from packs where id in (select pack from free) order by id'
    return [Pack(row[0], row[1], row[2], row[3], bool(row[4])) for row in connection.execute(query)]


class FreeRange(NamedTuple):
    """A row that says what waits to be punched."""

    id: int
    pack: int
    offset: int


def free_ranges(connection: Connection, pack: int) -> tuple[list[FreeRange], list[tuple[int, int]]]:
    """What waits to be punched in a pack: the rows, and the ranges.

    A range is widened to everything dead around it, because only whole blocks can be given back.
    """
    rows, found = [], set()
    for id, offset, length in connection.execute(
        "select id, offset, length from free where pack = ?", (pack,)
    ).fetchall():
        rows.append(FreeRange(id, pack, offset))
        found.add(_dead_around(connection, pack, offset, length))
    return rows, sorted(found)


def _dead_around(connection: Connection, pack: int, offset: int, length: int) -> tuple[int, int]:
    before = connection.execute(
        "select offset + length from chunks where pack = ? and offset < ? order by offset desc limit 1", (pack, offset)
    ).fetchone()
    after = connection.execute(
        "select offset from chunks where pack = ? and offset >= ? order by offset limit 1", (pack, offset)
    ).fetchone()
    end = connection.execute('select "end" from packs where id = ?', (pack,)).fetchone()[0]
    first = before[0] if before else len(HEADER)
    last = after[0] if after else max(end, offset + length)
    return first, last - first


def free_bytes(connection: Connection) -> int:
    """How many bytes wait to be punched."""
    return int(connection.execute("select coalesce(sum(length), 0) from free").fetchone()[0])


def forget_free(connection: Connection, rows: Iterable[FreeRange]) -> None:
    """Note that ranges were punched."""
    # An id alone may by now be that of another range: whoever else punched these has removed them, and ids come again.
    connection.executemany("delete from free where id = ? and pack = ? and offset = ?", rows)


def must_stay(connection: Connection) -> bool:
    """Whether packs must stay where they are, because a backup or a verification reads all of them."""
    query = "select 1 from claims where kind = 'chunk' and first = ? and last = ?"
    return connection.execute(query, EVERYTHING).fetchone() is not None


def forget_pack(connection: Connection, pack: int) -> bool:
    """Take a pack out of the catalog; False if a chunk lies in it, or if it must stay."""
    if must_stay(connection):
        return False
    if connection.execute("select 1 from chunks where pack = ? limit 1", (pack,)).fetchone():
        return False
    connection.execute("delete from free where pack = ?", (pack,))
    connection.execute("delete from packs where id = ?", (pack,))
    return True


class Move(NamedTuple):
    """A chunk that was copied, and may move if it is still where it was."""

    chunk: int
    old: int
    new: int
    length: int


def chunk_ranges(connection: Connection, pack: int) -> list[tuple[int, int, int]]:
    """The chunks of a pack as they lie: (id, offset, length)."""
    query = "select id, offset, length from chunks where pack = ? order by offset"
    return connection.execute(query, (pack,)).fetchall()


def move(connection: Connection, source: int, target: str, end: int, moves: Iterable[Move]) -> bool:
    """Let chunks be where they were copied to; False if they must stay.

    What has moved or gone meanwhile leaves a free range there.
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
    # Should a writer have gone on with the pack, it stays, and what moved out of it is to be punched.
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
