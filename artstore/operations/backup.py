"""Copy a store while it is in use: the catalog as it is at one moment, and the packs that it needs.

A backup is a store: open it where it is, or restore it. A second backup into the same folder copies only what was
added since. Each chunk is verified as it is copied; of a chunk that is damaged, the backup keeps an earlier good copy.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import backup_file, backup_mark, catalog_file, events, newest_event, pack_space
from artstore.catalog.backup_file import CatalogCopy
from artstore.catalog.chunks import StoredChunk
from artstore.catalog.connection import FILE
from artstore.catalog.pack_space import Pack
from artstore.catalog.repository import Repository
from artstore.errors import Damaged, DiskFull, NotAStore, StoreReadOnly
from artstore.operations.findings import Finding, harmed, harms_of_chunk
from artstore.operations.hold_everything import hold_everything
from artstore.operations.run_folders import store_left_files
from artstore.runtime import platform, terminal
from artstore.runtime.progress import SILENT, Progress, step
from artstore.storage import codec
from artstore.storage.packs import HEADER, Packs

_PIECE = 4 * 1024 * 1024
_DRAFT = f".{FILE}-backup"
_UNFINISHED = ("packs", "locks", _DRAFT, backup_mark.NAME)
"""What a backup that was interrupted leaves in a new folder."""


class BackupResult(NamedTuple):
    """The result of a backup: bytes copied, the hash of the newest event, and the damage found while copying.

    Keep the hash elsewhere, for `verify(head=...)`.
    """

    path: Path
    copied: int
    head: str
    findings: tuple[Finding, ...] = ()

    @property
    def harmed(self) -> list[str]:
        """The names of the versions that are damaged in the store."""
        return harmed(self.findings)


def backup(repository: Repository, path: Path, *, progress: Progress = SILENT) -> BackupResult:
    """Copy the store into a folder, which is new, empty, or an earlier backup of the same store.

    Chunks that are damaged are reported as `findings`; the backup keeps the copies of the earlier one, where it has
    them. Raises `NotAStore` if the folder holds something else, `DiskFull` if there is not enough room, and `Damaged`
    if the catalog is damaged and would replace that of an earlier backup; an earlier backup stays usable then.
    """
    with ExitStack() as ending:
        earlier = _find_earlier(repository, path)
        if earlier is not None:
            ending.push(closing(earlier))
        for folder in (path, path / "packs", path / "locks"):
            platform.create_folder(folder)
        _store_left_files(repository)
        ending.enter_context(hold_everything(repository, "backup"))
        return _copy(repository, path, earlier, progress)


def _store_left_files(repository: Repository) -> None:
    """Store what runs left in their folders, so that the backup has it, if the store can be written."""
    try:
        store_left_files(repository)
    except (StoreReadOnly, DiskFull) as error:
        terminal.note(f"artstore: what killed runs left in their folders is not in the backup: {error}")


def _find_earlier(repository: Repository, path: Path) -> CatalogCopy | None:
    """Check that a backup may be made in a folder; return the earlier one in it, if there is one."""
    earlier = None
    # Someone may have sent the earlier backup: nothing is written through its links.
    catalog_file.check_parts(path)
    if any(above.exists() and above.samefile(repository.folder) for above in (path.resolve(), *path.resolve().parents)):
        raise NotAStore(f"{path} is the store itself or lies in it: choose a folder elsewhere for the backup")
    if (path / FILE).exists():
        earlier = _check_earlier(repository, path)
    elif path.exists() and any(file.name not in _UNFINISHED for file in path.iterdir()):
        raise NotAStore(f"{path} holds something else: choose a new or empty folder for the backup")
    return earlier


def _check_earlier(repository: Repository, path: Path) -> CatalogCopy:
    journal = path / f"{FILE}-wal"
    if journal.exists() and journal.stat().st_size:
        raise NotAStore(f"{path} is in use as a store, or was when its process was killed: choose another folder")
    earlier = CatalogCopy(path / FILE)
    try:
        if earlier.uid != repository.db.uid:
            raise NotAStore(f"{path} is a backup of another store: choose another folder")
        if earlier.head and not events.contains(repository.db.connection, earlier.head):
            raise NotAStore(
                f"{path} was changed since it was made, and is a store of its own now: choose another folder"
            )
    except BaseException:
        earlier.close()
        raise
    return earlier


def _copy(repository: Repository, path: Path, earlier: CatalogCopy | None, progress: Progress) -> BackupResult:
    db = repository.db
    draft = path / _DRAFT
    platform.remove_if_there(draft)
    with platform.translate_os_errors(str(path)):
        with db.reading() as connection:
            packs = pack_space.packs(connection)
            head = events.head(connection)
            backup_file.copy(connection, draft)
        faults = backup_file.faults(draft)
        if faults and earlier is not None:
            raise Damaged(
                f"the catalog {db.path} is damaged ({faults[0]}), and the backup in {path} was left as it is: "
                "run `artstore verify`, then restore that backup, or choose another folder for this one"
            )
        findings = [Finding(f"SQLite: {fault}") for fault in faults]
        copied = 0
        with (
            step(progress, "backing up", sum(pack.live for pack in packs), "bytes"),
            closing(CatalogCopy(draft)) as snapshot,
        ):
            for pack in packs:
                copy = _PackCopy(repository, path, earlier, pack)
                copied += copy.run(snapshot.chunks_of_pack(pack.name))
                findings += copy.findings
                progress.advance(pack.live)
        target = Packs(path)
        platform.sync_folder(target.folder)
        for leftover in (path / f"{FILE}-wal", path / f"{FILE}-shm"):
            platform.remove_if_there(leftover)
        newest_event.forget(path)
        backup_mark.make(path)
        os.replace(draft, path / FILE)
        platform.sync_folder(path)
    _remove_others(target, packs)
    return BackupResult(path, copied, head, tuple(findings))


def _remove_others(target: Packs, packs: list[Pack]) -> None:
    """Remove packs of an earlier backup that the store does not have any more."""
    for name in set(target.names()) - {pack.name for pack in packs}:
        with target.locked(name) as held:
            if held:
                target.remove(name)


class _PackCopy:
    """The copy of one pack: what an earlier backup has there stays, everything else is verified while it is copied."""

    def __init__(self, repository: Repository, path: Path, earlier: CatalogCopy | None, pack: Pack) -> None:
        self._repository = repository
        self._algorithm = repository.db.algorithm
        self._earlier = earlier
        self._pack = pack
        self._target = Packs(path)
        self.findings: list[Finding] = []

    def run(self, listed: list[StoredChunk]) -> int:
        """Copy the chunks, and make them durable; return the bytes that were written."""
        copied, name = 0, self._pack.name
        there = self._copied_before()
        missing = [chunk for chunk in listed if (chunk.digest, chunk.place.offset) not in there]
        # Not the end of the last chunk that is listed: its row may be damaged, and name a place beyond all files.
        end = max([len(HEADER), *there.values()])
        source_size = self._repository.packs.size(name) or 0
        writing = platform.open_regular(self._target.path(name), os.O_RDWR | os.O_CREAT)
        try:
            platform.write_all_at(writing, HEADER, 0)
            for run in _runs(missing):
                pieces = self._read(run)
                if all(pieces):
                    platform.write_pieces_at(writing, pieces, run[0].place.offset)
                else:
                    for chunk, piece in zip(run, pieces, strict=True):
                        platform.write_all_at(writing, piece, chunk.place.offset)
                ends = [chunk.place.offset + len(piece) for chunk, piece in zip(run, pieces, strict=True) if piece]
                end = max([end, *ends])
                copied += sum(map(len, pieces))
            # The row of the pack may be damaged, and its file may be cut short.
            os.ftruncate(writing, max(end, min(self._pack.end, source_size)))
            os.fsync(writing)
        finally:
            os.close(writing)
            self._target.close()
        return copied

    def _copied_before(self) -> dict[tuple[bytes, int], int]:
        """Return the chunks that the target has, by digest and offset, each with its end."""
        size = self._target.size(self._pack.name)
        if self._earlier is None or size is None:
            return {}
        return {
            (digest, place.offset): place.offset + place.length
            for digest, _, place in self._earlier.chunks_of_pack(self._pack.name)
            if place.offset + place.length <= size
        }

    def _read(self, run: list[StoredChunk]) -> list[bytes | memoryview]:
        """Read consecutive chunks as they are stored, verified; empty bytes for one that is damaged everywhere."""
        start, last = run[0].place.offset, run[-1].place
        whole = memoryview(self._repository.packs.read_range(self._pack.name, start, last.offset + last.length - start))
        pieces: list[bytes | memoryview] = []
        for chunk in run:
            piece: bytes | memoryview = whole[chunk.place.offset - start :][: chunk.place.length]
            pieces.append(piece if self._is(chunk, piece) else self._replacement(chunk))
        return pieces

    def _is(self, chunk: StoredChunk, stored: bytes | memoryview) -> bool:
        content = codec.decode(stored, chunk.place.codec) if chunk.place.codec else stored
        return self._algorithm.raw(content) == chunk.digest

    def _replacement(self, chunk: StoredChunk) -> bytes:
        """Return a damaged chunk from the earlier backup, empty bytes if that does not have it; report it."""
        earlier = self._earlier.find(chunk.digest) if self._earlier is not None else None
        data = self._target.read_stored(earlier.place) if earlier is not None else b""
        if len(data) != chunk.place.length or not self._is(chunk, data):
            data = b""
        kept = "the backup keeps the good copy of the earlier one" if data else "the backup does not have it either"
        with self._repository.db.reading() as connection:
            harms = harms_of_chunk(connection, chunk.digest)
        what = f"chunk {self._algorithm.text(chunk.digest)} at {chunk.place.offset} of pack {self._pack.name}"
        self.findings.append(Finding(f"{what} is damaged or gone; {kept}", harms))
        return data


def _runs(listed: list[StoredChunk]) -> Iterator[list[StoredChunk]]:
    """Group consecutive chunks, up to a size."""
    run: list[StoredChunk] = []
    for chunk in listed:
        place = chunk.place
        if run:
            last = run[-1].place
            if last.offset + last.length != place.offset or place.offset + place.length - run[0].place.offset > _PIECE:
                yield run
                run = []
        run.append(chunk)
    if run:
        yield run
