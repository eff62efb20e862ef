"""Collections and types as the Api shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from artstore.core import names
from artstore.core.names import LOCAL
from artstore.core.versions import Version
from artstore.errors import InvalidInput, NotFound
from artstore.store import Collection, Store
from artstore.tracking.artifact import Artifact
from artstore.tracking.artifact_state import as_list
from artstore.tracking.paging import Listing

NEWEST_FIRST, OLDEST_FIRST = "-version_index", "+version_index"
_ORDERS = {
    None: NEWEST_FIRST,
    "-version_index": NEWEST_FIRST,
    "-createdAt": NEWEST_FIRST,
    "-created_at": NEWEST_FIRST,
    "version_index": OLDEST_FIRST,
    "+version_index": OLDEST_FIRST,
    "createdAt": OLDEST_FIRST,
    "+createdAt": OLDEST_FIRST,
    "created_at": OLDEST_FIRST,
    "+created_at": OLDEST_FIRST,
}


class ArtifactCollection:
    """All versions of one name in a project, or, of a registry, all links under one name."""

    def __init__(self, store: Store, found: Collection) -> None:
        self._store = store
        self._found = found
        self._name = found.name
        self._description = found.description
        self._tags = list(found.tags)
        self._protected_aliases = list(found.protected_aliases)

    @classmethod
    def _named(cls, store: Store, project: str, name: str) -> ArtifactCollection:
        return cls(store, store.collection(name, project=project))

    @property
    def id(self) -> str:
        """Its number in the store."""
        return str(self._found.id)

    @property
    def entity(self) -> str:
        """Always `local`: a store has one owner."""
        return LOCAL

    @property
    def project(self) -> str:
        """Its project."""
        return self._found.project

    @property
    def name(self) -> str:
        """Its name. Setting it takes effect with `save`."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = names.collection(name)

    @property
    def type(self) -> str:
        """The type of its artifacts, which is one for ever."""
        return self._found.type

    @type.setter
    def type(self, type: str) -> None:
        if type != self._found.type:
            raise InvalidInput(f"{self.name} has the type {self.type!r} for ever: make another artifact for {type!r}")

    @property
    def description(self) -> str:
        """What it is, in words. Setting it takes effect with `save`."""
        return self._description

    @description.setter
    def description(self, description: str) -> None:
        self._description = description

    @property
    def tags(self) -> list[str]:
        """Words on it. The list may be changed; that takes effect with `save`."""
        return self._tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._tags = as_list(tags)

    @property
    def protected_aliases(self) -> list[str]:
        """The aliases that are set, moved and taken away only by force. Changing the list takes effect with `save`.

        >>> collection.protected_aliases.append("production")
        >>> collection.save()
        """
        return self._protected_aliases

    @protected_aliases.setter
    def protected_aliases(self, aliases: Iterable[str]) -> None:
        self._protected_aliases = as_list(aliases)

    @property
    def aliases(self) -> list[str]:
        """The aliases of all its versions."""
        return list(dict.fromkeys(alias for version in self._versions() for alias in _aliases(version)))

    @property
    def created_at(self) -> str:
        """When its first version was committed: UTC, ISO 8601."""
        return self._found.created_at

    @property
    def updated_at(self) -> str:
        """When its newest version was committed."""
        return next((version.created_at for version in self._versions()), self.created_at)

    def is_sequence(self) -> bool:
        """Whether it has versions of its own, and not links."""
        return not self._found.portfolio

    def artifacts(
        self, per_page: int = 50, start: str | None = None, filters: Mapping[str, Any] | None = None
    ) -> Listing[Artifact]:
        """Its versions that filters let through, the newest first."""
        return versions(self._store, self.project, self._found.name, filters=filters, per_page=per_page, start=start)

    versions = artifacts

    def _versions(self) -> Iterable[Version]:
        return self._store.versions(self._found.name, project=self.project)

    def save(self) -> None:
        """Store what was changed."""
        before = self._found
        self._found = self._store.describe_collection(
            before.name,
            project=self.project,
            new_name=self._name,
            description=self._description,
            tags=self._tags,
            # What somebody else has protected since stays so.
            protected_aliases=None
            if tuple(self._protected_aliases) == before.protected_aliases
            else self._protected_aliases,
        )

    def delete(self, *, force: bool = False) -> None:
        """Delete all its versions; of a collection of links, the links. Its name and its numbering stay.

        Raises `StillNeeded` if a version has a protected alias, or others reference it, unless `force` is set.
        """
        self._store.delete_collection(self._found.name, project=self.project, force=force)

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.project}/{self.name} ({self.type})>"


class ArtifactType:
    """All collections of one type in a project."""

    def __init__(self, store: Store, project: str, name: str) -> None:
        self._store = store
        self.project = project
        self.name = name
        self.entity = LOCAL

    @property
    def id(self) -> str:
        """Its name: types have no number of their own."""
        return self.name

    def collections(self, per_page: int = 50, start: str | None = None) -> Listing[ArtifactCollection]:
        """Its collections, by name."""
        return collections(self._store, self.project, self.name, per_page=per_page, start=start)

    def collection(self, name: str) -> ArtifactCollection:
        """One of its collections. Raises `NotFound`."""
        found = ArtifactCollection._named(self._store, self.project, name)
        if found.type != self.name:
            raise NotFound(f"no artifact {name!r} of type {self.name!r}: it is of type {found.type!r}")
        return found

    def __repr__(self) -> str:
        return f"<ArtifactType {self.name}>"


def _aliases(version: Version) -> tuple[str, ...]:
    return version.link.aliases if version.link else version.aliases


def collections(
    store: Store,
    project: str,
    type: str | None,
    *,
    filters: Mapping[str, Any] | None = None,
    per_page: int = 50,
    start: str | None = None,
) -> Listing[ArtifactCollection]:
    """The collections of a type that filters let through, by name. Raises `InvalidInput`."""

    def page(after: str | None, count: int) -> list[tuple[str, ArtifactCollection]]:
        found = store.pages.collections(project, type=type, filters=filters, after=after, count=count)
        return [(collection.name, ArtifactCollection(store, collection)) for collection in found]

    # A wrong filter raises where it is given, not where the listing is read.
    page(None, 0)
    return Listing(
        page,
        lambda: store.pages.count_collections(project, type=type, filters=filters),
        per_page=per_page,
        start=start,
    )


def versions(
    store: Store,
    project: str,
    name: str,
    *,
    order: str | None = None,
    filters: Mapping[str, Any] | None = None,
    per_page: int = 50,
    start: str | None = None,
) -> Listing[Artifact]:
    """The versions of a collection that filters let through. Raises `InvalidInput`."""
    if order not in _ORDERS:
        raise InvalidInput(f"cannot order versions by {order!r}: use version_index or created_at, with + or -")
    oldest_first = _ORDERS[order] == OLDEST_FIRST

    def page(after: str | None, count: int) -> list[tuple[str, Artifact]]:
        number = None if after is None else int(after)
        found = store.pages.versions(
            name, project=project, beyond=number, count=count, oldest_first=oldest_first, filters=filters
        )
        return [
            (str(each.link.number if each.link else each.number), Artifact._from_version(store, each)) for each in found
        ]

    page(None, 0)
    return Listing(
        page,
        lambda: store.pages.count_versions(name, project=project, filters=filters),
        per_page=per_page,
        start=start,
    )
