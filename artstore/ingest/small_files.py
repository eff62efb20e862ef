"""Read and hash small files in worker processes, and write what is new into a pack of the worker's own.

Plain data goes in and comes out. Nothing is decided here: the process that asked claims and publishes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import quarantine
from artstore.catalog.connection import Connection, connect_for_reading
from artstore.core import digests
from artstore.runtime import platform, source_file
from artstore.runtime.source_file import Problem, Stat, is_executable, stat_of
from artstore.storage import chunking, codec, packs


class SmallFile(NamedTuple):
    """A file of at most one chunk. One that kept growing has the size of its stable prefix, and no inode."""

    stat: Stat
    executable: bool
    digest: bytes
    data: bytes


STORED = -1
"""The offset of a file that the store already held when it was looked up."""


class IngestedFile(NamedTuple):
    """A file that was read: its stat, its digest, and where in the pack its content begins."""

    stat: Stat
    executable: bool
    digest: bytes
    offset: int


class IngestedBatch(NamedTuple):
    """The files of a batch, or why one was not read, and what was written."""

    files: list[IngestedFile | Problem]
    end: int | None
    """The new end of the pack, if the batch was written by a worker."""
    compressed: dict[bytes, int]
    """The bytes that compressed files take in the pack, by digest."""


_connections: dict[str, Connection] = {}


def ingest(
    paths: Sequence[str], store: str, algorithm: str, compression: str | None, pack: str, offset: int
) -> IngestedBatch:
    """Read files of up to 64 KiB, and append those that the store does not hold to a pack."""
    read = read_small(paths, algorithm)
    stored = quarantine.usable_files(_catalog(store), {file.digest for file in read if not isinstance(file, Problem)})
    offsets = dict.fromkeys(stored, STORED)
    files: list[IngestedFile | Problem] = []
    new: list[codec.Bytes] = []
    compressed: dict[bytes, int] = {}
    encode, end = codec.encoder(compression), offset
    for file in read:
        if isinstance(file, Problem):
            files.append(file)
            continue
        if file.digest not in offsets:
            offsets[file.digest] = end
            data, encoded = encode(file.data)
            if encoded:
                compressed[file.digest] = len(data)
            new.append(data)
            end += len(data)
        files.append(IngestedFile(file.stat, file.executable, file.digest, offsets[file.digest]))
    packs.write_for_writer(Path(pack), offset, b"".join(new))
    return IngestedBatch(files, end, compressed)


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
