"""Create the file of a catalog: on a suitable file system, and complete before it gets its name."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import closing, suppress
from pathlib import Path

from artstore.catalog import backup_mark, row_checksums, timestamps
from artstore.catalog.connection import APPLICATION_ID, FILE, FORMAT, PLAIN_FORMAT, connect
from artstore.core import digests
from artstore.errors import Damaged, NetworkFileSystem
from artstore.runtime import platform
from artstore.runtime.sqlite_errors import translate_sqlite_errors


def check_file_system(folder: Path) -> None:
    """Raise `NetworkFileSystem` where SQLite's locks or shared memory do not work. The folder need not exist yet.

    The write-ahead log needs both, and does not work on NFS, CIFS, Lustre or FUSE: stores there could lose data.
    """
    kind = platform.network_file_system(folder.resolve())
    if kind:
        raise NetworkFileSystem(
            f"{folder} is on a network or user-space file system ({kind}), where SQLite can lose data: "
            "put the store on a local disk, and copy it with `artstore backup`"
        )


def check_parts(folder: Path) -> None:
    """Raise `Damaged` if a part of a store or backup is a link or a FIFO: it would lead out of the folder, or block."""
    for name in (FILE, f"{FILE}-wal", f"{FILE}-shm", backup_mark.NAME, "packs", "locks"):
        try:
            mode = os.lstat(folder / name).st_mode
        except FileNotFoundError:
            continue
        if not (stat.S_ISDIR(mode) if name in ("packs", "locks") else stat.S_ISREG(mode)):
            raise Damaged(
                f"{folder / name} is a link or of another kind, which artstore does not create: do not use a store "
                "that you do not trust"
            )


def create(folder: Path, algorithm: str, compression: str | None = None) -> bool:
    """Create a catalog in a folder; return False if there is one already.

    The file is built under a temporary name and linked to its final name when it is complete, so no other process
    opens an unfinished one. Building it in place would also fail at times: on a new file, `pragma journal_mode = wal`
    does not wait for another process that sets it (4 of 480 opens failed).
    """
    # sqlite-utils takes 70 ms to import, and a store that exists does not need to be created.
    from sqlite_utils import Database

    from artstore.catalog import schema

    digests.algorithm(algorithm)
    final = folder / FILE
    if final.exists():
        return False
    draft = folder / f".{FILE}-{secrets.token_hex(8)}"
    try:
        platform.create_private_file(draft)
        with translate_sqlite_errors(final), closing(connect(draft, create=True)) as connection:
            connection.trust_schema()
            connection.execute("pragma journal_mode = wal")
            connection.execute(f"pragma application_id = {APPLICATION_ID}")
            connection.execute("begin immediate")
            schema.migrations.apply(Database(connection))
            connection.execute(f"pragma user_version = {FORMAT if compression else PLAIN_FORMAT}")
            row = (secrets.token_hex(16), algorithm, compression, timestamps.now())
            names = "id, uid, algorithm, compression, created_at"
            connection.execute(f"insert into store ({names}) values (1, ?, ?, ?, ?)", row)
            row_checksums.renew(connection)
            connection.execute("commit")
            # Closing a connection copies the journal back as well, but tells nothing if the disk has no room for that.
            connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        return _publish(draft, final)
    finally:
        for leftover in (draft, Path(f"{draft}-wal"), Path(f"{draft}-shm")):
            platform.remove_if_there(leftover)


def _publish(draft: Path, final: Path) -> bool:
    """Give a complete catalog its name; return False if another process was faster."""
    try:
        os.link(draft, final)
    except FileExistsError:
        return False
    except OSError:
        # A file system without hard links.
        if final.exists():
            return False
        with suppress(FileExistsError):
            os.rename(draft, final)
    platform.sync_folder(final.parent)
    return True


def remove_unfinished(folder: Path) -> None:
    """Remove unfinished catalogs that killed processes left. A process still building one finds the finished one."""
    for draft in folder.glob(f".{FILE}-*"):
        platform.remove_if_there(draft)
