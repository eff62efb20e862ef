"""The aliases and tags of the version that was changed last, so that one more does not read thousands of others."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from artstore.catalog import events, links, versions
from artstore.catalog.connection import Connection
from artstore.core.versions import Version


class Labels(NamedTuple):
    """The aliases and tags of a version, and the aliases of the link through which it was found, sorted."""

    aliases: list[str]
    tags: list[str]
    of_link: list[str]


class KnownLabels:
    """The labels of one version as they were after the newest event. They are valid while no event follows it."""

    def __init__(self) -> None:
        self._known: tuple[tuple[int, int | None], str, Labels] | None = None

    def take(self, connection: Connection, version: Version) -> Labels:
        """Return the labels of a version, to be changed and given back with `keep` when the changes are committed."""
        known, self._known = self._known, None
        if known is not None and known[:2] == (_key(version), events.head(connection)):
            return known[2]
        return _read(connection, version)

    def keep(self, version: Version, head: str, labels: Labels) -> None:
        """Keep the labels that a version has since the event with the hash `head`."""
        self._known = _key(version), head, labels


def _key(version: Version) -> tuple[int, int | None]:
    return version.id, version.link.id if version.link else None


def _read(connection: Connection, version: Version) -> Labels:
    def names(table: str, column: str, id: int) -> list[str]:
        rows = connection.execute(f"select name from {table} where {column} = ?", (id,))
        # Versions that are read many times share the strings.
        return sorted(sys.intern(name) for (name,) in rows)

    return Labels(
        names("aliases", "version", version.id),
        names("tags", "version", version.id),
        names("link_aliases", "link", version.link.id) if version.link else [],
    )


def change(labels: list[str], add: Iterable[str], remove: Iterable[str]) -> None:
    """Add labels to a sorted list, and remove others from it."""
    for label in add:
        index = bisect_left(labels, label)
        if labels[index : index + 1] != [label]:
            labels.insert(index, sys.intern(str(label)))
    for label in remove:
        index = bisect_left(labels, label)
        if labels[index : index + 1] == [label]:
            del labels[index]


def version_with(connection: Connection, version: Version, labels: Labels) -> Version:
    """Read a version again, through its link if it was found by one, but for its labels."""
    current = versions.by_id(connection, version.id, labels=False)
    link = None
    if version.link is not None:
        link = links.by_id(connection, version.link.id, labels=False).link
        link = link._replace(aliases=(*link.aliases, *labels.of_link))
    return replace(current, aliases=(*current.aliases, *labels.aliases), tags=tuple(labels.tags), link=link)
