"""Fetch the bytes of pinned objects: in parallel parts where that is safe, and resuming after a broken connection."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from artstore.drivers.decompressing import decompressed
from artstore.drivers.driver import Driver, NoRanges, StoredCompressed
from artstore.drivers.remote_object import RemoteObject, changed, format_bytes
from artstore.drivers.retrying import Retries
from artstore.drivers.verifying import digest_of
from artstore.errors import ReferenceGone, Unreachable
from artstore.runtime import platform

PART = 16 << 20
"""The size of a part, in bytes; an object smaller than two parts is read in one stream."""
PARALLEL_PARTS = 8
"""How many parts of one object are read at the same time."""
_PIECE = 4 << 20

Advance = Callable[[int], None]
T = TypeVar("T")


async def fetch(driver: Driver, pinned: RemoteObject, descriptor: int, advance: Advance) -> None:
    """Write the pinned object to an empty file, which is open for reading and writing, and verify it there.

    `advance` is called with the number of bytes written, or with a negative number when they have to be read again.
    An object that the server keeps compressed is decompressed while it is written; the pin is that of the compressed
    bytes. After an error the content of the file is not usable.
    """
    with _naming_the_pin(pinned):
        try:
            if pinned.size is not None and pinned.size >= 2 * PART and driver.steady(pinned):
                try:
                    await _fetch_parts(driver, pinned, descriptor, pinned.size, advance)
                except NoRanges:
                    await _fetch_whole(driver, pinned, descriptor, advance)
            else:
                await _fetch_whole(driver, pinned, descriptor, advance)
        except StoredCompressed:
            await _fetch_decompressed(driver, pinned, descriptor, advance)
            return
    await _verify(pinned, descriptor)


@contextmanager
def _naming_the_pin(pinned: RemoteObject) -> Iterator[None]:
    """Add to `ReferenceGone` what the object was expected to be."""
    try:
        yield
    except ReferenceGone as error:
        raise ReferenceGone(f"{error} (expected {pinned.described() or pinned.uri!r})") from error


@asynccontextmanager
async def _closing(pieces: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close a generator when the block ends, also if it was not read to its end."""
    try:
        yield pieces
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def _fetch_whole(driver: Driver, pinned: RemoteObject, descriptor: int, advance: Advance) -> None:
    retries, done = Retries(), 0
    resumable = driver.steady(pinned)
    os.ftruncate(descriptor, 0)
    while True:
        try:
            async with _closing(driver.read(pinned, done)) as pieces:
                async for data in pieces:
                    if pinned.size is not None and done + len(data) > pinned.size:
                        raise changed(pinned, f"more than {format_bytes(pinned.size)}")
                    platform.write_all_at(descriptor, data, done)
                    done += len(data)
                    advance(len(data))
                    if resumable:
                        retries.reset()
            return
        except Unreachable as error:
            await retries.pause(error)
        except NoRanges:
            if not done:
                raise
            resumable = False
        if not resumable:
            os.ftruncate(descriptor, 0)
            advance(-done)
            done = 0


async def _fetch_decompressed(driver: Driver, pinned: RemoteObject, descriptor: int, advance: Advance) -> None:
    retries = Retries()
    while True:
        done = counted = 0
        os.ftruncate(descriptor, 0)
        try:
            async with _closing(decompressed(driver, pinned)) as pieces:
                async for stored, data in pieces:
                    platform.write_all_at(descriptor, data, done)
                    done += len(data)
                    advance(stored)
                    counted += stored
            return
        except Unreachable as error:
            advance(-counted)
            await retries.pause(error)


async def _fetch_parts(driver: Driver, pinned: RemoteObject, descriptor: int, size: int, advance: Advance) -> None:
    written = 0
    starts = iter(range(0, size, PART))

    def progress(count: int) -> None:
        nonlocal written
        written += count
        advance(count)

    async def fetch_next_parts() -> None:
        for start in starts:
            await _fetch_part(driver, pinned, descriptor, start, min(start + PART, size), progress)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(PARALLEL_PARTS):
                group.create_task(fetch_next_parts())
    except BaseExceptionGroup as errors:
        advance(-written)
        raise errors.exceptions[0] from None


async def _fetch_part(
    driver: Driver, pinned: RemoteObject, descriptor: int, start: int, stop: int, advance: Advance
) -> None:
    retries = Retries()
    while start < stop:
        try:
            async with _closing(driver.read(pinned, start, stop)) as pieces:
                async for data in pieces:
                    if start + len(data) > stop:
                        raise NoRanges(f"{pinned.uri!r} was answered with more bytes than were requested")
                    platform.write_all_at(descriptor, data, start)
                    start += len(data)
                    advance(len(data))
                    retries.reset()
            if start != stop:
                raise Unreachable(f"{pinned.uri!r} ended {format_bytes(stop - start)} early: try again later")
        except Unreachable as error:
            await retries.pause(error)


async def _verify(pinned: RemoteObject, descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if pinned.size is not None and size != pinned.size:
        raise changed(pinned, format_bytes(size))
    if pinned.digest is not None:
        algorithm = pinned.digest.partition(":")[0]
        digest = await asyncio.to_thread(digest_of, descriptor, algorithm, size)
        if digest != pinned.digest:
            raise changed(pinned, f"{format_bytes(size)}, {digest}")


async def read_range(driver: Driver, pinned: RemoteObject, start: int, stop: int | None) -> bytes:
    """Return bytes of the pinned object, as they are stored, from `start` up to but not including `stop`.

    `stop` None means to the end.
    """
    retries = Retries()
    whole = False
    while True:
        try:
            with _naming_the_pin(pinned):
                if whole:
                    return await _joined(pinned, _stored(driver, pinned), start, stop)
                length = None if stop is None else stop - start
                return await _joined(pinned, driver.read(pinned, start, stop), 0, length)
        except Unreachable as error:
            await retries.pause(error)
        except (NoRanges, StoredCompressed):
            if whole:
                raise
            whole = True


async def _stored(driver: Driver, pinned: RemoteObject) -> AsyncGenerator[bytes]:
    """Yield all bytes of the pinned object, as they are stored."""
    try:
        async for data in driver.read(pinned):
            yield data
    except StoredCompressed:
        async for data in driver.read_stored(pinned):
            yield data


async def _joined(pinned: RemoteObject, pieces: AsyncIterator[bytes], start: int, stop: int | None) -> bytes:
    """Join pieces of content, and cut them; raise `Unreachable` if they end before `stop`."""
    kept: list[bytes] = []
    at = 0
    async with _closing(pieces):
        async for data in pieces:
            kept.append(data[max(0, start - at) : None if stop is None else max(0, stop - at)])
            at += len(data)
            if stop is not None and at >= stop:
                break
    if stop is not None and at < stop and pinned.size is not None:
        raise Unreachable(f"{pinned.uri!r} ended {format_bytes(stop - at)} early: try again later")
    return b"".join(kept)


async def stream(driver: Driver, pinned: RemoteObject) -> AsyncGenerator[bytes]:
    """Yield the pinned object, as it is stored, in pieces of about `_PIECE` bytes; only its size is verified.

    Bytes that were yielded cannot be taken back. So a broken connection is an error, unless the rest certainly belongs
    to the same content.
    """
    retries, done = Retries(), 0
    buffered: list[bytes] = []
    while True:
        try:
            with _naming_the_pin(pinned):
                async for data in driver.read(pinned, done) if done else _stored(driver, pinned):
                    buffered.append(data)
                    done += len(data)
                    if pinned.size is not None and done > pinned.size:
                        raise changed(pinned, f"more than {format_bytes(pinned.size)}")
                    retries.reset()
                    if sum(map(len, buffered)) >= _PIECE:
                        yield b"".join(buffered)
                        buffered.clear()
            if pinned.size is not None and done != pinned.size:
                raise changed(pinned, format_bytes(done))
            if buffered:
                yield b"".join(buffered)
            return
        except Unreachable as error:
            if done and not driver.steady(pinned):
                raise
            await retries.pause(error)
