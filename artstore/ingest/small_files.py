"""What worker processes do for a log: read small files, hash them, and write what is new into a pack of their own.

Plain data goes in and comes out. The process that asked claims and publishes; here nothing is decided.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import chunks
from artstore.catalog.connection import Connection, connect_for_reading
from artstore.core import digests
from artstore.runtime import source_file
from artstore.runtime.source_file import Problem, Stat, is_executable, stat_of
from artstore.storage import chunking, codec, packs


class SmallFile(NamedTuple):
    """A file that is one chunk, or none."""

    stat: Stat
    executable: bool
    digest: bytes
    data: bytes


STORED = -1
"""The offset of a file that was in the store already when it was looked for."""


class Ingested(NamedTuple):
    """A file that was read: its state, its digest, and where in the pack its content begins."""

    stat: Stat
    executable: bool
    digest: bytes
    offset: int


class Ingestion(NamedTuple):
    """What became of a batch: each file or why it was not read, and what was written."""

    files: list[Ingested | Problem]
    end: int | None
    """The new end of the pack, if one was written."""
    compressed: dict[bytes, int]
    """How many bytes of the pack a file takes, by its digest, where that is not its size."""


_connections: dict[str, Connection] = {}


def ingest(
    paths: Sequence[str], store: str, algorithm: str, compression: str | None, pack: str, offset: int
) -> Ingestion:
    """Read files of up to 64 KiB, and append to a pack those that the store does not hold."""
    read = read_small(paths, algorithm)
    stored = chunks.file_ids(_catalog(store), {file.digest for file in read if not isinstance(file, Problem)})
    offsets = dict.fromkeys(stored, STORED)
    results: list[Ingested | Problem] = []
    new: list[codec.Bytes] = []
    compressed: dict[bytes, int] = {}
    encode, end = codec.encoder(compression), offset
    for file in read:
        if isinstance(file, Problem):
            results.append(file)
            continue
        if file.digest not in offsets:
            offsets[file.digest] = end
            data, encoded = encode(file.data)
            if encoded:
                compressed[file.digest] = len(data)
            new.append(data)
            end += len(data)
        results.append(Ingested(file.stat, file.executable, file.digest, offsets[file.digest]))
    packs.write_for_writer(Path(pack), offset, b"".join(new))
    return Ingestion(results, end, compressed)


def _catalog(store: str) -> Connection:
    found = _connections.get(store)
    if found is None:
        found = _connections[store] = connect_for_reading(Path(store))
    return found


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
            if len(data) > chunking.WHOLE:
                return Problem(path, "it grew", too_large=True)
            if len(data) == after.st_size and _same(before, after):
                return SmallFile(stat_of(after), is_executable(after.st_mode), raw(data), data)
            before = after
            os.lseek(descriptor, 0, os.SEEK_SET)
        return Problem(path, "it kept changing", changed=True)
    except OSError as error:
        return Problem(path, error.strerror or str(error))
    finally:
        os.close(descriptor)


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return before.st_mtime_ns == after.st_mtime_ns and before.st_size == after.st_size
