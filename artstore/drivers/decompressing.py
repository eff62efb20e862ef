"""Decompress objects that a server keeps compressed, and verify the compressed bytes, which are the pinned ones."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator

from artstore.drivers.driver import Driver
from artstore.drivers.remote_object import RemoteObject, changed, format_bytes
from artstore.drivers.verifying import hasher
from artstore.errors import BadReply, Unreachable

_PIECE = 4 << 20
_GZIP = 16 + zlib.MAX_WBITS


async def decompressed(driver: Driver, pinned: RemoteObject) -> AsyncGenerator[tuple[int, bytes]]:
    """Yield the content of a compressed object piece by piece, each with how many stored bytes were read for it.

    Raises `ReferenceChanged` if the stored bytes are not the pinned ones, which is known after the last piece.
    """
    gzip = zlib.decompressobj(_GZIP)
    algorithm = None if pinned.digest is None else pinned.digest.partition(":")[0]
    running = None if algorithm is None else hasher(algorithm)
    size = 0
    async for stored in driver.read_stored(pinned):
        size += len(stored)
        if pinned.size is not None and size > pinned.size:
            raise changed(pinned, f"more than {format_bytes(pinned.size)}")
        if running is not None:
            running.update(stored)
        count, rest, data = len(stored), stored, b""
        while rest or len(data) == _PIECE:
            if gzip.eof and not rest.strip(b"\0"):
                break
            if gzip.eof:
                # A gzip file may have several members, and zeros at its end.
                gzip = zlib.decompressobj(_GZIP)
            try:
                data = gzip.decompress(rest, _PIECE)
            except zlib.error as error:
                raise BadReply(f"{pinned.uri!r} is not gzip, although its Content-Encoding says so: {error}") from error
            yield count, data
            count, rest = 0, gzip.unused_data if gzip.eof else gzip.unconsumed_tail
    if pinned.size is not None and size < pinned.size:
        raise Unreachable(f"{pinned.uri!r} ended {format_bytes(pinned.size - size)} early: try again later")
    if size and not gzip.eof:
        raise BadReply(f"{pinned.uri!r} is cut off in the middle of its gzip content")
    if running is not None and pinned.digest != f"{algorithm}:{running.digest().hex()}":
        raise changed(pinned, f"{format_bytes(size)}, {algorithm}:{running.digest().hex()}")
