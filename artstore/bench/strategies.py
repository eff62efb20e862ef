"""Storage strategies to compare: whole files, pieces of fixed size, pieces cut by content, and artstore's own.

A strategy gets all versions, file by file and block by block. It keeps a digest for each different piece: about 100
bytes of memory each, whatever the size of the piece. It measures the processor time of its own thread, so that
strategies can run in parallel and still be compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from blake3 import blake3

from artstore.runtime import optional_imports
from artstore.storage import chunking

BLOCK = 8 << 20
"""The size of a block: larger than the largest piece of any strategy."""
_KIB = 1 << 10
_FIXED = (64 * _KIB, 256 * _KIB, 1024 * _KIB)
_BY_CONTENT = (16 * _KIB, 256 * _KIB, 1024 * _KIB)
_DIGEST_BYTES = 16
_LEVEL = 1
_WORTHWHILE = 0.95
"""A piece is stored compressed if it shrinks to at most this fraction."""


class Block(NamedTuple):
    """The next bytes of a file: `BLOCK` of them, or fewer if they are the last."""

    data: bytes
    last: bool


class Cutter(Protocol):
    """Decides where to cut. Unless the window is the last of its file, the rest after the final cut is kept."""

    def lengths(self, window: memoryview, *, last: bool) -> list[int]: ...


class _Fixed:
    """Cuts pieces of a fixed size."""

    def __init__(self, size: int) -> None:
        self._size = size

    def lengths(self, window: memoryview, *, last: bool) -> list[int]:
        whole, rest = divmod(len(window), self._size)
        return [self._size] * whole + ([rest] if last and rest else [])


class _Compressor:
    """Measures the size of compressed pieces."""

    def __init__(self) -> None:
        self._zstd = optional_imports.need("zstandard", "comparing compression", "bench").ZstdCompressor(level=_LEVEL)

    def size(self, data: bytes | memoryview) -> int:
        """Return the bytes that a piece would take: compressed, or plain if compression saves too little."""
        compressed = len(self._zstd.compress(data))
        return compressed if compressed <= len(data) * _WORTHWHILE else len(data)


class Strategy:
    """One strategy, and how much it would have stored so far."""

    def __init__(self, name: str, kind: str, piece: int | None, *, compress: bool) -> None:
        self.name = name
        self.kind = kind
        """`whole`, `fixed`, `content` or `artstore`."""
        self.piece = piece
        """The average size of a piece in bytes; None for whole files."""
        self.pieces = 0
        """The number of different pieces."""
        self.stored = 0
        """Bytes stored."""
        self.compressed = 0
        """Bytes stored if each piece is compressed."""
        self.seconds = 0.0
        """Processor seconds for cutting and hashing."""
        self.compression_seconds = 0.0
        """Additional processor seconds for compression."""
        self._seen: set[bytes] = set()
        self._compressor = _Compressor() if compress else None

    def add(self, blocks: Iterable[Block]) -> None:
        """Process the next blocks of the data."""
        raise NotImplementedError

    def _is_new(self, digest: bytes) -> bool:
        if digest in self._seen:
            return False
        self._seen.add(digest)
        self.pieces += 1
        return True


class WholeFiles(Strategy):
    """Each different file is stored once, as W&B does. Compression works on one block at a time."""

    def __init__(self, *, compress: bool) -> None:
        super().__init__("whole files", "whole", None, compress=compress)
        self._hasher = blake3()
        self._size = self._compressed_size = 0
        self._known: dict[bytes, int] = {}

    def add(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            begun = time.thread_time()
            self._hasher.update(block.data)
            self._size += len(block.data)
            hashed = time.thread_time()
            if self._compressor is not None:
                self._compressed_size += self._compressed(block.data, self._compressor)
            compressed = time.thread_time()
            if block.last:
                self._end_file()
            self.seconds += hashed - begun + time.thread_time() - compressed
            self.compression_seconds += compressed - hashed

    def _compressed(self, data: bytes, compressor: _Compressor) -> int:
        """Return the compressed size of a block; equal blocks are compressed once.

        Whether a file is new is known only at its end.
        """
        digest = blake3(data).digest(_DIGEST_BYTES)
        size = self._known.get(digest)
        if size is None:
            size = self._known[digest] = compressor.size(data)
        return size

    def _end_file(self) -> None:
        if self._size and self._is_new(self._hasher.digest(_DIGEST_BYTES)):
            self.stored += self._size
            self.compressed += self._compressed_size
        self._hasher = blake3()
        self._size = self._compressed_size = 0


class Pieces(Strategy):
    """Files are cut, and each different piece is stored once. A file of up to `whole` bytes is one piece."""

    def __init__(self, name: str, kind: str, piece: int, cutter: Cutter, *, whole: int = 0, compress: bool) -> None:
        super().__init__(name, kind, piece, compress=compress)
        self._cutter = cutter
        self._whole = whole
        self._rest = b""
        self._begins = True
        self._is_whole = False

    def add(self, blocks: Iterable[Block]) -> None:
        new: list[memoryview] = []
        for block in blocks:
            window = self._window(block)
            begun = time.thread_time()
            for piece in self._cut(window, block.last):
                if self._is_new(blake3(piece).digest(_DIGEST_BYTES)):
                    new.append(piece)
                    self.stored += len(piece)
            self.seconds += time.thread_time() - begun
        if self._compressor is not None:
            begun = time.thread_time()
            self.compressed += sum(map(self._compressor.size, new))
            self.compression_seconds += time.thread_time() - begun

    def _window(self, block: Block) -> memoryview:
        """Join a block to the rest of the previous one. A store would not copy for that, so it is not timed."""
        self._is_whole = self._begins and block.last and len(block.data) <= self._whole
        self._begins = block.last
        return memoryview(self._rest + block.data if self._rest else block.data)

    def _cut(self, window: memoryview, last: bool) -> Iterator[memoryview]:
        lengths = [len(window)] if self._is_whole else self._cutter.lengths(window, last=last)
        start = 0
        for length in lengths if window else ():
            yield window[start : start + length]
            start += length
        self._rest = b"" if last else bytes(window[start:])


def _size_name(size: int) -> str:
    return f"{size // _KIB} KiB" if size < 1024 * _KIB else f"{size // _KIB // 1024} MiB"


def all_strategies(*, compress: bool) -> list[Strategy]:
    """Return all strategies, artstore's own the last. Raises `MissingLibrary`."""
    return [
        WholeFiles(compress=compress),
        *(Pieces(f"fixed {_size_name(size)}", "fixed", size, _Fixed(size), compress=compress) for size in _FIXED),
        *(
            Pieces(f"by content {_size_name(size)}", "content", size, chunking.Cutter(size), compress=compress)
            for size in _BY_CONTENT
        ),
        Pieces(
            "artstore",
            "artstore",
            chunking.AVERAGE,
            chunking.Cutter(),
            whole=chunking.WHOLE,
            compress=compress,
        ),
    ]
