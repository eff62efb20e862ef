"""Copying a store while it is in use: the catalog as it is at one moment, and the packs that it needs.

A backup is a store: open it where it is, or copy it back. Doing it again into the same folder copies what has been
added since.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import backup_file, chunks, events, leases, pack_space, reclaim
from artstore.catalog.connection import FILE
from artstore.catalog.db import Db
from artstore.errors import Damaged, NotAStore
from artstore.operations.reclaim_space import sweep
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.storage.packs import Packs
from artstore.storage.process_locks import ProcessLock

_PIECE = 4 * 1024 * 1024
_DRAFT = f".{FILE}-backup"


class BackedUp(NamedTuple):
    """What a backup did: bytes copied, and the hash of the newest event.

    Keep the hash elsewhere, for `verify(head=...)`.
    """

    path: Path
    copied: int
    head: str


def backup(db: Db, packs: Packs, session: ProcessLock, path: Path, *, progress: Progress = SILENT) -> BackedUp:
    """Copy the store into a folder, which is new, empty, or an earlier backup of the same store.

    Raises `NotAStore` if the folder holds something else, `DiskFull` if there is no room; an earlier backup stays
    usable then.
    """
    have = _prepare(db, path)
    with db.writing(durable=False) as connection:
        lease = leases.open_lease(connection, session.name, "backup")
        leases.claim_everything(connection, lease)
    try:
        return _copy(db, packs, path, have, progress)
    finally:
        with db.writing() as connection:
            reclaim.release(connection, claims=leases.close_lease(connection, lease))
        sweep(db, packs)


def _prepare(db: Db, path: Path) -> dict[str, int]:
    """Make the folder ready; return how much of each pack an earlier backup holds."""
    have: dict[str, int] = {}
    if any(each.exists() and each.samefile(db.folder) for each in (path.resolve(), *path.resolve().parents)):
        raise NotAStore(f"{path} is the store itself or lies in it: choose a folder elsewhere for the backup")
    if (path / FILE).exists():
        journal = path / f"{FILE}-wal"
        if journal.exists() and journal.stat().st_size:
            raise NotAStore(f"{path} is in use as a store, or was when its process was killed: choose another folder")
        earlier = backup_file.read_earlier(path)
        if earlier.uid != db.uid:
            raise NotAStore(f"{path} is a backup of another store: choose another folder")
        if earlier.head and not events.contains(db.connection, earlier.head):
            raise NotAStore(
                f"{path} was worked in since it was made, and is a store of its own now: choose another folder"
            )
        have = earlier.ends
    elif path.exists() and any(each.name not in ("packs", "locks", _DRAFT) for each in path.iterdir()):
        raise NotAStore(f"{path} holds something else: choose a new or empty folder for the backup")
    for folder in (path, path / "packs", path / "locks"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return have


def _copy(db: Db, packs: Packs, path: Path, have: dict[str, int], progress: Progress) -> BackedUp:
    draft = path / _DRAFT
    platform.remove_if_there(draft)
    with platform.translate_os_errors(str(path)):
        with db.reading() as connection:
            known = pack_space.packs(connection)
            head = events.head(connection)
            extents = {pack.name: chunks.used_ranges(connection, pack.id) for pack in known}
            backup_file.copy(connection, draft)
        target = Packs(path)
        copied = 0
        with step(progress, "backing up", sum(pack.end for pack in known), "bytes"):
            for pack in known:
                missing = [(max(first, have.get(pack.name, 0)), end) for first, end in extents[pack.name]]
                copied += _copy_pack(packs.path(pack.name), target.path(pack.name), pack.end, missing)
                progress.advance(pack.end)
        platform.sync_folder(target.folder)
        for leftover in (path / f"{FILE}-wal", path / f"{FILE}-shm"):
            platform.remove_if_there(leftover)
        os.replace(draft, path / FILE)
        platform.sync_folder(path)
    wanted = {pack.name for pack in known}
    for name in set(target.names()) - wanted:
        with target.held(name) as held:
            if held:
                target.remove(name)
    return BackedUp(path, copied, head)


def _copy_pack(source: Path, target: Path, end: int, missing: list[tuple[int, int]]) -> int:
    """Copy ranges (first, end) of a pack into its copy; what was copied by an earlier backup never changes."""
    copied = 0
    try:
        reading = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as error:
        raise Damaged(f"pack {source.name} is gone: run `artstore verify` to see which versions that harms") from error
    writing = os.open(target, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    try:
        for offset, last in missing:
            while offset < last:
                data = platform.read_at(reading, min(_PIECE, last - offset), offset)
                if not data:
                    raise Damaged(f"pack {source.name} ends at {offset}, before {last}: run `artstore verify`")
                offset += platform.write_at(writing, data, offset)
                copied += len(data)
        os.ftruncate(writing, end)
        os.fsync(writing)
    finally:
        os.close(reading)
        os.close(writing)
    return copied
