"""Packs: append-only files of chunks, and the only code that touches their bytes (docs/format.md, section 4).

This is the seam behind which packs may one day lie in a bucket: make or adopt a writer, read ranges, punch, delete.
Which ranges mean something is the catalog's business; docs/lifecycle.md has the rules.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from artstore.runtime import platform
from artstore.storage import codec

HEADER = b"artstore-pack-1\n"
SEAL_AT = 64 * 1024 * 1024
"""A pack of this many bytes is never appended to again."""
_GATHERED = 8 * 1024 * 1024
"""This many bytes are handed to the operating system together, so that it sees few and long writes."""
_OPEN_AT_MOST = 64
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Place(NamedTuple):
    """Where a chunk lies, and how."""

    pack: str
    offset: int
    length: int
    codec: int = codec.PLAIN


class PackWriter:
    """The one writer of one pack: holds its lock, appends, and makes what it appended durable."""

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
        """Add bytes; return the offset they will have. They are in memory until `sync`, or until enough has gathered.

        Raises `DiskFull`; `end` is then where the pack ends without what could not be written.
        """
        offset = self.end
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.end += len(data)
        if self._waiting_bytes >= _GATHERED:
            self.flush()
        return offset

    def extend(self, end: int) -> None:
        """Take note of what a worker process has written for this writer, up to a new end."""
        self.flush()
        self.end = end

    def flush(self) -> None:
        """Hand everything to the operating system, so that the buffers that were appended may be reused."""
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
        """Make everything appended so far durable; return the end of the pack."""
        self.flush()
        if self._synced != self.end:
            with platform.translate_os_errors(str(self.path)):
                os.fsync(self._descriptor)
            self._synced = self.end
        if not self._folder_synced:
            platform.sync_folder(self.path.parent)
            self._folder_synced = True
        return self.end

    @property
    def full(self) -> bool:
        """Whether the pack is to be sealed."""
        return self.end >= SEAL_AT

    def cut_back(self) -> None:
        """Cut off what a worker process wrote and was not taken note of. No worker may be writing any more."""
        os.ftruncate(self._descriptor, self.end)

    def close(self) -> None:
        """Let go of the pack. What was not published is the next writer's to cut off."""
        if self._descriptor >= 0:
            if os.getpid() == self._pid:
                # A child that was forked meanwhile has the descriptor too, and would keep the lock.
                platform.unlock(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def close_at(self, end: int | None) -> None:
        """Let go of the pack, and cut off what is not published. A pack that the catalog does not know is removed."""
        if self._descriptor >= 0:
            if end is None:
                platform.remove_if_there(self.path)
            elif os.fstat(self._descriptor).st_size > end:
                os.ftruncate(self._descriptor, end)
            self.close()


def write_for_writer(path: Path, offset: int, data: bytes) -> int:
    """Write into a pack for its writer, which waits meanwhile; return the new end. Raises `DiskFull`.

    Only for packs that the catalog does not know yet: should the writer die now, nobody else goes on with such a pack.
    """
    descriptor = os.open(path, os.O_WRONLY | _FLAGS)
    try:
        with platform.translate_os_errors(str(path)):
            platform.write_all_at(descriptor, data, offset)
    finally:
        os.close(descriptor)
    return offset + len(data)


class Packs:
    """The folder of packs of one store. Safe for use by several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "packs"
        self._local = threading.local()
        self._guard = threading.Lock()
        self._caches: list[tuple[threading.Thread, OrderedDict[str, int]]] = []

    def path(self, name: str) -> Path:
        """The file of a pack."""
        return self.folder / f"{name}.pack"

    def create(self) -> PackWriter:
        """Begin a new pack under a random name."""
        with platform.translate_os_errors(str(self.folder)):
            self.folder.mkdir(mode=0o700, exist_ok=True)
        path, descriptor = platform.create_locked(lambda: self.path(secrets.token_hex(8)))
        with platform.translate_os_errors(str(path)):
            os.write(descriptor, HEADER)
        return PackWriter(path, descriptor, len(HEADER), fresh=True)

    def adopt(self, name: str, published_end: Callable[[str], int | None]) -> PackWriter | None:
        """Go on with a pack that nobody writes any more; None if someone does, or if it is not there.

        `published_end` is asked only once the lock is held: until then its writer could still have published.
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
        """Read the content of a chunk. Something else where the pack is damaged, empty where it is gone."""
        try:
            stored = platform.read_at(self._descriptor(place.pack), place.length, place.offset)
        except FileNotFoundError:
            return b""
        return codec.decode(stored, place.codec) if place.codec else stored

    def read_into(self, pack: str, offset: int, window: memoryview) -> int:
        """Read from a pack, as it is, into memory that is there; return how many bytes there were."""
        try:
            return platform.read_into(self._descriptor(pack), window, offset)
        except FileNotFoundError:
            return 0

    def _descriptor(self, name: str) -> int:
        # One cache a thread: another thread's eviction must not close a descriptor that is being read.
        kept: OrderedDict[str, int] | None = getattr(self._local, "kept", None)
        if kept is None:
            kept = self._local.kept = OrderedDict()
            self._keep(kept)
        found = kept.pop(name, None)
        if found is None:
            found = os.open(self.path(name), os.O_RDONLY | _FLAGS)
        kept[name] = found
        if len(kept) > _OPEN_AT_MOST:
            os.close(kept.popitem(last=False)[1])
        return found

    def close(self) -> None:
        """Close what is kept open for reading. No thread may be reading."""
        with self._guard:
            for _, kept in self._caches:
                _close_all(kept)

    def _keep(self, kept: OrderedDict[str, int]) -> None:
        """Note a thread's open packs, and close those of threads that have ended."""
        with self._guard:
            for thread, cache in self._caches:
                if not thread.is_alive():
                    _close_all(cache)
            self._caches = [pair for pair in self._caches if pair[0].is_alive()]
            self._caches.append((threading.current_thread(), kept))

    def punch(self, name: str, ranges: Iterable[tuple[int, int]]) -> None:
        """Turn ranges (offset, length) into zeros and give their blocks back. A pack that is gone needs none."""
        try:
            descriptor = os.open(self.path(name), os.O_RDWR | _FLAGS)
        except FileNotFoundError:
            return
        try:
            for offset, length in ranges:
                platform.punch(descriptor, offset, length)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Hold a pack's lock, so that no writer goes on with it; yield whether that was possible."""
        descriptor = platform.open_locked(self.path(name), create=False)
        try:
            yield descriptor is not None
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def remove(self, name: str) -> None:
        """Remove a pack that is held. It is emptied first, so that a reader that has it open keeps no bytes on disk."""
        os.truncate(self.path(name), 0)
        self.path(name).unlink()

    def truncate(self, name: str, published_end: Callable[[str], int | None], *, dry_run: bool) -> int:
        """Cut off what a dead writer left after the published end; return how many bytes that is.

        A pack that was never published is removed whole. Nothing happens where a writer is alive.
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
        """Every pack that lies in the folder, known to the catalog or not."""
        return sorted(path.stem for path in self.folder.glob("*.pack"))

    def allocated(self) -> int:
        """What all packs together take on the disk."""
        total = 0
        if not self.folder.exists():
            return 0
        with os.scandir(self.folder) as found:
            for entry in found:
                try:
                    total += platform.allocated_bytes(entry.stat())
                except FileNotFoundError:
                    continue
        return total


def _close_all(descriptors: OrderedDict[str, int]) -> None:
    while descriptors:
        os.close(descriptors.popitem()[1])
