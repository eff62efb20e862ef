"""The index of stored content: files, their chunks, and the place of each chunk in a pack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from artstore.catalog.connection import Connection
from artstore.storage.packs import HEADER, Place

_MANY = 500
LONGEST_RUN = 256
"""A row of `file_chunks` covers at most this many chunks, so that the rows that contain a chunk can be found."""
HOLDS_CHUNK = f"""
    (file_chunks.chunk = {{chunk}} or (file_chunks.count > 1
        and file_chunks.chunk between {{chunk}} - {LONGEST_RUN - 1} and {{chunk}} - 1
        and file_chunks.chunk + file_chunks.count > {{chunk}}))
"""
"""SQL condition: a row of `file_chunks` contains `{chunk}`."""


def _ids(connection: Connection, table: str, digests: Iterable[bytes]) -> dict[bytes, int]:
    ids = dict[bytes, int]()
    # The first files of a store are many, and none of them needs to be looked up.
    if connection.execute(f"select 1 from {table} limit 1").fetchone() is None:
        return ids
    wanted = list(digests)
    for start in range(0, len(wanted), _MANY):
        part = wanted[start : start + _MANY]
        marks = ",".join("?" * len(part))
        ids.update(connection.execute(f"select digest, id from {table} where digest in ({marks})", part))
    return ids


def file_ids(connection: Connection, digests: Iterable[bytes]) -> dict[bytes, int]:
    """Return the ids of the files with these digests; those that are not stored are left out."""
    return _ids(connection, "files", digests)


def chunk_ids(connection: Connection, digests: Iterable[bytes]) -> dict[bytes, int]:
    """Return the ids of the chunks with these digests; those that are not stored are left out."""
    return _ids(connection, "chunks", digests)


def count_files(connection: Connection, first: int, last: int) -> int:
    """Count the files whose ids are in a range."""
    row = connection.execute("select count(*) from files where id between ? and ?", (first, last)).fetchone()
    return int(row[0])


def missing_files(connection: Connection, first: int, last: int) -> set[int]:
    """Return the ids in a range that do not belong to a stored file."""
    rows = connection.execute("select id from files where id between ? and ?", (first, last))
    return set(range(first, last + 1)) - {id for (id,) in rows}


def count_again(connection: Connection) -> None:
    """Count what each pack contains, after chunks got another place."""
    connection.execute(
        """
        update packs set live = coalesce((select sum(length) from chunks where pack = packs.id), 0),
            saved = coalesce((select sum(size - length) from chunks where pack = packs.id), 0)
        """
    )


def published_end(connection: Connection, pack: str) -> int | None:
    """Return the published end of a pack in bytes; None if it was never published.

    It is never before the end of a chunk, whatever the row of the pack says: what follows it is cut off.
    """
    row = connection.execute('select id, "end" from packs where name = ?', (pack,)).fetchone()
    return max(int(row[1]), end_of_chunks(connection, row[0])) if row else None


def end_of_chunks(connection: Connection, pack: int) -> int:
    """Return the end of the last chunk of a pack, or of its header."""
    query = "select offset + length from chunks where pack = ? order by offset desc limit 1"
    row = connection.execute(query, (pack,)).fetchone()
    return int(row[0]) if row else len(HEADER)


def unsealed_packs(connection: Connection, below: int) -> list[str]:
    """Return the names of packs that may be appended to and end below a size in bytes, the fullest first."""
    query = 'select name from packs where sealed = 0 and "end" < ? order by "end" desc'
    return [name for (name,) in connection.execute(query, (below,))]


class StoredChunk(NamedTuple):
    """A published chunk and its place."""

    digest: bytes
    size: int
    place: Place


_CHUNK = """
    select chunks.digest, chunks.size, packs.name, chunks.offset, chunks.length, chunks.codec
    from chunks join packs on packs.id = chunks.pack
"""


def _stored(row: tuple[bytes, int, str, int, int, int]) -> StoredChunk:
    return StoredChunk(row[0], row[1], Place(row[2], row[3], row[4], row[5]))


def find(connection: Connection, digest: bytes) -> StoredChunk | None:
    """Return a chunk with its current place; None if it is not stored."""
    row = connection.execute(f"{_CHUNK} where chunks.digest = ?", (digest,)).fetchone()
    return _stored(row) if row else None


def chunks_of_file(connection: Connection, file_digest: bytes) -> list[StoredChunk] | None:
    """Return the chunks of a file in order; None if the file is not stored."""
    row = connection.execute("select id from files where digest = ?", (file_digest,)).fetchone()
    if row is None:
        return None
    query = """
        select chunks.digest, chunks.size, packs.name, chunks.offset, chunks.length, chunks.codec
        from file_chunks
        cross join chunks on chunks.id between file_chunks.chunk and file_chunks.chunk + file_chunks.count - 1
        cross join packs on packs.id = chunks.pack
        where file_chunks.file = ? order by file_chunks.position, chunks.id
    """
    return [_stored(chunk) for chunk in connection.execute(query, row)]


def single_chunk_places(connection: Connection, file_digests: Sequence[bytes]) -> dict[bytes, Place]:
    """Return the places of files that consist of one chunk, by file digest; other files are left out."""
    places: dict[bytes, Place] = {}
    for start in range(0, len(file_digests), _MANY):
        part = file_digests[start : start + _MANY]
        query = f"""
            select files.digest, packs.name, chunks.offset, chunks.length, chunks.codec
            from files
            join file_chunks on file_chunks.file = files.id and file_chunks.position = 0 and file_chunks.count = 1
            join chunks on chunks.id = file_chunks.chunk
            join packs on packs.id = chunks.pack
            where files.digest in ({",".join("?" * len(part))}) and files.size = chunks.size
        """
        places.update((row[0], Place(*row[1:])) for row in connection.execute(query, part))
    return places


def chunks_of_pack(connection: Connection, pack: str) -> list[StoredChunk]:
    """Return every chunk of a pack, by offset."""
    query = f"{_CHUNK} where packs.name = ? order by chunks.offset"
    return [_stored(row) for row in connection.execute(query, (pack,))]


class PackCounts(NamedTuple):
    """The running totals of a pack: bytes that its chunks take in it, and bytes of their content."""

    stored: int
    content: int


def pack_counts(connection: Connection, pack: str) -> PackCounts:
    """Return the running totals of a pack."""
    row = connection.execute("select live, live + saved from packs where name = ?", (pack,)).fetchone()
    return PackCounts(*row) if row else PackCounts(0, 0)


def files_of_several_chunks(connection: Connection) -> Iterator[tuple[int, bytes, int]]:
    """Yield the id, digest and size of every file that does not consist of exactly one chunk."""
    query = """
        select id, digest, size from files
        where (select coalesce(sum(count), 0) from file_chunks where file_chunks.file = files.id) <> 1 order by id
    """
    yield from connection.execute(query)


def files_not_matching_chunk(connection: Connection) -> list[tuple[int, bytes]]:
    """Return the ids and digests of files of one chunk that has another digest or size, which is damage."""
    query = """
        select files.id, files.digest from files
        join file_chunks on file_chunks.file = files.id and file_chunks.position = 0 and file_chunks.count = 1
        join chunks on chunks.id = file_chunks.chunk
        where (files.digest <> chunks.digest or files.size <> chunks.size)
            and not exists (select 1 from file_chunks as more where more.file = files.id and more.position > 0)
    """
    return connection.execute(query).fetchall()


def files_with_chunk(connection: Connection, digest: bytes) -> list[bytes]:
    """Return the digests of the files that contain a chunk."""
    query = f"""
        select distinct files.digest from chunks
        join file_chunks on {HOLDS_CHUNK.format(chunk="chunks.id")} join files on files.id = file_chunks.file
        where chunks.digest = ?
    """
    return [file for (file,) in connection.execute(query, (digest,))]
