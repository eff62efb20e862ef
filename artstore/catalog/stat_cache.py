"""The stat cache: the content that files on disk had when they were last read, by folder.

The files of a folder are cut by their names into blocks, each of them one row of packed columns: a folder is compared
with what is known of it at once, and a change of one file writes one block. A block has a checksum, so that damage
never makes a changed file look unchanged: a block without the right one counts as missing.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

from artstore.catalog import chunks, leases
from artstore.catalog.connection import Connection
from artstore.catalog.file_ids import FileIds
from artstore.core.digests import LENGTH
from artstore.runtime import stat_columns
from artstore.runtime.stat_columns import StatColumns

_BLOCK = 256
"""The number of files in a block. One that grows to twice as many is cut."""
_CHECKSUM = 16
_BLOCKS = "select names, stats, files, digests, checksum from stat_blocks where folder = ?"
_lengths = struct.Struct("<5Q").pack


class KnownFiles(NamedTuple):
    """Files directly in one folder as they were when they were read, as columns."""

    stats: StatColumns
    ids: array[int]
    """The ids of the stored files with their content. These may have been deleted since."""
    digests: bytes
    """The raw digests of their content, without a separator."""

    def digest(self, position: int) -> bytes:
        """Return the raw digest of one file."""
        return self.digests[LENGTH * position : LENGTH * (position + 1)]

    def chosen(self, positions: Sequence[int]) -> KnownFiles:
        """Return some of the files, in the order of their positions."""
        return KnownFiles(
            self.stats.chosen(positions),
            array("q", [self.ids[i] for i in positions]),
            b"".join(self.digest(i) for i in positions),
        )


NOTHING = KnownFiles(stat_columns.empty(), array("q"), b"")


def joined(parts: Iterable[KnownFiles]) -> KnownFiles:
    """Return the files of several columns, one after the other."""
    every, ids, digests = stat_columns.empty(), array("q"), []
    for stats, more_ids, more_digests in parts:
        every.names.extend(stats.names)
        for column, more in zip(every[1:], stats[1:], strict=True):
            column.extend(more)
        ids.extend(more_ids)
        digests.append(more_digests)
    return KnownFiles(every, ids, b"".join(digests))


def cached(connection: Connection, folder: str, name: str | None = None) -> KnownFiles:
    """Return the known files directly in a folder in the order of their names: all, or only the one with a name."""
    key = folder.encode()
    if name is None:
        rows = connection.execute(f"{_BLOCKS} order by first", (key,))
    else:
        rows = connection.execute(f"{_BLOCKS} and first <= ? order by first desc limit 1", (key, name.encode()))
    files = joined(block for block in (_unpacked(key, row) for row in rows) if block is not None)
    if name is None:
        return files
    position = bisect_left(files.stats.names, name)
    return files.chosen([position] if files.stats.names[position : position + 1] == [name] else [])


def known_files(connection: Connection, stats: StatColumns, digests: bytes, ids: FileIds) -> KnownFiles:
    """Return files with the ids of their content, by its digests. Those that are not stored are left out."""
    found = ids.find(connection, digests)
    files = KnownFiles(stats, array("q", [id or 0 for id in found]), digests)
    return files if all(found) else files.chosen([i for i, id in enumerate(found) if id])


def remember(connection: Connection, folder: str, files: KnownFiles) -> None:
    """Store the content of files directly in a folder; what is known of its other files stays."""
    if not files.ids:
        return
    key = folder.encode()
    files = _ordered(files)
    query = "select first from stat_blocks where folder = ? order by first"
    firsts = [first for (first,) in connection.execute(query, (key,))]
    if not firsts:
        _write(connection, key, files)
        return
    changes: dict[bytes, list[int]] = defaultdict(list)
    for position, name in enumerate(files.stats.names):
        # A name before all blocks belongs to the first one.
        changes[firsts[max(bisect_right(firsts, name.encode()) - 1, 0)]].append(position)
    for first, positions in changes.items():
        before = _unpacked(key, connection.execute(f"{_BLOCKS} and first = ?", (key, first)).fetchone())
        connection.execute("delete from stat_blocks where folder = ? and first = ?", (key, first))
        changed = files.chosen(positions)
        _write(connection, key, changed if before is None else _ordered(joined((before, changed))))


def _ordered(files: KnownFiles) -> KnownFiles:
    """Return files in the order of their names; of those with one name only the last."""
    places = {name: position for position, name in enumerate(files.stats.names)}
    order = [places[name] for name in sorted(places)]
    return files if order == list(range(len(files.ids))) else files.chosen(order)


def _write(connection: Connection, folder: bytes, files: KnownFiles) -> None:
    """Write files in the order of their names, in as many blocks as they need."""
    number = files.stats.number
    blocks = max(number // _BLOCK, 1)
    bounds = [number * i // blocks for i in range(blocks + 1)]
    rows = []
    for start, end in pairwise(bounds):
        names = "\0".join(files.stats.names[start:end]).encode()
        stats = b"".join(column[start:end].tobytes() for column in files.stats[1:])
        packed = names, stats, files.ids[start:end].tobytes(), files.digests[LENGTH * start : LENGTH * end]
        rows.append((folder, files.stats.names[start].encode(), *packed, _checksum(folder, *packed)))
    connection.executemany(
        "insert into stat_blocks (folder, first, names, stats, files, digests, checksum) values (?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def _checksum(folder: bytes, names: bytes, stats: bytes, files: bytes, digests: bytes) -> bytes:
    parts = folder, names, stats, files, digests
    return blake2b(_lengths(*map(len, parts)) + b"".join(parts), digest_size=_CHECKSUM).digest()


def _unpacked(folder: bytes, row: tuple[bytes, bytes, bytes, bytes, bytes]) -> KnownFiles | None:
    """Return the files of a block; None if it is damaged."""
    names, stats, files, digests, checksum = row
    if _checksum(folder, names, stats, files, digests) != checksum:
        return None
    length = len(files)
    columns = [array("q", stats[start : start + length]) for start in range(0, len(stats), length)]
    return KnownFiles(StatColumns(names.decode().split("\0"), *columns), array("q", files), digests)


def forget_deleted(connection: Connection) -> None:
    """Remove files whose content is not stored any more."""
    for folder, first in connection.execute("select folder, first from stat_blocks").fetchall():
        known = _unpacked(folder, connection.execute(f"{_BLOCKS} and first = ?", (folder, first)).fetchone())
        gone = set(_deleted(connection, known.ids)) if known else set()
        if known is None or gone:
            connection.execute("delete from stat_blocks where folder = ? and first = ?", (folder, first))
        kept = [i for i, file in enumerate(known.ids) if file not in gone] if known else []
        if known is not None and gone and kept:
            _write(connection, folder, known.chosen(kept))


def _deleted(connection: Connection, ids: Iterable[int]) -> Iterator[int]:
    for first, last in leases.ranges(ids):
        if chunks.count_files(connection, first, last) != last - first + 1:
            yield from chunks.missing_files(connection, first, last)
