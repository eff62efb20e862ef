"""Versions, links and pending versions, as plain immutable data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple


class Link(NamedTuple):
    """A link to a version: the portfolio that shows it, and its number and aliases there."""

    id: int
    project: str
    collection: str
    number: int
    aliases: tuple[str, ...]
    created_at: str = ""
    """When the version was linked: UTC, ISO 8601."""


class LabelChange(NamedTuple):
    """A change of an alias or a link: where, as `project/animals:v0`, by whom and when."""

    at: str
    user: str | None
    """The user; None for a change that an artstore made that did not record users."""
    name: str
    action: str
    """`set` or `removed` for an alias; `linked` or `unlinked` for a link."""
    alias: str | None = None
    before: str | None = None
    """The version that had the alias before, as `animals:v0`, if that is known."""


@dataclass(frozen=True, slots=True)
class Version:
    """A committed version of a collection. `size` is in bytes; `aliases` includes `latest` for the newest version.

    `base` is the version from which it was made, as `project/animals:v0`. `prefixes` are the URIs at which its
    references were listed, and the URIs of references that ask for one version of an object. `link` is the link
    through which the version was found, if it was found through one.
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
    """A version that several runs build together by upserts, until one of them finishes it.

    `entries`, `size` (in bytes) and `upserts` count what was acknowledged; `runs` are the runs that upserted, as
    `project/id`, in that order; `aliases` are the aliases that the finished version will get.
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
