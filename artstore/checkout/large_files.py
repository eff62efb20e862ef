"""Write large files: the calling thread reads and hashes them, and a pool of threads writes several at a time.

Only writing is left to the pool: it takes longest where the system has to find memory for the written pages. A file is
published when all of it is written and its content is verified, while the files after it are under way.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from artstore.catalog.chunks import StoredChunk
from artstore.checkout.plan import FileToWrite
from artstore.checkout.reader import Reader, damage_located
from artstore.checkout.target_folder import TargetFolder, TemporaryFile, write_all, write_with_holes
from artstore.core.digests import Hasher
from artstore.core.versions import Version
from artstore.runtime import platform
from artstore.runtime.progress import Progress
from artstore.runtime.source_file import Stat
from artstore.runtime.threads import SignalSafePool, Task

_SPAN_BYTES = 4 * 1024 * 1024
_MAX_FILES = 8
"""How many files are written at a time at most."""


@dataclass(eq=False)
class _UnfinishedFile:
    """A file that is not published yet."""

    file: FileToWrite
    temporary: TemporaryFile
    whole: Hasher
    reported: int = 0
    """How many of its bytes were reported as progress."""
    last_write: Task | None = None
    """The write of its newest span. The next span waits for it."""

    @property
    def is_written(self) -> bool:
        """Whether no write to it is under way."""
        return self.last_write is None or self.last_write.is_done

    def wait(self) -> None:
        """Wait until its newest span is written."""
        if self.last_write is not None:
            self.last_write.wait()

    def abandon(self) -> None:
        """Close it after the last write: the descriptor of a closed file may be another file's a moment later."""
        try:
            self.wait()
        finally:
            self.temporary.close()


class LargeFileWriter:
    """Writes the large files of one download, by one call of `write`."""

    def __init__(self, reader: Reader, version: Version, target: TargetFolder, progress: Progress) -> None:
        self._reader = reader
        self._version = version
        self._target = target
        self._progress = progress
        self._max_files = min(platform.cores(), _MAX_FILES)
        self._pool = SignalSafePool(self._max_files, "artstore-write")
        self._unfinished: deque[_UnfinishedFile] = deque()
        self._buffers: deque[tuple[bytearray, Task]] = deque()
        """The oldest first, each with the write that uses it."""

    def write(self, files: Sequence[FileToWrite]) -> Generator[tuple[FileToWrite, Stat], None, None]:
        """Write files; yield each when it is published. Raises `Damaged`, `DiskFull` or `UnsafeRoot`."""
        if not files:
            return
        try:
            self._pool.start()
            for file in files:
                if len(self._unfinished) == self._max_files:
                    yield self._finish_oldest()
                yield from self._begin(file)
            while self._unfinished:
                yield self._finish_oldest()
        finally:
            try:
                for unfinished in self._unfinished:
                    self._pool.submit(Task(unfinished.abandon))
            finally:
                self._pool.close()

    def _begin(self, file: FileToWrite) -> Iterator[tuple[FileToWrite, Stat]]:
        """Read a file and hand its spans to the pool; yield earlier files that finish meanwhile."""
        temporary = self._target.create(file.folder, file.name, executable=file.entry.executable)
        unfinished = _UnfinishedFile(file, temporary, self._reader.algorithm.hasher())
        self._unfinished.append(unfinished)
        with damage_located(self._version, file.entry.path):
            chunks = self._reader.chunks_of(file.digest)
        for span in _spans(chunks):
            buffer = self._free_buffer()
            window = self._reader.read_span(span, buffer)
            unfinished.wait()
            if window is None:
                break
            unfinished.last_write = Task(partial(write_with_holes, temporary.descriptor, window))
            self._pool.submit(unfinished.last_write)
            self._buffers.append((buffer, unfinished.last_write))
            unfinished.whole.update(window)
            unfinished.reported += len(window)
            self._progress.advance(len(window))
            while self._unfinished[0] is not unfinished and self._unfinished[0].is_written:
                yield self._finish_oldest()

    def _free_buffer(self) -> bytearray:
        if len(self._buffers) <= self._max_files:
            return bytearray(_SPAN_BYTES)
        buffer, write = self._buffers.popleft()
        write.wait()
        return buffer

    def _finish_oldest(self) -> tuple[FileToWrite, Stat]:
        """Publish the oldest unfinished file."""
        unfinished = self._unfinished[0]
        unfinished.wait()
        if self._reader.algorithm.text(unfinished.whole.digest()) != unfinished.file.digest:
            with damage_located(self._version, unfinished.file.entry.path):
                self._write_again(unfinished)
        with platform.translate_os_errors("a download"):
            os.ftruncate(unfinished.temporary.descriptor, unfinished.file.entry.size or 0)
        stat = unfinished.temporary.publish()
        unfinished.temporary.close()
        self._unfinished.popleft()
        return unfinished.file, stat

    def _write_again(self, unfinished: _UnfinishedFile) -> None:
        """Write a file chunk by chunk, because chunks moved or are damaged: each is looked up again if necessary."""
        descriptor, end = unfinished.temporary.descriptor, 0
        with platform.translate_os_errors("a download"):
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
        for piece in self._reader.read_file(unfinished.file.digest):
            write_all(descriptor, piece)
            end += len(piece)
            if end > unfinished.reported:
                self._progress.advance(end - unfinished.reported)
                unfinished.reported = end


def _spans(chunks: list[StoredChunk]) -> Iterator[list[StoredChunk]]:
    """Group chunks of a file that are consecutive in a pack, up to `_SPAN_BYTES`."""
    span: list[StoredChunk] = []
    size = 0
    for stored in chunks:
        if span:
            last = span[-1].place
            follows = last.pack == stored.place.pack and last.offset + last.length == stored.place.offset
            if not follows or size + stored.size > _SPAN_BYTES:
                yield span
                size, span = 0, []
        span.append(stored)
        size += stored.size
    if span:
        yield span
