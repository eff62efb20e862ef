"""Checksums of the rows that no digest covers: descriptions, metadata, aliases, tags, times, runs and others.

Each row that owns others (a version its aliases, a run its history) has one checksum for each of these tables: the sum
of the hashes of its rows. A change subtracts the hash of the old row and adds that of the new one, so that a change
costs what it touches, and a row that was damaged before stays recognisable. Temporary triggers, which exist in our own
connections only, note what a transaction changes; the sums are updated before it is committed. Other programs that
change these rows do not update them, which `verify` reports.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import NamedTuple

from artstore.catalog.connection import Connection

OWNERS = {
    "store": "id",
    "projects": "id",
    "collections": "id",
    "protected_aliases": "collection",
    "versions": "id",
    "aliases": "version",
    "tags": "version",
    "dependencies": "version",
    "links": "id",
    "link_aliases": "link",
    "runs": "id",
    "history": "run",
    "run_files": "run",
    "uses": "run",
    "products": "run",
    "pending": "id",
    "pending_runs": "pending",
    "pending_dependencies": "pending",
    "pending_aliases": "pending",
    "pending_prefixes": "pending",
    "pending_entries": "pending",
    "quarantine": "chunk",
    "quarantined_rows": "owner",
}
"""The tables that are covered, and the column with the row that owns each of their rows."""
_MODULUS = 1 << 128


class Difference(NamedTuple):
    """Rows of a table that are not those that were stored: all of them belong to one owner."""

    table: str
    owner: int

    def __str__(self) -> str:
        column = OWNERS[self.table]
        which = f"row {self.owner}" if column == "id" else f"rows with {column} {self.owner}"
        return f"{self.table} {which}: changed since they were stored, by damage or by another program"


def _hash(row: bytes) -> int:
    return int.from_bytes(blake2b(row, digest_size=16).digest(), "big")


def _encoded(connection: sqlite3.Connection, table: str, row: str) -> str:
    """Return the SQL expression that encodes a row, which is `row`, as bytes.

    A column with its default value is left out: a migration that adds a column changes no checksum.
    """
    columns = connection.execute(f"select name, dflt_value from pragma_table_info('{table}') order by name").fetchall()
    parts = []
    for name, default in columns:
        value = f'{row}."{name}"'
        parts.append(f"case when {value} is {default or 'null'} then '' else '{name}=' || quote({value}) || ';' end")
    return f"cast({' || '.join(parts)} as blob)"


def watch(connection: Connection) -> None:
    """Note what this connection changes from now on. Must be called outside of a transaction."""
    if connection.watches_rows:
        return
    connection.execute("create temp table changed_rows (name text, owner integer, sign integer, data blob)")
    for table, owner in OWNERS.items():
        for action, rows in {"insert": ("new",), "delete": ("old",), "update": ("old", "new")}.items():
            notes = "".join(
                f"insert into changed_rows values ('{table}', {row}.{owner}, {1 if row == 'new' else -1}, "
                f"{_encoded(connection, table, row)});"
                for row in rows
            )
            connection.execute(f"create temp trigger {table}_{action} after {action} on main.{table} begin {notes} end")
    connection.watches_rows = True


@contextmanager
def unwatched(connection: Connection) -> Iterator[None]:
    """Leave the checksums as they are in a block that changes rows: they are those of the rows before the damage."""
    update(connection)
    yield
    connection.execute("delete from temp.changed_rows")


def update(connection: Connection) -> None:
    """Update the checksums of the rows that the transaction has changed."""
    changed = connection.execute("select name, owner, sign, data from temp.changed_rows").fetchall()
    if changed:
        totals: dict[tuple[str, int], int] = defaultdict(int)
        for table, owner, sign, data in changed:
            totals[table, owner] += sign * _hash(data)
        _add(connection, totals.items())
        connection.execute("delete from temp.changed_rows")


def _add(connection: sqlite3.Connection, sums: Iterable[tuple[tuple[str, int], int]]) -> None:
    for key, difference in sums:
        row = connection.execute("select sum from row_checksums where name = ? and owner = ?", key).fetchone()
        total = ((int.from_bytes(row[0], "big") if row else 0) + difference) % _MODULUS
        if total:
            connection.execute(
                "insert or replace into row_checksums values (?, ?, ?)", (*key, total.to_bytes(16, "big"))
            )
        elif row:
            connection.execute("delete from row_checksums where name = ? and owner = ?", key)


def renew(connection: sqlite3.Connection, tables: Iterable[str] = OWNERS) -> None:
    """Compute all checksums of some tables again: their rows are taken to be right as they are.

    A migration that calls this runs before those that create the newer tables.
    """
    there = {name for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")}
    for table in there.intersection(tables):
        connection.execute("delete from row_checksums where name = ?", (table,))
        _add(connection, (((table, owner), total) for owner, total in sums(connection, table).items()))


def sums(connection: sqlite3.Connection, table: str, where: str = "") -> dict[int, int]:
    """Return the checksums that the rows of a table have now, by owner."""
    found: dict[int, int] = defaultdict(int)
    query = f"select {OWNERS[table]}, {_encoded(connection, table, table)} from {table} {where}"
    for owner, data in connection.execute(query):
        found[owner] += _hash(data)
    return {owner: total % _MODULUS for owner, total in found.items()}


def are_right(connection: Connection, table: str, owner: int) -> bool:
    """Whether the rows of a table that belong to an owner are those that were stored."""
    return sum_of(connection, table, owner) == stored_sum_of(connection, table, owner)


def sum_of(connection: sqlite3.Connection, table: str, owner: int) -> int:
    """Return the checksum that the rows of an owner have now; 0 for none."""
    return sums(connection, table, f"where {OWNERS[table]} = {owner:d}").get(owner, 0)


def stored_sum_of(connection: sqlite3.Connection, table: str, owner: int) -> int:
    """Return the checksum that is stored for the rows of an owner; 0 for none."""
    query = "select sum from row_checksums where name = ? and owner = ?"
    row = connection.execute(query, (table, owner)).fetchone()
    return int.from_bytes(row[0], "big") if row else 0


def take_over(connection: Connection, source: Connection, table: str, owner: int) -> None:
    """Replace the checksum of an owner's rows by the one that another catalog has."""
    key = (table, owner)
    connection.execute("delete from row_checksums where name = ? and owner = ?", key)
    row = source.execute("select sum from row_checksums where name = ? and owner = ?", key).fetchone()
    if row is not None:
        connection.execute("insert into row_checksums values (?, ?, ?)", (*key, row[0]))


def differences(connection: Connection, table: str) -> Iterator[Difference]:
    """Yield the owners whose rows in a table are not those that were stored."""
    rows = connection.execute("select owner, sum from row_checksums where name = ?", (table,))
    expected, actual = {owner: int.from_bytes(sum, "big") for owner, sum in rows}, sums(connection, table)
    for owner in sorted(expected.keys() | actual.keys()):
        if expected.get(owner, 0) != actual.get(owner, 0):
            yield Difference(table, owner)
