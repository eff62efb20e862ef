"""What worker processes do for a log: read small files, hash them, and write what is new into a pack of their own.

Plain data goes in and comes out. The process that asked claims and publishes; here nothing is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from artstore import codec, packs, reading
from artstore.catalog import content
from artstore.db import Connection, connect_for_reading
from artstore.reading import Problem, Stat

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
    read = reading.read_small(paths, algorithm)
    stored = content.file_ids(_catalog(store), {file.digest for file in read if not isinstance(file, Problem)})
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
    packs.write_for(Path(pack), offset, b"".join(new))
    return Ingestion(results, end, compressed)


def _catalog(store: str) -> Connection:
    found = _connections.get(store)
    if found is None:
        found = _connections[store] = connect_for_reading(Path(store))
    return found
