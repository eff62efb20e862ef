"""Find the folder of a store: the given one, otherwise ARTSTORE_DIR, the nearest `.artstore` above, or `./.artstore`.

Apart from `open_stores`, because the command line asks where a store is before it imports what opens one.
"""

from __future__ import annotations

import os
from pathlib import Path

from artstore.errors import NoStore

FOLDER = ".artstore"
VARIABLE = "ARTSTORE_DIR"


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
                f"no store here: neither {Path.cwd()} nor a folder above it has a {FOLDER}; go to where yours is, "
                f"pass store=..., or set {VARIABLE} (`artstore init` creates one here)"
            )
    elif not folder.is_dir():
        source = f" ({VARIABLE} says so)" if given is None else ""
        raise NoStore(f"no store at {folder}{source}: check the name, or make one with `artstore init {folder}`")
    return folder


def _given(given: str | os.PathLike[str] | None) -> Path | None:
    if given is not None:
        return Path(given).absolute()
    # Container and service files set variables without a shell that would expand `~`.
    value = os.environ.get(VARIABLE)
    return Path(value).expanduser().absolute() if value else None


def _nearest() -> Path | None:
    here = Path.cwd()
    return next((above / FOLDER for above in (here, *here.parents) if (above / FOLDER).is_dir()), None)
