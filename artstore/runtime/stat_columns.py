"""The stats of the files in a folder as columns: whole folders are compared at once, not file by file."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from artstore.runtime.source_file import MAX_INTEGER, Stat


class StatColumns(NamedTuple):
    """The names of files in one folder, and the fields of `Stat` for each of them."""

    names: list[str]
    devices: array[int]
    inodes: array[int]
    sizes: array[int]
    mtimes_ns: array[int]
    ctimes_ns: array[int]

    @property
    def number(self) -> int:
        """The number of files."""
        return len(self.inodes)

    def part(self, names: list[str], start: int) -> StatColumns:
        """Return as many files as there are names, from a position on and with these names."""
        end = start + len(names)
        return StatColumns(names, *(column[start:end] for column in self[1:]))

    def changes(self) -> list[int]:
        """Return the later of both times of each file."""
        return list(map(max, self.mtimes_ns, self.ctimes_ns))

    def last_change(self) -> int:
        """Return the latest of all times."""
        return max(max(self.mtimes_ns, default=0), max(self.ctimes_ns, default=0))

    def stat(self, position: int) -> Stat:
        """Return the stat of one file."""
        return Stat(*(column[position] for column in self[1:]))

    def chosen(self, positions: Sequence[int]) -> StatColumns:
        """Return some of the files, in the order of their positions."""
        return StatColumns(
            [self.names[i] for i in positions] if self.names else [],
            *(array("q", [column[i] for i in positions]) for column in self[1:]),
        )


def empty() -> StatColumns:
    """Return columns without files."""
    return StatColumns([], array("q"), array("q"), array("q"), array("q"), array("q"))


def of_statuses(names: list[str], statuses: Sequence[os.stat_result]) -> StatColumns:
    """Return the columns of files by their names and statuses, as `stat_of` does for one file."""
    return StatColumns(
        names,
        _integers([status.st_dev for status in statuses]),
        _integers([status.st_ino for status in statuses]),
        array("q", [status.st_size for status in statuses]),
        _integers([status.st_mtime_ns for status in statuses]),
        _integers([status.st_ctime_ns for status in statuses]),
    )


def of_stats(names: list[str], stats: Iterable[Stat]) -> StatColumns:
    """Return the columns of files by their names and stats."""
    columns = tuple(zip(*stats, strict=True)) or ((),) * 5
    return StatColumns(names, *map(_integers, columns))


def _integers(values: Sequence[int]) -> array[int]:
    """Return integers as a column; those that are too large lose a bit, such as times after the year 2262."""
    try:
        return array("q", values)
    except OverflowError:
        return array("q", [value if value <= MAX_INTEGER else value & MAX_INTEGER for value in values])
