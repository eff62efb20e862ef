"""Heal rows of a catalog with those of an earlier state of the same store, a backup for example.

The earlier state is attached as `source`. It is one if its log is the beginning of the log here: then each id means the
same in both, as ids are never used again. Rows with checksums are taken if they fit the checksum that is stored here;
rows of manifests and content never change, so those that differ are taken, and the digests of versions show whether
they are right.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from artstore.catalog import events, row_checksums
from artstore.catalog.connection import Connection
from artstore.catalog.row_checksums import Difference


class _Rows(NamedTuple):
    """A table whose rows never change as long as they are needed, and those that are."""

    table: str
    owner: str
    needed: str


_USED_FILES = """select file from main.entries where file is not null union select file from main.pending_entries
    where file is not null union select file from main.run_files"""
_USED_REFS = """select ref from main.entries where ref is not null
    union select ref from main.pending_entries where ref is not null"""
_CONTENT = (
    _Rows("version_groups", "version", "select id from main.versions where state = 'committed'"),
    _Rows("segment_groups", "id", "select segment_group from main.version_groups"),
    _Rows("group_segments", "segment_group", "select id from main.segment_groups"),
    _Rows("segments", "id", "select segment from main.group_segments"),
    _Rows("entries", "segment", "select id from main.segments"),
    _Rows("files", "id", _USED_FILES),
    _Rows("refs", "id", _USED_REFS),
    _Rows("file_chunks", "file", "select id from main.files"),
)
"""From versions down: what is needed of a table depends on those before it."""


_PARENTS = {
    "collection": "collections",
    "version": "versions",
    "link": "links",
    "run": "runs",
    "pending": "pending",
    "chunk": "chunks",
}
"""The tables that the owners of rows are in, by the column that names them."""


def is_earlier(connection: Connection, source: Connection) -> bool:
    """Whether the log of a catalog is the beginning of the log here, in which one event may be damaged."""
    newest = source.execute("select max(id) from events").fetchone()[0]
    theirs = events.chained(source, newest) if newest is not None else None
    if theirs is None:
        return False
    here, after, before = (events.chained(connection, id) for id in (newest, newest + 1, newest - 1))
    if here is not None and here[-1] == theirs[-1]:
        return True
    if after is not None:
        return after[-1] == events.event_hash(connection.algorithm, theirs[-1], *after[:4])
    # The newest event here is damaged: the one before it must be the same, and it must not follow from that.
    if before is None or events.chained(source, newest - 1) != before:
        return False
    return here is None or here[-1] != events.event_hash(connection.algorithm, before[-1], *here[:4])


def heal_events(connection: Connection) -> int:
    """Take the events that differ from the source; return how many."""
    run, columns = connection.execute, "id, at, kind, subject, detail, hash"
    newest = run("select max(id) from source.events").fetchone()[0]
    strays = "delete from main.events where id <= ? and id not in (select id from source.events)"
    healed = run(strays, (newest,)).rowcount
    return (
        healed
        + run(
            f"""
        insert or replace into main.events ({columns})
        select {columns} from source.events except select {columns} from main.events
        """
        ).rowcount
    )


def heal_owned(connection: Connection, source: Connection) -> int:
    """Take rows that fit their checksums here, and checksums that fit their rows; return of how many owners."""
    bad = _differences(connection)
    connection.execute("savepoint owned")
    with row_checksums.unwatched(connection):
        for found in bad:
            _heal_owner(connection, source, found)
    left = _differences(connection)
    if not set(left) <= set(bad):
        connection.execute("rollback to owned")
        left = bad
    connection.execute("release owned")
    return len(bad) - len(left)


def _differences(connection: Connection) -> list[Difference]:
    return [found for table in row_checksums.OWNERS for found in row_checksums.differences(connection, table)]


def _heal_owner(connection: Connection, source: Connection, found: Difference) -> None:
    table, owner = found
    by = row_checksums.OWNERS[table]
    columns = _columns(source, table)
    if not columns:
        return
    theirs, ours = (row_checksums.sum_of(catalog, table, owner) for catalog in (source, connection))
    expected = row_checksums.stored_sum_of(connection, table, owner)
    if theirs == ours and row_checksums.are_right(source, table, owner):
        row_checksums.take_over(connection, source, table, owner)
    elif theirs == expected and (theirs or _never_was(connection, table, by, owner)):
        connection.execute(f'delete from main."{table}" where {by} = ?', (owner,))
        names = ", ".join(columns)
        connection.execute(
            f'insert or replace into main."{table}" ({names}) select {names} from source."{table}" where {by} = ?',
            (owner,),
        )


def _never_was(connection: Connection, table: str, by: str, owner: int) -> bool:
    """Whether rows without a checksum are of an owner that never was: the source would know it, or it is not there."""
    if by == "id":
        # Ids are never used again.
        return bool(connection.execute(f'select ? <= max(id) from source."{table}"', (owner,)).fetchone()[0])
    parent = _PARENTS.get(by)
    if parent is None:
        return False
    return connection.execute(f"select 1 from main.{parent} where id = ?", (owner,)).fetchone() is None


def heal_content(connection: Connection, source: Connection) -> int:
    """Take the rows of manifests, files and chunks that differ from the source; return how many are other ones."""
    healed = sum(_heal_rows(connection, source, rows) for rows in _CONTENT)
    return (
        healed
        + connection.execute(
            """
        update main.chunks set digest = theirs.digest, size = theirs.size from source.chunks as theirs
        where theirs.id = main.chunks.id and (theirs.digest, theirs.size) is not (main.chunks.digest, main.chunks.size)
        """
        ).rowcount
    )


def _heal_rows(connection: Connection, source: Connection, rows: _Rows) -> int:
    run, table, owner = connection.execute, rows.table, rows.owner
    names = ", ".join(f'"{name}"' for name in _columns(source, table))
    if not names:
        return 0
    healed: int = 0
    if owner == "id":
        # What the source would know, if it had ever been there.
        healed += run(
            f"""
            delete from main.{table} where id <= (select max(id) from source.{table})
                and id not in (select id from source.{table})
            """
        ).rowcount
    run("create temp table if not exists other_rows (owner integer primary key)")
    run("delete from temp.other_rows")
    known = f"select {owner} from source.{table}"
    for one, other in (("main", "source"), ("source", "main")):
        run(
            f"""
            insert or ignore into temp.other_rows
            select {owner} from (select {names} from {one}.{table} except select {names} from {other}.{table})
            where {owner} in ({rows.needed}) and {owner} in ({known})
            """
        )
    theirs = f"select {names} from source.{table} where {owner} in (select owner from temp.other_rows)"
    healed += int(run(f"select count(*) from ({theirs} except select {names} from main.{table})").fetchone()[0])
    run(f"delete from main.{table} where {owner} in (select owner from temp.other_rows)")
    run(f"insert or replace into main.{table} ({names}) {theirs}")
    return healed + _drop_strays(connection, source, rows)


def _drop_strays(connection: Connection, source: Connection, rows: _Rows) -> int:
    """Delete rows of an owner that is not there, which the source has with another one."""
    others = [name for name in _columns(source, rows.table) if name != rows.owner]
    if rows.owner == "id":
        return 0
    same = " and ".join(f'theirs."{name}" is ours."{name}"' for name in others)
    return connection.execute(
        f"""
        delete from main.{rows.table} as ours where ours.{rows.owner} not in ({rows.needed})
            and exists (select 1 from source.{rows.table} as theirs where {same})
        """
    ).rowcount


def index_again(connection: Connection) -> None:
    """Make the indexes again: those of a damaged row have what it said before, and SQLite cannot change it."""
    tables = connection.execute("select name from main.sqlite_schema where type = 'table' and name not like 'sqlite%'")
    for (name,) in tables.fetchall():
        connection.execute(f'reindex main."{name}"')


def _columns(source: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in source.execute(f"pragma main.table_info('{table}')")]
