"""Quarantine: chunks that are damaged and were not healed, so that no new version reuses them.

Nothing is removed: entries, files and chunks stay as they are, for what reads them and for a later repair. Content that
is in quarantine counts as not stored, so that it is written again when a file with it is added, which heals the
versions that have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from artstore.catalog import chunks, timestamps
from artstore.catalog.chunks import HOLDS_CHUNK
from artstore.catalog.connection import Connection

_FILES = f"""
    select files.id, files.digest from quarantine
    join file_chunks on {HOLDS_CHUNK.format(chunk="quarantine.chunk")} join files on files.id = file_chunks.file
"""


def add(connection: Connection, digests: Iterable[bytes]) -> list[bytes]:
    """Put chunks into quarantine; return the digests of those that were not there."""
    added, now = [], timestamps.now()
    for digest in digests:
        query = "insert into quarantine (chunk, at) select id, ? from chunks where digest = ? on conflict do nothing"
        if connection.execute(query, (now, digest)).rowcount:
            added.append(digest)
    return added


def release(connection: Connection, digests: Iterable[bytes]) -> None:
    """Take chunks out of quarantine, whose places in the packs are good now."""
    query = "delete from quarantine where chunk = (select id from chunks where digest = ?)"
    connection.executemany(query, [(digest,) for digest in digests])


def digests(connection: Connection) -> set[bytes]:
    """Return the digests of the chunks in quarantine."""
    query = "select digest from quarantine join chunks on chunks.id = quarantine.chunk"
    return {digest for (digest,) in connection.execute(query)}


def usable_files(connection: Connection, wanted: Iterable[bytes]) -> dict[bytes, int]:
    """Return the ids of the files with these digests that are stored, none of them in quarantine."""
    found = chunks.file_ids(connection, wanted)
    if found and not is_empty(connection):
        for _, digest in connection.execute(_FILES):
            found.pop(digest, None)
    return found


def usable_chunks(connection: Connection, wanted: Iterable[bytes]) -> dict[bytes, int]:
    """Return the ids of the chunks with these digests that are stored, none of them in quarantine."""
    found = chunks.chunk_ids(connection, wanted)
    if found and not is_empty(connection):
        for digest in digests(connection):
            found.pop(digest, None)
    return found


def files_among(connection: Connection, ranges: Sequence[tuple[int, int]]) -> set[int]:
    """Return the ids of the files in quarantine that are in ranges of ids."""
    if is_empty(connection):
        return set()
    ids = {id for id, _ in connection.execute(_FILES)}
    return {id for id in ids if any(first <= id <= last for first, last in ranges)}


def is_empty(connection: Connection) -> bool:
    """Whether nothing is in quarantine, as in nearly every store."""
    return connection.execute("select 1 from quarantine limit 1").fetchone() is None
