"""A sequence that may be too long for memory: items are appended, and read in any order.

Items that exceed its share of memory go to a temporary file without a name, so nothing is left behind however the
process ends. Blocks are written once and read by their offset: a forked child reads the blocks of its parent, and
appends to a file of its own.
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

ITEMS_IN_MEMORY = 25_000
"""How many items are held in memory at most."""
ITEMS_PER_BLOCK = 1_000
"""How many items are written and read together."""


class _Block(NamedTuple):
    """The range of a file that holds a block of items, and the index of the first item after the block."""

    file: IO[bytes]
    offset: int
    length: int
    end: int


class Spool(Sequence[T], Generic[T]):
    """A sequence in the order of `append`. Items that do not fit in memory are pickled.

    Raises `DiskFull` or `StoreError` if the folder for temporary files (`TMPDIR`) is full or cannot be written.
    """

    def __init__(self, in_memory: int = ITEMS_IN_MEMORY, per_block: int = ITEMS_PER_BLOCK) -> None:
        self._in_memory = in_memory
        self._per_block = per_block
        self._blocks: list[_Block] = []
        self._rest: list[T] = []
        self._file: IO[bytes] | None = None
        self._process = os.getpid()
        self._last_read: tuple[int, list[T]] | None = None
        """The number and items of the block that was read last."""

    def append(self, item: T) -> None:
        """Add an item at the end."""
        self._rest.append(item)
        if len(self._rest) > self._in_memory:
            self._spill()

    def plain(self) -> Sequence[T]:
        """Return the items as a plain list if all are in memory, which is faster to read; otherwise this sequence."""
        return self if self._blocks else self._rest

    def _spill(self) -> None:
        with platform.translate_os_errors(f"a temporary file in {tempfile.gettempdir()}"):
            file = self._own_file()
            for start in range(0, len(self._rest), self._per_block):
                part = self._rest[start : start + self._per_block]
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
        """Return the items of a block; the last block that was read is kept in memory."""
        last_read = self._last_read
        if last_read is None or last_read[0] != number:
            block = self._blocks[number]
            with platform.translate_os_errors(f"a temporary file in {tempfile.gettempdir()}"):
                data = platform.read_at(block.file.fileno(), block.length, block.offset)
            last_read = self._last_read = number, pickle.loads(data)
        return last_read[1]

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
            return [self[position] for position in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        if position >= self._spilled:
            return self._rest[position - self._spilled]
        number = bisect_right(self._blocks, position, key=lambda block: block.end)
        items = self._items(number)
        return items[position - self._blocks[number].end + len(items)]
