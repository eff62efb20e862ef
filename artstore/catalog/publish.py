"""Publish new content: write rows into the catalog that say where chunks are, after these were synced to the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain, count
from typing import NamedTuple

from artstore.catalog.chunks import LONGEST_RUN, chunk_ids, count_again, file_ids
from artstore.catalog.connection import Connection
from artstore.core.digests import LENGTH


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


def publish(
    connection: Connection,
    pack: str,
    end: int,
    sealed: bool,
    chunks: Sequence[NewChunk],
    files: Sequence[NewFile],
    small: Sequence[NewSmallFiles] = (),
) -> Published:
    """Add durable chunks of a pack, files made of chunks, and small files in columns, to the store.

    A chunk that another writer published before stays as it is; the range of the second copy becomes free.
    """
    connection.execute('insert into packs (name, "end") values (?, 0) on conflict do nothing', (pack,))
    pack_id = connection.execute("select id from packs where name = ?", (pack,)).fetchone()[0]
    added, rest = _publish_small_files(connection, pack_id, small)
    chunks = [*chunks, *(chunk for part in rest for chunk in part.chunks())]
    files = [*files, *(file for part in rest for file in part.files())]
    small_chunks, small_files = dict[bytes, int](), dict[bytes, int]()
    for part, chunk, file in added:
        small_chunks.update(zip(part.digests, count(chunk)))
        small_files.update(zip(part.digests, count(file)))
    new_chunks, losers, has_healed = _publish_chunks(connection, pack_id, chunks)
    lost = sum(chunk.length for chunk in losers)
    live = sum(chunk.length for chunk in chunks) - lost + sum(sum(part.sizes) for part, _, _ in added)
    saved = _saved(chunks) - _saved(losers)
    new_chunks |= small_chunks
    connection.execute(
        'update packs set "end" = ?, sealed = ?, live = live + ?, saved = saved + ? where id = ?',
        (end, int(sealed), live, saved, pack_id),
    )
    if has_healed:
        count_again(connection)
    return Published(new_chunks, small_files | _publish_files(connection, files, new_chunks), lost)


def _publish_small_files(
    connection: Connection, pack: int, small: Sequence[NewSmallFiles]
) -> tuple[list[tuple[NewSmallFiles, int, int]], list[NewSmallFiles]]:
    """Add those parts whose files are all new; return them with the ids of their first chunk and file, and the others.

    The ids of the other chunks and files of a part follow these.
    """
    # All at once where that can be: each attempt copies the pages that it changes, so that it can be undone.
    together = [_joined(small)] if len(small) > 1 else []
    for parts in (together, small):
        ids = [_publish_small(connection, pack, part) for part in parts]
        added = [(part, *first) for part, first in zip(parts, ids, strict=True) if first is not None]
        if added:
            return added, [part for part, first in zip(parts, ids, strict=True) if first is None]
    return [], list(small)


def _joined(parts: Sequence[NewSmallFiles]) -> NewSmallFiles:
    return NewSmallFiles(*(list(chain.from_iterable(column)) for column in zip(*parts, strict=True)))


def _publish_small(connection: Connection, pack: int, part: NewSmallFiles) -> tuple[int, int] | None:
    """Add small files, which are new; return the ids of the first chunk and file, whose others follow.

    If any of them, or its chunk, is stored already, add nothing and return None.
    """
    number = len(part.digests)
    chunk, file = _next_id(connection, "chunks"), _next_id(connection, "files")
    columns = {
        "chunk": chunk,
        "file": file,
        "pack": pack,
        "digests": b"".join(part.digests),
        "sizes": json.dumps(part.sizes),
        "offsets": json.dumps(part.offsets),
    }
    connection.execute("savepoint small")
    # Rows that are made within SQLite take half the time of those that are passed one by one.
    added = connection.execute(
        f"""
        insert into files (id, digest, size)
        select :file + key, substr(:digests, 1 + {LENGTH} * key, {LENGTH}), value from json_each(:sizes)
        where true on conflict (digest) do nothing
        """,
        columns,
    ).rowcount
    if added == number:
        added += connection.execute(
            """
            insert into chunks (id, digest, pack, offset, length, size, codec)
            select :chunk + place.key, files.digest, :pack, place.value, files.size, files.size, 0
            from json_each(:offsets) as place cross join files on files.id = :file + place.key
            where true on conflict (digest) do nothing
            """,
            columns,
        ).rowcount
    if added == 2 * number:
        connection.execute(
            """
            insert into file_chunks (file, position, chunk, count)
            select id, 0, :chunk - :file + id, 1 from files where id >= :file
            """,
            columns,
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


def _next_id(connection: Connection, table: str) -> int:
    """Return an id that no row of a table has or had; where the sequence is damaged, one that no row has."""
    query = f"""
        select 1 + max(
            coalesce((select max(seq) from sqlite_sequence where name = ?), 0),
            coalesce((select max(id) from {table}), 0)
        )
    """
    return int(connection.execute(query, (table,)).fetchone()[0])
