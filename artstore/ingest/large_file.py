"""Taking one large file in: what is read in windows and cut here is written, and hashed as a whole, beside that.

What is in memory already is cut in the same places.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from itertools import accumulate, pairwise

from artstore.core.digests import Algorithm
from artstore.ingest.content_writer import ContentWriter
from artstore.runtime.progress import Progress
from artstore.runtime.threads import ThreadPool
from artstore.storage import chunking, codec

_WINDOW = 8 * 1024 * 1024
_WINDOWS = 3
"""One is read, one written and one hashed."""
_PIPELINED = 4 * _WINDOW
"""From this size on, a file's writing and whole-file hash run beside its reading."""
_TOGETHER = 128
"""How many chunks of what is in memory are stored together."""


def take_bytes(data: bytes, algorithm: Algorithm, intake: ContentWriter) -> bytes:
    """Take the content of a file that is in memory, cut as it would be on the disk; return its digest."""
    raw = algorithm.raw(data)
    if len(data) <= chunking.WHOLE:
        intake.put_files([(raw, data)])
        intake.settle()
        return raw
    encode, window = codec.file_encoder(intake.compression), memoryview(data)
    ends = list(accumulate(chunking.Cutter().lengths(window, last=True)))
    pieces = [window[start:end] for start, end in pairwise([0, *ends])]
    chunks = [(algorithm.raw(piece), piece) for piece in pieces]
    for first in range(0, len(chunks), _TOGETHER):
        intake.put_chunks(chunks[first : first + _TOGETHER], encode)
    intake.put_file(raw, len(data), [digest for digest, _ in chunks])
    intake.settle()
    return raw


class LargeFile:
    """One open file on its way into the store. Raises `CancelledError` once `stop` is set."""

    def __init__(
        self,
        descriptor: int,
        size: int,
        algorithm: Algorithm,
        intake: ContentWriter,
        progress: Progress,
        stop: threading.Event,
    ) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self._algorithm = algorithm
        self._intake = intake
        self._progress = progress
        self._whole = algorithm.hasher()
        self._cutter = chunking.Cutter()
        self._encode = codec.file_encoder(intake.compression)
        pipelined = size >= _PIPELINED
        self._beside = _Beside() if pipelined else None
        # A window always holds more than the longest chunk, or no cut might be found in it.
        window = min(_WINDOW, size + chunking.LARGEST + 4096)
        self._buffers = [bytearray(window) for _ in range(_WINDOWS if pipelined else 1)]

    def take(self) -> tuple[bytes, int, list[bytes]]:
        """Read to the end; return the digest, the size and the digests of the chunks."""
        try:
            size, digests = self._take()
            self._wait(0)
            return self._whole.digest(), size, digests
        finally:
            if self._beside is not None:
                self._beside.end()

    def _take(self) -> tuple[int, list[bytes]]:
        size, digests, kept = 0, list[bytes](), b""
        for turn in range(1 << 62):
            self._wait(len(self._buffers) - 1)
            window = memoryview(self._buffers[turn % len(self._buffers)])
            window[: len(kept)] = kept
            filled = len(kept) + self._fill(window[len(kept) :])
            last = filled < len(window)
            window = window[:filled]
            chunks, start = list[tuple[bytes, memoryview]](), 0
            for length in self._cutter.lengths(window, last=last):
                piece = window[start : start + length]
                chunks.append((self._algorithm.raw(piece), piece))
                start += length
            size += start
            digests += [digest for digest, _ in chunks]
            kept = bytes(window[start:])
            self._hand_over(window[:start], chunks)
            if self._stop.is_set():
                raise CancelledError
            if last:
                return size, digests
        raise AssertionError("a file ends")

    def _fill(self, window: memoryview) -> int:
        filled = 0
        while filled < len(window):
            count = (
                os.readv(self._descriptor, [window[filled:]]) if hasattr(os, "readv") else self._read(window[filled:])
            )
            if count == 0:
                break
            filled += count
        return filled

    def _read(self, window: memoryview) -> int:
        data = os.read(self._descriptor, len(window))
        window[: len(data)] = data
        return len(data)

    def _hand_over(self, window: memoryview, chunks: list[tuple[bytes, memoryview]]) -> None:
        if self._beside is None:
            self._store(window, chunks)
            self._whole.update(window)
        else:
            self._beside.do(partial(self._store, window, chunks), partial(self._whole.update, window))

    def _wait(self, left: int) -> None:
        if self._beside is not None:
            self._beside.wait(left)

    def _store(self, window: memoryview, chunks: list[tuple[bytes, memoryview]]) -> None:
        self._intake.put_chunks(chunks, self._encode)
        self._progress.advance(len(window))


class _Beside:
    """Two threads, which write and hash the windows of a file, each in their order."""

    def __init__(self) -> None:
        self._writing, self._hashing = ThreadPool(1, "artstore-write"), ThreadPool(1, "artstore-hash")
        self._under_way: deque[tuple[Future[object], Future[object]]] = deque()

    def do(self, write: Callable[[], object], hash: Callable[[], object]) -> None:
        """Have a window written and hashed."""
        self._under_way.append((self._writing.submit(write), self._hashing.submit(hash)))

    def wait(self, left: int) -> None:
        """Wait until at most so many windows are not done with."""
        while len(self._under_way) > left:
            for each in self._under_way.popleft():
                each.result()

    def end(self) -> None:
        """End both threads. What they have not begun, which is something only after a failure, is left undone."""
        try:
            self._writing.shutdown(cancel_futures=True)
        finally:
            self._hashing.shutdown(cancel_futures=True)
