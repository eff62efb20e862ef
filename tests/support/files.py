"""Write files and folders, read them, and commit them to a store."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from blake3 import blake3

from artstore import Entry, Store, Version

Tree: TypeAlias = dict[str, str]
"""The files of a folder: path -> hash of the content."""


def noise(size: int, seed: int | str = 0) -> bytes:
    """Return bytes that are the same for the same size and seed, and otherwise share nothing to deduplicate."""
    return random.Random(f"{size} {seed}").randbytes(size)


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder, created if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def tree_of(folder: Path) -> Tree:
    """Return the files of a folder with the hashes of their content."""
    tree = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            tree[path.relative_to(folder).as_posix()] = blake3(path.read_bytes()).hexdigest()
    return tree


def snapshot(folder: Path) -> dict[str, str | bytes | None]:
    """Return everything below a folder: the targets of links, the bytes of files, None for folders."""
    contents: dict[str, str | bytes | None] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            contents[name] = os.readlink(path)
        else:
            contents[name] = None if path.is_dir() else path.read_bytes()
    return contents


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def commit_folder(store: Store, source: Path, name: str = "animals") -> Version:
    """Commit a folder as a version of a dataset."""
    draft = store.draft(name, "dataset")
    store.add_dir(draft, source)
    return store.commit(draft)


def entries_by_path(store: Store, version: Version | str) -> dict[str, Entry]:
    """Return the entries of a version by their paths."""
    return {entry.path: entry for entry in store.entries(version)}


def store_with_versions(folder: Path, **versions: Path) -> Path:
    """Create a store with one version of each of these collections."""
    with Store.init(folder) as store:
        for name, source in versions.items():
            commit_folder(store, source, name)
    return folder
