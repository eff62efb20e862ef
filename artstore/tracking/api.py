"""Read a store without a run: artifacts, collections, types and runs, as W&B's public Api shows them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from artstore.core import names
from artstore.core.names import LOCAL, REGISTRY
from artstore.core.versions import Pending
from artstore.errors import NotFound, WrongType
from artstore.runtime import notebook, words
from artstore.runtime.arguments import checked
from artstore.store import Store
from artstore.tracking import location, open_stores, public_run, sweeps
from artstore.tracking.artifact import Artifact
from artstore.tracking.collection import (
    ArtifactCollection,
    ArtifactType,
    list_collections,
    list_versions,
)
from artstore.tracking.listing import Listing, in_order
from artstore.tracking.public_run import PublicRun
from artstore.tracking.registry import Registries, Registry
from artstore.tracking.server_only import server_only


@checked
@server_only("""
    automation automations create_automation create_custom_chart create_run create_run_queue create_team create_user
    delete_automation integrations job list_jobs organization queued_run reports run_queue slack_integrations
    sync_tensorboard team update_automation upsert_run_queue user user_agent users webhook_integrations
""")
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

    @property
    def viewer(self) -> User:
        """The owner of the store."""
        return User()

    def from_path(self, path: str) -> Project | PublicRun | sweeps.Sweep:
        """Find a project (`[entity/]project`), a run (`project/id`) or a sweep (`entity/project/sweeps/id`).

        Raises `NotFound`.
        """
        parts = path.strip("/ ").split("/")
        if len(parts) == 1 or (len(parts) == 2 and parts[1] in self.store.projects()):
            return self.project(parts[-1])
        if len(parts) == 4 and parts[2].startswith("sweep"):
            return self.sweep("/".join([*parts[:2], parts[3]]))
        return self.run(path)

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
        """Return whether there is a collection of a name and type, and a version in it unless it has links."""
        try:
            found = self.artifact_collection(type, name)
        except (NotFound, WrongType):
            return False
        return not found.is_sequence() or len(found.artifacts()) > 0

    def artifact_collections(
        self,
        project_name: str,
        type_name: str | None = None,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
        filters: Mapping[str, Any] | None = None,
    ) -> Listing[ArtifactCollection]:
        """List the collections of a type in a project that match filters, by name or in an order.

        >>> api.artifact_collections("animals", "dataset", filters={"tag": "checked"})

        A single name is the type, in the default project. `order` is `name`, `created_at` or `updated_at`, with `-`
        before it for the largest first. Raises `InvalidInput`.
        """
        project, type = (self._project, project_name) if type_name is None else (self._of(project_name), type_name)
        return list_collections(self.store, project, type, filters=filters, order=order, per_page=per_page, start=start)

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
        return Registry(self.store, self.store.registries.get(REGISTRY + name))

    def create_registry(
        self,
        name: str,
        visibility: str = "organization",
        organization: str | None = None,
        description: str | None = None,
        artifact_types: list[str] | None = None,
    ) -> Registry:
        """Create a registry that accepts artifacts of some types, or of all. Raises `InvalidInput` if it exists.

        >>> api.create_registry("models", visibility="restricted", artifact_types=["model"])

        Linking an artifact to `wandb-registry-NAME/COLLECTION` creates one that accepts all. The `visibility` is kept.
        """
        return Registry.create(self, organization, name, visibility, description, artifact_types)

    def registries(
        self,
        organization: str | None = None,
        filter: Mapping[str, Any] | None = None,
        per_page: int = 100,
        order: str | None = None,
        start: str | None = None,
    ) -> Registries:
        """List the registries of the store that match a filter by `name`, `description` or time, in an order.

        `order` is `name`, `created_at` or `updated_at`, with `-` before it for the largest first. Raises
        `InvalidInput`.
        """
        found = [Registry(self.store, record) for record in self.store.registries.find_all(filter)]
        keys = {
            "name": lambda registry: registry.name,
            "created_at": lambda registry: registry.created_at,
            "updated_at": lambda registry: registry.updated_at,
        }
        ordered = in_order("registries", found, order, keys)
        return Registries.of([(each.full_name, each) for each in ordered], start=start, per_page=per_page)

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
    ) -> public_run.Runs:
        """List the runs of a project, or of all projects, that match filters, in an order.

        >>> api.runs("animals", filters={"state": "finished", "config.lr": {"$lt": 0.1}}, order="-summary_metrics.acc")

        An order with `-` before its field lists the largest first. Raises `InvalidInput` for a field or operator that
        there is not; the message names those that there are.
        """
        return public_run.list_runs(self.store, self._of(path) if path else None, filters, order, per_page)

    def sweep(self, path: str = "") -> sweeps.Sweep:
        """Find a sweep: `[[entity/]project/]id`. Raises `NotFound`."""
        return sweeps.find_sweep(self.store, path, None if self._project == names.default_project() else self._project)

    def projects(self, entity: str | None = None, per_page: int = 200) -> Listing[Project]:
        """List the projects of the store."""
        return Listing.of([(name, Project(self.store, name)) for name in self.store.projects()])

    def create_project(self, name: str, entity: str | None = None) -> None:
        """Check the name of a project: it is there once something is logged to it. Raises `InvalidName`."""
        names.project(name)

    def project(self, name: str, entity: str | None = None) -> Project:
        """Return a project of the store. Raises `NotFound`."""
        if name not in self.store.projects():
            near = words.nearest(name, self.store.projects())
            advice = f"did you mean {near!r}?" if near else "list those that there are with artstore.Api().projects()"
            raise NotFound(f"no project {name!r}: {advice}")
        return Project(self.store, name)

    def __repr__(self) -> str:
        return f"<Api of {self._store.path if self._store else location.find()}>"


@checked
@server_only("owner")
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
        """List the collections of the project that match filters, by name or in an order."""
        return list_collections(self._store, self.name, None, filters=filters, order=order, per_page=per_page)

    def sweeps(self, per_page: int = 50) -> Listing[sweeps.Sweep]:
        """List the sweeps of the project, by id."""
        listed = list_collections(self._store, self.name, sweeps.TYPE)
        ids = [collection.name.removeprefix(f"{sweeps.TYPE}-") for collection in listed]
        return Listing.of([(id, sweeps.Sweep(self._store, self.name, id)) for id in ids], per_page=per_page)

    def _notebook_row(self) -> dict[str, Any]:
        kinds = ", ".join(self._store.types(self.name))
        return {"name": self.name, "runs": self._store.runs.count(self.name), "types": kinds}

    def _repr_html_(self) -> str:
        facts = notebook.facts(f"Project {self.name}", self._notebook_row().items())
        return facts + self.collections()._repr_html_() + public_run.list_runs(self._store, self.name)._repr_html_()

    def __repr__(self) -> str:
        return f"<Project {self.name}>"


class User:
    """The owner of the store, as W&B's Api shows users."""

    username = entity = LOCAL
    name = email = ""
    admin = True
    teams: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = ()
