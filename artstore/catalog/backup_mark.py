"""The mark of a backup: shows that a backup was copied by hand over a store whose journal still lies there.

SQLite would apply that journal, `artstore.db-wal`, to the catalog of the backup, and mix the two. So a backup has an
empty file beside its catalog until something is written to it: then the journal is its own.
"""

from __future__ import annotations

from pathlib import Path

from artstore.catalog.connection import FILE, journal_is_in_use
from artstore.errors import Damaged
from artstore.runtime import platform

NAME = f"{FILE}-copied"


def make(folder: Path) -> None:
    """Mark a backup, durably, before it gets its catalog."""
    if not (folder / NAME).exists():
        platform.create_private_file(folder / NAME)
    platform.sync_folder(folder)


def remove(folder: Path) -> None:
    """Remove the mark, durably, before the catalog is changed or gets a journal of its own."""
    if (folder / NAME).exists():
        platform.remove_if_there(folder / NAME)
        platform.sync_folder(folder)


def check(folder: Path) -> None:
    """Raise `Damaged` if the catalog is that of a backup and the journal beside it is not."""
    # In this order: a process that begins to write removes the mark before it adds to the journal.
    if journal_is_in_use(folder / FILE) and (folder / NAME).exists():
        raise Damaged(
            f"{folder / FILE} was copied from a backup, and the journal {FILE}-wal beside it belongs to the catalog "
            "that was there before: restore the backup with `artstore restore BACKUP STORE --replace`, which removes it"
        )
