"""Find the folder of a store: the given one, otherwise ARTSTORE_DIR, the nearest `.artstore` above, or `./.artstore`.

A store that was not named but found is used only if it belongs to this user, as Git uses repositories: otherwise
anyone could place one above a shared folder, and receive or provide what others put and get.

Separate from `open_stores`, because the command line finds a store before it imports the code that opens it.
"""

from __future__ import annotations

import os
from pathlib import Path

from artstore.errors import ForeignStore, NoStore

FOLDER = ".artstore"
VARIABLE = "ARTSTORE_DIR"
SAFE = "ARTSTORE_SAFE_DIRECTORY"
"""Stores of other users that may be found: their folders or the folders that contain them, or `*` for all."""
CEILING = "ARTSTORE_CEILING_DIRECTORIES"
"""Folders in which, and above which, no store is looked for, unless one is the working folder."""


def find(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the store to write to, whether or not there is a store yet."""
    return _given(given) or _nearest() or Path.cwd() / FOLDER


def new(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder to create a store in, without a look into the folders above."""
    return _given(given) or Path.cwd() / FOLDER


def existing(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the store to read from. Raises `NoStore` if there is none."""
    folder = _given(given)
    if folder is None:
        folder = _nearest()
        if folder is None:
            raise NoStore(
                f"no store here: neither {Path.cwd()} nor a folder above it has a {FOLDER}; change to a folder "
                f"that has one, pass store=..., or set {VARIABLE} (`artstore init` creates one here)"
            )
    elif not folder.is_dir():
        source = f" ({VARIABLE} says so)" if given is None else ""
        raise NoStore(f"no store at {folder}{source}: check the name, or create one with `artstore init {folder}`")
    return folder


def is_found_above(folder: Path) -> bool:
    """Whether a store was found, and not named, in a folder above the working folder."""
    return _given(None) is None and folder.parent != Path.cwd()


def _given(given: str | os.PathLike[str] | None) -> Path | None:
    if given is not None:
        return Path(given).absolute()
    # Container and service files set variables without a shell that would expand `~`.
    value = os.environ.get(VARIABLE)
    return Path(value).expanduser().absolute() if value else None


def _nearest() -> Path | None:
    here = Path.cwd()
    ceilings = set(_folders(CEILING))
    for above in (here, *here.parents):
        if above in ceilings and above != here:
            break
        if (above / FOLDER).is_dir():
            _check_owner(above / FOLDER)
            return above / FOLDER
    return None


def _folders(variable: str) -> list[Path]:
    return [Path(part).expanduser() for part in os.environ.get(variable, "").split(os.pathsep) if part]


def _check_owner(folder: Path) -> None:
    """Raise `ForeignStore` if a store that was found, or the link to it, belongs to another user."""
    if not hasattr(os, "geteuid"):
        return
    users = {os.geteuid()}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdigit():
        users.add(int(os.environ["SUDO_UID"]))
    owners = {folder.lstat().st_uid, folder.stat().st_uid}
    if owners <= users or _is_safe(folder):
        return
    owner = min(owners - users)
    raise ForeignStore(
        f"the store {folder} belongs to another user (id {owner}): pass store={str(folder)!r} or set {VARIABLE} "
        f"to use it nevertheless, or allow it always with {SAFE}={folder}"
    )


def _is_safe(folder: Path) -> bool:
    return any(str(safe) == "*" or folder.is_relative_to(safe) for safe in _folders(SAFE))
