"""Quarantine of rows: those that are damaged and could not be healed, so that the rest of the store stays usable.

What cannot be understood is put aside: rows with values that are not text, JSON or a time. Of rows that others refer
to, only these values are, and harmless ones take their place. The checksums stay those of the rows as they were stored,
so `verify` names them, and a later repair heals them. While rows in quarantine may have lost what keeps content, no
content is released (`catalog.garbage`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from artstore.catalog import damage, row_checksums, timestamps
from artstore.catalog.connection import Connection
from artstore.core.digests import LENGTH

EVENTS = "events"
ENTRIES = "entries"
"""What is wrong are the entries of a version, or what is between: its groups, segments, files and references."""
FILES = "files"
"""What is wrong are the chunks of a file."""
_HOLD_CONTENT = (ENTRIES, "versions", "pending", "pending_entries", "run_files")
_IS_USED = """
    exists (select 1 from pending_entries where pending_entries.file = owner)
    or exists (select 1 from run_files where run_files.file = owner)
    or exists (
        select 1 from entries join group_segments on group_segments.segment = entries.segment
        join version_groups on version_groups.segment_group = group_segments.segment_group where entries.file = owner
    )
"""
"""Whether a file in quarantine still belongs to something: what is deleted leaves its rows while content is held."""
_OF_VERSIONS = (ENTRIES, "versions", "aliases", "tags", "dependencies")


def listed(connection: Connection) -> dict[tuple[str, int], str]:
    """Return the rows in quarantine, by table and owner, each with the time since when it is there."""
    rows = connection.execute("select name, owner, at from quarantined_rows")
    return {(name, owner): at for name, owner, at in rows}


def holds_content(connection: Connection) -> bool:
    """Whether rows are in quarantine without which it is not known which content is needed."""
    query = f"""
        select 1 from quarantined_rows where name in ({", ".join(map(repr, _HOLD_CONTENT))})
            or (name = '{FILES}' and ({_IS_USED})) limit 1
    """
    return connection.execute(query).fetchone() is not None


def forget_versions(connection: Connection, versions: Iterable[int]) -> None:
    """Take the rows of versions that are deleted out of quarantine."""
    query = f"delete from quarantined_rows where owner = ? and name in ({', '.join(map(repr, _OF_VERSIONS))})"
    connection.executemany(query, [(version,) for version in versions])


def release(connection: Connection, rows: Iterable[tuple[str, int]]) -> None:
    """Take rows out of quarantine, which are right now."""
    connection.executemany("delete from quarantined_rows where name = ? and owner = ?", rows)


def add(connection: Connection, rows: Iterable[tuple[str, int, str]]) -> list[tuple[str, int]]:
    """Put rows into quarantine, each with its fault; return those that were not there.

    The checksums stay those of the rows as they were stored.
    """
    there, now, added = listed(connection), timestamps.now(), []
    for table, owner, fault in rows:
        if (table, owner) not in there:
            with row_checksums.unwatched(connection):
                taken = [] if table in (ENTRIES, FILES) else _put_aside(connection, table, owner)
            connection.execute(
                "insert into quarantined_rows (name, owner, at, fault, original) values (?, ?, ?, ?, ?)",
                (table, owner, now, fault, json.dumps(taken)),
            )
            added.append((table, owner))
    return added


def _put_aside(connection: Connection, table: str, owner: int) -> list[dict[str, Any]]:
    """Put aside what cannot be understood of rows; return it, with bytes as hexadecimal digits."""
    columns = [
        _Column(name, type, not_null, key)
        for _, name, type, not_null, _, key in connection.execute(f"pragma main.table_info('{table}')")
    ]
    by = "id" if table == EVENTS else row_checksums.OWNERS[table]
    connection.text_factory = bytes
    try:
        rows = connection.execute(f'select * from main."{table}" where "{by}" = ?', (owner,)).fetchall()
    finally:
        connection.text_factory = str
    taken = []
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        faulty = [c for c, value in values.items() if damage.fault_of(table, c.name, c.type, bool(c.not_null), value)]
        if not faulty:
            continue
        if by == "id":
            # Others refer to it.
            changes = ", ".join(f'"{column.name}" = ?' for column in faulty)
            harmless = [_harmless(column, table, owner) for column in faulty]
            connection.execute(f'update main."{table}" set {changes} where id = ?', (*harmless, owner))
        else:
            faulty = columns
            keys = {column: value for column, value in values.items() if column.key}
            same = " and ".join(f'"{c.name}" is cast(? as {c.type})' for c in keys)
            connection.execute(f'delete from main."{table}" where {same}', tuple(keys.values()))
        taken.append({c.name: values[c].hex() if isinstance(values[c], bytes) else values[c] for c in faulty})
    return taken


class _Column(NamedTuple):
    name: str
    type: str
    not_null: int
    key: int


def _harmless(column: _Column, table: str, owner: int) -> object:
    """Return a value in the place of one that cannot be understood."""
    if column.name in damage.JSON:
        return "[]" if column.name in damage.LISTS else "{}"
    if not column.not_null:
        return None
    if column.name == "at" or column.name.endswith("_at"):
        return timestamps.timestamp(datetime.fromtimestamp(0, UTC))
    if column.type == "TEXT":
        return f"damaged-{table}-{owner}"
    return bytes(LENGTH) if column.type == "BLOB" else owner
