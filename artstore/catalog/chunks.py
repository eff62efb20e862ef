"""The index of stored content: files, their chunks, the place of each chunk in a pack, and publishing new ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
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


class NewChunk(NamedTuple):
    """A chunk that is durable in a pack and not published yet."""

    digest: bytes
    offset: int
    length: int
    size: int
    codec: int = 0


class NewFile(NamedTuple):
    """A file whose chunks are published already, or together with it."""

    digest: bytes
    size: int
    chunks: Sequence[bytes]


class NewSmallFiles(NamedTuple):
    """Files of one chunk each as columns: none is empty, compressed or listed twice. They are durable in one pack."""

    digests: list[bytes]
    sizes: list[int]
    offsets: list[int]

    def chunks(self) -> list[NewChunk]:
        """Return their chunks."""
        return list(map(NewChunk, self.digests, self.offsets, self.sizes, self.sizes))

    def files(self) -> list[NewFile]:
        """Return the files."""
        return [NewFile(digest, size, [digest]) for digest, size in zip(self.digests, self.sizes, strict=True)]


class Published(NamedTuple):
    """The ids of published chunks and files: new ones, or those of a writer that published the same before."""

    chunks: dict[bytes, int]
    files: dict[bytes, int]
    lost: int
    """Bytes of chunks that another writer had published before; their ranges are free."""


def _ids(connection: Connection, table: str, digests: Iterable[bytes]) -> dict[bytes, int]:
    wanted, ids = list(digests), dict[bytes, int]()
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


def _next_id(connection: Connection, table: str) -> int:
    """Return an id that no row of a table has or had; where the sequence is damaged, one that no row has."""
    query = f"""
        select 1 + max(
            coalesce((select max(seq) from sqlite_sequence where name = ?), 0),
            coalesce((select max(id) from {table}), 0)
        )
    """
    return int(connection.execute(query, (table,)).fetchone()[0])


def publish(
    connection: Connection,
    pack: str,
    end: int,
    sealed: bool,
    chunks: Sequence[NewChunk],
    files: Sequence[NewFile],
    small: Iterable[NewSmallFiles] = (),
) -> Published:
    """Add durable chunks of a pack, files made of chunks, and small files in columns, to the store.

    A chunk that another writer published before stays as it is; the range of the second copy becomes free.
    """
    connection.execute('insert into packs (name, "end") values (?, 0) on conflict do nothing', (pack,))
    pack_id = connection.execute("select id from packs where name = ?", (pack,)).fetchone()[0]
    small_chunks, small_files = dict[bytes, int](), dict[bytes, int]()
    small_bytes = 0
    for part in small:
        first = _publish_small(connection, pack_id, part)
        if first is None:
            chunks, files = [*chunks, *part.chunks()], [*files, *part.files()]
            continue
        small_chunks.update(zip(part.digests, count(first[0])))
        small_files.update(zip(part.digests, count(first[1])))
        small_bytes += sum(part.sizes)
    new_chunks, losers, has_healed = _publish_chunks(connection, pack_id, chunks)
    lost = sum(chunk.length for chunk in losers)
    live = sum(chunk.length for chunk in chunks) - lost + small_bytes
    saved = _saved(chunks) - _saved(losers)
    new_chunks |= small_chunks
    connection.execute(
        'update packs set "end" = ?, sealed = ?, live = live + ?, saved = saved + ? where id = ?',
        (end, int(sealed), live, saved, pack_id),
    )
    if has_healed:
        count_again(connection)
    return Published(new_chunks, small_files | _publish_files(connection, files, new_chunks), lost)


def _publish_small(connection: Connection, pack: int, part: NewSmallFiles) -> tuple[int, int] | None:
    """Add small files, which are new; return the ids of the first chunk and file, whose others follow.

    If any of them, or its chunk, is stored already, add nothing and return None.
    """
    number = len(part.digests)
    chunk, file = _next_id(connection, "chunks"), _next_id(connection, "files")
    before = connection.total_changes
    connection.execute("savepoint small")
    connection.executemany(
        "insert into files (id, digest, size) values (?, ?, ?) on conflict (digest) do nothing",
        zip(range(file, file + number), part.digests, part.sizes, strict=True),
    )
    if connection.total_changes - before == number:
        # Copied within SQLite, which takes a third of the time of passing each row.
        connection.execute(
            """
            insert into chunks (id, digest, pack, offset, length, size, codec)
            select :chunk + place.key, files.digest, :pack, place.value, files.size, files.size, 0
            from json_each(:offsets) as place cross join files on files.id = :file + place.key
            where true on conflict (digest) do nothing
            """,
            {"chunk": chunk, "file": file, "pack": pack, "offsets": json.dumps(part.offsets)},
        )
    if connection.total_changes - before == 2 * number:
        connection.execute(
            "insert into file_chunks (file, position, chunk, count) select id, 0, id + ?, 1 from files where id >= ?",
            (chunk - file, file),
        )
        connection.execute("release small")
        return chunk, file
    connection.execute("rollback to small")
    connection.execute("release small")
    return None


def _publish_chunks(
    connection: Connection, pack: int, chunks: Sequence[NewChunk]
) -> tuple[dict[bytes, int], list[NewChunk], bool]:
    """Return the ids of chunks, those that another writer published before, and whether any was in quarantine."""
    first = _next_id(connection, "chunks")
    before = connection.total_changes
    connection.executemany(
        """
        insert into chunks (id, digest, pack, offset, length, size, codec) values (?, ?, ?, ?, ?, ?, ?)
        on conflict (digest) do nothing
        """,
        [(first + i, c.digest, pack, c.offset, c.length, c.size, c.codec) for i, c in enumerate(chunks)],
    )
    if connection.total_changes - before == len(chunks):
        return {chunk.digest: first + i for i, chunk in enumerate(chunks)}, [], False
    ids = chunk_ids(connection, [chunk.digest for chunk in chunks])
    there = [chunk for i, chunk in enumerate(chunks) if ids[chunk.digest] != first + i]
    losers = [chunk for chunk in there if not _replaces_damaged(connection, pack, ids[chunk.digest], chunk)]
    rows = [(pack, chunk.offset, chunk.length) for chunk in losers]
    connection.executemany("insert into free (pack, offset, length) values (?, ?, ?)", rows)
    return ids, losers, len(losers) < len(there)


def _replaces_damaged(connection: Connection, pack: int, id: int, copy: NewChunk) -> bool:
    """If a chunk is in quarantine, point it to the new copy, which heals what has it; otherwise return False.

    The old place is not given back to the disk: a row that was damaged may have named the place of other chunks.
    """
    if not connection.execute("delete from quarantine where chunk = ?", (id,)).rowcount:
        return False
    connection.execute(
        "update chunks set pack = ?, offset = ?, length = ?, size = ?, codec = ? where id = ?",
        (pack, copy.offset, copy.length, copy.size, copy.codec, id),
    )
    return True


def count_again(connection: Connection) -> None:
    """Count what each pack contains, after chunks got another place."""
    connection.execute(
        """
        update packs set live = coalesce((select sum(length) from chunks where pack = packs.id), 0),
            saved = coalesce((select sum(size - length) from chunks where pack = packs.id), 0)
        """
    )


def _saved(chunks: Sequence[NewChunk]) -> int:
    return sum(chunk.size - chunk.length for chunk in chunks if chunk.codec)


def _publish_files(connection: Connection, files: Sequence[NewFile], known: dict[bytes, int]) -> dict[bytes, int]:
    first = _next_id(connection, "files")
    before = connection.total_changes
    connection.executemany(
        "insert into files (id, digest, size) values (?, ?, ?) on conflict (digest) do nothing",
        [(first + i, file.digest, file.size) for i, file in enumerate(files)],
    )
    ids = {file.digest: first + i for i, file in enumerate(files)}
    if connection.total_changes - before != len(files):
        ids = file_ids(connection, ids)
    mine = [file for i, file in enumerate(files) if ids[file.digest] == first + i]
    missing = {digest for file in mine for digest in file.chunks if digest not in known}
    chunks = {**known, **chunk_ids(connection, missing)} if missing else known
    connection.executemany(
        "insert into file_chunks (file, position, chunk, count) values (?, ?, ?, ?)",
        ((ids[file.digest], *run) for file in mine for run in _runs([chunks[digest] for digest in file.chunks])),
    )
    return ids


def _runs(chunks: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Fold the ids of a file's chunks into runs of consecutive ids: (position, first id, count)."""
    start = 0
    for position in range(1, len(chunks) + 1):
        length = position - start
        if position == len(chunks) or chunks[position] != chunks[start] + length or length == LONGEST_RUN:
            yield start, chunks[start], length
            start = position


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


def files_of_several_chunks(connection: Connection) -> Iterator[tuple[bytes, int]]:
    """Yield the digest and size of every file that does not consist of exactly one chunk."""
    query = """
        select digest, size from files
        where (select coalesce(sum(count), 0) from file_chunks where file_chunks.file = files.id) <> 1 order by id
    """
    yield from connection.execute(query)


def files_not_matching_chunk(connection: Connection) -> list[bytes]:
    """Return the digests of files that consist of one chunk with another digest, which is damage."""
    query = """
        select files.digest from files
        join file_chunks on file_chunks.file = files.id and file_chunks.position = 0 and file_chunks.count = 1
        join chunks on chunks.id = file_chunks.chunk
        where files.digest <> chunks.digest
            and not exists (select 1 from file_chunks as more where more.file = files.id and more.position > 0)
    """
    return [digest for (digest,) in connection.execute(query)]


def files_with_chunk(connection: Connection, digest: bytes) -> list[bytes]:
    """Return the digests of the files that contain a chunk."""
    query = f"""
        select distinct files.digest from chunks
        join file_chunks on {HOLDS_CHUNK.format(chunk="chunks.id")} join files on files.id = file_chunks.file
        where chunks.digest = ?
    """
    return [file for (file,) in connection.execute(query, (digest,))]
