"""How a chunk is encoded in its pack: as it is, or as a Zstandard frame where that pays (docs/format.md, section 4).

A store is made with a compression or with none; each chunk says for itself how it is encoded. Level 1, because level 3
takes a third more time and makes text smaller by a few hundredths (docs/compression.md). zstandard is imported by the
stores that need it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from artstore.errors import InvalidInput, NewerStore
from artstore.runtime import optional_imports
from artstore.storage import chunking

if TYPE_CHECKING:
    from zstandard import ZstdCompressor, ZstdDecompressor

PLAIN: Final = 0
ZSTD: Final = 1
KNOWN = (PLAIN, ZSTD)
COMPRESSIONS = ("zstd",)
_LEVEL = 1
_PAYS = 0.95
"""What does not shrink to this part of itself is kept as it is: reading it is then faster."""

Bytes: TypeAlias = bytes | memoryview
Encode: TypeAlias = Callable[[Bytes], tuple[Bytes, int]]
"""Turns the content of a chunk into what is stored, and the codec of that. Not for several threads at once."""


def check_name(compression: str | None) -> None:
    """Raise `InvalidInput` if there is no such compression."""
    if compression is not None and compression not in COMPRESSIONS:
        raise InvalidInput(f"no compression {compression!r}: choose one of {', '.join(COMPRESSIONS)}, or leave it out")


def check_usable(compression: str | None) -> None:
    """Raise `NewerStore` if a store's compression is not known here, `MissingLibrary` if it cannot be used."""
    if compression is None:
        return
    if compression not in COMPRESSIONS:
        raise NewerStore(
            f"the store compresses by {compression!r}, which this artstore does not know: "
            "upgrade with `pip install -U artstore`"
        )
    optional_imports.need("zstandard", "a store that compresses", "zstd")


def encoder(compression: str | None) -> Encode:
    """For chunks that have nothing to do with each other."""
    return _plain if compression is None else _zstd


def file_encoder(compression: str | None) -> Encode:
    """For the chunks of one file in their order: one that does not get smaller is tried half as often."""
    return _plain if compression is None else _OfFile()


def _plain(data: Bytes) -> tuple[Bytes, int]:
    return data, PLAIN


def _zstd(data: Bytes) -> tuple[Bytes, int]:
    encoded = _tools().compressor.compress(data)
    return (encoded, ZSTD) if len(encoded) <= len(data) * _PAYS else (data, PLAIN)


class _OfFile:
    """Passes over one chunk for each that was tried in vain.

    Passing over more saves little, and loses much of files that are mixed, as Parquet is (docs/compression.md).
    """

    def __init__(self) -> None:
        self._in_vain = False

    def __call__(self, data: Bytes) -> tuple[Bytes, int]:
        if self._in_vain:
            self._in_vain = False
            return data, PLAIN
        encoded, codec = _zstd(data)
        self._in_vain = codec == PLAIN
        return encoded, codec


def decode(data: Bytes, codec: int) -> bytes:
    """The content of a chunk; empty, which no chunk is, where that cannot be had from what is stored."""
    if codec == PLAIN:
        return bytes(data)
    if codec != ZSTD:
        return b""
    import zstandard

    try:
        # What is damaged may claim any size.
        if zstandard.frame_content_size(data) > chunking.LARGEST:
            return b""
        return _tools().decompressor.decompress(data, max_output_size=chunking.LARGEST)
    except zstandard.ZstdError:
        return b""


class _Tools(threading.local):
    """What zstandard lets no two threads use at once, and what takes longer to make than to use."""

    def __init__(self) -> None:
        import zstandard

        self.compressor: ZstdCompressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor: ZstdDecompressor = zstandard.ZstdDecompressor()


_made: _Tools | None = None


def _tools() -> _Tools:
    global _made
    if _made is None:
        _made = _Tools()
    return _made
