"""Write small files: those of one chunk, in batches, in worker processes where there are many.

Workers import this module, so it takes and returns plain data and imports as little as possible.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from artstore.checkout.target_folder import TargetFolder, backdated, write_all
from artstore.core import digests
from artstore.core.file_columns import SmallFiles, split_numbers, split_raw
from artstore.runtime import platform
from artstore.runtime.source_file import MAX_INTEGER, Stat
from artstore.storage import codec
from artstore.storage.packs import Packs, Place

_SPAN_BYTES = 256 * 1024
"""How much of a pack is read at once, about: a cache of the processor holds it while it is hashed and written."""


class SmallFileToWrite(NamedTuple):
    """A file of one chunk to write, or an empty one, which has no place in a pack."""

    folder: str
    name: str
    executable: bool
    digest: bytes
    place: Place | None


class Batch(NamedTuple):
    """Small files to write, one by one or in columns."""

    files: list[SmallFileToWrite]
    columns: list[SmallFiles]


class WrittenFiles(NamedTuple):
    """The stats of written files as columns."""

    device: int
    inodes: array[int]
    mtimes: array[int]
    ctimes: array[int]
    failed: list[int]
    """The positions of files that are not written: their places hold other bytes, or a file has their name."""


def write_small_files(
    batch: Batch, root: Path, shown: Path | None, store: Path, algorithm: str
) -> tuple[list[Stat | None], list[WrittenFiles]]:
    """Write files below a root; return the stat of each, or None where its place holds other bytes.

    Columns are for a new folder, whose place in the end is `shown`.
    """
    raw = digests.algorithm(algorithm).raw
    packs, target = Packs(store), TargetFolder(root, store, shown)
    try:
        with platform.translate_os_errors("a download"):
            written = [_write_columns(files, packs, target, raw) for files in batch.columns]
        return [_write(file, packs, target, raw) for file in batch.files], written
    finally:
        packs.close()
        target.close()


def _write(file: SmallFileToWrite, packs: Packs, target: TargetFolder, raw: digests.Raw) -> Stat | None:
    data = b"" if file.place is None else packs.read(file.place)
    if raw(data) != file.digest:
        return None
    with target.new_file(file.folder, file.name, executable=file.executable) as new:
        write_all(new.descriptor, data)
    return new.stat


def _write_columns(files: SmallFiles, packs: Packs, target: TargetFolder, raw: digests.Raw) -> WrittenFiles:
    expected = split_raw(files.digests)
    contents = _contents(files, packs)
    written = WrittenFiles(os.stat(target.path).st_dev & MAX_INTEGER, array("q"), array("q"), array("q"), [])
    inodes, mtimes, ctimes = written.inodes.append, written.mtimes.append, written.ctimes.append
    write = target.write_new
    for folder, first, names in runs(files.paths.split("\0")):
        parent, mtime = target.open_folder(folder), backdated()
        for position, name, data in zip(range(first, first + len(names)), names, contents, strict=False):
            status = write(parent, name, data, mtime) if raw(data) == expected[position] else None
            if status is None:
                written.failed.append(position)
                # A row in the stat cache that matches no file.
                inodes(-1)
                mtimes(0)
                ctimes(0)
                continue
            inodes(status.st_ino & MAX_INTEGER)
            mtimes(status.st_mtime_ns)
            ctimes(status.st_ctime_ns)
    return written


def _contents(files: SmallFiles, packs: Packs) -> Iterator[bytes]:
    """Yield the content of each file, for the caller to verify. Neighbours in a pack are read together."""
    names, codecs = files.packs.split(","), split_numbers(files.codecs)
    offsets, lengths = split_numbers(files.offsets), split_numbers(files.lengths)
    start, number = 0, len(names)
    while start < number:
        pack, offset = names[start], offsets[start]
        stop, end = offset + lengths[start], start + 1
        while end < number and offsets[end] == stop and names[end] == pack and stop - offset < _SPAN_BYTES:
            stop += lengths[end]
            end += 1
        span = packs.read_range(pack, offset, stop - offset)
        for position in range(start, end):
            at = offsets[position] - offset
            stored = span[at : at + lengths[position]]
            yield codec.decode(stored, codecs[position]) if codecs[position] else stored
        start = end


def runs(paths: list[str]) -> Iterator[tuple[str, int, list[str]]]:
    """Yield runs of paths in one folder: the folder, the position of the first, and their names.

    >>> list(runs(["a/x", "a/y", "b"]))
    [('a', 0, ['x', 'y']), ('', 2, ['b'])]
    """
    start = 0
    names: list[str] = []
    current = paths[0].rpartition("/")[0]
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder != current:
            yield current, start, names
            start, names, current = start + len(names), [], folder
        names.append(name)
    yield current, start, names
