"""Compute the digests that stores and servers give, to verify content."""

from __future__ import annotations

import hashlib

from artstore.core import digests
from artstore.core.digests import Hasher
from artstore.errors import InvalidInput
from artstore.runtime import platform

_PIECE = 1 << 20


def hasher(algorithm: str) -> Hasher:
    """Return a new hash object for the algorithm of a digest. Raises `InvalidInput` if it cannot be computed here."""
    if algorithm == "md5":
        return hashlib.md5(usedforsecurity=False)
    if algorithm == "crc32c":
        try:
            from google_crc32c import Checksum
        except ImportError as error:
            raise InvalidInput("cannot verify crc32c without google-crc32c: pip install 'artstore[gs]'") from error
        crc32c: Hasher = Checksum()  # type: ignore[no-untyped-call]
        return crc32c
    return digests.algorithm(algorithm).hasher()


def digest_of(descriptor: int, algorithm: str, size: int) -> str:
    """Hash the first `size` bytes of an open file to `algorithm:hex`."""
    running = hasher(algorithm)
    done = 0
    while done < size and (data := platform.read_at(descriptor, min(_PIECE, size - done), done)):
        running.update(data)
        done += len(data)
    return f"{algorithm}:{running.digest().hex()}"
