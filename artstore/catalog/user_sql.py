"""Queries that people write themselves, which may read the catalog and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from artstore.catalog.connection import connect_for_reading
from artstore.errors import StoreError
from artstore.runtime.arguments import plain_numbers

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_ALLOWED_PRAGMAS = ("table_info", "table_list", "index_list", "index_info")


def query(
    folder: Path, sql: str, parameters: tuple[object, ...] | Mapping[str, object] = ()
) -> list[dict[str, object]]:
    """Run a query on the catalog of an open store, on a connection of its own; return a dict for each row.

    Raises `StoreError`.
    """
    connection = connect_for_reading(folder)
    # It was compared when the store was opened, and views of it make JSON.
    connection.trust_schema()
    # SQLite creates these virtual tables when they are first named, which the authorizer would refuse.
    connection.execute("select 1 from json_each('[]'), json_tree('[]')")
    connection.set_authorizer(_authorize)
    try:
        cursor = connection.execute(sql, plain_numbers(parameters))
        columns = _distinct([column[0] for column in cursor.description or ()])
        return [dict(zip(columns, row, strict=True)) for row in cursor]
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise StoreError(f"SQLite refuses the query: {error} (only one query that reads is allowed)") from error
    finally:
        connection.close()


def _authorize(action: int, first: str | None, *_: str | None) -> int:
    allowed = action in _ALLOWED or (action == sqlite3.SQLITE_PRAGMA and first in _ALLOWED_PRAGMAS)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _distinct(columns: list[str]) -> list[str]:
    """Number the later ones of columns that have the same name."""
    return [name if columns.index(name) == i else f"{name}_{i + 1}" for i, name in enumerate(columns)]
