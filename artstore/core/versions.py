"""Committed and pending versions, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple


class Link(NamedTuple):
    """Where a version is shown under another name: a collection of links, its index there and its aliases there."""

    id: int
    project: str
    collection: str
    number: int
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """One committed version of a collection. `size` is in bytes; `aliases` includes `latest` where it is the newest.

    `base` is the version that it was made from, as `project/animals:v0`, if there is one. `prefixes` are the URIs below
    which its references were listed, and those that asked for one version of an object; `link` tells under which other
    name it was found, if it was.
    """

    id: int
    project: str
    collection: str
    type: str
    number: int
    digest: str
    entries: int
    size: int
    state: str
    created_at: str
    description: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    ttl: timedelta | None = None
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    base: str | None = None
    link: Link | None = None

    @property
    def name(self) -> str:
        """`animals:v0`."""
        return f"{self.collection}:v{self.number}"

    @property
    def qualified_name(self) -> str:
        """`project/animals:v0`."""
        return f"{self.project}/{self.name}"


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
