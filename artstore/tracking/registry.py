"""Registries as W&B's Api shows them: projects whose collections show versions of other projects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from artstore.core.names import LOCAL, REGISTRY
from artstore.errors import InvalidInput, WrongValue
from artstore.runtime import notebook
from artstore.runtime.arguments import checked
from artstore.store import Registry as Record
from artstore.store import Store
from artstore.tracking.artifact import Artifact
from artstore.tracking.artifact_state import as_list
from artstore.tracking.collection import COLLECTION_KEYS, ArtifactCollection, list_collections
from artstore.tracking.listing import Listing, in_order
from artstore.tracking.server_only import server_only


@checked
@server_only("add_members members remove_members team_members update_member user_members")
class Registry:
    """A registry: the collections of links in one project.

    >>> registry = artstore.Api().registry("models")
    >>> registry.description = "Models that are in use"
    >>> registry.save()
    """

    def __init__(self, store: Store, record: Record) -> None:
        self._store = store
        self._take(record)
        self.entity = LOCAL
        self.organization = LOCAL

    def _take(self, record: Record) -> None:
        self._record = record
        self._name = record.project.removeprefix(REGISTRY)
        self._description = record.description
        self._visibility = record.visibility
        self._allow_all = record.artifact_types is None
        self._artifact_types = list(record.artifact_types or self._used_types())

    def _used_types(self) -> list[str]:
        return self._store.types(self._record.project)

    @property
    def id(self) -> str:
        """The number of the registry in the store."""
        return str(self._record.id)

    internal_id = id

    @property
    def full_name(self) -> str:
        """The project: the name with `wandb-registry-` before it."""
        return REGISTRY + self._name

    @property
    def path(self) -> list[str]:
        """The entity and the project."""
        return [LOCAL, self.full_name]

    @property
    def name(self) -> str:
        """The name of the registry. Setting it takes effect with `save`."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = name

    @property
    def description(self) -> str:
        """The registry in words. Setting it takes effect with `save`."""
        return self._description

    @description.setter
    def description(self, description: str) -> None:
        self._description = description

    @property
    def visibility(self) -> str:
        """`organization` or `restricted`, which is kept and has no effect. Setting it takes effect with `save`."""
        return self._visibility

    @visibility.setter
    def visibility(self, visibility: str) -> None:
        self._visibility = visibility

    @property
    def allow_all_artifact_types(self) -> bool:
        """Whether artifacts of any type can be linked. Setting it takes effect with `save`."""
        return self._allow_all

    @allow_all_artifact_types.setter
    def allow_all_artifact_types(self, value: bool) -> None:
        self._allow_all = bool(value)

    @property
    def artifact_types(self) -> list[str]:
        """The types that can be linked, otherwise the types that are. Adding to the list takes effect with `save`."""
        return self._artifact_types

    @property
    def created_at(self) -> str:
        """When the registry was created: UTC, ISO 8601."""
        return self._record.created_at

    @property
    def updated_at(self) -> str:
        """When the registry was changed: UTC, ISO 8601."""
        return self._record.updated_at

    def load(self) -> None:
        """Read the registry again; changes that were not saved are dropped. Raises `NotFound`."""
        self._take(self._store.registries.get(self._record.project))

    def save(self) -> None:
        """Store what was changed. Raises `InvalidInput` if the name is taken or a type that was saved is missing."""
        added = [type for type in self._artifact_types if type not in self._used_types()]
        if self._allow_all and added and self._record.artifact_types is None:
            raise InvalidInput(
                "Cannot update artifact types when `allow_all_artifact_types` is True. Set it to False first."
            )
        changed = self._description != self._record.description
        self._take(
            self._store.registries.edit(
                self._record.project,
                new_project=self.full_name,
                description=self._description if changed else None,
                visibility=self._visibility if self._visibility != self._record.visibility else None,
                artifact_types=None if self._allow_all else self._artifact_types,
                accept_all=self._allow_all,
            )
        )

    def delete(self, *, force: bool = False) -> None:
        """Delete the registry and the links in it; the versions that they show stay.

        Raises `ProtectedAlias` if a link has one and `force` is not set.
        """
        self._store.registries.delete(self._record.project, force=force)

    @classmethod
    def create(
        cls,
        api: Any,
        organization: str | None,
        name: str,
        visibility: str,
        description: str | None = None,
        artifact_types: Iterable[str] | None = None,
    ) -> Registry:
        """Create a registry. `Api.create_registry` calls this. Raises `InvalidInput` if it exists."""
        store = getattr(api, "store", None)
        if not isinstance(store, Store):
            raise WrongValue(f"a registry is created through an Api, not {type(api).__name__}")
        # No types, or an empty list of them, accept all.
        wanted = as_list(artifact_types) or None
        return cls(
            store,
            store.registries.create(
                REGISTRY + name, description=description, visibility=visibility, artifact_types=wanted
            ),
        )

    def collections(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Collections:
        """List the collections that match a filter by name, description, type, tag or time.

        They are listed by `name`, or by `created_at` or `updated_at`, with `-` before it for the largest first.
        """
        return Collections.over(
            list_collections(
                self._store, self._record.project, None, filters=filter, order=order, per_page=per_page, start=start
            )
        )

    def versions(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Listing[Artifact]:
        """List the linked versions that match a filter. See `Collections.versions`."""
        return self.collections().versions(filter, order, per_page, start)

    def _notebook_row(self) -> dict[str, Any]:
        return {"name": self.name, "description": self.description, "types": ", ".join(self.artifact_types)}

    def _repr_html_(self) -> str:
        facts = notebook.facts(f"Registry {self.name}", self._notebook_row().items())
        return facts + self.collections()._repr_html_()

    def __repr__(self) -> str:
        return f"<Registry {self.name}>"


@checked
class Collections(Listing[ArtifactCollection]):
    """A listing of collections in registries, which can be searched for their versions."""

    def versions(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Listing[Artifact]:
        """List the linked versions that match a filter by tag, alias, metadata or time.

        They are listed by collection, or by `created_at`, `linked_at` or `artifact_size`, with `-` before it for the
        largest first.
        """
        versions = [link for collection in self for link in collection.artifacts(filters=filter)]
        keys = {
            "created_at": lambda link: link.created_at,
            "linked_at": lambda link: link.linked_at,
            "artifact_size": lambda link: link.size,
        }
        found = [(link.qualified_name, link) for link in in_order("versions", versions, order, keys)]
        return Listing.of(found, start=start, per_page=per_page)


@checked
class Registries(Listing[Registry]):
    """A listing of registries, which can be searched for their collections and versions.

    >>> api.registries(filter={"name": "models"}).collections(filter={"tag": "vision"}).versions()
    """

    def collections(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Collections:
        """List the collections of all these registries. See `Registry.collections`."""
        found = [each for registry in self for each in registry.collections(filter)]
        ordered = in_order("collections", found, order, COLLECTION_KEYS)
        return Collections.of(
            [(f"{each.project}/{each.name}", each) for each in ordered], start=start, per_page=per_page
        )

    def versions(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Listing[Artifact]:
        """List the linked versions in all these registries. See `Collections.versions`."""
        return self.collections().versions(filter, order, per_page, start)
