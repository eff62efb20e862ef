"""Digests of content and of structures, written as `algorithm:hex` (docs/format.md, section 2)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from blake3 import blake3

from artstore.errors import InvalidInput

DEFAULT = "blake3"
LENGTH = 32
"""The length of a digest in bytes, for every algorithm."""
_length = struct.Struct(">I").pack
Raw: TypeAlias = "Callable[[bytes], bytes]"


class Hasher(Protocol):
    """A running hash, as in `hashlib`."""

    def update(self, data: bytes | bytearray | memoryview, /) -> object: ...
    def digest(self) -> bytes: ...


class Algorithm:
    """A hash algorithm, with its name in digests.

    >>> algorithm("sha256").text(algorithm("sha256").raw(b"hi"))
    'sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4'
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._prefix = name + ":"

    def hasher(self) -> Hasher:
        """Return a new hash that takes content piece by piece."""
        return blake3() if self.name == "blake3" else hashlib.sha256()

    def raw(self, data: bytes | bytearray | memoryview) -> bytes:
        """Hash bytes to the 32 bytes of their digest."""
        return blake3(data).digest() if self.name == "blake3" else hashlib.sha256(data).digest()

    def text(self, raw: bytes) -> str:
        """Write the 32 bytes of a digest as `algorithm:hex`."""
        return self._prefix + raw.hex()

    def texts(self, raw: bytes) -> list[str]:
        """Write each of some raw digests without a separator as `algorithm:hex`."""
        return (self._prefix + raw.hex(",", -LENGTH).replace(",", "," + self._prefix)).split(",") if raw else []

    def digest(self, data: bytes | bytearray | memoryview) -> str:
        """Hash bytes to `algorithm:hex`."""
        return self._prefix + self.raw(data).hex()

    def parse(self, digest: str) -> bytes:
        """Read `algorithm:hex` back to 32 bytes.

        Raises `InvalidInput` if it is not a digest of this algorithm.
        """
        try:
            raw = bytes.fromhex(digest.removeprefix(self._prefix))
        except ValueError:
            raw = b""
        if len(raw) != LENGTH or not digest.startswith(self._prefix):
            raise InvalidInput(
                f"{digest!r} is not a digest of this store: expected {self.name}: and 64 hexadecimal digits"
            )
        return raw

    def structure(self, name: str, body: bytes) -> str:
        """Hash a structure together with its name, so that two kinds of structures never have the same digest."""
        return self.digest(text(name) + body)


def text(value: str) -> bytes:
    """Encode a string for hashing: its length, then its UTF-8 bytes."""
    raw = value.encode()
    return _length(len(raw)) + raw


def digest_texts(digests: Sequence[str]) -> bytes:
    """Encode digests of one algorithm for hashing, each as `text` does.

    >>> digest_texts(["ab", "cd"]) == text("ab") + text("cd")
    True
    """
    if not digests:
        return b""
    length = _length(len(digests[0]))
    return length + length.join(map(str.encode, digests))


_ALGORITHMS = {name: Algorithm(name) for name in ("blake3", "sha256")}

NAMES = frozenset(_ALGORITHMS)
"""The names of the algorithms that a store may have."""


def algorithm(name: str) -> Algorithm:
    """Return an algorithm by its name. Raises `InvalidInput`, which lists the known names."""
    known = _ALGORITHMS.get(name)
    if known is None:
        raise InvalidInput(f"unknown digest algorithm {name!r}: use one of {', '.join(sorted(_ALGORITHMS))}")
    return known
