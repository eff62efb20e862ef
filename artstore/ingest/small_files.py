"""Read and hash small files in worker processes, and write what is new into a pack of the worker's own.

Plain data goes in and comes out. Nothing is decided here: the process that asked claims and publishes.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import quarantine
from artstore.catalog.connection import Connection, connect_for_reading
from artstore.core import digests
from artstore.core.file_columns import split_raw
from artstore.runtime import platform, source_file, stat_columns
from artstore.runtime.source_file import Problem, Stat, is_executable, stat_of
from artstore.runtime.stat_columns import StatColumns
from artstore.storage import chunking, codec, packs


class SmallFile(NamedTuple):
    """A file of at most one chunk. One that kept growing has the size of its stable prefix, and no inode."""

    stat: Stat
    executable: bool
    digest: bytes
    data: bytes


STORED = -1
"""The offset of a file that the store already held when it was looked up."""


class IngestedBatch(NamedTuple):
    """The files of a batch that were read, as columns and in their order, why others were not, and what was written."""

    problems: dict[int, Problem]
    """By the position in the batch."""
    stats: StatColumns
    """Their stats, without the names, which the caller knows."""
    executables: list[bool]
    digests: bytes
    """The raw digests of their content, without a separator."""
    offsets: array[int]
    """Where in the pack the content of each begins."""
    end: int | None
    """The new end of the pack, if the batch was written by a worker."""
    compressed: dict[bytes, int]
    """The bytes that compressed files take in the pack, by digest."""

    def chosen(self, positions: Sequence[int]) -> IngestedBatch:
        """Return some of the files that were read."""
        digests = split_raw(self.digests)
        return self._replace(
            problems={},
            stats=self.stats.chosen(positions),
            executables=[self.executables[i] for i in positions],
            digests=b"".join([digests[i] for i in positions]),
            offsets=array("q", [self.offsets[i] for i in positions]),
        )


def ingested(read: Sequence[SmallFile | Problem], offsets: Mapping[bytes, int]) -> IngestedBatch:
    """Return the columns of files that were read; `offsets` are those of new content, by digest."""
    files = [file for file in read if not isinstance(file, Problem)]
    digests = [file.digest for file in files]
    return IngestedBatch(
        {i: file for i, file in enumerate(read) if isinstance(file, Problem)},
        stat_columns.of_stats([], [file.stat for file in files]),
        [file.executable for file in files],
        b"".join(digests),
        array("q", [offsets.get(digest, STORED) for digest in digests]),
        None,
        {},
    )


_connections: dict[str, Connection] = {}


def ingest(
    paths: Sequence[str], store: str, algorithm: str, compression: str | None, pack: str, offset: int
) -> IngestedBatch:
    """Read files of up to 64 KiB, and append those that the store does not hold to a pack."""
    read = read_small(paths, algorithm)
    stored = quarantine.usable_files(_catalog(store), {file.digest for file in read if not isinstance(file, Problem)})
    offsets = dict.fromkeys(stored, STORED)
    new: list[codec.Bytes] = []
    compressed: dict[bytes, int] = {}
    encode, end = codec.encoder(compression), offset
    for file in read:
        if isinstance(file, Problem) or file.digest in offsets:
            continue
        offsets[file.digest] = end
        data, encoded = encode(file.data)
        if encoded:
            compressed[file.digest] = len(data)
        new.append(data)
        end += len(data)
    packs.write_for_writer(Path(pack), offset, b"".join(new))
    return ingested(read, offsets)._replace(end=end, compressed=compressed)


def _catalog(store: str) -> Connection:
    connection = _connections.get(store)
    if connection is None:
        connection = _connections[store] = connect_for_reading(Path(store))
    return connection


def read_small(paths: Sequence[str], algorithm: str) -> list[SmallFile | Problem]:
    """Read and hash files of up to 64 KiB, each in one state."""
    raw = digests.algorithm(algorithm).raw
    return [_read_one(path, raw) for path in paths]


def _read_one(path: str, raw: digests.Raw) -> SmallFile | Problem:
    try:
        descriptor = os.open(path, source_file.OPEN_FLAGS)
    except OSError as error:
        return Problem(path, error.strerror or str(error))
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return Problem(path, source_file.NOT_REGULAR)
        for _ in range(source_file.TRIES):
            data = os.read(descriptor, chunking.WHOLE + 1)
            after = os.fstat(descriptor)
            if before.st_size > chunking.WHOLE:
                return Problem(path, "it grew", too_large=True)
            if len(data) == after.st_size and _same(before, after):
                return SmallFile(stat_of(after), is_executable(after.st_mode), raw(data), data)
            before = after
            os.lseek(descriptor, 0, os.SEEK_SET)
        prefix = _stable_prefix(descriptor, before.st_size)
        if prefix is not None:
            return SmallFile(source_file.prefix_stat(before), is_executable(before.st_mode), raw(prefix), prefix)
        return Problem(path, "it kept changing", changed=True)
    except OSError as error:
        return Problem(path, error.strerror or str(error))
    finally:
        os.close(descriptor)


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return before.st_mtime_ns == after.st_mtime_ns and before.st_size == after.st_size


def _stable_prefix(descriptor: int, size: int) -> bytes | None:
    """Return the first `size` bytes of a file that grows; None if they change, too."""
    first = platform.read_at(descriptor, size, 0)
    is_stable = len(first) == size and os.fstat(descriptor).st_size > size
    return first if is_stable and platform.read_at(descriptor, size, 0) == first else None
