"""A batch of new content: chunks and files that were appended to one pack and are not published yet."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import chain

from artstore.catalog.publish import NewChunk, NewContent, NewFile, NewSmallFiles
from artstore.ingest.small_files import STORED
from artstore.runtime.threads import ThreadPool
from artstore.storage import codec
from artstore.storage.packs import PackWriter

_MANY_FILES = 32_768


@dataclass(eq=False)
class Batch:
    """Chunks and files that were appended to one pack and are not published."""

    pack: PackWriter
    chunks: dict[bytes, NewChunk] = field(default_factory=dict)
    files: dict[bytes, NewFile] = field(default_factory=dict)
    small: list[NewSmallFiles] = field(default_factory=list)
    """Other files, with a chunk each."""
    is_set_aside: bool = False
    """Whether nothing more is added."""
    _syncing: Future[int] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to publish."""
        return not self.chunks and not self.files and not self.small

    @property
    def number_of_files(self) -> int:
        """The number of files."""
        return len(self.files) + sum(len(part.digests) for part in self.small)

    def chunk_digests(self) -> Iterator[bytes]:
        """Yield the digests of all chunks."""
        return chain(self.chunks, *(part.digests for part in self.small))

    def file_digests(self) -> Iterator[bytes]:
        """Yield the digests of all files."""
        return chain(self.files, *(part.digests for part in self.small))

    def take(
        self,
        digests: list[bytes],
        sizes: Sequence[int],
        offsets: Sequence[int],
        compressed: Mapping[bytes, int],
        known: AbstractSet[bytes],
    ) -> list[bytes]:
        """Add files that were written to the pack, but not those that are `STORED`; return the digests of these files.

        The `known` ones are in some batch already. `compressed` maps the digests of files that were compressed to the
        bytes that they take in the pack.
        """
        unusual = compressed or 0 in sizes or STORED in offsets or not known.isdisjoint(digests)
        if not unusual and self.chunks.keys().isdisjoint(digests) and len(set(digests)) == len(digests):
            self.small.append(NewSmallFiles(digests, array("q", sizes), array("q", offsets)))
            return digests
        new: dict[bytes, int] = {}
        for position, digest in enumerate(digests):
            size = sizes[position]
            if offsets[position] == STORED:
                continue
            is_plain = size > 0 and digest not in compressed and digest not in known and digest not in self.chunks
            if is_plain:
                new.setdefault(digest, position)
                continue
            if size:
                how = codec.ZSTD if digest in compressed else codec.PLAIN
                chunk = NewChunk(digest, offsets[position], compressed.get(digest, size), size, how)
                self.chunks.setdefault(digest, chunk)
            if digest not in known:
                self.files.setdefault(digest, NewFile(digest, size, [digest] if size else []))
        if new:
            places = list(new.values())
            chosen = (array("q", [column[i] for i in places]) for column in (sizes, offsets))
            self.small.append(NewSmallFiles(list(new), *chosen))
        return [digest for digest, offset in zip(digests, offsets, strict=True) if offset != STORED]

    @property
    def is_full(self) -> bool:
        """Whether the batch should be published before more is added."""
        return self.pack.full or self.number_of_files >= _MANY_FILES

    def set_aside(self) -> None:
        """Cut off what a worker wrote that was killed; it may still be writing, so nothing more is added."""
        self.is_set_aside = True
        self.pack.cut_back()

    def start_sync(self, threads: ThreadPool, *, cached: bool) -> None:
        """Begin to make the batch durable in the background; its pack stays in the system's cache if `cached`."""
        self._syncing = threads.submit(self.pack.sync if cached else self.pack.sync_uncached)

    def sync(self) -> None:
        """Make the batch durable, or wait until that is done in the background."""
        if self._syncing is None:
            self.pack.sync()
        else:
            self._syncing.result()

    @property
    def content(self) -> NewContent:
        """The content of the batch, for the catalog."""
        return NewContent(
            self.pack.name,
            self.pack.end,
            self.pack.full,
            list(self.chunks.values()),
            list(self.files.values()),
            self.small,
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
