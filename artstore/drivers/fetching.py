"""Bringing the bytes of a pinned object into a file: in parts where that is safe, going on where it broke off."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

from artstore.drivers import Driver, NoRanges, RemoteObject, changed, in_bytes
from artstore.drivers.retrying import Tries
from artstore.drivers.verifying import digest_of
from artstore.errors import ReferenceGone, Unreachable
from artstore.runtime import platform

PART = 16 << 20
"""The size of a part, in bytes; what has less than two of them is read in one stream."""
AT_ONCE = 8
"""How many parts of one object are read at the same time."""
_PIECE = 4 << 20

Advance = Callable[[int], None]


async def fetch(driver: Driver, pinned: RemoteObject, descriptor: int, advance: Advance) -> None:
    """Write the object that is pinned into an empty file, open for reading and writing, and check it there.

    `advance` is told of bytes written, and of bytes given up again as a negative number. Whatever is raised, the file
    holds nothing that anybody may use.
    """
    with _expecting(pinned):
        if pinned.size is not None and pinned.size >= 2 * PART and driver.steady(pinned):
            try:
                await _in_parts(driver, pinned, descriptor, pinned.size, advance)
            except NoRanges:
                await _in_one(driver, pinned, descriptor, advance)
        else:
            await _in_one(driver, pinned, descriptor, advance)
    await _check(pinned, descriptor)


@contextmanager
def _expecting(pinned: RemoteObject) -> Iterator[None]:
    """Say of an object that is gone what it was."""
    try:
        yield
    except ReferenceGone as error:
        raise ReferenceGone(f"{error} (expected {pinned.described() or pinned.uri!r})") from error


async def _in_one(driver: Driver, pinned: RemoteObject, descriptor: int, advance: Advance) -> None:
    tries, done = Tries(), 0
    goes_on = driver.steady(pinned)
    os.ftruncate(descriptor, 0)
    while True:
        try:
            async for data in driver.read(pinned, done):
                platform.write_all_at(descriptor, data, done)
                done += len(data)
                advance(len(data))
                if goes_on:
                    tries.again()
            return
        except Unreachable as error:
            await tries.pause(error)
        except NoRanges:
            goes_on = False
        if not goes_on:
            os.ftruncate(descriptor, 0)
            advance(-done)
            done = 0


async def _in_parts(driver: Driver, pinned: RemoteObject, descriptor: int, size: int, advance: Advance) -> None:
    written = 0
    starts = iter(range(0, size, PART))

    def progress(count: int) -> None:
        nonlocal written
        written += count
        advance(count)

    async def some() -> None:
        for start in starts:
            await _part(driver, pinned, descriptor, start, min(start + PART, size), progress)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(some())
    except BaseExceptionGroup as errors:
        advance(-written)
        raise errors.exceptions[0] from None


async def _part(driver: Driver, pinned: RemoteObject, descriptor: int, start: int, stop: int, advance: Advance) -> None:
    tries = Tries()
    while start < stop:
        try:
            async for data in driver.read(pinned, start, stop):
                platform.write_all_at(descriptor, data, start)
                start += len(data)
                advance(len(data))
                tries.again()
            if start != stop:
                raise Unreachable(f"{pinned.uri!r} ended {in_bytes(stop - start)} early: try again later")
        except Unreachable as error:
            await tries.pause(error)


async def _check(pinned: RemoteObject, descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if pinned.size is not None and size != pinned.size:
        raise changed(pinned, in_bytes(size))
    if pinned.digest is not None:
        algorithm = pinned.digest.partition(":")[0]
        digest = await asyncio.to_thread(digest_of, descriptor, algorithm, size)
        if digest != pinned.digest:
            raise changed(pinned, f"{in_bytes(size)}, {digest}")


async def read_range(driver: Driver, pinned: RemoteObject, start: int, stop: int | None) -> bytes:
    """Read the bytes from `start` to before `stop` (None: to the end) of the object that is pinned."""
    tries = Tries()
    whole = False
    while True:
        parts: list[bytes] = []
        try:
            with _expecting(pinned):
                async for data in driver.read(pinned) if whole else driver.read(pinned, start, stop):
                    parts.append(data)
            return b"".join(parts)[start:stop] if whole else b"".join(parts)
        except Unreachable as error:
            await tries.pause(error)
        except NoRanges:
            whole = True


async def stream(driver: Driver, pinned: RemoteObject) -> AsyncGenerator[bytes]:
    """Read the object that is pinned from its beginning to its end, in pieces of about `_PIECE` bytes.

    Nothing but its size is checked.
    What was given cannot be taken back: where an object is not certain to be the same, a broken reading is an error.
    """
    tries, done = Tries(), 0
    waiting: list[bytes] = []
    while True:
        try:
            with _expecting(pinned):
                async for data in driver.read(pinned, done):
                    waiting.append(data)
                    done += len(data)
                    tries.again()
                    if sum(map(len, waiting)) >= _PIECE:
                        yield b"".join(waiting)
                        waiting.clear()
            if pinned.size is not None and done != pinned.size:
                raise changed(pinned, f"{done} bytes")
            if waiting:
                yield b"".join(waiting)
            return
        except Unreachable as error:
            if done and not driver.steady(pinned):
                raise
            await tries.pause(error)
