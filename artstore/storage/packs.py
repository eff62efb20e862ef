"""Packs: append-only files of chunks, and the only code that touches their bytes (docs/format.md, section 4).

Packs in a bucket would replace this module: create or adopt a writer, read ranges, punch, remove. The catalog knows
which ranges are in use; docs/lifecycle.md has the rules.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from artstore.errors import Damaged
from artstore.runtime import platform
from artstore.storage import codec, random_names

HEADER = b"artstore-pack-1\n"
SEAL_AT = 64 * 1024 * 1024
"""A pack of this many bytes is never appended to again."""
_BUFFERED = 8 * 1024 * 1024
"""This many bytes are written together, so that the operating system gets few and long writes."""
_OPEN_AT_MOST = platform.some_descriptors(64)


class Place(NamedTuple):
    """The place of a chunk: its pack, offset and length there, and its codec."""

    pack: str
    offset: int
    length: int
    codec: int = codec.PLAIN


class PackWriter:
    """The only writer of one pack: it holds the lock of the pack, appends, and makes durable what it appended."""

    def __init__(self, path: Path, descriptor: int, end: int, *, fresh: bool) -> None:
        self.path = path
        self.name = path.stem
        self.end = end
        self._descriptor = descriptor
        self._pid = os.getpid()
        self._synced = -1 if fresh else end
        self._waiting: list[bytes | memoryview] = []
        self._waiting_bytes = 0
        self._folder_synced = not fresh

    def append(self, data: bytes | memoryview) -> int:
        """Append bytes; return their offset. They stay in memory until `flush` or `sync`, or until 8 MiB are there.

        Raises `DiskFull`; `end` then leaves out the bytes that could not be written.
        """
        offset = self.end
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.end += len(data)
        if self._waiting_bytes >= _BUFFERED:
            self.flush()
        return offset

    def extend_to(self, end: int) -> None:
        """Set the new end of the pack after a worker process has written for this writer."""
        self.flush()
        self.end = end

    def flush(self) -> None:
        """Write everything that was appended to the file, so that its buffers may be reused."""
        if not self._waiting:
            return
        start = self.end - self._waiting_bytes
        try:
            with platform.translate_os_errors(str(self.path)):
                platform.write_pieces_at(self._descriptor, self._waiting, start)
        except BaseException:
            os.ftruncate(self._descriptor, start)
            self.end = start
            raise
        finally:
            self._waiting.clear()
            self._waiting_bytes = 0

    def sync(self) -> int:
        """Make everything that was appended durable; return the end of the pack."""
        self.flush()
        if self._synced != self.end:
            with platform.translate_os_errors(str(self.path)):
                os.fsync(self._descriptor)
            self._synced = self.end
        if not self._folder_synced:
            platform.sync_folder(self.path.parent)
            self._folder_synced = True
        return self.end

    def sync_uncached(self) -> int:
        """Do what `sync` does, and let the system use the memory in which it keeps the pack."""
        end = self.sync()
        platform.drop_from_cache(self._descriptor)
        return end

    @property
    def full(self) -> bool:
        """Whether the pack is to be sealed: nothing is appended to it again."""
        return self.end >= SEAL_AT

    def cut_back(self) -> None:
        """Cut off what a worker process wrote beyond `end`."""
        os.ftruncate(self._descriptor, self.end)

    def close(self) -> None:
        """Release the pack. The next writer cuts off what was not published."""
        if self._descriptor >= 0:
            if os.getpid() == self._pid:
                # A child that was forked in between has the descriptor too: closing ours would not end the lock.
                platform.unlock(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def close_and_cut(self, end: int | None) -> None:
        """Release the pack, and cut it at its published end. With None it was never published, and is removed."""
        if self._descriptor >= 0:
            if end is None:
                platform.remove_if_there(self.path)
            elif os.fstat(self._descriptor).st_size > end:
                os.ftruncate(self._descriptor, end)
            self.close()


def write_for_writer(path: Path, offset: int, pieces: Sequence[bytes | memoryview]) -> int:
    """Write pieces one after the other to a pack, in a worker process, for a writer that waits; return the new end.

    Raises `DiskFull`. Only for packs that the catalog does not know yet: if the writer dies, no other writer adopts
    such a pack.
    """
    descriptor = platform.open_regular(path, os.O_WRONLY)
    try:
        with platform.translate_os_errors(str(path)):
            platform.write_pieces_at(descriptor, pieces, offset)
    finally:
        os.close(descriptor)
    return offset + sum(map(len, pieces))


class Packs:
    """The packs of one store. Safe for use by several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "packs"
        self._local = threading.local()
        self._guard = threading.Lock()
        self._caches: list[tuple[threading.Thread, OrderedDict[str, int]]] = []

    def path(self, name: str) -> Path:
        """Return the path of a pack. Raises `Damaged` for a name that a pack does not have."""
        if not random_names.is_one(name):
            raise Damaged(
                f"the catalog's table packs names the pack {name!r}, and names of packs are {random_names.RULE}: run "
                "`artstore verify`, which names the row, and restore the catalog from a backup with `artstore restore`"
            )
        return self.folder / f"{name}.pack"

    def create(self) -> PackWriter:
        """Create a pack with a random name; return its writer."""
        with platform.translate_os_errors(str(self.folder)):
            self.folder.mkdir(mode=0o700, exist_ok=True)
        path, descriptor = platform.create_locked(lambda: self.path(random_names.new()))
        try:
            with platform.translate_os_errors(str(path)):
                os.write(descriptor, HEADER)
        except BaseException:
            # On a full disk. The lock would keep others from removing it.
            path.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        return PackWriter(path, descriptor, len(HEADER), fresh=True)

    def adopt(self, name: str, published_end: Callable[[str], int | None]) -> PackWriter | None:
        """Continue a pack that has no writer; return None if it has one, or if the pack was removed.

        `published_end` is called once the lock is held: until then, the writer of the pack could still publish.
        """
        descriptor = platform.open_locked(self.path(name), create=False)
        if descriptor is None:
            return None
        end = published_end(name)
        if end is None or os.fstat(descriptor).st_size < end:
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, end)
        return PackWriter(self.path(name), descriptor, end, fresh=False)

    def read(self, place: Place) -> bytes:
        """Return the content of a chunk, for the caller to verify: empty if the pack was removed."""
        stored = self.read_stored(place)
        return codec.decode(stored, place.codec) if place.codec else stored

    def read_stored(self, place: Place) -> bytes:
        """Return a chunk as the pack holds it, encoded: empty if the pack was removed, or if no chunk can lie there."""
        return self.read_range(place.pack, place.offset, place.length)

    def read_range(self, pack: str, offset: int, length: int) -> bytes:
        """Return bytes of a pack, fewer at its end: empty if the pack was removed, or if no chunks can lie there."""
        if offset < len(HEADER) or not 0 <= length <= SEAL_AT:
            return b""
        try:
            return platform.read_at(self._descriptor(pack), length, offset)
        except FileNotFoundError:
            return b""

    def read_into(self, pack: str, offset: int, window: memoryview) -> int:
        """Read bytes of a pack into a buffer; return their number, which is smaller at the end of the pack."""
        try:
            return platform.read_into(self._descriptor(pack), window, offset)
        except FileNotFoundError:
            return 0

    def _descriptor(self, name: str) -> int:
        # Each thread has its own cache: eviction by another thread must not close a descriptor that is being read.
        kept: OrderedDict[str, int] | None = getattr(self._local, "kept", None)
        if kept is None:
            kept = self._local.kept = OrderedDict()
            self._register(kept)
        descriptor = kept.pop(name, None)
        if descriptor is None:
            descriptor = platform.open_regular(self.path(name), os.O_RDONLY)
        kept[name] = descriptor
        if len(kept) > _OPEN_AT_MOST:
            os.close(kept.popitem(last=False)[1])
        return descriptor

    def close(self) -> None:
        """Close all packs that are open for reading. No thread may be reading."""
        with self._guard:
            for _, kept in self._caches:
                _close_all(kept)

    def _register(self, kept: OrderedDict[str, int]) -> None:
        """Register a thread's open packs, and close those of threads that have ended."""
        with self._guard:
            for thread, cache in self._caches:
                if not thread.is_alive():
                    _close_all(cache)
            self._caches = [pair for pair in self._caches if pair[0].is_alive()]
            self._caches.append((threading.current_thread(), kept))

    def punch(self, name: str, ranges: Iterable[tuple[int, int]]) -> None:
        """Turn ranges (offset, length) into zeros, and return their blocks to the file system where it can.

        A pack that was removed is ignored.
        """
        try:
            descriptor = platform.open_regular(self.path(name), os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            for offset, length in ranges:
                platform.punch(descriptor, offset, length)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def locked(self, name: str) -> Iterator[bool]:
        """Lock a pack, so that no writer continues it; yield whether that was possible."""
        descriptor = platform.open_locked(self.path(name), create=False)
        try:
            yield descriptor is not None
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def remove(self, name: str) -> None:
        """Remove a locked pack. It is truncated first: its space is free even while a reader has it open."""
        descriptor = platform.open_regular(self.path(name), os.O_WRONLY)
        try:
            os.truncate(descriptor, 0)
        finally:
            os.close(descriptor)
        self.path(name).unlink()

    def truncate(self, name: str, published_end: Callable[[str], int | None], *, dry_run: bool) -> int:
        """Cut off what a dead writer left after the published end; return the number of those bytes.

        A pack that was never published is removed. A pack whose writer is alive is left alone.
        """
        descriptor = platform.open_locked(self.path(name), create=False)
        if descriptor is None:
            return 0
        try:
            end, size = published_end(name), os.fstat(descriptor).st_size
            if end is None:
                if not dry_run:
                    self.path(name).unlink()
                return size
            if size > end and not dry_run:
                os.ftruncate(descriptor, end)
            return max(0, size - end)
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        """Return the names of all packs in the folder, known to the catalog or not."""
        return sorted(path.stem for path in self.folder.glob("*.pack") if random_names.is_one(path.stem))

    def size(self, name: str) -> int | None:
        """Return the size of a pack's file in bytes; None if there is none.

        Raises `Damaged` for a link or whatever else is not a file.
        """
        try:
            return platform.size_of_regular(self.path(name))
        except FileNotFoundError:
            return None

    def allocated(self) -> int:
        """Return the bytes that all packs take on disk."""
        total = 0
        if not self.folder.exists():
            return 0
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    total += platform.allocated_bytes(entry.stat())
                except FileNotFoundError:
                    continue
        return total


def _close_all(descriptors: OrderedDict[str, int]) -> None:
    while descriptors:
        os.close(descriptors.popitem()[1])
