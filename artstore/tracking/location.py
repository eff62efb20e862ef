"""Where the store is: the folder named, else ARTSTORE_DIR, else the nearest `.artstore` above, else `./.artstore`."""

from __future__ import annotations

import os
from pathlib import Path

from artstore.errors import NoStore

FOLDER = ".artstore"
VARIABLE = "ARTSTORE_DIR"


def find(named: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the store to write to, whether or not there is a store in it yet."""
    return _named(named) or _nearest() or Path.cwd() / FOLDER


def new(named: str | os.PathLike[str] | None = None) -> Path:
    """The folder to make a store in: it is not looked for in the folders above."""
    return _named(named) or Path.cwd() / FOLDER


def existing(named: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the store to read from. Raises `NoStore`, which says where was looked and what to do."""
    folder = _named(named)
    if folder is None:
        folder = _nearest()
        if folder is None:
            raise NoStore(
                f"no store here: neither {Path.cwd()} nor a folder above it has a {FOLDER}; go to where yours is, "
                f"pass store=..., or set {VARIABLE} (`artstore init` creates one here)"
            )
    elif not folder.is_dir():
        said = f" ({VARIABLE} says so)" if named is None else ""
        raise NoStore(f"no store at {folder}{said}: check the name, or make one with `artstore init {folder}`")
    return folder


def _named(named: str | os.PathLike[str] | None) -> Path | None:
    if named is not None:
        return Path(named).absolute()
    # Container and service files set variables without a shell that would expand `~`.
    found = os.environ.get(VARIABLE)
    return Path(found).expanduser().absolute() if found else None


def _nearest() -> Path | None:
    here = Path.cwd()
    return next((each / FOLDER for each in (here, *here.parents) if (each / FOLDER).is_dir()), None)
