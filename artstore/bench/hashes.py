"""The checksums that are compared: artstore's own two, what S3 and Google keep of objects, and a fast one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from artstore.core import digests
from artstore.runtime import optional_imports


class Running(Protocol):
    """A checksum on its way through a file."""

    def update(self, data: memoryview, /) -> object: ...
    def digest(self) -> bytes: ...


Start = Callable[[], Running]


@dataclass(frozen=True)
class Hash:
    """An algorithm: `start` asks for its library, and gives what begins one checksum. Raises `MissingLibrary`."""

    name: str
    start: Callable[[], Start]


class _Crc32c:
    """Google's library takes `bytes` alone, so each piece is copied for it, as whoever uses it has to."""

    def __init__(self, checksum: Any) -> None:
        self._checksum = checksum

    def update(self, data: memoryview) -> None:
        self._checksum.update(bytes(data))

    def digest(self) -> bytes:
        found: bytes = self._checksum.digest()
        return found


def _crc32c() -> Start:
    checksum = optional_imports.need("google_crc32c", "comparing crc32c", "bench").Checksum
    return lambda: _Crc32c(checksum())


def _xxh3() -> Start:
    start: Start = optional_imports.need("xxhash", "comparing xxh3", "bench").xxh3_128
    return start


HASHES = {
    each.name: each
    for each in (
        Hash("blake3", lambda: digests.algorithm("blake3").hasher),
        Hash("sha256", lambda: digests.algorithm("sha256").hasher),
        Hash("md5", lambda: lambda: hashlib.md5(usedforsecurity=False)),
        Hash("xxh3", _xxh3),
        Hash("crc32c", _crc32c),
    )
}
