"""Entries of stored files as columns, while a folder is added: an `Entry` is made when a caller asks for one."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, repeat
from typing import NamedTuple

from artstore.core import manifest
from artstore.core.digests import LENGTH, Algorithm
from artstore.core.file_columns import split_raw
from artstore.core.manifest import Entry, Kind, Segment

_new = tuple.__new__


class FileEntries(NamedTuple):
    """Entries of stored files: a column for each field, and raw digests without a separator."""

    paths: list[str]
    digests: bytes
    sizes: array[int]
    executables: list[bool]

    @property
    def number(self) -> int:
        """The number of entries."""
        return len(self.paths)

    def part(self, start: int, end: int) -> FileEntries:
        """Return the entries between two positions."""
        digests = self.digests[LENGTH * start : LENGTH * end]
        return FileEntries(self.paths[start:end], digests, self.sizes[start:end], self.executables[start:end])

    def without(self, paths: Collection[str]) -> FileEntries:
        """Return the entries that are not at some paths."""
        return self._chosen([i for i, path in enumerate(self.paths) if path not in paths])

    def in_order(self) -> FileEntries:
        """Return the entries in the order of their paths."""
        order = sorted(range(self.number), key=self.paths.__getitem__)
        return self if order == list(range(self.number)) else self._chosen(order)

    def _chosen(self, positions: Sequence[int]) -> FileEntries:
        digests = split_raw(self.digests)
        return FileEntries(
            [self.paths[i] for i in positions],
            b"".join([digests[i] for i in positions]),
            array("q", [self.sizes[i] for i in positions]),
            [self.executables[i] for i in positions],
        )

    def entries(self, algorithm: Algorithm) -> list[Entry]:
        """Make the entries."""
        none = repeat(None)
        digests = algorithm.texts(self.digests)
        # No line of Python runs for each entry.
        every = zip(self.paths, repeat(Kind.FILE), digests, self.sizes, self.executables, none, none, none, none)
        return list(map(_new, repeat(Entry), every))


def joined(parts: Sequence[FileEntries]) -> FileEntries:
    """Return the entries of several columns, one after the other."""
    paths = [path for part in parts for path in part.paths]
    sizes = array("q", chain.from_iterable(part.sizes for part in parts))
    executables = [flag for part in parts for flag in part.executables]
    return FileEntries(paths, b"".join(part.digests for part in parts), sizes, executables)


def segments(algorithm: Algorithm, files: FileEntries) -> Iterator[tuple[Segment, FileEntries]]:
    """Cut entries, which are all those of a manifest and in order, into its segments."""
    start = 0
    for end in manifest.cuts(files.paths):
        part = files.part(start, end)
        texts = algorithm.texts(part.digests)
        paths = [path.encode() for path in part.paths]
        digest = manifest.file_segment_digest(algorithm, paths, texts, part.sizes, part.executables)
        yield Segment(digest, part.paths[0], part.paths[-1], part.number, sum(part.sizes)), part
        start = end
