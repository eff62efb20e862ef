"""The checksums that are compared: artstore's two, those that S3 and Google store for objects, and a fast one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from artstore.core import digests
from artstore.runtime import optional_imports


class Hasher(Protocol):
    """A checksum in progress."""

    def update(self, data: memoryview, /) -> object: ...
    def digest(self) -> bytes: ...


HasherFactory = Callable[[], Hasher]


@dataclass(frozen=True)
class Hash:
    """An algorithm. `load` imports its library and returns the function that starts a checksum.

    Raises `MissingLibrary`.
    """

    name: str
    load: Callable[[], HasherFactory]


class _Crc32c:
    """Google's library accepts only `bytes`, so each piece is copied, as every user of it must."""

    def __init__(self, checksum: Any) -> None:
        self._checksum = checksum

    def update(self, data: memoryview) -> None:
        self._checksum.update(bytes(data))

    def digest(self) -> bytes:
        digest: bytes = self._checksum.digest()
        return digest


def _crc32c() -> HasherFactory:
    checksum = optional_imports.need("google_crc32c", "comparing crc32c", "bench").Checksum
    return lambda: _Crc32c(checksum())


def _xxh3() -> HasherFactory:
    factory: HasherFactory = optional_imports.need("xxhash", "comparing xxh3", "bench").xxh3_128
    return factory


HASHES = {
    hash.name: hash
    for hash in (
        Hash("blake3", lambda: digests.algorithm("blake3").hasher),
        Hash("sha256", lambda: digests.algorithm("sha256").hasher),
        Hash("md5", lambda: lambda: hashlib.md5(usedforsecurity=False)),
        Hash("xxh3", _xxh3),
        Hash("crc32c", _crc32c),
    )
}
