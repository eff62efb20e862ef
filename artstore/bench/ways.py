"""Ways to store data: as whole files, in pieces of one size, in pieces cut by content, and as artstore does.

A way is fed all versions, file by file and block by block. Of what it has seen it keeps a digest for each piece, so
memory grows by about 100 bytes for each different piece, and never with their sizes. Its clock is the processor time
of its own thread, so that ways may run side by side and be compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from blake3 import blake3

from artstore.runtime import optional_imports
from artstore.storage import chunking

BLOCK = 8 << 20
"""How much of a file is handed over at a time: more than the largest piece that any way cuts."""
_KIB = 1 << 10
_FIXED = (64 * _KIB, 256 * _KIB, 1024 * _KIB)
_BY_CONTENT = (16 * _KIB, 256 * _KIB, 1024 * _KIB)
_DIGEST_BYTES = 16
_LEVEL = 1
_PAYS = 0.95
"""A piece is kept compressed if that takes at most this part of it."""


class Block(NamedTuple):
    """The next bytes of a file: `BLOCK` of them, or what is left if they are the last."""

    data: bytes
    last: bool


class Cutter(Protocol):
    """Says where to cut. Unless the window is the file's last, what follows the final cut waits for the next one."""

    def lengths(self, window: memoryview, *, last: bool) -> list[int]: ...


class _Fixed:
    """Cuts pieces of one size."""

    def __init__(self, size: int) -> None:
        self._size = size

    def lengths(self, window: memoryview, *, last: bool) -> list[int]:
        whole, rest = divmod(len(window), self._size)
        return [self._size] * whole + ([rest] if last and rest else [])


class _Compressing:
    """What bytes take once they are compressed, where that pays."""

    def __init__(self) -> None:
        self._zstd = optional_imports.need("zstandard", "comparing compression", "bench").ZstdCompressor(level=_LEVEL)

    def size(self, data: bytes | memoryview) -> int:
        """The bytes that a piece would take."""
        compressed = len(self._zstd.compress(data))
        return compressed if compressed <= len(data) * _PAYS else len(data)


class Way:
    """One way to store data, and what it would have stored so far."""

    def __init__(self, name: str, kind: str, piece: int | None, *, compress: bool) -> None:
        self.name = name
        self.kind = kind
        """`whole`, `fixed`, `content` or `artstore`."""
        self.piece = piece
        """The size of a piece in bytes, on average; None for whole files."""
        self.pieces = 0
        """How many different pieces there are."""
        self.stored = 0
        """Bytes stored."""
        self.compressed = 0
        """Bytes stored if each piece is compressed."""
        self.seconds = 0.0
        """Processor seconds for cutting and hashing."""
        self.compressing_seconds = 0.0
        """Processor seconds more for compressing."""
        self._seen: set[bytes] = set()
        self._compressing = _Compressing() if compress else None

    def take(self, blocks: Iterable[Block]) -> None:
        """Look at the next blocks of the data."""
        raise NotImplementedError

    def _is_new(self, digest: bytes) -> bool:
        if digest in self._seen:
            return False
        self._seen.add(digest)
        self.pieces += 1
        return True


class WholeFiles(Way):
    """Every different file is kept once, as W&B keeps them. Compressed, it is a block at a time."""

    def __init__(self, *, compress: bool) -> None:
        super().__init__("whole files", "whole", None, compress=compress)
        self._hasher = blake3()
        self._size = self._compressed_size = 0
        self._known: dict[bytes, int] = {}

    def take(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            begun = time.thread_time()
            self._hasher.update(block.data)
            self._size += len(block.data)
            hashed = time.thread_time()
            if self._compressing is not None:
                self._compressed_size += self._compressed(block.data, self._compressing)
            compressed = time.thread_time()
            if block.last:
                self._end_file()
            self.seconds += hashed - begun + time.thread_time() - compressed
            self.compressing_seconds += compressed - hashed

    def _compressed(self, data: bytes, compressing: _Compressing) -> int:
        """Asked of each different block once: whether its file is new is known at the end of it only."""
        digest = blake3(data).digest(_DIGEST_BYTES)
        found = self._known.get(digest)
        if found is None:
            found = self._known[digest] = compressing.size(data)
        return found

    def _end_file(self) -> None:
        if self._size and self._is_new(self._hasher.digest(_DIGEST_BYTES)):
            self.stored += self._size
            self.compressed += self._compressed_size
        self._hasher = blake3()
        self._size = self._compressed_size = 0


class Pieces(Way):
    """Files are cut, and every different piece is kept once. A file of up to `whole` bytes is one piece."""

    def __init__(self, name: str, kind: str, piece: int, cutter: Cutter, *, whole: int = 0, compress: bool) -> None:
        super().__init__(name, kind, piece, compress=compress)
        self._cutter = cutter
        self._whole = whole
        self._kept = b""
        self._begins = True
        self._is_whole = False

    def take(self, blocks: Iterable[Block]) -> None:
        new: list[memoryview] = []
        for block in blocks:
            window = self._window(block)
            begun = time.thread_time()
            for piece in self._cut(window, block.last):
                if self._is_new(blake3(piece).digest(_DIGEST_BYTES)):
                    new.append(piece)
                    self.stored += len(piece)
            self.seconds += time.thread_time() - begun
        if self._compressing is not None:
            begun = time.thread_time()
            self.compressed += sum(map(self._compressing.size, new))
            self.compressing_seconds += time.thread_time() - begun

    def _window(self, block: Block) -> memoryview:
        """A block behind what waited for it. No store would copy it for that, so it is not timed."""
        self._is_whole = self._begins and block.last and len(block.data) <= self._whole
        self._begins = block.last
        return memoryview(self._kept + block.data if self._kept else block.data)

    def _cut(self, window: memoryview, last: bool) -> Iterator[memoryview]:
        lengths = [len(window)] if self._is_whole else self._cutter.lengths(window, last=last)
        start = 0
        for length in lengths if window else ():
            yield window[start : start + length]
            start += length
        self._kept = b"" if last else bytes(window[start:])


def _said(size: int) -> str:
    return f"{size // _KIB} KiB" if size < 1024 * _KIB else f"{size // _KIB // 1024} MiB"


def all_ways(*, compress: bool) -> list[Way]:
    """Every way, artstore's own the last. Raises `MissingLibrary`."""
    return [
        WholeFiles(compress=compress),
        *(Pieces(f"fixed {_said(size)}", "fixed", size, _Fixed(size), compress=compress) for size in _FIXED),
        *(
            Pieces(f"by content {_said(size)}", "content", size, chunking.Cutter(size), compress=compress)
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
