"""Writing large files out: one thread reads and hashes them, and others write several of them at a time.

Whoever downloads looks up, reads, hashes, opens and names files; only writing goes on beside, as it takes longest where
the system has to find memory for what is written. A file appears when all of it is written and was the right content,
while the ones after it are on their way.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from artstore.catalog.chunks import StoredChunk
from artstore.checkout import target_folder
from artstore.checkout.reader import Reader, damage_named
from artstore.checkout.target_folder import NewFile, TargetFolder
from artstore.core.digests import Hasher
from artstore.core.manifest import Entry
from artstore.core.versions import Version
from artstore.runtime import platform
from artstore.runtime.progress import Progress
from artstore.runtime.source_file import Stat
from artstore.runtime.threads import SignalSafePool, Task

_SPAN = 4 * 1024 * 1024
_AT_ONCE = 8


class MissingFile(NamedTuple):
    """A file that is not there as its entry says, by its folder and its name."""

    folder: str
    name: str
    entry: Entry

    @property
    def digest(self) -> str:
        """The digest of its content."""
        return self.entry.digest or ""


@dataclass(eq=False)
class _Coming:
    """A file that does not have its name yet."""

    file: MissingFile
    new: NewFile
    whole: Hasher
    told: int = 0
    """How many of its bytes progress was told of."""
    written: Task | None = None
    """Its newest span. The next one waits for it."""

    @property
    def is_written(self) -> bool:
        """Whether nothing of it is being written now."""
        return self.written is None or self.written.is_done

    def wait(self) -> None:
        """Wait until its newest span is written."""
        if self.written is not None:
            self.written.wait()

    def give_up(self) -> None:
        """Close it when nobody writes to it any more: the number of a closed file may be that of another at once."""
        try:
            self.wait()
        finally:
            self.new.close()


class LargeFileWriter:
    """Writes the large files of one download, by one call of `write`."""

    def __init__(self, reader: Reader, version: Version, root: TargetFolder, progress: Progress) -> None:
        self._reader = reader
        self._version = version
        self._root = root
        self._progress = progress
        self._at_once = min(platform.cores(), _AT_ONCE)
        self._pool = SignalSafePool(self._at_once, "artstore-write")
        self._coming: deque[_Coming] = deque()
        self._buffers: deque[tuple[bytearray, Task]] = deque()
        """The oldest first, each with what is written from it."""

    def write(self, files: Sequence[MissingFile]) -> Generator[tuple[MissingFile, Stat], None, None]:
        """Write files; yield each when it has appeared. Raises `Damaged`, `DiskFull` or `UnsafeRoot`."""
        if not files:
            return
        try:
            self._pool.start()
            for file in files:
                if len(self._coming) == self._at_once:
                    yield self._finish()
                yield from self._begin(file)
            while self._coming:
                yield self._finish()
        finally:
            try:
                for each in self._coming:
                    self._pool.submit(Task(each.give_up))
            finally:
                self._pool.close()

    def _begin(self, file: MissingFile) -> Iterator[tuple[MissingFile, Stat]]:
        """Have a file written; yield those before it that are done meanwhile."""
        new = self._root.begin(file.folder, file.name, executable=file.entry.executable)
        coming = _Coming(file, new, self._reader.algorithm.hasher())
        self._coming.append(coming)
        with damage_named(self._version, file.entry.path):
            chunks_of_file = self._reader.chunks_of(file.digest)
        for chunks in _spans(chunks_of_file):
            buffer = self._free_buffer()
            window = self._reader.span(chunks, buffer)
            coming.wait()
            if window is None:
                break
            coming.written = Task(partial(target_folder.write_all, new.descriptor, window))
            self._pool.submit(coming.written)
            self._buffers.append((buffer, coming.written))
            coming.whole.update(window)
            coming.told += len(window)
            self._progress.advance(len(window))
            while self._coming[0] is not coming and self._coming[0].is_written:
                yield self._finish()

    def _free_buffer(self) -> bytearray:
        if len(self._buffers) <= self._at_once:
            return bytearray(_SPAN)
        buffer, written = self._buffers.popleft()
        written.wait()
        return buffer

    def _finish(self) -> tuple[MissingFile, Stat]:
        """Give the oldest of the files that are on their way its name."""
        coming = self._coming[0]
        coming.wait()
        if self._reader.algorithm.text(coming.whole.digest()) != coming.file.digest:
            with damage_named(self._version, coming.file.entry.path):
                self._write_chunks(coming)
        stat = coming.new.appear()
        coming.new.close()
        self._coming.popleft()
        return coming.file, stat

    def _write_chunks(self, coming: _Coming) -> None:
        """Write a file that has moved, or is damaged: chunk by chunk, each looked up again where it is not found."""
        descriptor, end = coming.new.descriptor, 0
        with platform.translate_os_errors("a download"):
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
        for piece in self._reader.content(coming.file.digest):
            target_folder.write_all(descriptor, piece)
            end += len(piece)
            if end > coming.told:
                self._progress.advance(end - coming.told)
                coming.told = end


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
