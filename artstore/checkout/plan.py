"""From a version to a folder: what is missing or different is written and verified, and the rest is left alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from artstore.catalog import chunks, stat_cache, versions
from artstore.catalog.connection import Connection
from artstore.catalog.repository import Repository
from artstore.checkout import reader, target_folder
from artstore.checkout.large_files import LargeFileWriter, MissingFile
from artstore.checkout.reader import Part, Reader, damage_named
from artstore.checkout.target_folder import SmallJob, TargetFolder
from artstore.core import names
from artstore.core.manifest import Entry, Kind, cut_groups
from artstore.core.versions import Version
from artstore.errors import Damaged, InvalidPath, RootUnwritable, StoreError
from artstore.runtime import platform, processes
from artstore.runtime.pause_gc import gc_paused
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.source_file import Stat, stat_of
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.storage import chunking

_BATCH_FILES = 512


class Outcome(NamedTuple):
    """What a download did: files written, files that were there already, and references left out as they are gone."""

    written: int
    kept: int
    missing: int = 0


class Checkout:
    """One download of one version."""

    def __init__(
        self,
        repository: Repository,
        version: Version,
        path: Path,
        progress: Progress,
        *,
        allow_missing: bool,
        storage_options: Mapping[str, Any] | None,
    ) -> None:
        self._allow_missing = allow_missing
        self._storage_options = storage_options
        self._repository = repository
        self._db = repository.db
        self._packs = repository.packs
        self._reader = Reader(repository)
        self._version = version
        self._root = TargetFolder(path, repository.folder)
        self._real = os.path.realpath(path)
        self._remembers = names.is_utf8(self._real)
        self._progress = progress
        self._seen: dict[str, list[tuple[str, Stat, bytes]]] = {}
        """What the files below the root hold, by the folder's path below it: (name, stat, digest)."""
        self._large: list[MissingFile] = []
        self._written = self._kept = self._gone = 0

    def run(self, parts: Iterable[Part]) -> Outcome:
        """Bring the folder to the state of the entries; nothing that they do not name is touched."""
        others: list[Entry] = []
        try:
            batches = self._batches(self._missing(parts, others))
            for batch, results in processes.map_batches(
                batches, here=self._write_here, in_worker=target_folder.write_small, arguments=self._job
            ):
                self._note_small(batch, results)
            self._write_large_files()
            for entry in others:
                if entry.kind != Kind.REFERENCE:
                    self._write_other(entry)
            self._remember()
            self._fetch([entry for entry in others if entry.kind == Kind.REFERENCE])
        except Damaged:
            with self._db.reading() as connection:
                if not versions.exists(connection, self._version.id):
                    raise reader.gone(self._version) from None
            raise
        finally:
            self._root.close()
        return Outcome(self._written, self._kept, self._gone)

    def _missing(self, parts: Iterable[Part], others: list[Entry]) -> Iterator[MissingFile]:
        """Yield the files that are not there as they should be, from groups that are what their digest says."""
        for part in parts:
            missing = list(self._missing_of(part.wanted, others))
            if missing or any(entry.kind != Kind.FILE for entry in part.wanted):
                self._check_group(part)
            yield from missing

    def _check_group(self, part: Part) -> None:
        if [found.digest for found in cut_groups(self._db.algorithm, part.entries)] != [part.group.digest]:
            raise Damaged(
                f"the catalog's entries of {self._version.name} from {part.group.first!r} to {part.group.last!r} are "
                "damaged: run `artstore verify`, and restore the catalog from a backup"
            )

    def _missing_of(self, entries: list[Entry], others: list[Entry]) -> Iterator[MissingFile]:
        """Go through entries folder by folder; yield the files that are not there as they should be."""
        names.check_entry_paths([entry.path for entry in entries])
        here: str | None = None
        listed: dict[str, os.stat_result] = {}
        remembered: dict[str, stat_cache.CachedFile] = {}
        file, text, unchanged = Kind.FILE, self._db.algorithm.text, 0
        for entry in entries:
            if entry.kind != file:
                others.append(entry)
                continue
            folder, _, name = entry.path.rpartition("/")
            if folder != here:
                here, listed = folder, self._root.listed(folder)
                remembered = (
                    stat_cache.cached(self._db.connection, self._absolute(folder)) if listed and self._remembers else {}
                )
                if listed:
                    self._root.folder(folder)
            status = listed.get(name)
            if status is None or not target_folder.mode_is_right(status, entry.executable):
                yield MissingFile(folder, name, entry)
                continue
            known = remembered.get(name)
            if known is not None and known[1:6] == stat_of(status) and text(known[7]) == entry.digest:
                self._kept += 1
                unchanged += status.st_size
            elif status.st_size == entry.size and self._holds(folder, name, entry):
                self._kept += 1
                self._progress.advance(status.st_size)
            else:
                yield MissingFile(folder, name, entry)
        self._progress.advance(unchanged)

    def _absolute(self, folder: str) -> str:
        return os.path.join(self._real, *folder.split("/")) if folder else self._real

    def _holds(self, folder: str, name: str, entry: Entry) -> bool:
        """Whether a file that is there has the content it should have, by reading it."""
        path = Path(self._absolute(folder)) / name
        if path.is_symlink() or not path.is_file():
            return False
        hasher, clock = self._db.algorithm.hasher(), self._clock()
        try:
            with path.open("rb") as source:
                before = os.fstat(source.fileno())
                while piece := source.read(1 << 20):
                    hasher.update(piece)
                after = os.fstat(source.fileno())
        except OSError:
            return False
        same = self._db.algorithm.text(hasher.digest()) == entry.digest
        if same and stat_of(before) == stat_of(after) and max(after.st_mtime_ns, after.st_ctime_ns) < clock - 2 * 10**9:
            digest = self._db.algorithm.parse(entry.digest or "")
            self._seen.setdefault(folder, []).append((name, stat_of(after), digest))
        return same

    def _clock(self) -> int:
        """The time of the store's file system; where the store cannot be written, a time that nothing is older than."""
        try:
            return self._db.clock()
        except StoreError:
            return 0

    def _batches(self, missing: Iterator[MissingFile]) -> Iterator[list[SmallJob]]:
        small: list[MissingFile] = []
        for item in missing:
            if (item.entry.size or 0) > chunking.WHOLE:
                self._large.append(item)
                continue
            small.append(item)
            if len(small) == _BATCH_FILES:
                yield self._jobs(small)
                small = []
        if small:
            yield self._jobs(small)

    def _jobs(self, items: list[MissingFile]) -> list[SmallJob]:
        parse = self._db.algorithm.parse
        raws = [parse(item.digest) for item in items]
        places = chunks.single_chunk_places(self._db.connection, list(set(raws)))
        return [
            SmallJob(folder, name, entry.executable, raw, places.get(raw))
            for (folder, name, entry), raw in zip(items, raws, strict=True)
        ]

    def _job(self, batch: list[SmallJob]) -> tuple[list[SmallJob], Path, Path, str]:
        return batch, self._root.path, self._packs.folder.parent, self._db.algorithm.name

    def _write_here(self, batch: list[SmallJob]) -> list[Stat | None]:
        return target_folder.write_small(*self._job(batch))

    def _note_small(self, batch: list[SmallJob], results: list[Stat | None]) -> None:
        for job, found in zip(batch, results, strict=True):
            self._note(job.folder, job.name, found or self._write_small_again(job), job.digest)
        self._progress.advance(sum(found.size for found in results if found))

    def _write_small_again(self, job: SmallJob) -> Stat:
        with (
            damage_named(self._version, f"{job.folder}/{job.name}" if job.folder else job.name),
            self._root.new_file(job.folder, job.name, executable=job.executable) as new,
        ):
            for piece in self._reader.content(self._db.algorithm.text(job.digest)):
                target_folder.write_all(new.descriptor, piece)
        assert new.stat is not None
        return new.stat

    def _note(self, folder: str, name: str, found: Stat, digest: bytes) -> None:
        self._written += 1
        self._seen.setdefault(folder, []).append((name, found, digest))

    def _write_large_files(self) -> None:
        with closing(
            LargeFileWriter(self._reader, self._version, self._root, self._progress).write(self._large)
        ) as written:
            for file, found in written:
                self._note(file.folder, file.name, found, self._db.algorithm.parse(file.digest))

    def _fetch(self, pinned: list[Entry]) -> None:
        if not pinned:
            return
        # Drivers bring an event loop and more with them.
        from artstore.checkout import references

        fetched = references.fetch(
            self._repository,
            self._version.name,
            pinned,
            self._root.path,
            allow_missing=self._allow_missing,
            storage_options=self._storage_options,
            progress=self._progress,
        )
        self._written += fetched[True]
        self._kept += fetched[False]
        self._gone += fetched[None]

    def _write_other(self, entry: Entry) -> None:
        if entry.kind == Kind.FOLDER:
            self._root.folder(entry.path)
            return
        folder, _, name = entry.path.rpartition("/")
        target = entry.target or ""
        if not _stays_inside(folder, target):
            raise InvalidPath(f"the link {entry.path!r} of {self._version.name} leads out of the artifact: {target!r}")
        where = Path(self._absolute(folder)) / name
        if where.is_symlink() and os.readlink(where) == target:
            self._root.folder(folder)
            self._kept += 1
            return
        self._root.link(folder, name, target)
        self._written += 1

    def _remember(self) -> None:
        """Note in the stat cache what was written and what was found right, so that neither is read the next time.

        Where the store cannot be written that is not known the next time, and nothing else.
        """

        def note(connection: Connection) -> None:
            for folder, files in self._seen.items():
                stat_cache.remember(connection, self._absolute(folder), files)

        if self._seen and self._remembers:
            self._db.try_writing(note)


def _stays_inside(folder: str, target: str) -> bool:
    """Whether a link in a folder leads somewhere below the root, whatever other links lie there.

    It may only climb at its beginning, where it climbs real folders: a `..` behind a name could climb from where a
    link leads.
    """
    parts = target.split("/")
    climbs = 0
    while climbs < len(parts) and parts[climbs] == "..":
        climbs += 1
    rest = parts[climbs:]
    if "\\" in target or "\0" in target or ".." in rest or "" in rest or os.path.isabs(target) or not parts:
        return False
    return climbs <= (len(folder.split("/")) if folder else 0)


def to_folder(
    repository: Repository,
    version: Version,
    root: Path,
    *,
    path_prefix: str | None = None,
    allow_missing_references: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> Outcome:
    """Write a version, or what of it lies at or below `path_prefix`, into a folder.

    Each file appears complete and verified; what is there already and right is left as it is, and what the version
    does not name too. References are fetched; with `allow_missing_references` those that are gone are left out.

    Raises `UnsafeRoot`, `RootUnwritable`, `Damaged`, `DiskFull` or `RemoteError`; what was written until then is
    right and is found the next time.
    """
    if any(each.exists() and each.samefile(repository.folder) for each in (root.resolve(), *root.resolve().parents)):
        raise target_folder.in_the_way(root, "the store itself, or in it,", "folder of its own")
    try:
        remedy = "check its permissions, or choose another root"
        with (
            platform.translate_os_errors(f"the download to {root}", RootUnwritable, remedy),
            translate_sqlite_errors(repository.db.path),
        ):
            root.mkdir(parents=True, exist_ok=True)
            with step(progress, f"getting {version.name}", None if path_prefix else version.size, "bytes"), gc_paused():
                writing_out = Checkout(
                    repository,
                    version,
                    root,
                    progress,
                    allow_missing=allow_missing_references,
                    storage_options=storage_options,
                )
                return writing_out.run(reader.selected(repository, version, path_prefix))
    except (FileExistsError, NotADirectoryError) as error:
        raise target_folder.in_the_way(root, "a file", "folder") from error
