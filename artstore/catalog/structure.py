"""Faults that SQLite itself finds in a catalog, told by the tables and keys of the rows."""

from __future__ import annotations

import re
import sqlite3

from artstore.catalog.damage import rows_without_owner, shown

_ROW_OF_INDEX = re.compile(r"row (\d+) (missing from|values differ from) index (\w+)")
"""Its rows are counted, and not named by their keys: <https://sqlite.org/src/file/src/pragma.c>."""


def check(connection: sqlite3.Connection) -> list[str]:
    """Return the faults that SQLite finds in a catalog, in indexes and references between rows also."""
    try:
        rows = [row[0] for row in connection.execute("pragma main.integrity_check")]
        faults = [_with_key(connection, row) for row in rows if row != "ok"]
        return faults + [str(row) for row in rows_without_owner(connection)]
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return [str(error)]


def _with_key(connection: sqlite3.Connection, fault: str) -> str:
    """Return a fault of the row of an index with the row's table and key; any other as it is."""
    match = _ROW_OF_INDEX.fullmatch(fault)
    if match is None:
        return fault
    number, what, index = match.groups()
    table = _table_of(connection, index)
    key = _key(connection, table, int(number)) if table is not None else None
    return fault if key is None else f"{table} row {key}: {what} index {index}"


def _table_of(connection: sqlite3.Connection, index: str) -> str | None:
    query = "select tbl_name from sqlite_schema where type = 'index' and name = ?"
    found = connection.execute(query, (index,)).fetchone()
    return found[0] if found else None


def _key(connection: sqlite3.Connection, table: str, number: int) -> str | None:
    """Return the key of a row from its place in the table, counted from 1; None if it cannot be read."""
    [[has_no_rowid]] = connection.execute("select wr from pragma_table_list(?) where schema = 'main'", (table,))
    columns = connection.execute("select name from pragma_table_info(?) where pk order by pk", (table,))
    keys = ", ".join(name for (name,) in columns)
    order = keys if has_no_rowid else "rowid"
    query = f'select {keys or "rowid"} from "{table}" not indexed order by {order} limit 1 offset {number - 1}'
    try:
        found = connection.execute(query).fetchone()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return None
    return ", ".join(map(shown, found)) if found else None
