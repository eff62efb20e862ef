"""Listings that are read page by page: only what is used is read, and deleting while iterating skips nothing."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, Self, TypeVar, overload

from artstore.errors import InvalidInput, WrongValue
from artstore.runtime import notebook
from artstore.runtime.arguments import checked

Item = TypeVar("Item")
_SHOWN = 50
"""The most items that a notebook shows."""
Page = Callable[[str | None, int], list[tuple[str, Item]]]


@checked
class Listing(Generic[Item]):
    """A list of the Api, read page by page: it can be iterated, indexed, sliced and counted.

    >>> runs = api.runs("animals")
    >>> len(runs), runs[0].name, [run.id for run in runs[:10]]

    `page` gets a cursor (None for the beginning) and a number of items; it returns each item with the cursor to go on
    after it. `cursor` is that of the last item that was read: given as `start`, another listing continues there.
    """

    def __init__(
        self, page: Page[Item], length: Callable[[], int], *, per_page: int = 50, start: str | None = None
    ) -> None:
        self._page = page
        self._length = length
        if not isinstance(start, str | None):
            raise WrongValue(f"start is the cursor of a listing, a string or None, not {type(start).__name__}")
        self.per_page = max(1, operator.index(per_page))
        self.cursor = start
        self._items: list[Item] = []
        self._ended = False
        self._index = 0

    @classmethod
    def of(cls, items: list[tuple[str, Item]], *, start: str | None = None, per_page: int = 50) -> Self:
        """Return a listing of items that are already there, each with its cursor."""
        pairs = [(cursor, item) for cursor, item in items]
        places = {cursor: number + 1 for number, (cursor, _) in enumerate(pairs)}

        def page(after: str | None, count: int) -> list[tuple[str, Item]]:
            begin = 0 if after is None else places.get(after, len(pairs))
            return pairs[begin : begin + count]

        return cls(page, lambda: len(pairs), per_page=per_page, start=start)

    @classmethod
    def over(cls, listing: Listing[Item]) -> Self:
        """Return a listing of this class that reads what another reads."""
        return cls(listing._page, listing._length, per_page=listing.per_page, start=listing.cursor)

    @property
    def more(self) -> bool:
        """Whether there may be items that were not read yet."""
        return not self._ended

    def _read_page(self) -> None:
        items = self._page(self.cursor, self.per_page)
        if items:
            self.cursor = items[-1][0]
            self._items += [item for _, item in items]
        else:
            self._ended = True

    def __iter__(self) -> Iterator[Item]:
        index = 0
        while True:
            while index >= len(self._items) and not self._ended:
                self._read_page()
            if index >= len(self._items):
                return
            yield self._items[index]
            index += 1

    def __next__(self) -> Item:
        while self._index >= len(self._items) and not self._ended:
            self._read_page()
        if self._index >= len(self._items):
            raise StopIteration
        self._index += 1
        return self._items[self._index - 1]

    next = __next__

    def __len__(self) -> int:
        return self._length()

    @property
    def length(self) -> int:
        """The number of items."""
        return self._length()

    def __bool__(self) -> bool:
        return any(True for _ in self)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        last = index.stop if isinstance(index, slice) else index
        while not self._ended and (last is None or last < 0 or last >= len(self._items)):
            self._read_page()
        return self._items[index]

    def _repr_html_(self) -> str:
        rows = [_row(item) for item in self[:_SHOWN]]
        columns = list(dict.fromkeys(column for row in rows for column in row))
        values = [[row.get(column) for column in columns] for row in rows]
        return notebook.table(columns, values, f"{len(rows):,} of {len(self):,}")

    def __repr__(self) -> str:
        return f"<Listing of {len(self)}>"


def in_order(
    what: str, items: Iterable[Item], order: str | None, keys: Mapping[str, Callable[[Item], Any]]
) -> list[Item]:
    """Return items by one of some keys, with `-` before it the largest first. Raises `InvalidInput` for another."""
    if order is None:
        return list(items)
    key = order.lstrip("+-")
    if key not in keys:
        raise InvalidInput(f"cannot order {what} by {order!r}: use {', '.join(keys)}, with + or - before it")
    return sorted(items, key=keys[key], reverse=order.startswith("-"))


def _row(item: object) -> dict[str, Any]:
    row = getattr(item, "_notebook_row", None)
    return row() if row is not None else {"": repr(item)}
