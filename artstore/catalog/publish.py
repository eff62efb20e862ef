"""Publish new content: write rows into the catalog that say where chunks are, after these were synced to the disk."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from artstore.catalog import leases
from artstore.catalog.chunks import LONGEST_RUN, chunk_ids, count_again, file_ids
from artstore.catalog.connection import Connection
from artstore.core.digests import LENGTH

_FILES_IN_CACHE = 200_000
"""SQLite's cache holds the indexes of so many files, about."""
_MOST_PACKS = 2**31 - 1
"""The ids of packs that are published together differ by at most this, so that a place in a pack is one integer."""


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
    sizes: array[int]
    offsets: array[int]

    def chunks(self) -> list[NewChunk]:
        """Return their chunks."""
        return list(map(NewChunk, self.digests, self.offsets, self.sizes, self.sizes))

    def files(self) -> list[NewFile]:
        """Return the files."""
        return [NewFile(digest, size, [digest]) for digest, size in zip(self.digests, self.sizes, strict=True)]


class NewContent(NamedTuple):
    """Chunks and files that are durable in one pack, and not published yet."""

    pack: str
    end: int
    """The new end of the pack."""
    sealed: bool
    chunks: list[NewChunk]
    files: list[NewFile]
    small: list[NewSmallFiles]


class SmallFileIds(NamedTuple):
    """The ids that small files and their chunks got: those of the first, which the others follow."""

    digests: bytes
    """Without a separator."""
    starts: list[int]
    """The positions of the first files of the columns."""
    file: int
    chunk: int

    @property
    def number(self) -> int:
        """The number of files."""
        return len(self.digests) // LENGTH


class Published(NamedTuple):
    """The ids of published chunks and files: new ones, or those of a writer that published the same before."""

    small: list[SmallFileIds]
    files: dict[bytes, int]
    """The ids of the other files."""
    chunks: dict[bytes, int]
    """The ids of the other chunks."""
    lost: int
    """Bytes of chunks that another writer had published before; their ranges are free."""

    def file_ranges(self) -> list[tuple[int, int]]:
        """Return the ids of all files as ranges, both ends included."""
        small = [(part.file, part.file + part.number - 1) for part in self.small]
        return [*small, *leases.ranges(self.files.values())]

    def chunk_ranges(self) -> list[tuple[int, int]]:
        """Return the ids of all chunks as ranges, both ends included."""
        small = [(part.chunk, part.chunk + part.number - 1) for part in self.small]
        return [*small, *leases.ranges(self.chunks.values())]


class _SmallFilesOfPack(NamedTuple):
    pack: int
    files: NewSmallFiles


def publish(connection: Connection, contents: Sequence[NewContent]) -> Published:
    """Add the durable content of packs to the store: chunks, files made of chunks, and small files in columns.

    A chunk that another writer published before stays as it is; the range of the second copy becomes free.
    """
    packs = [_pack_id(connection, content.pack) for content in contents]
    of_packs = list(zip(packs, contents, strict=True))
    small = [_SmallFilesOfPack(pack, part) for pack, content in of_packs for part in content.small]
    small_ids, rest = _publish_small_files(connection, small)
    chunks, lost, has_healed = dict[bytes, int](), 0, False
    for pack, content in of_packs:
        of_rest = [chunk for part in rest if part.pack == pack for chunk in part.files.chunks()]
        in_columns = sum(sum(part.sizes) for part in content.small) - sum(chunk.length for chunk in of_rest)
        one_by_one = [*content.chunks, *of_rest]
        ids, losers, healed = _publish_chunks(connection, pack, one_by_one)
        lost_in_pack = sum(chunk.length for chunk in losers)
        live = in_columns + sum(chunk.length for chunk in one_by_one) - lost_in_pack
        connection.execute(
            'update packs set "end" = ?, sealed = ?, live = live + ?, saved = saved + ? where id = ?',
            (content.end, int(content.sealed), live, _saved(one_by_one) - _saved(losers), pack),
        )
        chunks |= ids
        lost += lost_in_pack
        has_healed = has_healed or healed
    files = [file for content in contents for file in content.files]
    files += [file for part in rest for file in part.files.files()]
    published = Published(small_ids, _publish_files(connection, files, chunks), chunks, lost)
    if has_healed:
        count_again(connection)
    return published


def _pack_id(connection: Connection, pack: str) -> int:
    connection.execute('insert into packs (name, "end") values (?, 0) on conflict do nothing', (pack,))
    return int(connection.execute("select id from packs where name = ?", (pack,)).fetchone()[0])


def _publish_small_files(
    connection: Connection, small: Sequence[_SmallFilesOfPack]
) -> tuple[list[SmallFileIds], list[_SmallFilesOfPack]]:
    """Add those parts whose files are all new; return their ids, and the other parts."""
    if not small:
        return [], []
    # All at once where that can be: each attempt copies the pages that it changes, so that it can be undone.
    together = _publish_small(connection, small)
    if together is not None:
        return [together], []
    each = [_publish_small(connection, [part]) for part in small] if len(small) > 1 else [None]
    rest = [part for part, ids in zip(small, each, strict=True) if ids is None]
    return [ids for ids in each if ids is not None], rest


def _publish_small(connection: Connection, parts: Sequence[_SmallFilesOfPack]) -> SmallFileIds | None:
    """Add small files, which are new.

    If any of them, or its chunk, is stored already, add nothing and return None.
    """
    ids = SmallFileIds(
        b"".join(digest for part in parts for digest in part.files.digests),
        list(accumulate((len(part.files.digests) for part in parts[:-1]), initial=0)),
        _next_id(connection, "files"),
        _next_id(connection, "chunks"),
    )
    first = min(part.pack for part in parts)
    if max(part.pack for part in parts) - first > _MOST_PACKS:
        return None
    places = [part.pack - first << 32 | offset for part in parts for offset in part.files.offsets]
    columns = {
        "file": ids.file,
        "chunk": ids.chunk,
        "digests": ids.digests,
        "sizes": json.dumps([size for part in parts for size in part.files.sizes]),
        "pack": first,
        "places": json.dumps(places),
    }
    connection.execute("savepoint small")
    # In the order of the digests, each page of an index that the cache does not hold is read and changed once. Tables
    # take less space where their rows come in the order of the ids.
    by_digest = "order by 2" if ids.file > _FILES_IN_CACHE else ""
    # Rows that are made within SQLite take half the time of those that are passed one by one.
    added = connection.execute(
        f"""
        insert into files (id, digest, size)
        select :file + key, substr(:digests, 1 + {LENGTH} * key, {LENGTH}), value from json_each(:sizes)
        where true {by_digest} on conflict (digest) do nothing
        """,
        columns,
    ).rowcount
    if added == ids.number:
        added += connection.execute(
            f"""
            insert into chunks (id, digest, pack, offset, length, size, codec)
            select
                :chunk + place.key, files.digest, :pack + (place.value >> 32), place.value & 0xffffffff,
                files.size, files.size, 0
            from json_each(:places) as place
                cross join files on files.id = :file + place.key
            where true {by_digest} on conflict (digest) do nothing
            """,
            columns,
        ).rowcount
    if added == 2 * ids.number:
        connection.execute(
            """
            insert into file_chunks (file, position, chunk, count)
            select id, 0, :chunk - :file + id, 1 from files where id >= :file
            """,
            columns,
        )
        connection.execute("release small")
        return ids
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
