"""A batch of new content: chunks and files that were appended to one pack and are not published yet."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from artstore.catalog import chunks
from artstore.catalog.chunks import NewChunk, NewFile, Published
from artstore.catalog.connection import Connection
from artstore.runtime.threads import ThreadPool
from artstore.storage.packs import PackWriter

MANY_FILES = 32_768


@dataclass(eq=False)
class Batch:
    """Chunks and files that were appended to one pack and are not published."""

    pack: PackWriter
    chunks: dict[bytes, NewChunk] = field(default_factory=dict)
    files: dict[bytes, NewFile] = field(default_factory=dict)
    _syncing: Future[int] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to publish."""
        return not self.chunks and not self.files

    @property
    def is_full(self) -> bool:
        """Whether the batch should be published before more is added."""
        return self.pack.full or len(self.files) >= MANY_FILES

    def start_sync(self, threads: ThreadPool, *, cached: bool) -> None:
        """Begin to make the batch durable in the background; its pack stays in the system's cache if `cached`."""
        self._syncing = threads.submit(self.pack.sync if cached else self.pack.sync_uncached)

    def sync(self) -> None:
        """Make the batch durable, or wait until that is done in the background."""
        if self._syncing is None:
            self.pack.sync()
        else:
            self._syncing.result()

    def publish(self, connection: Connection) -> Published:
        """Add the rows of the batch to the catalog. The batch must be durable."""
        return chunks.publish(
            connection,
            self.pack.name,
            self.pack.end,
            self.pack.full,
            list(self.chunks.values()),
            list(self.files.values()),
        )

    def forget_unwritten(self) -> tuple[set[bytes], set[bytes]]:
        """Remove what could not be written to the pack; return the digests of those chunks, and of their files."""
        end = self.pack.end
        lost = {digest for digest, chunk in self.chunks.items() if chunk.offset + chunk.length > end}
        incomplete = {digest for digest, file in self.files.items() if not lost.isdisjoint(file.chunks)}
        for digest in lost:
            del self.chunks[digest]
        for digest in incomplete:
            del self.files[digest]
        return lost, incomplete
