"""Leases and claims: what open drafts hold (docs/lifecycle.md).

A claim is a range of ids, because what was added together has ids in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from artstore.catalog import timestamps
from artstore.catalog.connection import Connection

EVERYTHING = (0, 2**62)


class Claim(NamedTuple):
    """A range of ids, both ends included, of chunks, files or versions."""

    kind: str
    first: int
    last: int


def open_lease(connection: Connection, session: str, purpose: str) -> int:
    """Begin a lease; return its id."""
    row = (session, purpose, timestamps.now())
    cursor = connection.execute("insert into leases (session, purpose, created_at) values (?, ?, ?)", row)
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def ranges(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Fold ids into ranges.

    >>> list(ranges([3, 1, 2, 7]))
    [(1, 3), (7, 7)]
    """
    first = last = None
    for each in sorted(set(ids)):
        if last is None or each != last + 1:
            if first is not None and last is not None:
                yield first, last
            first = each
        last = each
    if first is not None and last is not None:
        yield first, last


def claim(connection: Connection, lease: int, kind: str, ids: Iterable[int]) -> None:
    """Hold objects by their ids."""
    claim_ranges(connection, lease, kind, ranges(ids))


def claim_ranges(connection: Connection, lease: int, kind: str, held: Iterable[tuple[int, int]]) -> None:
    """Hold objects by ranges of ids."""
    rows = [(lease, kind, first, last) for first, last in held]
    connection.executemany("insert or ignore into claims (lease, kind, first, last) values (?, ?, ?, ?)", rows)


def claim_everything(connection: Connection, lease: int) -> None:
    """Hold all content, as a backup and a verify do."""
    rows = [(lease, kind, *EVERYTHING) for kind in ("chunk", "file", "version")]
    connection.executemany("insert into claims (lease, kind, first, last) values (?, ?, ?, ?)", rows)


def close_lease(connection: Connection, lease: int) -> list[Claim]:
    """End a lease; return what it held, which may now be held by nothing."""
    held = [Claim(*row) for row in connection.execute("select kind, first, last from claims where lease = ?", (lease,))]
    connection.execute("delete from claims where lease = ?", (lease,))
    connection.execute("delete from leases where id = ?", (lease,))
    return held


def reap(connection: Connection, is_alive: Callable[[str], bool]) -> list[Claim]:
    """End the leases of sessions that are over; return what they held."""
    held: list[Claim] = []
    for session in holders(connection):
        if is_alive(session):
            continue
        for row in connection.execute("select id from leases where session = ?", (session,)).fetchall():
            held += close_lease(connection, row[0])
    return held


def claimed(connection: Connection, kind: str) -> list[tuple[int, int]]:
    """The ranges of ids of one kind that any lease holds."""
    return list(connection.execute("select first, last from claims where kind = ? order by first", (kind,)))


def holds_version(connection: Connection, version: int) -> bool:
    """Whether a lease holds a version's manifest."""
    query = "select 1 from claims where kind = 'version' and ? between first and last limit 1"
    return connection.execute(query, (version,)).fetchone() is not None


def holders(connection: Connection) -> list[str]:
    """The sessions that have leases."""
    return [row[0] for row in connection.execute("select distinct session from leases")]


def count(connection: Connection, process_locks: Iterable[str]) -> int:
    """How many leases some sessions have."""
    query = "select count(*) from leases where session = ?"
    return sum(int(connection.execute(query, (session,)).fetchone()[0]) for session in process_locks)
