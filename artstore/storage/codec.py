"""Encode chunks for their pack: unchanged, or as a Zstandard frame if smaller (docs/format.md, section 4).

A store is made with compression or without; each chunk has a codec of its own. The level is 1, because level 3 takes a
third more time and makes text only a few hundredths smaller (docs/compression.md). Only stores that compress import
zstandard.
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
"""A chunk that does not shrink to this fraction is stored unchanged, because reading it is then faster."""

Bytes: TypeAlias = bytes | memoryview
Encode: TypeAlias = Callable[[Bytes], tuple[Bytes, int]]
"""Encodes the content of a chunk; returns what to store and its codec. Not safe for use by several threads."""


def check_name(compression: str | None) -> None:
    """Raise `InvalidInput` for an unknown compression."""
    if compression is not None and compression not in COMPRESSIONS:
        raise InvalidInput(f"no compression {compression!r}: choose one of {', '.join(COMPRESSIONS)}, or leave it out")


def check_usable(compression: str | None) -> None:
    """Raise `NewerStore` for an unknown compression of a store, or `MissingLibrary` if its library is not installed."""
    if compression is None:
        return
    if compression not in COMPRESSIONS:
        raise NewerStore(
            f"the store compresses with {compression!r}, which this artstore does not know: "
            "upgrade with `pip install -U artstore`"
        )
    optional_imports.need("zstandard", "a store that compresses", "zstd")


def encoder(compression: str | None) -> Encode:
    """Return an encoder for unrelated chunks."""
    return _plain if compression is None else _zstd


def file_encoder(compression: str | None) -> Encode:
    """Return an encoder for the chunks of one file in order: it tries half of them while they do not get smaller."""
    return _plain if compression is None else _FileEncoder()


def _plain(data: Bytes) -> tuple[Bytes, int]:
    return data, PLAIN


def _zstd(data: Bytes) -> tuple[Bytes, int]:
    encoded = _contexts().compressor.compress(data)
    return (encoded, ZSTD) if len(encoded) <= len(data) * _PAYS else (data, PLAIN)


class _FileEncoder:
    """Skips one chunk after each chunk that did not get smaller.

    Skipping more saves little time, and much space is lost in mixed files such as Parquet (docs/compression.md).
    """

    def __init__(self) -> None:
        self._skip = False

    def __call__(self, data: Bytes) -> tuple[Bytes, int]:
        if self._skip:
            self._skip = False
            return data, PLAIN
        encoded, codec = _zstd(data)
        self._skip = codec == PLAIN
        return encoded, codec


def decode(data: Bytes, codec: int) -> bytes:
    """Return the content of a chunk; empty bytes, which no chunk is, if the stored bytes cannot be decoded."""
    if codec == PLAIN:
        return bytes(data)
    if codec != ZSTD:
        return b""
    import zstandard

    try:
        # A damaged frame may claim any size.
        if zstandard.frame_content_size(data) > chunking.LARGEST:
            return b""
        return _contexts().decompressor.decompress(data, max_output_size=chunking.LARGEST)
    except zstandard.ZstdError:
        return b""


class _Contexts(threading.local):
    """Zstandard contexts, which no two threads may share, and which take longer to make than to use."""

    def __init__(self) -> None:
        import zstandard

        self.compressor: ZstdCompressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor: ZstdDecompressor = zstandard.ZstdDecompressor()


_contexts_of_threads: _Contexts | None = None


def _contexts() -> _Contexts:
    global _contexts_of_threads
    if _contexts_of_threads is None:
        _contexts_of_threads = _Contexts()
    return _contexts_of_threads
