"""The ids of the files that a draft has published or found, by their digests.

Files that were published together have consecutive ids, and a manifest asks for them in nearly the order in which they
were published. So the digests of such a run are kept in one string: the files that are asked for are compared with what
follows those that were found last, many at a time, and no table of digests is needed, which would take four times the
memory. What is not found in this way is looked up in the catalog.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from artstore.catalog import chunks
from artstore.catalog.connection import Connection
from artstore.core.digests import LENGTH
from artstore.core.file_columns import split_raw

_MOST_SINGLE = 262_144
_MOST_ASKED = 500


class _Run(NamedTuple):
    """Files with consecutive ids: their digests without a separator, and the id of the first."""

    first: int
    digests: bytes


class FileIds:
    """Ids of stored files by digest; those that are not known here are looked up."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        self._starts: dict[bytes, int] = {}
        self._single: dict[bytes, int] = {}
        self._next = self._after_lookup = 0
        """The ids of the files that are probably asked for next: after those found, and after that looked up last."""

    def add(self, ids: Mapping[bytes, int]) -> None:
        """Remember single files, up to a limit."""
        if len(self._single) < _MOST_SINGLE:
            self._single.update(ids)

    def add_run(self, first: int, digests: bytes, starts: Iterable[int]) -> None:
        """Remember files with consecutive ids, higher than those of earlier runs.

        Their digests have no separator. `starts` are positions that others often come before or after.
        """
        self._runs.append(_Run(first, digests))
        for position in starts:
            self._starts[digests[LENGTH * position : LENGTH * (position + 1)]] = first + position

    def clear(self) -> None:
        """Forget everything."""
        self._runs.clear()
        self._starts.clear()
        self._single.clear()

    def find(self, connection: Connection, digests: bytes) -> list[int | None]:
        """Return the id of the file with each of some digests, which have no separator; None if it is not stored."""
        wanted, found = split_raw(digests), list[int | None]()
        asked = 1
        while len(found) < len(wanted):
            known = self._known(digests, len(found))
            if known:
                found += known
                asked = 1
                continue
            # One at first, as those after it are probably known then; more and more where they are not.
            part = wanted[len(found) : len(found) + asked]
            stored = chunks.file_ids(connection, part)
            found += map(stored.get, part)
            self._after_lookup = (found[-1] or -1) + 1
            asked = min(2 * asked, _MOST_ASKED)
        return found

    def _known(self, digests: bytes, position: int) -> list[int]:
        """Return the ids of the files from a position on, as far as they are known."""
        digest = digests[LENGTH * position : LENGTH * (position + 1)]
        for id in (self._next, self._after_lookup, self._starts.get(digest, 0)):
            number = self._number_alike(digests, position, id)
            if number:
                self._next = id + number
                return list(range(id, id + number))
        single = self._single.get(digest)
        return [] if single is None else [single]

    def _number_alike(self, digests: bytes, position: int, id: int) -> int:
        """Return how many files from a position on are those with consecutive ids from `id` on."""
        index = bisect_right(self._runs, id, key=lambda run: run.first) - 1
        if index < 0:
            return 0
        first, known = self._runs[index]
        ours, theirs = LENGTH * position, LENGTH * (id - first)
        most = min(len(digests) - ours, len(known) - theirs) // LENGTH

        def alike(start: int, end: int) -> bool:
            mine = digests[ours + LENGTH * start : ours + LENGTH * end]
            return mine == known[theirs + LENGTH * start : theirs + LENGTH * end]

        if most < 1 or not alike(0, 1):
            return 0
        number, above, tried = 1, most + 1, most
        while above - number > 1:
            if alike(number, tried):
                number = tried
            else:
                above = tried
            tried = (number + above) // 2
        return number
