"""A sequence that may be too long for memory: appended to, read back in any order, and gone with whoever holds it.

What is over its share of memory lies in a temporary file without a name, so nothing is left of it however the process
ends. Blocks are written once and read by their place: a forked child reads what its parent wrote, and appends to a
file of its own.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import IO, Generic, NamedTuple, TypeVar, overload

from artstore.runtime import platform

T = TypeVar("T")

HELD = 25_000
"""How many items are held in memory, at most."""
BLOCK = 1_000
"""How many items are written, and read back, together."""


class _Block(NamedTuple):
    """Where a block of items lies, and the index of the first item behind it."""

    file: IO[bytes]
    offset: int
    length: int
    end: int


class Spool(Sequence[T], Generic[T]):
    """A sequence in the order in which it was appended to. Items are pickled where they do not fit in memory.

    Raises `DiskFull` or `StoreError` if the folder for temporary files (`TMPDIR`) takes no more.
    """

    def __init__(self, held: int = HELD, block: int = BLOCK) -> None:
        self._held = held
        self._block = block
        self._blocks: list[_Block] = []
        self._rest: list[T] = []
        self._file: IO[bytes] | None = None
        self._process = os.getpid()
        self._read: tuple[int, list[T]] | None = None

    def append(self, item: T) -> None:
        """Put an item at the end."""
        self._rest.append(item)
        if len(self._rest) > self._held:
            self._spill()

    def plain(self) -> Sequence[T]:
        """The same items, as a list if they are all in memory."""
        return self if self._blocks else self._rest

    def _spill(self) -> None:
        with platform.translate_os_errors(f"a temporary file in {tempfile.gettempdir()}"):
            file = self._own_file()
            for start in range(0, len(self._rest), self._block):
                part = self._rest[start : start + self._block]
                data = pickle.dumps(part, pickle.HIGHEST_PROTOCOL)
                offset = os.fstat(file.fileno()).st_size
                platform.write_all_at(file.fileno(), data, offset)
                self._blocks.append(_Block(file, offset, len(data), self._spilled + len(part)))
        self._rest = []

    def _own_file(self) -> IO[bytes]:
        if self._file is None or self._process != os.getpid():
            self._file = tempfile.TemporaryFile(prefix="artstore-", buffering=0)  # noqa: SIM115
            self._process = os.getpid()
            weakref.finalize(self, self._file.close)
        return self._file

    @property
    def _spilled(self) -> int:
        return self._blocks[-1].end if self._blocks else 0

    def _items(self, number: int) -> list[T]:
        """The items of a block; those of the last one that was read are at hand."""
        read = self._read
        if read is None or read[0] != number:
            block = self._blocks[number]
            with platform.translate_os_errors(f"a temporary file in {tempfile.gettempdir()}"):
                data = platform.read_at(block.file.fileno(), block.length, block.offset)
            read = self._read = number, pickle.loads(data)
        return read[1]

    def __len__(self) -> int:
        return self._spilled + len(self._rest)

    def __iter__(self) -> Iterator[T]:
        for number in range(len(self._blocks)):
            yield from self._items(number)
        yield from self._rest

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        if place >= self._spilled:
            return self._rest[place - self._spilled]
        number = bisect_right(self._blocks, place, key=lambda block: block.end)
        items = self._items(number)
        return items[place - self._blocks[number].end + len(items)]
