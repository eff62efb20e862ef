"""Leases and their claims: stored content that must not be deleted, because an open draft needs it (docs/lifecycle.md).

A lease is a row, and belongs to a process lock: once that lock is free, its process has ended, and so have its leases.
Backups and verifications have leases as drafts do. A claim is a range of ids, because content that was added together
has consecutive ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from artstore.catalog import timestamps
from artstore.catalog.connection import Connection

EVERYTHING = (0, 2**62)
"""The range that claims all ids."""


class Claim(NamedTuple):
    """A range of ids, both ends included, of chunks, files or versions."""

    kind: str
    first: int
    last: int


def open_lease(connection: Connection, process_lock: str, purpose: str) -> int:
    """Open a lease for the process that holds a process lock; return its id."""
    row = (process_lock, purpose, timestamps.now())
    cursor = connection.execute("insert into leases (session, purpose, created_at) values (?, ?, ?)", row)
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def ranges(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Fold ids into ranges of consecutive ids, both ends included.

    >>> list(ranges([3, 1, 2, 7]))
    [(1, 3), (7, 7)]
    """
    first = last = None
    ordered = sorted(set(ids))
    if ordered and ordered[-1] - ordered[0] == len(ordered) - 1:
        yield ordered[0], ordered[-1]
        return
    for id in ordered:
        if last is None or id != last + 1:
            if first is not None and last is not None:
                yield first, last
            first = id
        last = id
    if first is not None and last is not None:
        yield first, last


def claim(connection: Connection, lease: int, kind: str, ids: Iterable[int]) -> None:
    """Claim chunks, files or versions by their ids."""
    claim_ranges(connection, lease, kind, ranges(ids))


def claim_ranges(connection: Connection, lease: int, kind: str, ranges: Iterable[tuple[int, int]]) -> None:
    """Claim chunks, files or versions by ranges of ids, both ends included."""
    rows = [(lease, kind, first, last) for first, last in ranges]
    connection.executemany("insert or ignore into claims (lease, kind, first, last) values (?, ?, ?, ?)", rows)


def claim_everything(connection: Connection, lease: int) -> None:
    """Claim all content, as a backup and a verification do."""
    rows = [(lease, kind, *EVERYTHING) for kind in ("chunk", "file", "version")]
    connection.executemany("insert into claims (lease, kind, first, last) values (?, ?, ?, ?)", rows)


def close_lease(connection: Connection, lease: int) -> list[Claim]:
    """Close a lease; return its claims, whose content may now be unneeded."""
    rows = connection.execute("select kind, first, last from claims where lease = ?", (lease,)).fetchall()
    connection.execute("delete from claims where lease = ?", (lease,))
    connection.execute("delete from leases where id = ?", (lease,))
    return [Claim(*row) for row in rows]


def reap(connection: Connection, is_alive: Callable[[str], bool]) -> list[Claim]:
    """Close the leases of processes that have ended; return their claims.

    `is_alive` returns whether the process that holds a process lock still runs.
    """
    claims: list[Claim] = []
    for process_lock in process_locks(connection):
        if is_alive(process_lock):
            continue
        for (lease,) in connection.execute("select id from leases where session = ?", (process_lock,)).fetchall():
            claims += close_lease(connection, lease)
    return claims


def claimed(connection: Connection, kind: str) -> list[tuple[int, int]]:
    """Return the ranges of ids of one kind that any lease claims."""
    return list(connection.execute("select first, last from claims where kind = ? order by first", (kind,)))


def claims_version(connection: Connection, version: int) -> bool:
    """Whether a lease claims a version."""
    query = "select 1 from claims where kind = 'version' and ? between first and last limit 1"
    return connection.execute(query, (version,)).fetchone() is not None


def process_locks(connection: Connection) -> list[str]:
    """Return the names of the process locks that leases belong to."""
    return [name for (name,) in connection.execute("select distinct session from leases")]


def count(connection: Connection, process_locks: Iterable[str]) -> int:
    """Count the leases that belong to some process locks."""
    query = "select count(*) from leases where session = ?"
    return sum(int(connection.execute(query, (name,)).fetchone()[0]) for name in process_locks)
