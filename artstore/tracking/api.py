"""Reading a store without a run: artifacts, collections, types and runs, as W&B's public Api shows them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from artstore.core import names
from artstore.core.names import LOCAL, REGISTRY
from artstore.core.versions import Pending
from artstore.errors import InvalidInput, NotFound, WrongType
from artstore.runtime import environment
from artstore.store import Store
from artstore.tracking import collection as artifact_collection
from artstore.tracking import location, open_stores, public_run
from artstore.tracking.artifact import Artifact
from artstore.tracking.collection import ArtifactCollection, ArtifactType
from artstore.tracking.paging import Listing
from artstore.tracking.public_run import PublicRun


class Api:
    """A store to look into.

    >>> api = artstore.Api()
    >>> api.artifact("animals/images:latest").download()
    >>> [run.state for run in api.runs("animals")]

    The store is `store`, else ARTSTORE_DIR, else the nearest `.artstore` when it is first looked into: a script may
    ask for its Api before its first run makes the store. In W&B's place for `overrides` a dict may give the
    `project`; entities are understood in names, and have no meaning. Raises `NoStore`.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        timeout: int | None = None,
        api_key: str | None = None,
        *,
        store: str | os.PathLike[str] | None = None,
    ) -> None:
        given = overrides if isinstance(overrides, Mapping) else {}
        named = store if store is not None else None if isinstance(overrides, Mapping) else overrides
        self._found: Store | None = None if named is None else open_stores.to_read(named)
        self._project = names.project(
            given.get("project") or environment.get("ARTSTORE_PROJECT") or names.DEFAULT_PROJECT
        )

    @property
    def store(self) -> Store:
        """The store that it looks into. Raises `NoStore`."""
        if self._found is None:
            self._found = open_stores.to_read()
        return self._found

    @property
    def default_entity(self) -> str:
        """Always `local`: a store has one owner."""
        return LOCAL

    def flush(self) -> None:
        """Accepted as in W&B: nothing is remembered here."""

    # Artifacts

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """Find a version: `[project/]name[:alias]`. Raises `NotFound` or `WrongType`."""
        found = self.store.version(name, project=self._project, type=type)
        return Artifact._from_version(self.store, found)

    def pending(self, name: str | None = None) -> list[Pending]:
        """The versions that parallel runs have upserted to and nobody has finished: `[project/]name`, or all.

        Each tells its collection, id, entries, size, runs and times. `store.finish` makes one a version,
        `store.drop_pending` drops it.
        """
        if name is None:
            return self.store.pending()
        project, plain = self._where(name)
        return self.store.pending(plain, project=project)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is such a version, of that type if given."""
        try:
            self.artifact(name, type)
        except (NotFound, WrongType):
            return False
        return True

    def artifacts(
        self,
        type_name: str,
        name: str,
        order: str | None = None,
        per_page: int = 50,
        tags: str | list[str] | None = None,
        start: str | None = None,
        filters: Mapping[str, Any] | None = None,
    ) -> Listing[Artifact]:
        """The versions of a collection, the newest first; those that have all of some tags, if given.

        >>> api.artifacts("model", "fox", filters={"metadata.accuracy": {"$gt": 0.9}, "alias": "candidate"})

        `order` is `version_index` or `created_at`, with `+` for the oldest first. Raises `NotFound`, `WrongType` or
        `InvalidInput`.
        """
        collection = self.artifact_collection(type_name, name)
        tagged = [{"tag": each} for each in ([tags] if isinstance(tags, str) else tags or ())]
        wanted = {"$and": [*tagged, filters or {}]}
        return artifact_collection.versions(
            self.store,
            collection.project,
            collection.name,
            order=order,
            filters=wanted,
            per_page=per_page,
            start=start,
        )

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> Listing[Artifact]:
        """The versions of a collection. W&B's older name of `artifacts`."""
        return self.artifacts(type_name, name, per_page=per_page)

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """Find a collection. Raises `NotFound` or `WrongType`."""
        project, plain = self._where(name)
        found = ArtifactCollection._named(self.store, project, plain)
        if found.type != type_name:
            raise WrongType(f"type {type_name!r} specified but {plain} is of type {found.type!r}: say that one")
        return found

    def artifact_collection_exists(self, name: str, type: str) -> bool:
        """Whether there is such a collection of that type."""
        try:
            self.artifact_collection(type, name)
        except (NotFound, WrongType):
            return False
        return True

    def artifact_collections(
        self,
        project_name: str,
        type_name: str | None = None,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
        filters: Mapping[str, Any] | None = None,
    ) -> Listing[ArtifactCollection]:
        """The collections of a type in a project, by name. With one name, that is the type. Raises `InvalidInput`."""
        if order not in (None, "name", "+name"):
            raise InvalidInput(f"cannot order collections by {order!r}: they are listed by their names")
        project, type = (self._project, project_name) if type_name is None else (self._of(project_name), type_name)
        return artifact_collection.collections(
            self.store, project, type, filters=filters, per_page=per_page, start=start
        )

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """A type of artifacts. Raises `NotFound` if the project has none of it."""
        found = next((each for each in self.artifact_types(project) if each.name == type_name), None)
        if found is None:
            raise NotFound(f"no artifacts of type {type_name!r}: see `artstore ls` for what there is")
        return found

    def artifact_types(self, project: str | None = None, start: str | None = None) -> Listing[ArtifactType]:
        """The types of a project's artifacts."""
        where = self._of(project) if project else self._project
        found = [ArtifactType(self.store, where, each) for each in self.store.types(where)]
        return Listing.of([(each.name, each) for each in found])

    def _where(self, name: str) -> tuple[str, str]:
        wanted = names.parse(name)
        return wanted.project or self._project, wanted.name

    def _of(self, path: str) -> str:
        """The project in `[entity/]project`."""
        return names.project(path.rpartition("/")[2])

    # Registries

    def registry(self, name: str, organization: str | None = None) -> Registry:
        """The registry of a name: the links in the project `wandb-registry-NAME`. Raises `NotFound`."""
        found = next((each for each in self.registries() if each.name == name), None)
        if found is None:
            raise NotFound(f"no registry {name!r}: linking an artifact to {REGISTRY}{name}/NAME makes it")
        return found

    def registries(
        self, organization: str | None = None, filter: Mapping[str, Any] | None = None, per_page: int = 100
    ) -> Listing[Registry]:
        """The registries of the store that a filter by `name` lets through. Raises `InvalidInput`."""
        projects = self.store.registries(filter)
        return Listing.of([(project, Registry(self.store, project)) for project in projects])

    # Runs

    def run(self, path: str = "") -> PublicRun:
        """Find a run: `[[entity/]project/]id`. Raises `NotFound`, or `InvalidName` if several projects have one."""
        return public_run.find(self.store, path, self._project)

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = False,
        lazy: bool = True,
    ) -> Listing[PublicRun]:
        """The runs of a project, or of all projects, that filters let through, in an order.

        >>> api.runs("animals", filters={"state": "finished", "config.lr": {"$lt": 0.1}}, order="-summary_metrics.acc")

        Raises `InvalidInput`, which names the fields and operators that there are.
        """
        return public_run.listing(self.store, self._of(path) if path else None, filters, order, per_page)

    def projects(self, entity: str | None = None, per_page: int = 200) -> Listing[Project]:
        """The projects of the store."""
        return Listing.of([(each, Project(each)) for each in self.store.projects()])

    def __repr__(self) -> str:
        return f"<Api of {self._found.path if self._found else location.find()}>"


class Project:
    """A namespace of artifacts and runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entity = LOCAL
        self.path = [LOCAL, name]

    def __repr__(self) -> str:
        return f"<Project {self.name}>"


class Registry:
    """The collections of links of one project, under the name that W&B's registries have."""

    def __init__(self, store: Store, project: str) -> None:
        self._store = store
        self.full_name = project
        self.name = project.removeprefix(REGISTRY)
        self.entity = LOCAL
        self.organization = LOCAL

    def collections(self, filter: Mapping[str, Any] | None = None) -> Listing[ArtifactCollection]:
        """Its collections that a filter by name, description, type, tag or time lets through, by name."""
        return artifact_collection.collections(self._store, self.full_name, None, filters=filter)

    def versions(self, filter: Mapping[str, Any] | None = None) -> Listing[Artifact]:
        """Everything that is linked in it, and that a filter by tag, alias, metadata or time lets through."""
        found = [artifact for collection in self.collections() for artifact in collection.artifacts(filters=filter)]
        return Listing.of([(each.qualified_name, each) for each in found])

    def __repr__(self) -> str:
        return f"<Registry {self.name}>"
