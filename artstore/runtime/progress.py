"""What a long verb tells about how far it is; whoever shows it decides how."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """A listener for the steps of a long verb. `unit` is what is counted: `bytes`, `files`, `packs`.

    `advance` may be called by several threads.
    """

    def begin(self, what: str, total: int | None, unit: str) -> None: ...
    def advance(self, amount: int) -> None: ...
    def end(self) -> None: ...


class Silent:
    """The listener that shows nothing."""

    def begin(self, what: str, total: int | None, unit: str) -> None: ...
    def advance(self, amount: int) -> None: ...
    def end(self) -> None: ...


SILENT = Silent()


@contextmanager
def step(progress: Progress, what: str, total: int | None, unit: str) -> Iterator[Progress]:
    """Announce one step, and end it however it ends."""
    progress.begin(what, total, unit)
    try:
        yield progress
    finally:
        progress.end()
