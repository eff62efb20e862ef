"""Collections and types of artifacts, as the Api shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from artstore.core import names
from artstore.core.names import LOCAL
from artstore.core.versions import Version
from artstore.errors import InvalidInput, NotFound
from artstore.runtime import notebook
from artstore.runtime.arguments import checked
from artstore.store import Collection, Store
from artstore.tracking import deletion
from artstore.tracking.artifact import Artifact
from artstore.tracking.artifact_state import as_aliases, as_list
from artstore.tracking.listing import Listing, in_order

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


@checked
class ArtifactCollection:
    """All versions of one name in a project; in a registry, all links under one name.

    >>> collection = artstore.Api().artifact_collection("dataset", "animals")
    >>> [artifact.version for artifact in collection.artifacts()]
    """

    def __init__(self, store: Store, record: Collection) -> None:
        self._store = store
        self._take(record)

    def _take(self, record: Collection) -> None:
        self._record = record
        self._name = record.name
        self._type = record.type
        self._description = record.description
        self._tags = list(record.tags)
        self._protected_aliases = list(record.protected_aliases)

    @classmethod
    def _named(cls, store: Store, project: str, name: str) -> ArtifactCollection:
        return cls(store, store.collection(name, project=project))

    @property
    def id(self) -> str:
        """The number of the collection in the store."""
        return str(self._record.id)

    @property
    def entity(self) -> str:
        """Always `local`: a store has one owner."""
        return LOCAL

    @property
    def project(self) -> str:
        """The project of the collection."""
        return self._record.project

    @property
    def name(self) -> str:
        """The name of the collection. Setting it takes effect with `save`."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = names.collection(name, self.project)

    @property
    def type(self) -> str:
        """The type of its artifacts. Setting it takes effect with `save`, and not for a collection of links."""
        return self._type

    @type.setter
    def type(self, type: str) -> None:
        if not self.is_sequence():
            raise InvalidInput("Type can only be changed if the artifact collection is a sequence, not one of links.")
        self._type = type

    def change_type(self, new_type: str) -> None:
        """Change the type, and store what was changed. W&B's older way to set `type` and call `save`."""
        self.type = new_type
        self.save()

    @property
    def description(self) -> str:
        """The collection in words. Setting it takes effect with `save`."""
        return self._description

    @description.setter
    def description(self, description: str) -> None:
        self._description = description

    @property
    def tags(self) -> list[str]:
        """The tags of the collection. Changing the list takes effect with `save`."""
        return self._tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._tags = as_list(tags)

    @property
    def protected_aliases(self) -> list[str]:
        """The aliases that are set, moved and removed only with `force`. Changing the list takes effect with `save`.

        >>> collection.protected_aliases.append("production")
        >>> collection.save()
        """
        return self._protected_aliases

    @protected_aliases.setter
    def protected_aliases(self, aliases: Iterable[str]) -> None:
        self._protected_aliases = as_aliases(aliases)

    @property
    def aliases(self) -> list[str]:
        """The aliases of all its versions."""
        return list(dict.fromkeys(alias for version in self._versions() for alias in _aliases(version)))

    @property
    def created_at(self) -> str:
        """When its first version was committed: UTC, ISO 8601."""
        return self._record.created_at

    @property
    def updated_at(self) -> str:
        """When its newest version was committed."""
        return next((version.created_at for version in self._versions()), self.created_at)

    def is_sequence(self) -> bool:
        """Return whether the collection has versions of its own, and not links."""
        return not self._record.portfolio

    def artifacts(
        self, per_page: int = 50, start: str | None = None, filters: Mapping[str, Any] | None = None
    ) -> Listing[Artifact]:
        """List the versions that match filters, the newest first. See `Api.artifacts`. Raises `InvalidInput`."""
        return list_versions(
            self._store, self.project, self._record.name, filters=filters, per_page=per_page, start=start
        )

    versions = artifacts

    def _versions(self) -> Iterable[Version]:
        return self._store.versions(self._record.name, project=self.project)

    def save(self) -> None:
        """Store what was changed.

        Raises `InvalidName`, or `InvalidInput` if the new name is taken, or if the type changed and a version is
        linked elsewhere.
        """
        before = self._record
        self._record = self._store.describe_collection(
            before.name,
            project=self.project,
            new_name=self._name,
            type=self._type,
            description=self._description,
            tags=self._tags,
            # Aliases that were protected in the meantime stay protected.
            protected_aliases=None
            if tuple(self._protected_aliases) == before.protected_aliases
            else self._protected_aliases,
        )

    def load(self) -> ArtifactCollection:
        """Read the collection again; return it. Changes that were not saved are dropped. Raises `NotFound`."""
        self._take(self._store.collection(self._record.name, project=self.project))
        return self

    def delete(self, *, force: bool = False) -> None:
        """Delete all versions; of a collection of links, the links. The name, the type and the numbering stay.

        Links to the versions are named in a note, then deleted with them. Raises `StillNeeded` if a version has a
        protected alias or another artifact references it, and `force` is not set.
        """
        name = self._record.name
        deletion.name_links(self._store.delete_collection(name, project=self.project, force=force, dry_run=True))
        deletion.name_rest(self._store.delete_collection(name, project=self.project, force=force))

    def _notebook_row(self) -> dict[str, Any]:
        return {"name": self.name, "project": self.project, "type": self.type, "description": self.description}

    def _repr_html_(self) -> str:
        return self.versions()._repr_html_()

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.project}/{self.name} ({self.type})>"


@checked
class ArtifactType:
    """All collections of one type in a project."""

    def __init__(self, store: Store, project: str, name: str) -> None:
        self._store = store
        self.project = project
        self.name = name
        self.entity = LOCAL

    @property
    def id(self) -> str:
        """The name of the type: types have no numbers."""
        return self.name

    def collections(
        self,
        per_page: int = 50,
        start: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
    ) -> Listing[ArtifactCollection]:
        """List the collections of the type that match filters, by name or in an order. Raises `InvalidInput`.

        `order` is `name`, `created_at` or `updated_at`, with `-` before it for the largest first.
        """
        return list_collections(
            self._store, self.project, self.name, filters=filters, order=order, per_page=per_page, start=start
        )

    def collection(self, name: str) -> ArtifactCollection:
        """Find a collection of the type. Raises `NotFound`."""
        collection = ArtifactCollection._named(self._store, self.project, name)
        if collection.type != self.name:
            raise NotFound(f"no artifact {name!r} of type {self.name!r}: it is of type {collection.type!r}")
        return collection

    def load(self) -> ArtifactType:
        """Return the type: it has nothing but its name."""
        return self

    def _notebook_row(self) -> dict[str, Any]:
        return {"name": self.name, "project": self.project}

    def _repr_html_(self) -> str:
        return (
            notebook.facts(f"Artifacts of type {self.name}", [("project", self.project)])
            + self.collections()._repr_html_()
        )

    def __repr__(self) -> str:
        return f"<ArtifactType {self.name}>"


def _aliases(version: Version) -> tuple[str, ...]:
    return version.link.aliases if version.link else version.aliases


_BY_NAME = (None, "name", "+name")
COLLECTION_KEYS: Mapping[str, Callable[[ArtifactCollection], str]] = {
    "name": lambda collection: collection.name,
    "created_at": lambda collection: collection.created_at,
    "updated_at": lambda collection: collection.updated_at,
}
_ALL = 1000


def list_collections(
    store: Store,
    project: str,
    type: str | None,
    *,
    filters: Mapping[str, Any] | None = None,
    order: str | None = None,
    per_page: int = 50,
    start: str | None = None,
) -> Listing[ArtifactCollection]:
    """List the collections of a type, or of all, that match filters, by name or in an order. Raises `InvalidInput`."""

    def page(after: str | None, count: int) -> list[tuple[str, ArtifactCollection]]:
        records = store.pages.collections(project, type=type, filters=filters, after=after, count=count)
        return [(record.name, ArtifactCollection(store, record)) for record in records]

    # A wrong filter raises where it is given, not where the listing is read.
    page(None, 0)
    if order not in _BY_NAME:
        found = in_order("collections", Listing(page, lambda: 0, per_page=_ALL), order, COLLECTION_KEYS)
        return Listing.of([(each.name, each) for each in found], start=start, per_page=per_page)
    return Listing(
        page,
        lambda: store.pages.count_collections(project, type=type, filters=filters),
        per_page=per_page,
        start=start,
    )


def list_versions(
    store: Store,
    project: str,
    name: str,
    *,
    order: str | None = None,
    filters: Mapping[str, Any] | None = None,
    per_page: int = 50,
    start: str | None = None,
) -> Listing[Artifact]:
    """List the versions of a collection that match filters, in an order. Raises `NotFound` or `InvalidInput`."""
    if order not in _ORDERS:
        raise InvalidInput(f"cannot order versions by {order!r}: use version_index or created_at, with + or -")
    oldest_first = _ORDERS[order] == OLDEST_FIRST
    if start is not None and not (isinstance(start, str) and start.isascii() and start.isdigit() and len(start) < 19):
        raise InvalidInput(f"start must be the number of a version as a string, such as '3', not {start!r}")

    def page(after: str | None, count: int) -> list[tuple[str, Artifact]]:
        number = None if after is None else int(after)
        versions = store.pages.versions(
            name, project=project, beyond=number, count=count, oldest_first=oldest_first, filters=filters
        )
        return [(str((version.link or version).number), Artifact._from_version(store, version)) for version in versions]

    page(None, 0)
    return Listing(
        page,
        lambda: store.pages.count_versions(name, project=project, filters=filters),
        per_page=per_page,
        start=start,
    )
