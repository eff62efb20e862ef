"""The stat cache: what a file on disk held when it was last read, found by its folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from artstore.reading import Stat


def remembered(connection: sqlite3.Connection, folder: str) -> dict[str, tuple[Stat, int, bytes]]:
    """What is known of the files right in a folder: name -> (stat, id of the stored file, its digest)."""
    query = """
        select s.name, s.device, s.inode, s.size, s.mtime_ns, s.ctime_ns, s.file, files.digest
        from stat_folders join stat_cache as s on s.folder = stat_folders.id join files on files.id = s.file
        where stat_folders.path = ?
    """
    return {row[0]: (Stat(*row[1:6]), row[6], row[7]) for row in connection.execute(query, (folder,))}


def remember(connection: sqlite3.Connection, folder: str, files: Iterable[tuple[str, Stat, bytes]]) -> None:
    """Note what files right in a folder hold: (name, stat, digest of the content, which is stored)."""
    connection.execute("insert into stat_folders (path) values (?) on conflict do nothing", (folder,))
    id = connection.execute("select id from stat_folders where path = ?", (folder,)).fetchone()[0]
    connection.executemany(
        """
        insert or replace into stat_cache (folder, name, device, inode, size, mtime_ns, ctime_ns, file)
        select ?, ?, ?, ?, ?, ?, ?, id from files where digest = ?
        """,
        [(id, name, *stat, digest) for name, stat, digest in files],
    )


def forget_gone(connection: sqlite3.Connection) -> int:
    """Drop what names files that are not stored any more; return how many rows that was."""
    cursor = connection.execute("delete from stat_cache where file not in (select id from files)")
    connection.execute("delete from stat_folders where id not in (select folder from stat_cache)")
    return cursor.rowcount
