"""Create a store in a folder: the folder, its catalog, and the first event of its log."""

from __future__ import annotations

from pathlib import Path

from artstore.catalog import catalog_file, events
from artstore.catalog.connection import FILE
from artstore.catalog.repository import Repository
from artstore.core import digests
from artstore.errors import InvalidInput, NotAStore, StoreError
from artstore.runtime import platform
from artstore.storage import codec

_OURS = {"packs", "locks"}


def create(folder: Path, algorithm: str | None, compression: str | None) -> None:
    """Create a store in a folder, unless one is there. Raises `NotAStore` if the folder holds something else."""
    if algorithm is not None:
        digests.algorithm(algorithm)
    codec.check_name(compression)
    codec.check_usable(compression)
    with platform.translate_os_errors(str(folder)):
        if not (folder / FILE).exists():
            catalog_file.check_file_system(folder)
            _create_folder(folder)
            catalog_file.create(folder, algorithm or digests.DEFAULT, compression)


def _create_folder(folder: Path) -> None:
    try:
        # In this order: another process that is creating the store has its catalog in place before its first pack.
        packs = any((folder / "packs").glob("*.pack"))
        if packs and not (folder / FILE).exists():
            raise NotAStore(
                f"{folder} holds packs, and their catalog {FILE} is missing: restore it from a backup, "
                "or choose another folder"
            )
        if folder.exists() and any(
            path.name not in _OURS and not path.name.startswith((".", FILE)) for path in folder.iterdir()
        ):
            raise NotAStore(f"{folder} holds something else: choose a new or empty folder for the store")
        for path in (folder, folder / "packs", folder / "locks"):
            platform.create_folder(path)
    except (NotADirectoryError, FileExistsError) as error:
        raise NotAStore(f"{folder} is not a folder: choose another place for the store") from error
    except PermissionError as error:
        raise StoreError(
            f"{folder} cannot be created or written: check its permissions, or choose another place"
        ) from error


def record_creation(repository: Repository) -> None:
    """Begin the log of a store that has none yet."""
    db = repository.db
    if events.head(db.connection):
        return
    with db.writing() as connection:
        if not events.head(connection):
            compression = {"compression": db.compression} if db.compression else {}
            events.record(connection, "store-created", "", algorithm=db.algorithm.name, **compression)
    repository.db.keep_reserve()


def check_same(repository: Repository, algorithm: str | None, compression: str | None) -> None:
    """Raise `InvalidInput` if a store was created with another algorithm or compression than those given."""
    db = repository.db
    if algorithm is not None and db.algorithm.name != algorithm:
        raise InvalidInput(
            f"{repository.folder} uses {db.algorithm.name}, and digests are never mixed: "
            f"create another store for {algorithm}"
        )
    if compression is not None and db.compression != compression:
        raise InvalidInput(
            f"{repository.folder} was created without compression, which cannot be changed: "
            f"create another store for {compression}"
        )
