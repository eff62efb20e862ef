"""Registries: create, edit, list and delete them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from artstore.catalog import collections, events, registries, versions
from artstore.catalog.collections import Collection
from artstore.catalog.connection import Connection
from artstore.catalog.filters import Filters
from artstore.catalog.registries import Registry
from artstore.catalog.repository import Repository
from artstore.core import names
from artstore.core.names import REGISTRY
from artstore.errors import InvalidInput, InvalidName
from artstore.operations import edit
from artstore.runtime.arguments import checked


@checked
class Registries:
    """The registries of a store, reached as `Store.registries`.

    Each is named by its project, which begins with `wandb-registry-`; the case of the name does not matter.
    """

    def __init__(self, repository: Repository) -> None:
        self._db = repository.db

    def find_all(self, filters: Filters | None = None) -> list[Registry]:
        """Return the registries that match filters, by name. Raises `InvalidInput` for an unknown filter."""
        with self._db.reading() as connection:
            return registries.find_all(connection, filters)

    def get(self, project: str) -> Registry:
        """Return a registry. Raises `NotFound`, or `InvalidName` for another project."""
        _check_project(project)
        with self._db.reading() as connection:
            return registries.get(connection, project)

    def create(
        self,
        project: str,
        *,
        description: str | None = None,
        visibility: str = registries.VISIBILITIES[0],
        artifact_types: Iterable[str] | None = None,
    ) -> Registry:
        """Create a registry, which accepts artifacts of these types, or of all. Raises `InvalidInput` if it exists."""
        _check_project(project)
        changes = _checked(description, visibility, artifact_types)
        with self._db.writing() as connection:
            if _exists(connection, project):
                raise InvalidInput(
                    f"Registry {project.removeprefix(REGISTRY)!r} already exists: please use a different name"
                )
            created = registries.create(connection, project)
            registries.update(connection, created.id, changes)
            events.record(connection, "registry-created", project, **changes)
            return registries.get(connection, project)

    def edit(
        self,
        project: str,
        *,
        new_project: str | None = None,
        description: str | None = None,
        visibility: str | None = None,
        artifact_types: Iterable[str] | None = None,
        accept_all: bool = False,
    ) -> Registry:
        """Rename a registry or set its fields; what is left out stays.

        Types that it accepts can be added, not removed, unless it is to `accept_all`. Raises `NotFound` or
        `InvalidInput`.
        """
        changes = _checked(description, visibility, artifact_types)
        wanted = project if new_project is None else new_project
        _check_project(project)
        _check_project(wanted)
        with self._db.writing() as connection:
            before = registries.get(connection, project)
            if wanted.lower() != before.project.lower() and _exists(connection, wanted):
                raise InvalidInput(f"Registry {wanted.removeprefix(REGISTRY)!r} already exists: choose another name")
            lost = set(before.artifact_types or ()) - set(changes.get("artifact_types", before.artifact_types or ()))
            if accept_all:
                changes["artifact_types"] = None
            elif lost:
                raise InvalidInput(f"types that were saved cannot be removed: add {', '.join(sorted(lost))} again")
            changes |= {} if wanted == before.project or new_project is None else {"name": wanted}
            if changes:
                registries.update(connection, before.id, changes)
                events.record(connection, "registry-described", before.project, **changes)
            return registries.get(connection, wanted)

    def delete(self, project: str, *, force: bool = False) -> None:
        """Delete a registry and the links in its collections; the versions that they show stay.

        Raises `NotFound`, `ProtectedAlias` if a link has one and `force` is not set, or `InvalidInput` if the project
        has runs, or versions of its own.
        """
        _check_project(project)
        with self._db.writing() as connection:
            found = registries.get(connection, project)
            inside = collections.find_all(connection, found.project)
            _check_only_links(connection, found, inside)
            for collection in inside:
                for shown in list(versions.page(connection, collection, beyond=None, limit=-1)):
                    edit.remove_link(connection, shown, force=force)
            registries.delete(connection, found.id)
            events.record(connection, "registry-deleted", found.project)


def _check_project(project: str) -> None:
    """Raise `InvalidName` if a project is not one of a registry."""
    if not names.project(project).startswith(REGISTRY) or project == REGISTRY:
        raise InvalidName(
            f"the project of a registry begins with {REGISTRY!r}, as {REGISTRY + 'model'!r} does: {project!r}"
        )


def _check_only_links(connection: Connection, registry: Registry, inside: Iterable[Collection]) -> None:
    own = [collection.name for collection in inside if not collection.portfolio]
    if own:
        raise InvalidInput(
            f"{registry.project}/{own[0]} has versions of its own, not only links, so the registry cannot be deleted"
        )
    if registries.has_runs(connection, registry.id):
        raise InvalidInput(f"the registry {registry.project} has runs: delete these first")


def _exists(connection: Connection, project: str) -> bool:
    return collections.stored_project(connection, project) in collections.projects(connection)


def _checked(description: str | None, visibility: str | None, artifact_types: Iterable[str] | None) -> dict[str, Any]:
    if visibility is not None and visibility not in registries.VISIBILITIES:
        allowed = " or ".join(registries.VISIBILITIES)
        raise InvalidInput(f"a registry has no visibility {visibility!r}: use {allowed}")
    types = None if artifact_types is None else [names.artifact_type(type) for type in dict.fromkeys(artifact_types)]
    given = {"description": description, "visibility": visibility, "artifact_types": types}
    return {field: value for field, value in given.items() if value is not None}
