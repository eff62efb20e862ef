"""Findings of checks: each fault in words, and the entries of versions that it harms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from artstore.catalog import chunks as chunk_rows
from artstore.catalog import needed, run_files
from artstore.catalog.connection import Connection


class Harm(NamedTuple):
    """An entry of a version, or a file of a run (`run project/id`), that contains something damaged."""

    version: str
    path: str


class Finding(NamedTuple):
    """A fault, and the entries that it harms."""

    what: str
    harms: tuple[Harm, ...] = ()


def harmed(findings: Iterable[Finding]) -> list[str]:
    """Return the names of the versions that are not complete, according to findings."""
    return sorted({harm.version for finding in findings for harm in finding.harms})


def harms_of_chunk(connection: Connection, digest: bytes) -> tuple[Harm, ...]:
    """Return the entries that contain a chunk."""
    return harms_of_files(connection, chunk_rows.files_with_chunk(connection, digest))


def harms_of_files(connection: Connection, digests: list[bytes]) -> tuple[Harm, ...]:
    """Return the entries, and the files of runs, that contain any of some files."""
    committed = [Harm(version.qualified_name, path) for version, path in needed.versions_with(connection, digests)]
    waiting = [Harm(f"{name} (pending)", path) for name, path in needed.pending_with(connection, digests)]
    kept = [Harm(f"run {name}", path) for name, path in run_files.with_files(connection, digests)]
    return tuple(committed + waiting + kept)
