"""Copy a store while it is in use: the catalog as it is at one moment, and the packs that it needs.

A backup is a store: open it where it is, or copy it back. A second backup into the same folder copies only what was
added since.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import backup_file, chunks, events, pack_space
from artstore.catalog.connection import FILE
from artstore.catalog.pack_space import Pack
from artstore.catalog.repository import Repository
from artstore.errors import Damaged, NotAStore
from artstore.operations.hold_everything import hold_everything
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.storage.packs import Packs

_PIECE = 4 * 1024 * 1024
_DRAFT = f".{FILE}-backup"


class BackupResult(NamedTuple):
    """What a backup did: bytes copied, and the hash of the newest event.

    Keep the hash elsewhere, for `verify(head=...)`.
    """

    path: Path
    copied: int
    head: str


def backup(repository: Repository, path: Path, *, progress: Progress = SILENT) -> BackupResult:
    """Copy the store into a folder, which is new, empty, or an earlier backup of the same store.

    Raises `NotAStore` if the folder holds something else, and `DiskFull` if there is not enough room; an earlier backup
    stays usable then.
    """
    copied_before = _prepare(repository, path)
    with hold_everything(repository, "backup"):
        return _copy(repository, path, copied_before, progress)


def _prepare(repository: Repository, path: Path) -> dict[str, int]:
    """Create the folder or check the earlier backup in it; return how much of each pack that holds."""
    ends: dict[str, int] = {}
    if any(above.exists() and above.samefile(repository.folder) for above in (path.resolve(), *path.resolve().parents)):
        raise NotAStore(f"{path} is the store itself or lies in it: choose a folder elsewhere for the backup")
    if (path / FILE).exists():
        ends = _check_earlier(repository, path)
    elif path.exists() and any(file.name not in ("packs", "locks", _DRAFT) for file in path.iterdir()):
        raise NotAStore(f"{path} holds something else: choose a new or empty folder for the backup")
    for folder in (path, path / "packs", path / "locks"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return ends


def _check_earlier(repository: Repository, path: Path) -> dict[str, int]:
    journal = path / f"{FILE}-wal"
    if journal.exists() and journal.stat().st_size:
        raise NotAStore(f"{path} is in use as a store, or was when its process was killed: choose another folder")
    earlier = backup_file.read_earlier(path)
    if earlier.uid != repository.db.uid:
        raise NotAStore(f"{path} is a backup of another store: choose another folder")
    if earlier.head and not events.contains(repository.db.connection, earlier.head):
        raise NotAStore(f"{path} was changed since it was made, and is a store of its own now: choose another folder")
    return earlier.ends


def _copy(repository: Repository, path: Path, copied_before: dict[str, int], progress: Progress) -> BackupResult:
    db = repository.db
    draft = path / _DRAFT
    platform.remove_if_there(draft)
    target = Packs(path)
    with platform.translate_os_errors(str(path)):
        with db.reading() as connection:
            packs = pack_space.packs(connection)
            head = events.head(connection)
            extents = {pack.name: chunks.used_ranges(connection, pack.id) for pack in packs}
            backup_file.copy(connection, draft)
        copied = 0
        with step(progress, "backing up", sum(pack.end for pack in packs), "bytes"):
            for pack in packs:
                missing = [(max(first, copied_before.get(pack.name, 0)), end) for first, end in extents[pack.name]]
                copied += _copy_pack(repository.packs.path(pack.name), target.path(pack.name), pack.end, missing)
                progress.advance(pack.end)
        platform.sync_folder(target.folder)
        for leftover in (path / f"{FILE}-wal", path / f"{FILE}-shm"):
            platform.remove_if_there(leftover)
        os.replace(draft, path / FILE)
        platform.sync_folder(path)
    _remove_others(target, packs)
    return BackupResult(path, copied, head)


def _remove_others(target: Packs, packs: list[Pack]) -> None:
    """Remove packs of an earlier backup that the store does not have any more."""
    for name in set(target.names()) - {pack.name for pack in packs}:
        with target.locked(name) as held:
            if held:
                target.remove(name)


def _copy_pack(source: Path, target: Path, end: int, missing: list[tuple[int, int]]) -> int:
    """Copy ranges (first, end) of a pack to its copy; return the bytes. What was copied before never changes."""
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
