"""Put a backup back in the place of a store that is damaged or gone.

Copying the files of a backup over a store is not enough: a journal of the old catalog that lies there
(`artstore.db-wal`) would be applied to the restored one.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import backup_file, backup_mark, catalog_file, newest_event, pack_space
from artstore.catalog.backup_file import CatalogCopy
from artstore.catalog.chunks import StoredChunk
from artstore.catalog.connection import FILE
from artstore.errors import Damaged, InvalidInput, NoStore, NotAStore, StoreBusy
from artstore.ingest.walk import OLD_RUN_FOLDERS, RUN_FOLDERS
from artstore.operations import last_verification
from artstore.operations.findings import Finding, harmed, harms_of_chunk
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.storage import codec, process_locks
from artstore.storage.packs import HEADER, Packs

_DRAFT = f".{FILE}-restored"
_OURS = ("packs", "locks", RUN_FOLDERS, OLD_RUN_FOLDERS, last_verification.FILE)
_REPLACED = f".{FILE}-replaced"


class RestoreResult(NamedTuple):
    """The result of a restore: the folder of the store, the bytes copied, and what is damaged in the backup."""

    path: Path
    copied: int
    findings: tuple[Finding, ...] = ()

    @property
    def harmed(self) -> list[str]:
        """The names of the versions that are damaged in the backup."""
        return harmed(self.findings)


def restore(backup: Path, folder: Path, *, replace: bool = False, progress: Progress = SILENT) -> RestoreResult:
    """Make a folder the store that a backup is a copy of; everything is verified as it is copied.

    With `replace` the folder may hold a store, which becomes that of the backup: versions that it has and the backup
    does not are gone. Raises `NoStore` or `Damaged` for a backup that cannot be used, `NotAStore` if the folder holds
    something else, `StoreBusy` if a process uses the store there, and `InvalidInput` if there is one without `replace`.
    """
    _check(backup, folder, replace=replace)
    with platform.translate_os_errors(str(folder)):
        if not folder.exists():
            platform.create_folder(folder)
        for made in (folder / "packs", folder / "locks"):
            made.mkdir(mode=0o700, exist_ok=True)
        with closing(CatalogCopy(backup / FILE)) as catalog:
            copied, findings = _copy_packs(catalog, Packs(backup), Packs(folder), progress)
        draft = folder / _DRAFT
        _copy_file(backup / FILE, draft)
        platform.sync_folder(folder / "packs")
        # If this ends between two of these steps, no catalog is there, and the next restore begins again.
        if (folder / FILE).exists():
            os.replace(folder / FILE, folder / _REPLACED)
        for journal in (folder / f"{FILE}-wal", folder / f"{FILE}-shm"):
            platform.remove_if_there(journal)
        newest_event.forget(folder)
        backup_mark.remove(folder)
        # It was another catalog that was verified.
        platform.remove_if_there(folder / last_verification.FILE)
        platform.sync_folder(folder)
        os.replace(draft, folder / FILE)
        platform.remove_if_there(folder / _REPLACED)
        platform.sync_folder(folder)
    return RestoreResult(folder, copied, findings)


def _check(backup: Path, folder: Path, *, replace: bool) -> None:
    # Someone may have sent either: nothing is read or written through their links.
    for sent in (backup, folder):
        catalog_file.check_parts(sent)
    if not (backup / FILE).is_file():
        raise NoStore(f"no backup at {backup}: give the folder that `artstore backup` wrote to")
    journal = backup / f"{FILE}-wal"
    if journal.exists() and journal.stat().st_size:
        raise NotAStore(f"{backup} is in use as a store, or was when its process was killed: back it up, restore that")
    if folder.exists() and folder.samefile(backup):
        raise InvalidInput(f"{folder} is the backup itself: restore it to another folder, or use it where it is")
    faults = backup_file.faults(backup / FILE)
    if faults:
        raise Damaged(f"the catalog of the backup {backup} is damaged ({faults[0]}): restore another backup")
    catalog_file.check_file_system(folder)
    names = {path.name for path in folder.iterdir()} if folder.exists() else set[str]()
    if any(name not in _OURS and not name.startswith((".", FILE)) for name in names):
        raise NotAStore(f"{folder} holds something else: choose a new or empty folder for the store")
    is_store = any(name.startswith(FILE) for name in names) or bool(Packs(folder).names())
    if is_store and not replace:
        raise InvalidInput(
            f"{folder} holds a store, and what it has and the backup does not would be gone: pass replace=True, "
            "or restore to another folder"
        )
    alive = [path.stem for path in (folder / "locks").glob("*.lock") if process_locks.is_alive(folder, path.stem)]
    if alive:
        raise StoreBusy(f"{folder} is in use by {len(alive)} processes: end them, then restore")


def _copy_packs(
    catalog: CatalogCopy, source: Packs, target: Packs, progress: Progress
) -> tuple[int, tuple[Finding, ...]]:
    """Copy the chunks that are not there; return the bytes, and the chunks that are damaged in the backup."""
    copied, findings = 0, list[Finding]()
    algorithm = catalog.connection.algorithm

    def is_right(chunk: StoredChunk, stored: bytes) -> bool:
        return algorithm.raw(codec.decode(stored, chunk.place.codec)) == chunk.digest

    packs = pack_space.packs(catalog.connection)
    with step(progress, "restoring", sum(pack.live for pack in packs), "bytes"):
        for pack in packs:
            writing = platform.open_regular(target.path(pack.name), os.O_RDWR | os.O_CREAT)
            try:
                platform.write_all_at(writing, HEADER, 0)
                for chunk in catalog.chunks_of_pack(pack.name):
                    place = chunk.place
                    if is_right(chunk, target.read_stored(place)):
                        continue
                    stored = source.read_stored(place)
                    if not is_right(chunk, stored):
                        digest = algorithm.text(chunk.digest)
                        what = f"chunk {digest} at {place.offset} of pack {pack.name} is damaged in the backup"
                        findings.append(Finding(what, harms_of_chunk(catalog.connection, chunk.digest)))
                    platform.write_all_at(writing, stored, place.offset)
                    copied += len(stored)
                # What the store appended after the backup stays: it may be needed to repair something by hand.
                os.ftruncate(writing, max(os.fstat(writing).st_size, min(pack.end, source.size(pack.name) or 0)))
                os.fsync(writing)
            finally:
                os.close(writing)
            progress.advance(pack.live)
    source.close()
    target.close()
    return copied, tuple(findings)


def _copy_file(source: Path, target: Path) -> None:
    platform.remove_if_there(target)
    with (
        source.open("rb") as reading,
        open(target, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as new,
    ):
        shutil.copyfileobj(reading, new)
        new.flush()
        os.fsync(new.fileno())
