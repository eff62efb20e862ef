"""The default folder of a download: `./artifacts/animals:v0`, unless that belongs to another version of this name.

Two projects, or two stores, may each have an `animals:v0`. The first to be downloaded gets the folder that W&B uses,
another one gets `animals:v0~PROJECT`. A hidden file next to the folder, `.animals:v0.artstore`, says which version it
belongs to, so that a program never finds files of two versions in one folder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from artstore.core import names
from artstore.core.versions import Link, Version
from artstore.runtime import environment, terminal
from artstore.store import Store

_LONGEST = 200
"""Bytes that a name with its project may have: the hidden file next to the folder has a longer one."""


def of_version(store: Store, version: Version, shown: Version | Link, *, suffix: str = "", claim: bool = True) -> Path:
    """Return the default folder of a version, by its own name or that of a link.

    With `claim` the folder belongs to the version from then on.
    """

    def fits(folder: Path) -> bool:
        return bool(suffix) or _has_only(store, version, folder)

    owner = f"{store.uid} {version.qualified_name}{suffix}"
    return _choose(folder_name(shown) + suffix, shown.project, owner, fits, claim=claim)


def of_checkout(store: Store, version: Version) -> Path:
    """Return the default folder for a checkout of any version of a collection, which belongs to it from then on."""
    owner = f"{store.uid} {version.project}/{version.collection}"
    return _choose(names.folder(version.collection), version.project, owner, lambda folder: True, claim=True)


def folder_name(shown: Version | Link) -> str:
    """Return `images:v4`, or what the system allows for it as the name of a folder."""
    # In a path on Windows, a colon separates a drive or a stream.
    separator = "-" if os.name == "nt" else ":"
    return f"{names.folder(shown.collection)}{separator}v{shown.number}"


def _choose(name: str, project: str, owner: str, fits: Callable[[Path], bool], *, claim: bool) -> Path:
    top = Path(environment.get("ARTSTORE_ARTIFACT_DIR") or "artifacts").absolute()
    with_project = f"{name}~{names.folder(project)}"
    for candidate in (name, with_project) if len(os.fsencode(with_project)) <= _LONGEST else (name,):
        folder = top / candidate
        if _is_available(folder, owner, fits, claim=claim):
            return folder
        holder = _owner_of(folder).partition(" ")[2]
        terminal.note(f"artstore: {folder} holds {holder or 'other files'}: using another folder")
    # A name that no other version can have.
    return top / f"{name}~{hashlib.sha256(owner.encode()).hexdigest()[:12]}"


def _is_available(folder: Path, owner: str, fits: Callable[[Path], bool], *, claim: bool) -> bool:
    """Whether a folder belongs to an owner, or to none and is empty or has only fitting files; then note the owner."""
    noted = _owner_of(folder)
    if noted == owner:
        return True
    in_use = folder.is_dir() and any(folder.iterdir())
    if in_use and (noted or not fits(folder)):
        return False
    if not claim:
        return True
    if noted:
        # The folder that this was noted of was removed since.
        _mark(folder).unlink(missing_ok=True)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _mark(folder).open("x", encoding="utf-8") as file:
            file.write(f"{owner}\n")
    except FileExistsError:
        return _owner_of(folder) == owner
    except OSError:
        # Nothing can be written next to the folder: if it cannot be written either, the download says so.
        return True
    return True


def _mark(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.artstore")


def _owner_of(folder: Path) -> str:
    """Return what is noted of a folder: the id of a store and a name in it; empty if nothing is noted."""
    try:
        return _mark(folder).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _has_only(store: Store, version: Version, folder: Path) -> bool:
    """Whether a folder has no file that a version does not have: files with other content are replaced."""
    paths = {entry.path for entry in store.entries(version)}
    found = (Path(above, name).relative_to(folder).as_posix() for above, _, files in os.walk(folder) for name in files)
    return all(path in paths for path in found)
