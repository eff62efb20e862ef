"""Read and hash small files in worker processes, and write what is new into a pack of the worker's own.

Plain data goes in and comes out. Nothing is decided here: the process that asked claims and publishes.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import quarantine
from artstore.catalog.connection import Connection, connect_for_reading
from artstore.core import digests
from artstore.core.file_columns import split_raw
from artstore.runtime import platform, source_file
from artstore.runtime.source_file import Problem, Stat, is_executable, stat_of
from artstore.runtime.stat_columns import StatColumns
from artstore.storage import chunking, codec, packs


class SmallFile(NamedTuple):
    """A file of at most one chunk. One that kept growing has the size of its stable prefix, and no inode."""

    stat: Stat
    executable: bool
    data: bytes


class FilesToRead(NamedTuple):
    """Files in one folder, with their stats as a walk has seen them."""

    folder: str
    stats: StatColumns


class ReadFiles(NamedTuple):
    """The files of a batch that were read, in their order, and why others were not."""

    problems: dict[int, Problem]
    """By the position in the batch."""
    changed: dict[int, tuple[Stat, bool]]
    """The stats of files that changed after the walk, and whether they are executable, by the position in the batch."""
    contents: list[bytes]
    digests: list[bytes]


STORED = -1
"""The offset of a file that the store already held when it was looked up."""


class IngestedBatch(NamedTuple):
    """The files of a batch that were read, as columns and in their order, why others were not, and what was written."""

    problems: dict[int, Problem]
    """By the position in the batch."""
    changed: dict[int, tuple[Stat, bool]]
    """The stats of files that changed after the walk, and whether they are executable, by the position in the batch."""
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
            changed={},
            digests=b"".join([digests[i] for i in positions]),
            offsets=array("q", [self.offsets[i] for i in positions]),
        )


def ingested(read: ReadFiles, offsets: Mapping[bytes, int]) -> IngestedBatch:
    """Return the columns of files that were read; `offsets` are those of new content, by digest."""
    places = array("q", [offsets.get(digest, STORED) for digest in read.digests])
    return IngestedBatch(read.problems, read.changed, b"".join(read.digests), places, None, {})


_connections: dict[str, Connection] = {}


def ingest(
    batch: Sequence[FilesToRead], store: str, algorithm: str, compression: str | None, pack: str, offset: int
) -> IngestedBatch:
    """Read files of up to 64 KiB, and append those that the store does not hold to a pack."""
    read = read_small(batch, algorithm)
    stored = quarantine.usable_files(_catalog(store), set(read.digests))
    new = dict(zip(read.digests, read.contents, strict=True))
    for digest in stored:
        del new[digest]
    encoded = list(map(codec.encoder(compression), new.values()))
    compressed = {digest: len(data) for digest, (data, smaller) in zip(new, encoded, strict=True) if smaller}
    *places, _ = accumulate((len(data) for data, _ in encoded), initial=offset)
    end = packs.write_for_writer(Path(pack), offset, [data for data, _ in encoded])
    offsets = dict.fromkeys(stored, STORED) | dict(zip(new, places, strict=True))
    return ingested(read, offsets)._replace(end=end, compressed=compressed)


def _catalog(store: str) -> Connection:
    connection = _connections.get(store)
    if connection is None:
        connection = _connections[store] = connect_for_reading(Path(store))
    return connection


def read_small(batch: Sequence[FilesToRead], algorithm: str) -> ReadFiles:
    """Read and hash files of up to 64 KiB, each in one state."""
    problems, changed, contents = dict[int, Problem](), dict[int, tuple[Stat, bool]](), list[bytes]()
    first = 0
    for folder, stats in batch:
        for position, file in enumerate(_read_folder(folder, stats), first):
            if isinstance(file, bytes):
                contents.append(file)
            elif isinstance(file, SmallFile):
                changed[position] = file.stat, file.executable
                contents.append(file.data)
            else:
                problems[position] = file
        first += stats.number
    return ReadFiles(problems, changed, contents, list(map(digests.algorithm(algorithm).raw, contents)))


def _read_folder(folder: str, stats: StatColumns) -> Iterator[bytes | SmallFile | Problem]:
    """Read files of a folder: only the content of those that are, after they were read, as the walk has seen them."""
    prefix = os.path.join(folder, "")
    with _opened(folder) as descriptor_of_folder:
        # Names relative to a descriptor are found faster than whole paths.
        names = stats.names if descriptor_of_folder is not None else [prefix + name for name in stats.names]
        columns = zip(names, stats.names, stats.inodes, stats.sizes, stats.mtimes_ns, stats.ctimes_ns, strict=True)
        for place, name, inode, size, mtime_ns, ctime_ns in columns:
            try:
                descriptor = os.open(place, source_file.OPEN_FLAGS, dir_fd=descriptor_of_folder)
                try:
                    data = os.read(descriptor, size + 1)
                    status = os.fstat(descriptor)
                finally:
                    os.close(descriptor)
            except OSError:
                # Read again, it says why it cannot be read.
                yield read_file(prefix + name)
                continue
            is_unchanged = (
                len(data) == size == status.st_size
                and status.st_mtime_ns == mtime_ns
                and status.st_ctime_ns == ctime_ns
                and status.st_ino == inode
            )
            yield data if is_unchanged else read_file(prefix + name)


@contextmanager
def _opened(folder: str) -> Iterator[int | None]:
    """Open a folder, if files can be opened relative to it."""
    if os.open not in os.supports_dir_fd:
        yield None
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        # Each of its files says why it cannot be read.
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_file(path: str) -> SmallFile | Problem:
    """Read a file of up to 64 KiB in one state."""
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
                return SmallFile(stat_of(after), is_executable(after.st_mode), data)
            before = after
            os.lseek(descriptor, 0, os.SEEK_SET)
        prefix = _stable_prefix(descriptor, before.st_size)
        if prefix is not None:
            return SmallFile(source_file.prefix_stat(before), is_executable(before.st_mode), prefix)
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
