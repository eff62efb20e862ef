"""The page that compares a table of two versions row by row, on a key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from starlette.requests import Request

from artstore.core.manifest import Kind
from artstore.core.versions import Version
from artstore.errors import InvalidInput
from artstore.store import Store
from artstore.web import facts, links, tables
from artstore.web.files import cell
from artstore.web.page import Page, Query
from artstore.web.stored_file import StoredFile, entry_of, of_entry
from artstore.web.tables import StoredTable

_ROWS = 100
_KINDS = ("all", "changed", "added", "removed")
_MOST = 500_000
"""The rows up to which tables are compared: beyond, a page would take many seconds."""


class Side(NamedTuple):
    """One of the two tables: its rows by their key."""

    columns: Sequence[str]
    rows: dict[str, list[Any]]


class Row(NamedTuple):
    """A row that differs: its key, and its values before and after, by column; None where it is missing."""

    kind: str
    key: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None


def compare(store: Store, request: Request) -> Page:
    """Show the rows that were added, removed and changed, matched by a key column."""
    query = Query(request)
    names, path = (query.text("old"), query.text("new")), query.text("path")
    if not all((*names, path)):
        raise InvalidInput("choose a table of two versions: the address needs old=, new= and path=")
    old, new = store.version(names[0]), store.version(names[1])
    files = _file(store, old, path), _file(store, new, path)
    before, after = _table(files[0]), _table(files[1])
    keys = [column for column in after.columns if column in before.columns]
    key = query.text("key") or next((one for one in keys if _is_unique(before, one) and _is_unique(after, one)), "")
    if key and key not in keys:
        raise InvalidInput(f"{key!r} is not a column of both tables: choose {', '.join(keys) or 'another table'}")
    sides = _side(before, key), _side(after, key)
    found = list(_differences(*sides))
    kind = query.one_of("kind", _KINDS)
    begin = query.number("row", 0)
    chosen = [row for row in found if kind in ("all", row.kind)]
    columns = list(dict.fromkeys([*after.columns, *before.columns]))
    data = {
        "old": facts.version(old),
        "new": facts.version(new),
        "path": path,
        "key": key,
        "keys": keys,
        "kind": kind,
        "counts": {one: sum(row.kind == one for row in found) for one in _KINDS[1:]},
        "columns": [column for column in columns if column != key],
        "rows": [_shown(row, *files) for row in chosen[begin : begin + _ROWS]],
        "repeated": {"old": before.count - len(sides[0].rows), "new": after.count - len(sides[1].rows)} if key else {},
        "previous": query.changed(row=max(0, begin - _ROWS)) if begin else None,
        "next": query.changed(row=begin + _ROWS) if begin + _ROWS < len(chosen) else None,
        "back": links.compare_versions(old.qualified_name, new.qualified_name),
    }
    return Page("table_diff.html", f"{path.rpartition('/')[2]} of {old.name} and {new.name}", data)


def _table(file: StoredFile) -> StoredTable:
    table = tables.read(file) if tables.may_be_table(file.path, file.size) else None
    if table is None:
        raise InvalidInput(f"{file.path!r} is not a table that can be read here")
    if table.count > _MOST:
        raise InvalidInput(f"{file.path!r} has {table.count:,} rows: tables are compared up to {_MOST:,}")
    return table


def _file(store: Store, version: Version, path: str) -> StoredFile:
    entry = entry_of(store, version, path)
    if entry.kind != Kind.FILE:
        raise InvalidInput(f"{path!r} of {version.qualified_name} is not a stored file")
    return of_entry(store, version, entry)


def _is_unique(table: StoredTable, column: str) -> bool:
    at = table.columns.index(column)
    values = {_written(row[at]) for row in table.window(0, table.count) if at < len(row)}
    return len(values) == table.count


def _side(table: StoredTable, key: str) -> Side:
    """Return the rows of a table by their key; without one, by their position."""
    rows = table.window(0, table.count)
    if not key:
        return Side(table.columns, {str(number): rows[number] for number in reversed(range(len(rows)))})
    at = table.columns.index(key)
    # Of several rows with one key the first counts, and the page says how many were left out.
    return Side(table.columns, {_written(row[at]): row for row in reversed(rows) if at < len(row)})


def _differences(before: Side, after: Side) -> Iterator[Row]:
    """Yield the rows that differ, in the order of the newer table; what was removed comes last."""
    for key, row in reversed(after.rows.items()):
        new = dict(zip(after.columns, row, strict=False))
        if key not in before.rows:
            yield Row("added", key, None, new)
        else:
            old = dict(zip(before.columns, before.rows[key], strict=False))
            if _written(old) != _written(new):
                yield Row("changed", key, old, new)
    for key, row in reversed(before.rows.items()):
        if key not in after.rows:
            yield Row("removed", key, dict(zip(before.columns, row, strict=False)), None)


def _shown(row: Row, old: StoredFile, new: StoredFile) -> dict[str, Any]:
    cells: dict[str, dict[str, Any]] = {}
    for column in {**(row.old or {}), **(row.new or {})}:
        before, after = (row.old or {}).get(column), (row.new or {}).get(column)
        same = row.kind != "changed" or _written(before) == _written(after)
        cells[column] = {
            "same": same,
            "old": None if row.old is None or (same and row.new is not None) else cell(before, old.address),
            "new": None if row.new is None else cell(after, new.address),
        }
    return {"kind": row.kind, "key": cell(json.loads(row.key), new.address), "cells": cells}


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
