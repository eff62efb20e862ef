"""Measure the content of a store and of its versions, and the space that it takes on disk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from artstore.catalog import usage as usage_rows
from artstore.catalog.connection import FILE
from artstore.catalog.repository import Repository
from artstore.catalog.usage import Share
from artstore.core.versions import Version
from artstore.operations.find import find_living
from artstore.runtime import platform


class Usage(NamedTuple):
    """The content of a store, and the space that it takes on disk, in bytes."""

    versions: int
    version_bytes: int
    """All versions written out, references included."""
    content_bytes: int
    """Their content, with each chunk counted once."""
    stored_bytes: int
    """The content in the packs: less, where the store compresses."""
    dead_bytes: int
    """Bytes of disk that the packs waste."""
    allocated_bytes: int
    """Bytes of disk that the packs take."""
    catalog_bytes: int
    """Bytes of disk that the catalog takes."""
    pending: int = 0
    """The number of pending versions."""
    pending_bytes: int = 0
    """All pending versions written out."""
    run_files: int = 0
    """The number of files that runs keep: saved files and logged media."""
    run_bytes: int = 0
    """All of them written out."""


def usage(repository: Repository) -> Usage:
    """Return the content of a store, and the space that it takes on disk."""
    with repository.db.reading() as connection:
        totals = usage_rows.totals(connection)
    files = repository.folder.glob(FILE + "*")
    stored, allocated = totals["stored_bytes"], repository.packs.allocated()
    return Usage(
        versions=totals["versions"],
        version_bytes=totals["version_bytes"],
        content_bytes=totals["content_bytes"],
        stored_bytes=stored,
        dead_bytes=min(totals["dead_bytes"], max(0, allocated - stored)),
        allocated_bytes=allocated,
        catalog_bytes=sum(platform.allocated_bytes(path.stat()) for path in files if path.exists()),
        pending=totals["pending"],
        pending_bytes=totals["pending_bytes"],
        run_files=totals["run_files"],
        run_bytes=totals["run_bytes"],
    )


def owned_bytes(repository: Repository, version: Version | str) -> int:
    """Return the content of a version that no earlier version in the store has. Raises `NotFound`."""
    with repository.db.reading() as connection:
        return usage_rows.owned_bytes(connection, find_living(connection, version).id)


def reclaimable_bytes(repository: Repository, version: Version | str) -> int:
    """Return the content that deleting a version alone would free. Raises `NotFound`."""
    with repository.db.reading() as connection:
        return usage_rows.reclaimable_bytes(connection, find_living(connection, version).id)


def shares(repository: Repository, versions: Iterable[Version]) -> dict[int, Share]:
    """Return the bytes that each of some versions owns and that deleting it alone would free, by version id."""
    with repository.db.reading() as connection:
        return usage_rows.shares(connection, [version.id for version in versions])
