"""Store one large file: it is read in windows and cut here, while other threads write it and hash it as a whole.

Content that is in memory already is cut in the same places.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from itertools import accumulate, pairwise

from artstore.core.digests import Algorithm
from artstore.errors import SourceUnreadable
from artstore.ingest.content_writer import ContentWriter
from artstore.runtime import platform, source_file
from artstore.runtime.progress import Progress
from artstore.runtime.source_file import Stat, is_executable, stat_of
from artstore.runtime.threads import ThreadPool
from artstore.storage import chunking, codec

_WINDOW = 8 * 1024 * 1024
_WINDOWS = 3
"""One is read while one is written and one is hashed."""
_PIPELINED = 4 * _WINDOW
"""Files of at least this size are written, and hashed as a whole, in the background while they are read."""
_READ_AGAIN = 1024 * 1024
"""How many bytes are read at a time to see whether a file only grew."""
_TOGETHER = 128
"""How many chunks of content in memory are stored together."""


def store_bytes(writer: ContentWriter, data: bytes, algorithm: Algorithm) -> bytes:
    """Store the content of a file that is in memory, cut as it would be on disk; return its digest."""
    raw = algorithm.raw(data)
    if len(data) <= chunking.WHOLE:
        writer.put_files([(raw, data)])
        writer.flush()
        return raw
    encode, window = codec.file_encoder(writer.compression), memoryview(data)
    ends = list(accumulate(chunking.Cutter().lengths(window, last=True)))
    pieces = [window[start:end] for start, end in pairwise([0, *ends])]
    chunks = [(algorithm.raw(piece), piece) for piece in pieces]
    for first in range(0, len(chunks), _TOGETHER):
        writer.put_chunks(chunks[first : first + _TOGETHER], encode)
    writer.put_file(raw, len(data), [digest for digest, _ in chunks])
    writer.flush()
    return raw


def store_file(
    path: str, algorithm: Algorithm, writer: ContentWriter, progress: Progress, stop: threading.Event
) -> tuple[Stat, bool, bytes]:
    """Store a file on disk; return its stat when it was read, whether it is executable, and its digest.

    Raises `SourceUnreadable`, `SourceChanged`, or `CancelledError` when `stop` is set.
    """
    descriptor = source_file.open_source(path)
    try:
        for _ in range(source_file.TRIES):
            before = os.fstat(descriptor)
            large = LargeFile(descriptor, before.st_size, algorithm, writer, progress, stop)
            digest, size, chunks = large.store_chunks()
            after = os.fstat(descriptor)
            is_same = stat_of(before) == stat_of(after)
            if size == before.st_size and (is_same or _has_grown(descriptor, before, after, digest, algorithm, stop)):
                writer.put_file(digest, size, chunks)
                stat = stat_of(after) if is_same else source_file.prefix_stat(before)
                return stat, is_executable(after.st_mode), digest
    except OSError as error:
        if isinstance(error, SourceUnreadable) or error.errno not in (errno.EIO, errno.EACCES, errno.ESTALE):
            raise
        raise source_file.unreadable(path, error.strerror or str(error)) from error
    finally:
        os.close(descriptor)
    raise source_file.changed(path)


def _has_grown(
    descriptor: int,
    before: os.stat_result,
    after: os.stat_result,
    digest: bytes,
    algorithm: Algorithm,
    stop: threading.Event,
) -> bool:
    """Whether a file only grew: its first bytes are those that were read, as a second reading shows."""
    if after.st_size <= before.st_size:
        return False
    hasher, window, offset = algorithm.hasher(), memoryview(bytearray(_READ_AGAIN)), 0
    while offset < before.st_size and not stop.is_set():
        count = platform.read_into(descriptor, window[: before.st_size - offset], offset)
        if count == 0:
            return False
        hasher.update(window[:count])
        offset += count
    return hasher.digest() == digest


class LargeFile:
    """One open file that is being stored. Raises `CancelledError` when `stop` is set."""

    def __init__(
        self,
        descriptor: int,
        size: int,
        algorithm: Algorithm,
        writer: ContentWriter,
        progress: Progress,
        stop: threading.Event,
    ) -> None:
        self._descriptor = descriptor
        self._size = size
        self._offset = 0
        self._is_sparse = platform.allocated_bytes(os.fstat(descriptor)) < size
        self._data = (0, 0)
        """The data that was found last in a sparse file, from one offset to the other."""
        self._stop = stop
        self._algorithm = algorithm
        self._writer = writer
        self._progress = progress
        self._whole = algorithm.hasher()
        self._cutter = chunking.Cutter()
        self._encode = codec.file_encoder(writer.compression)
        pipelined = size >= _PIPELINED
        self._pipeline = _Pipeline() if pipelined else None
        # A window always holds more than the longest chunk, or no cut might be found in it.
        window = min(_WINDOW, size + chunking.LARGEST + 4096)
        self._buffers = [bytearray(window) for _ in range(_WINDOWS if pipelined else 1)]

    def store_chunks(self) -> tuple[bytes, int, list[bytes]]:
        """Read up to the size and store the chunks; return the digest, the size read and the digests of the chunks."""
        try:
            size, digests = self._store_windows()
            self._wait(0)
            return self._whole.digest(), size, digests
        finally:
            if self._pipeline is not None:
                self._pipeline.end()

    def _store_windows(self) -> tuple[int, list[bytes]]:
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
        """Read on into a window, up to the size that the file had; holes are not read."""
        window = window[: self._size - self._offset]
        filled = 0
        while filled < len(window):
            start, end = self._next_data() if self._is_sparse else (self._offset, self._size)
            hole = min(start - self._offset, len(window) - filled)
            window[filled : filled + hole] = bytes(hole)
            filled += hole
            self._offset += hole
            piece = window[filled : filled + end - start] if self._offset == start else window[:0]
            count = platform.read_into(self._descriptor, piece, self._offset)
            filled += count
            self._offset += count
            if count < len(piece):
                break
        return filled

    def _next_data(self) -> tuple[int, int]:
        """Return where data begins at or after the offset, and where the hole after it begins."""
        start, end = self._data
        if self._offset >= end:
            start = platform.seek_data(self._descriptor, self._offset, self._size)
            end = platform.seek_hole(self._descriptor, start, self._size)
            self._data = start, end
        return max(start, self._offset), end

    def _hand_over(self, window: memoryview, chunks: list[tuple[bytes, memoryview]]) -> None:
        if self._pipeline is None:
            self._store(window, chunks)
            self._whole.update(window)
        else:
            self._pipeline.submit(partial(self._store, window, chunks), partial(self._whole.update, window))

    def _wait(self, left: int) -> None:
        if self._pipeline is not None:
            self._pipeline.wait(left)

    def _store(self, window: memoryview, chunks: list[tuple[bytes, memoryview]]) -> None:
        self._writer.put_chunks(chunks, self._encode)
        self._progress.advance(len(window))


class _Pipeline:
    """Two threads, which write and hash the windows of a file, each in their order."""

    def __init__(self) -> None:
        self._writing, self._hashing = ThreadPool(1, "artstore-write"), ThreadPool(1, "artstore-hash")
        self._under_way: deque[tuple[Future[object], Future[object]]] = deque()

    def submit(self, write: Callable[[], object], hash: Callable[[], object]) -> None:
        """Write and hash a window in the background."""
        self._under_way.append((self._writing.submit(write), self._hashing.submit(hash)))

    def wait(self, left: int) -> None:
        """Wait until at most `left` windows are under way."""
        while len(self._under_way) > left:
            for future in self._under_way.popleft():
                future.result()

    def end(self) -> None:
        """End both threads. Only after a failure are there windows left: they are dropped."""
        try:
            self._writing.shutdown(cancel_futures=True)
        finally:
            self._hashing.shutdown(cancel_futures=True)
