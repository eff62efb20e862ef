"""Read a store without a run: artifacts, collections, types and runs, as W&B's public Api shows them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from artstore.core import names
from artstore.core.names import LOCAL, REGISTRY
from artstore.core.versions import Pending
from artstore.errors import NotFound, WrongType
from artstore.runtime import words
from artstore.store import Store
from artstore.tracking import location, open_stores, public_run, sweeps
from artstore.tracking.artifact import Artifact
from artstore.tracking.collection import (
    ArtifactCollection,
    ArtifactType,
    check_order,
    list_collections,
    list_versions,
)
from artstore.tracking.listing import Listing
from artstore.tracking.public_run import PublicRun


class Api:
    """The artifacts and runs of a store.

    >>> api = artstore.Api()
    >>> api.artifact("animals/images:latest").download()
    >>> [run.state for run in api.runs("animals")]

    The store is the folder `store`, otherwise ARTSTORE_DIR, or the nearest `.artstore` above the working folder. It is
    opened when it is first used, so a script may make its Api before its first run creates the store. The dict
    `overrides`, as in W&B, may give the default `project`. In names, `[entity/]project/name` is understood; the entity
    has no meaning. Raises `NoStore` if the store does not exist.
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
        folder = store if store is not None else None if isinstance(overrides, Mapping) else overrides
        self._store: Store | None = None if folder is None else open_stores.to_read(folder)
        self._project = names.project(given["project"]) if given.get("project") else names.default_project()

    @property
    def store(self) -> Store:
        """The store that is read. Raises `NoStore` if there is none."""
        if self._store is None:
            self._store = open_stores.to_read()
        return self._store

    @property
    def default_entity(self) -> str:
        """Always `local`: a store has one owner."""
        return LOCAL

    def flush(self) -> None:
        """Do nothing: nothing is cached."""

    # Artifacts

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """Find a version: `[project/]name[:alias]`. Raises `NotFound`, or `WrongType` if it has another type.

        >>> api.artifact("animals/images:v3")
        """
        return Artifact._from_version(self.store, self.store.version(name, project=self._project, type=type))

    def pending(self, name: str | None = None) -> list[Pending]:
        """Return the pending versions, which parallel runs build and none has finished: of `[project/]name`, or all.

        Each has its collection, id, entries, size, runs and times. `Store.finish` makes one a version,
        `Store.drop_pending` drops it.
        """
        if name is None:
            return self.store.pending()
        project, plain = self._where(name)
        return self.store.pending(plain, project=project)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Return whether there is a version of a name, and of a type if given."""
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
        """List the versions of a collection that match filters and have all tags given, the newest first.

        >>> api.artifacts("model", "fox", filters={"metadata.accuracy": {"$gt": 0.9}, "alias": "candidate"})

        `order` is `version_index` or `created_at`, with `+` before it for the oldest first. Raises `NotFound`,
        `WrongType`, or `InvalidInput` for an unknown filter or order.
        """
        collection = self.artifact_collection(type_name, name)
        tagged = [{"tag": tag} for tag in ([tags] if isinstance(tags, str) else tags or ())]
        wanted = {"$and": [*tagged, filters or {}]}
        return list_versions(
            self.store,
            collection.project,
            collection.name,
            order=order,
            filters=wanted,
            per_page=per_page,
            start=start,
        )

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> Listing[Artifact]:
        """List the versions of a collection. W&B's older name of `artifacts`."""
        return self.artifacts(type_name, name, per_page=per_page)

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """Find a collection. Raises `NotFound`, or `WrongType` if it has another type."""
        project, plain = self._where(name)
        collection = ArtifactCollection._named(self.store, project, plain)
        if collection.type != type_name:
            raise WrongType(f"type {type_name!r} specified but {plain} is of type {collection.type!r}: give that one")
        return collection

    def artifact_collection_exists(self, name: str, type: str) -> bool:
        """Return whether there is a collection of a name and type."""
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
        """List the collections of a type in a project that match filters, by name.

        >>> api.artifact_collections("animals", "dataset", filters={"tag": "checked"})

        A single name is the type, in the default project. Raises `InvalidInput`.
        """
        check_order("collections", order)
        project, type = (self._project, project_name) if type_name is None else (self._of(project_name), type_name)
        return list_collections(self.store, project, type, filters=filters, per_page=per_page, start=start)

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """Find a type of artifacts. Raises `NotFound` if the project has none of that type."""
        types = {type.name: type for type in self.artifact_types(project)}
        if type_name not in types:
            raise NotFound(f"no artifacts of type {type_name!r}: see `artstore ls` for what there is")
        return types[type_name]

    def artifact_types(self, project: str | None = None, start: str | None = None) -> Listing[ArtifactType]:
        """List the types of the artifacts of a project."""
        where = self._of(project) if project else self._project
        return Listing.of([(name, ArtifactType(self.store, where, name)) for name in self.store.types(where)])

    def _where(self, name: str) -> tuple[str, str]:
        wanted = names.parse(name, self._project)
        return wanted.project or self._project, wanted.name

    def _of(self, path: str) -> str:
        """Return the project of `[entity/]project`."""
        return names.project(path.rpartition("/")[2])

    # Registries

    def registry(self, name: str, organization: str | None = None) -> Registry:
        """Find a registry: the links in the project `wandb-registry-NAME`, in any case. Raises `NotFound`."""
        registries = {registry.name.lower(): registry for registry in self.registries()}
        if name.lower() not in registries:
            raise NotFound(f"no registry {name!r}: linking an artifact to {REGISTRY}{name}/NAME creates it")
        return registries[name.lower()]

    def registries(
        self,
        organization: str | None = None,
        filter: Mapping[str, Any] | None = None,
        per_page: int = 100,
        order: str | None = None,
        start: str | None = None,
    ) -> Listing[Registry]:
        """List the registries of the store that match a filter by `name`, by name. Raises `InvalidInput`."""
        check_order("registries", order)
        projects = [project for project in self.store.registries(filter) if start is None or project > start]
        return Listing.of([(project, Registry(self.store, project)) for project in projects])

    # Runs

    def run(self, path: str = "") -> PublicRun:
        """Find a run: `[[entity/]project/]id`. Raises `NotFound`, or `InvalidName` if several projects have that id.

        >>> api.run("animals/3k9x2m1q").state
        'finished'
        """
        return public_run.find_run(self.store, path, self._project)

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = False,
        lazy: bool = True,
    ) -> Listing[PublicRun]:
        """List the runs of a project, or of all projects, that match filters, in an order.

        >>> api.runs("animals", filters={"state": "finished", "config.lr": {"$lt": 0.1}}, order="-summary_metrics.acc")

        An order with `-` before its field lists the largest first. Raises `InvalidInput` for a field or operator that
        there is not; the message names those that there are.
        """
        return public_run.list_runs(self.store, self._of(path) if path else None, filters, order, per_page)

    def sweep(self, path: str = "") -> sweeps.Sweep:
        """Find a sweep: `[[entity/]project/]id`. Raises `NotFound`."""
        return sweeps.find_sweep(self.store, path, self._project)

    def projects(self, entity: str | None = None, per_page: int = 200) -> Listing[Project]:
        """List the projects of the store."""
        return Listing.of([(name, Project(self.store, name)) for name in self.store.projects()])

    def project(self, name: str, entity: str | None = None) -> Project:
        """Return a project of the store. Raises `NotFound`."""
        if name not in self.store.projects():
            near = words.nearest(name, self.store.projects())
            advice = f"did you mean {near!r}?" if near else "list those that there are with artstore.Api().projects()"
            raise NotFound(f"no project {name!r}: {advice}")
        return Project(self.store, name)

    def __repr__(self) -> str:
        return f"<Api of {self._store.path if self._store else location.find()}>"


class Project:
    """A namespace of artifacts and runs."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self.name = name
        self.id = name
        self.entity = LOCAL
        self.path = [LOCAL, name]

    @property
    def url(self) -> str:
        """Empty: a store has no web pages."""
        return ""

    def artifacts_types(self, per_page: int = 50) -> Listing[ArtifactType]:
        """List the types of the artifacts of the project."""
        types = self._store.types(self.name)
        return Listing.of([(name, ArtifactType(self._store, self.name, name)) for name in types])

    def collections(
        self, filters: Mapping[str, Any] | None = None, order: str | None = None, per_page: int = 50
    ) -> Listing[ArtifactCollection]:
        """List the collections of the project that match filters, by name."""
        check_order("collections", order)
        return list_collections(self._store, self.name, None, filters=filters, per_page=per_page)

    def __repr__(self) -> str:
        return f"<Project {self.name}>"


class Registry:
    """A registry as in W&B: the collections of links in one project."""

    def __init__(self, store: Store, project: str) -> None:
        self._store = store
        self.full_name = project
        self.name = project.removeprefix(REGISTRY)
        self.entity = LOCAL
        self.organization = LOCAL

    def collections(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Listing[ArtifactCollection]:
        """List the collections that match a filter by name, description, type, tag or time, by name."""
        check_order("collections", order)
        return list_collections(self._store, self.full_name, None, filters=filter, per_page=per_page, start=start)

    def versions(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Listing[Artifact]:
        """List the linked versions that match a filter by tag, alias, metadata or time, by collection."""
        check_order("versions", order)
        versions = [link for collection in self.collections() for link in collection.artifacts(filters=filter)]
        names = [link.qualified_name for link in versions]
        after = names.index(start) + 1 if start in names else 0
        return Listing.of([(link.qualified_name, link) for link in versions[after:]])

    def __repr__(self) -> str:
        return f"<Registry {self.name}>"
