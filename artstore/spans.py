"""Writing large files out: in long spans, each hashed while it is written; chunk by chunk if that was not the file."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

from artstore import system, writing
from artstore.catalog.content import StoredChunk
from artstore.progress import Progress
from artstore.reader import Reader
from artstore.workers import Threads

_SPAN = 4 * 1024 * 1024


class Spans:
    """How the large files of one download are written. Safe for use by several threads.

    Once `stop` is set, whoever writes a file gets a `CancelledError`.
    """

    def __init__(self, reader: Reader, beside: Threads, progress: Progress, stop: threading.Event) -> None:
        self._reader = reader
        self._beside = beside
        self._progress = progress
        self._stop = stop
        self._local = threading.local()

    def write(self, descriptor: int, digest: str) -> None:
        """Write the content of a file, verified. Raises `Damaged` or `DiskFull`."""
        told = 0
        whole = self._reader.algorithm.hasher()
        for window in self._written(descriptor, digest):
            whole.update(window)
            self._progress.advance(len(window))
            told += len(window)
        if self._reader.algorithm.text(whole.digest()) != digest:
            self._write_chunks(descriptor, digest, told)

    def _written(self, descriptor: int, digest: str) -> Iterator[memoryview]:
        """Yield the spans of a file, each while it is written; ends early where one is not there."""
        buffers = self._buffers()
        written: Future[None] | None = None
        try:
            for turn, chunks in enumerate(_spans(self._reader.chunks_of(digest))):
                self._check_stop()
                window = self._reader.span(chunks, buffers[turn % 2])
                if written is not None:
                    written.result()
                if window is None:
                    return
                written = self._beside.submit(writing.write_all, descriptor, window)
                yield window
        finally:
            if written is not None:
                written.result()

    def _buffers(self) -> tuple[bytearray, bytearray]:
        """Two buffers of this thread: one is read into while the other is written."""
        found: tuple[bytearray, bytearray] | None = getattr(self._local, "buffers", None)
        if found is None:
            found = self._local.buffers = bytearray(_SPAN), bytearray(_SPAN)
        return found

    def _write_chunks(self, descriptor: int, digest: str, told: int) -> None:
        """Write a file that has moved, or is damaged: chunk by chunk, each looked up again where it is not found."""
        with system.os_errors_said("a download"):
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
        end = 0
        for piece in self._reader.content(digest):
            self._check_stop()
            writing.write_all(descriptor, piece)
            end += len(piece)
            if end > told:
                self._progress.advance(end - told)
                told = end

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise CancelledError


def _spans(chunks: list[StoredChunk]) -> Iterator[list[StoredChunk]]:
    """Group the chunks of a file that lie one behind the other in a pack, up to a size."""
    span: list[StoredChunk] = []
    size = 0
    for stored in chunks:
        if span:
            last = span[-1].place
            follows = last.pack == stored.place.pack and last.offset + last.length == stored.place.offset
            if not follows or size + stored.size > _SPAN:
                yield span
                size, span = 0, []
        span.append(stored)
        size += stored.size
    if span:
        yield span
