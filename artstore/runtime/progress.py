"""Progress of long operations, and how to listen to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeAlias

Total: TypeAlias = int | Callable[[], int | None] | None
"""The amount that a step will have done; None if it is not known. A function is called if the step takes long."""


class Progress(Protocol):
    """A listener to an operation, which has one step or several, one after another.

    `unit` is what a step counts: `bytes`, `files` or `packs`. `advance` may be called by several threads.
    """

    def begin(self, what: str, total: Total, unit: str) -> None: ...
    def advance(self, amount: int) -> None: ...
    def end(self) -> None: ...


class Silent:
    """Default listener: does nothing."""

    def begin(self, what: str, total: Total, unit: str) -> None: ...
    def advance(self, amount: int) -> None: ...
    def end(self) -> None: ...


SILENT = Silent()


@contextmanager
def step(progress: Progress, what: str, total: Total, unit: str) -> Iterator[Progress]:
    """Begin a step for a block, and end it even if the block raises."""
    progress.begin(what, total, unit)
    try:
        yield progress
    finally:
        progress.end()
