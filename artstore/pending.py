"""A pending version, as plain frozen data: what several runs put together, and nobody has finished yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pending:
    """A version to be, to which runs add by upserts.

    `entries`, `size` (in bytes) and `upserts` are what was acknowledged; `runs` are those that added something, as
    `project/id`, the first one first; `aliases` are what it will get when it is finished.
    """

    id: int
    project: str
    collection: str
    type: str
    distributed_id: str
    entries: int
    size: int
    upserts: int
    created_at: str
    updated_at: str
    description: str | None = None
    metadata: dict[str, Any] | None = None
    aliases: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its collection, `animals`."""
        return self.collection

    @property
    def qualified_name(self) -> str:
        """`project/animals`."""
        return f"{self.project}/{self.collection}"
