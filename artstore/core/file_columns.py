"""Files as columns: where there are very many, a string for all values of a field is made faster than objects.

Worker processes import this module, so it imports as little as possible.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from artstore.core.digests import LENGTH


class SmallFiles(NamedTuple):
    """Files of one chunk, or empty ones, none of them executable: a column for each field, in the order of the paths.

    Paths are separated by NUL, all other columns of text by commas.
    """

    paths: str
    digests: bytes
    """Raw digests, without a separator."""
    ids: str
    """The ids of the stored files."""
    sizes: str
    packs: str
    """Names of packs, empty for files that are empty."""
    offsets: str
    lengths: str
    codecs: str

    @property
    def number(self) -> int:
        """The number of files."""
        return len(self.digests) // LENGTH


def split_raw(digests: bytes) -> list[bytes]:
    """Split raw digests without a separator."""
    return [digests[start : start + LENGTH] for start in range(0, len(digests), LENGTH)]


def split_numbers(joined: str) -> list[int]:
    """Read integers that are separated by commas."""
    numbers: list[int] = json.loads(f"[{joined}]")
    return numbers
