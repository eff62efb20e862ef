"""Files and folders: made, read, and committed to a store."""

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


def noise(seed: int | str, size: int) -> bytes:
    """The same bytes for the same seed, and nothing that could be deduplicated."""
    return random.Random(seed).randbytes(size)


def random_bytes(size: int, seed: int = 0) -> bytes:
    return random.Random(f"{size} {seed}").randbytes(size)


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def tree_of(folder: Path) -> Tree:
    """Read a folder."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            found[path.relative_to(folder).as_posix()] = blake3(path.read_bytes()).hexdigest()
    return found


def tree(folder: Path) -> dict[str, str | bytes | None]:
    """Everything below a folder: the text of links, the bytes of files, None for folders."""
    found: dict[str, str | bytes | None] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put(store: Store, source: Path, name: str = "animals") -> Version:
    draft = store.draft(name, "dataset")
    store.add_dir(draft, source)
    return store.commit(draft)


def entries(store: Store, version: Version | str) -> dict[str, Entry]:
    return {entry.path: entry for entry in store.entries(version)}


def store_with(folder: Path, **versions: Path) -> Path:
    """Make a store with one version of each collection."""
    with Store.init(folder) as store:
        for name, source in versions.items():
            put(store, source, name)
    return folder
