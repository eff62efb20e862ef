"""The difference between two versions, found from the segments that only one of them has."""

from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

from artstore.catalog.connection import Connection
from artstore.catalog.entries import EntryRow, columns, from_rows
from artstore.core.manifest import Entry, Kind

_DIFFERENT = f"""
    select {columns("mine")}, {columns("theirs")}
    from entries as mine left join entries as theirs on theirs.segment = ? and theirs.path = mine.path
    where mine.segment = ? and ({columns("mine")}) is not ({columns("theirs")})
"""


class EntryDiff(NamedTuple):
    """Entries that differ between two versions, each list in path order; a change is (before, after)."""

    added: list[Entry]
    removed: list[Entry]
    changed: list[tuple[Entry, Entry]]


def diff(connection: Connection, old: int, new: int) -> EntryDiff:
    """Compare two versions by the segments that only one of them has.

    Most edits leave the first and last path of a segment as they were: such pairs are compared in SQL.
    """
    before, after = _own_segments(connection, old, new), _own_segments(connection, new, old)
    left: set[EntryRow] = set()
    right: set[EntryRow] = set()
    for bounds in before.keys() & after.keys():
        rows = connection.execute(_DIFFERENT, (after[bounds], before[bounds])).fetchall()
        # With equal counts and equal paths, every row is a change.
        if all(row[3] is not None for row in rows):
            left.update(row[:3] for row in rows)
            right.update(row[3:] for row in rows)
            del before[bounds], after[bounds]
    for side, segments in ((left, before), (right, after)):
        for segment in segments.values():
            side.update(connection.execute(f"select {columns('entries')} from entries where segment = ?", (segment,)))
    removed, added = ({entry.path: entry for entry in _read(connection, rows)} for rows in (left - right, right - left))
    return EntryDiff(
        [entry for path, entry in added.items() if path not in removed],
        [entry for path, entry in removed.items() if path not in added],
        [(entry, added[path]) for path, entry in removed.items() if path in added],
    )


def _own_segments(connection: Connection, version: int, other: int) -> dict[tuple[str, str, int], int]:
    """Return the ids of the segments that another version does not have, by first path, last path and entry count."""
    segments = """
        select segment from version_groups
        join group_segments on group_segments.segment_group = version_groups.segment_group
        where version_groups.version = ?
    """
    query = f"select first, last, entries, id from segments where id in ({segments} except {segments})"
    return {row[:3]: row[3] for row in connection.execute(query, (version, other))}


def _read(connection: Connection, rows: set[EntryRow]) -> list[Entry]:
    full = []
    for path, flags, rest in sorted(rows, key=itemgetter(0)):
        file = rest if flags // 2 == Kind.FILE else None
        content = connection.execute("select digest, size from files where id = ?", (file,)).fetchone() or (None, None)
        full.append((path, flags, rest, *content))
    return from_rows(connection, full)
