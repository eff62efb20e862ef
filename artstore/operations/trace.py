"""Trace a version or a run: read the lineage graph around it from the catalog."""

from __future__ import annotations

from artstore.catalog import lineage, runs
from artstore.catalog.lineage import NodeKey
from artstore.catalog.repository import Repository
from artstore.lineage.graph import Direction
from artstore.lineage.lineage import Lineage
from artstore.storage import process_locks


def version(repository: Repository, id: int, direction: Direction, depth: int | None) -> Lineage:
    """Return the graph around a version, which may be deleted. Raises `InvalidInput` for a bad direction or depth."""
    return _around(repository, NodeKey(False, id), direction, depth)


def run(repository: Repository, id: int, direction: Direction, depth: int | None) -> Lineage:
    """Return the graph around a run. Raises `NotFound`, or `InvalidInput` for a bad direction or depth."""
    with repository.db.reading() as connection:
        runs.check_exists(connection, id)
    return _around(repository, NodeKey(True, id), direction, depth)


def _around(repository: Repository, start: NodeKey, direction: Direction, depth: int | None) -> Lineage:
    with repository.db.reading() as connection:
        graph = lineage.around(
            connection,
            start,
            direction,
            depth,
            is_alive=lambda name: process_locks.is_alive(repository.folder, name),
        )
    return Lineage(graph)
