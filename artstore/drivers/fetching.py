"""Fetch the bytes of pinned objects: in parallel parts where that is safe, and resuming after a broken connection."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

from artstore.drivers.driver import Driver, NoRanges
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


async def fetch(driver: Driver, pinned: RemoteObject, descriptor: int, advance: Advance) -> None:
    """Write the pinned object to an empty file, which is open for reading and writing, and verify it there.

    `advance` is called with the number of bytes written, or with a negative number when they have to be read again.
    After an error the content of the file is not usable.
    """
    with _naming_the_pin(pinned):
        if pinned.size is not None and pinned.size >= 2 * PART and driver.steady(pinned):
            try:
                await _fetch_parts(driver, pinned, descriptor, pinned.size, advance)
            except NoRanges:
                await _fetch_whole(driver, pinned, descriptor, advance)
        else:
            await _fetch_whole(driver, pinned, descriptor, advance)
    await _verify(pinned, descriptor)


@contextmanager
def _naming_the_pin(pinned: RemoteObject) -> Iterator[None]:
    """Add to `ReferenceGone` what the object was expected to be."""
    try:
        yield
    except ReferenceGone as error:
        raise ReferenceGone(f"{error} (expected {pinned.described() or pinned.uri!r})") from error


async def _fetch_whole(driver: Driver, pinned: RemoteObject, descriptor: int, advance: Advance) -> None:
    retries, done = Retries(), 0
    resumable = driver.steady(pinned)
    os.ftruncate(descriptor, 0)
    while True:
        try:
            async for data in driver.read(pinned, done):
                platform.write_all_at(descriptor, data, done)
                done += len(data)
                advance(len(data))
                if resumable:
                    retries.reset()
            return
        except Unreachable as error:
            await retries.pause(error)
        except NoRanges:
            resumable = False
        if not resumable:
            os.ftruncate(descriptor, 0)
            advance(-done)
            done = 0


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
            async for data in driver.read(pinned, start, stop):
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
    """Return the bytes of the pinned object from `start` up to but not including `stop` (None: to the end)."""
    retries = Retries()
    whole = False
    while True:
        parts: list[bytes] = []
        try:
            with _naming_the_pin(pinned):
                async for data in driver.read(pinned) if whole else driver.read(pinned, start, stop):
                    parts.append(data)
            return b"".join(parts)[start:stop] if whole else b"".join(parts)
        except Unreachable as error:
            await retries.pause(error)
        except NoRanges:
            whole = True


async def stream(driver: Driver, pinned: RemoteObject) -> AsyncGenerator[bytes]:
    """Yield the content of the pinned object in pieces of about `_PIECE` bytes; only its size is verified.

    Bytes that were yielded cannot be taken back. So a broken connection is an error, unless the rest certainly belongs
    to the same content.
    """
    retries, done = Retries(), 0
    buffered: list[bytes] = []
    while True:
        try:
            with _naming_the_pin(pinned):
                async for data in driver.read(pinned, done):
                    buffered.append(data)
                    done += len(data)
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
