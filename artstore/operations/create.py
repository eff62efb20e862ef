"""Making a store in a folder: the folder, its catalog, and the first line of its log."""

from __future__ import annotations

from pathlib import Path

from artstore.catalog import catalog_file, events
from artstore.catalog.connection import FILE
from artstore.catalog.db import Db
from artstore.core import digests
from artstore.errors import NotAStore, StoreError
from artstore.runtime import platform
from artstore.storage import codec

_OURS = {"packs", "locks"}


def make(folder: Path, algorithm: str | None, compression: str | None) -> None:
    """Make a store in a folder, unless one is there. Raises `NotAStore` if the folder holds something else."""
    if algorithm is not None:
        digests.algorithm(algorithm)
    codec.check_name(compression)
    codec.check_usable(compression)
    with platform.translate_os_errors(str(folder)):
        if not (folder / FILE).exists():
            catalog_file.check_file_system(folder)
            _make_folder(folder)
            catalog_file.create(folder, algorithm or digests.DEFAULT, compression)


def note_creation(db: Db) -> None:
    """Begin the log of a store that has none yet."""
    if events.head(db.connection):
        return
    with db.writing() as connection:
        if not events.head(connection):
            compression = {"compression": db.compression} if db.compression else {}
            events.record(connection, "store-created", "", algorithm=db.algorithm.name, **compression)


def _make_folder(folder: Path) -> None:
    try:
        # In this order: another process that is making the store has its catalog in place before its first pack.
        packs = any((folder / "packs").glob("*.pack"))
        if packs and not (folder / FILE).exists():
            raise NotAStore(
                f"{folder} holds packs, and their catalog {FILE} is missing: restore it from a backup, "
                "or choose another folder"
            )
        if folder.exists() and any(
            each.name not in _OURS and not each.name.startswith((".", FILE)) for each in folder.iterdir()
        ):
            raise NotAStore(f"{folder} holds something else: choose a new or empty folder for the store")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("packs", "locks"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
    except (NotADirectoryError, FileExistsError) as error:
        raise NotAStore(f"{folder} is not a folder: choose another place for the store") from error
    except PermissionError as error:
        raise StoreError(
            f"{folder} cannot be made or written: check its permissions, or choose another place"
        ) from error
