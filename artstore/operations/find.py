"""Find versions by name."""

from __future__ import annotations

from artstore.catalog import versions
from artstore.catalog.connection import Connection
from artstore.catalog.repository import Repository
from artstore.core import names
from artstore.core.versions import Version
from artstore.errors import NotFound


def find_version(
    repository: Repository, name: str, *, project: str | None = None, type: str | None = None, labels: bool = True
) -> Version:
    """Find a version: `animals:v0`, `animals:best`, `animals` for the newest, `project/animals:latest`.

    Without `labels`, its aliases and tags are not read: there may be any number of them. Raises `NotFound`, which
    names what there is, or `WrongType`.
    """
    wanted = names.parse(name, project)
    with repository.db.reading() as connection:
        version = versions.resolve(
            connection, wanted.project or project or names.DEFAULT_PROJECT, wanted, labels=labels
        )
    if type is not None and version.type != type:
        raise versions.wrong_type(version, type)
    return version


def find_living(connection: Connection, version: Version | str) -> Version:
    """Return a version, or find one by name. Raises `NotFound` if it was deleted."""
    if isinstance(version, str):
        wanted = names.parse(version)
        return versions.resolve(connection, wanted.project or names.DEFAULT_PROJECT, wanted)
    if not versions.exists(connection, version.id):
        raise NotFound(f"{version.name} was deleted: use another version")
    return version
