"""The stat cache: the content that files on disk had when they were last read, by folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from artstore.catalog.connection import Connection
from artstore.runtime.source_file import Stat

CachedFile: TypeAlias = tuple[str, int, int, int, int, int, int, bytes]
"""A file on disk: its name, the five numbers of its `Stat`, the id of the stored file, and the digest of that."""


def cached(connection: Connection, folder: str, name: str | None = None) -> dict[str, CachedFile]:
    """Return the known files directly in a folder, by name: all of them, or only the one with a name."""
    query = f"""
        select s.name, s.device, s.inode, s.size, s.mtime_ns, s.ctime_ns, s.file, files.digest
        from stat_folders join stat_cache as s on s.folder = stat_folders.id join files on files.id = s.file
        where stat_folders.path = ? {"" if name is None else "and s.name = ?"}
    """
    return {row[0]: row for row in connection.execute(query, (folder,) if name is None else (folder, name))}


def remember(
    connection: Connection,
    folder: str,
    files: Iterable[tuple[str, Stat, bytes]],
    ids: Mapping[bytes, int] | None = None,
) -> None:
    """Store the content of files directly in a folder: (name, stat, digest of the content).

    `ids` are known ids of stored files by digest.
    """
    id = _folder_id(connection, folder)
    known = ids or {}
    connection.executemany(
        """
        insert or replace into stat_cache (folder, name, device, inode, size, mtime_ns, ctime_ns, file)
        values (?, ?, ?, ?, ?, ?, ?, coalesce(?, (select id from files where digest = ?), 0))
        """,
        [(id, name, *stat, known.get(digest), digest) for name, stat, digest in files],
    )


def remember_rows(
    connection: Connection, folder: str, rows: Iterable[tuple[str, int, int, int, int, int, int]]
) -> None:
    """Store the content of files directly in a folder: name, the five numbers of a stat, and the id of the content."""
    id = _folder_id(connection, folder)
    connection.executemany(
        f"insert or replace into stat_cache (folder, name, device, inode, size, mtime_ns, ctime_ns, file) "
        f"values ({id}, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def _folder_id(connection: Connection, folder: str) -> int:
    connection.execute("insert into stat_folders (path) values (?) on conflict do nothing", (folder,))
    return int(connection.execute("select id from stat_folders where path = ?", (folder,)).fetchone()[0])


def forget_deleted(connection: Connection) -> int:
    """Remove rows that name files which are not stored any more; return their number."""
    cursor = connection.execute("delete from stat_cache where file not in (select id from files)")
    connection.execute("delete from stat_folders where id not in (select folder from stat_cache)")
    return cursor.rowcount
