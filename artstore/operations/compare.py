"""Compare a folder on disk with a version: find files that are missing, different, or not part of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from artstore.catalog.repository import Repository
from artstore.checkout import reader
from artstore.core.digests import Algorithm
from artstore.core.manifest import Entry, Kind
from artstore.core.versions import Version
from artstore.errors import UnsafeRoot
from artstore.runtime import platform
from artstore.runtime.pause_gc import gc_paused
from artstore.runtime.threads import ThreadPool

_PIECE = 1 << 20


class Comparison(NamedTuple):
    """Paths relative to the folder, in path order. Strays are files that the version does not have."""

    missing: list[str]
    different: list[str]
    strays: list[str]


def compare(repository: Repository, version: Version, root: Path) -> Comparison:
    """Read a folder and compare it with a version. References are skipped."""
    with gc_paused():
        entries = list(reader.entries(repository, version, ""))
    wanted = [entry for entry in entries if entry.kind != Kind.REFERENCE]
    with ThreadPool(platform.cores(), "artstore-compare") as pool:
        matches = list(pool.map(lambda entry: _matches(root, entry, repository.db.algorithm), wanted))
    paths = {entry.path for entry in entries}
    return Comparison(
        [entry.path for entry, match in zip(wanted, matches, strict=True) if match is None],
        [entry.path for entry, match in zip(wanted, matches, strict=True) if match is False],
        [path for path in _files(root) if path not in paths],
    )


def _matches(root: Path, entry: Entry, algorithm: Algorithm) -> bool | None:
    """Whether the path of an entry holds what the entry says; None if nothing is there."""
    path = root / entry.path
    if not os.path.lexists(path):
        return None
    if entry.kind == Kind.LINK:
        return path.is_symlink() and os.readlink(path) == entry.target
    if entry.kind == Kind.FOLDER:
        return path.is_dir()
    if path.is_symlink() or not path.is_file() or path.stat().st_size != entry.size:
        return False
    hasher = algorithm.hasher()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            hasher.update(piece)
    return algorithm.text(hasher.digest()) == entry.digest


def _files(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted([*files, *links]):
            yield Path(folder, name).relative_to(root).as_posix()


def remove_strays(repository: Repository, version: Version, root: Path) -> list[str]:
    """Remove the files from a folder that a version does not have, and folders left empty; return the paths.

    Raises `UnsafeRoot` if the store lies in the folder.
    """
    if repository.folder.resolve().is_relative_to(root.resolve()):
        raise UnsafeRoot(f"{root} holds the store: check out into a folder of its own")
    paths = {entry.path for entry in reader.entries(repository, version, "")}
    folders = {path.rpartition("/")[0] for path in paths} | paths
    strays = [path for path in _files(root) if path not in paths]
    emptied: set[str] = set()
    for path in strays:
        (root / path).unlink()
        folder = path.rpartition("/")[0]
        while folder and folder not in folders and folder not in emptied:
            emptied.add(folder)
            folder = folder.rpartition("/")[0]
    # Folders come before what is in them.
    for folder in sorted(emptied, reverse=True):
        with os.scandir(root / folder) as listed:
            is_empty = next(listed, None) is None
        if is_empty:
            (root / folder).rmdir()
    return strays
