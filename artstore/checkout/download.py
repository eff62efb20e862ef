"""Write a version to a folder: files that are missing or differ are written and verified, the others stay."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from artstore.catalog import chunks, manifests, versions
from artstore.catalog.repository import Repository
from artstore.checkout import new_folder, reader, target_folder
from artstore.checkout.large_files import LargeFileWriter
from artstore.checkout.plan import FileToWrite, Plan
from artstore.checkout.reader import Reader, damage_located
from artstore.checkout.small_files import Batch, SmallFileToWrite, WrittenFiles, write_small_files
from artstore.checkout.target_folder import DownloadResult, TargetFolder
from artstore.core import names
from artstore.core.file_columns import SmallFiles, split_numbers, split_raw
from artstore.core.manifest import Entry, Kind
from artstore.core.versions import Version
from artstore.errors import ArtstoreError, Damaged, InvalidPath, RootUnwritable
from artstore.runtime import platform, processes
from artstore.runtime.pause_gc import gc_paused
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.source_file import Stat
from artstore.runtime.sqlite_errors import translate_sqlite_errors
from artstore.storage import chunking

_BATCH_FILES = 512


def to_folder(
    repository: Repository,
    version: Version,
    root: Path,
    *,
    path_prefix: str | None = None,
    allow_missing_references: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> DownloadResult:
    """Write a version, or its entries at or below `path_prefix`, to a folder.

    A folder that does not exist appears with all stored files in it. In one that does, each file appears complete and
    verified, files that are right already are kept, and files that the version does not name are not touched.
    References are fetched after that; with `allow_missing_references` those that are gone are left out.

    Raises `UnsafeRoot`, `RootUnwritable`, `Damaged`, `DiskFull` or `RemoteError`; then no folder was made, or what was
    written until then is right, and the next download keeps it.
    """
    try:
        real_root = root.resolve()
        if any(path.exists() and path.samefile(repository.folder) for path in (real_root, *real_root.parents)):
            raise target_folder.blocked(root, "the store itself, or in it,", "folder of its own")
        remedy = "check its permissions, or choose another root"
        with (
            platform.translate_os_errors(f"the download to {root}", RootUnwritable, remedy),
            translate_sqlite_errors(repository.db.path),
            step(progress, f"getting {version.name}", _total(repository, version, path_prefix), "bytes"),
            gc_paused(),
        ):
            download = partial(
                Download,
                repository,
                version,
                progress,
                allow_missing=allow_missing_references,
                storage_options=storage_options,
            )
            if new_folder.can_build(root):
                with new_folder.hidden(real_root) as hidden, suppress(_FolderAppeared):
                    return download(TargetFolder(hidden, repository.folder, real_root)).into_new(path_prefix)
            root.mkdir(parents=True, exist_ok=True)
            return download(TargetFolder(root, repository.folder)).into_existing(path_prefix)
    except ArtstoreError:
        raise
    except (FileExistsError, NotADirectoryError) as error:
        raise target_folder.blocked(root, "a file", "folder") from error
    except OSError as error:
        raise RootUnwritable(
            f"the file system of {root} does not take {error.filename or 'a file'!r} ({error.strerror}): "
            "choose another root, or one with a shorter path"
        ) from error


def _total(repository: Repository, version: Version, path_prefix: str | None) -> int | None:
    """Return the bytes that are written; None for a part of a version that is not one file."""
    if not path_prefix:
        return version.size
    with repository.db.reading() as connection:
        entry = manifests.find(connection, version.id, path_prefix)
    return entry.size if entry else None


class _FolderAppeared(Exception):
    """The folder that a download was to make was made by someone else."""


class Download:
    """One download of one version."""

    def __init__(
        self,
        repository: Repository,
        version: Version,
        progress: Progress,
        target: TargetFolder,
        *,
        allow_missing: bool,
        storage_options: Mapping[str, Any] | None,
    ) -> None:
        self._repository = repository
        self._db = repository.db
        self._version = version
        self._progress = progress
        self._allow_missing = allow_missing
        self._storage_options = storage_options
        self._reader = Reader(repository)
        self._target = target
        self._plan = Plan(repository, version, target, progress)
        self._large: list[FileToWrite] = []
        self._written = 0

    def into_existing(self, path_prefix: str | None) -> DownloadResult:
        """Write the entries that are missing or differ, all or those at or below a path."""
        groups = reader.selected_groups(self._repository, self._version, path_prefix)
        return self._run(self._plan.files_to_write(groups))

    def into_new(self, path_prefix: str | None) -> DownloadResult:
        """Write all entries, or those at or below a path, to a hidden folder, and move that to its place.

        Raises `_FolderAppeared` if something is there by then.
        """
        segments = reader.selected_segments(self._repository, self._version, path_prefix)
        return self._run(self._plan.everything(segments))

    def _run(self, files: Iterator[FileToWrite | SmallFiles]) -> DownloadResult:
        try:
            self._write_files(files)
            references = []
            for entry in self._plan.others:
                if entry.kind == Kind.REFERENCE:
                    references.append(entry)
                elif entry.kind == Kind.FOLDER:
                    self._target.open_folder(entry.path)
                else:
                    self._write_link(entry)
            if self._target.final is not None:
                self._move_to(self._target.final)
            self._plan.save_stat_cache()
            fetched = self._fetch(references)
        except Damaged:
            with self._db.reading() as connection:
                if not versions.exists(connection, self._version.id):
                    raise reader.version_deleted(self._version) from None
            raise
        finally:
            self._target.close()
        return DownloadResult(self._written + fetched.written, self._plan.kept + fetched.kept, fetched.missing)

    def _move_to(self, place: Path) -> None:
        try:
            os.rename(self._target.path, place)
        except OSError as error:
            if os.path.lexists(place):
                raise _FolderAppeared from error
            raise
        self._target.path = place

    def _write_files(self, files: Iterator[FileToWrite | SmallFiles]) -> None:
        for batch, (stats, written) in processes.map_batches(
            self._small_batches(files),
            here=lambda batch: write_small_files(*self._worker_arguments(batch)),
            in_worker=write_small_files,
            arguments=self._worker_arguments,
        ):
            self._note_small_files(batch.files, stats)
            for columns, columns_written in zip(batch.columns, written, strict=True):
                self._note_columns(columns, columns_written)
        large = LargeFileWriter(self._reader, self._version, self._target, self._progress).write(self._large)
        with closing(large):
            for file, stat in large:
                self._plan.note_verified(file.folder, file.name, stat, self._db.algorithm.parse(file.digest))
                self._written += 1

    def _small_batches(self, files: Iterator[FileToWrite | SmallFiles]) -> Iterator[Batch]:
        """Yield the small files in batches, and put the large ones aside."""
        small: list[FileToWrite] = []
        columns: list[SmallFiles] = []
        in_columns = 0
        for file in files:
            if isinstance(file, SmallFiles):
                columns.append(file)
                in_columns += file.number
                if in_columns >= _BATCH_FILES:
                    yield Batch([], columns)
                    columns, in_columns = [], 0
                continue
            if (file.entry.size or 0) > chunking.WHOLE:
                self._large.append(file)
                continue
            small.append(file)
            if len(small) == _BATCH_FILES:
                yield Batch(self._with_places(small), [])
                small = []
        if small or columns:
            yield Batch(self._with_places(small), columns)

    def _with_places(self, files: list[FileToWrite]) -> list[SmallFileToWrite]:
        parse = self._db.algorithm.parse
        digests = [parse(file.digest) for file in files]
        places = chunks.single_chunk_places(self._db.connection, list(set(digests)))
        return [
            SmallFileToWrite(folder, name, entry.executable, digest, places.get(digest))
            for (folder, name, entry), digest in zip(files, digests, strict=True)
        ]

    def _worker_arguments(self, batch: Batch) -> tuple[Batch, Path, Path | None, Path, str]:
        return batch, self._target.path, self._target.final, self._repository.folder, self._db.algorithm.name

    def _note_small_files(self, batch: list[SmallFileToWrite], stats: list[Stat | None]) -> None:
        note = self._plan.note_verified
        for file, stat in zip(batch, stats, strict=True):
            note(file.folder, file.name, stat or self._write_again(file), file.digest)
        self._written += len(batch)
        self._progress.advance(sum(stat.size for stat in stats if stat))

    def _note_columns(self, files: SmallFiles, written: WrittenFiles) -> None:
        self._plan.note_written(files, written)
        self._written += files.number
        self._progress.advance(sum(split_numbers(files.sizes)))
        for position in written.failed:
            folder, _, name = files.paths.split("\0")[position].rpartition("/")
            self._write_again(SmallFileToWrite(folder, name, False, split_raw(files.digests)[position], None))

    def _write_again(self, file: SmallFileToWrite) -> Stat:
        """Write a small file whose chunk has moved or is damaged, after looking it up again."""
        with (
            damage_located(self._version, f"{file.folder}/{file.name}" if file.folder else file.name),
            self._target.new_file(file.folder, file.name, executable=file.executable) as temporary,
        ):
            for piece in self._reader.read_file(self._db.algorithm.text(file.digest)):
                target_folder.write_all(temporary.descriptor, piece)
        assert temporary.stat is not None
        return temporary.stat

    def _write_link(self, entry: Entry) -> None:
        folder, _, name = entry.path.rpartition("/")
        try:
            link_target = names.link_target(entry.path, entry.target or "")
        except InvalidPath as error:
            raise InvalidPath(f"{self._version.name} cannot be downloaded: {error}") from error
        if self._target.link_at(folder, name) == link_target:
            self._plan.kept += 1
            return
        self._target.link(folder, name, link_target)
        self._written += 1

    def _fetch(self, references: list[Entry]) -> DownloadResult:
        if not references:
            return DownloadResult(0, 0)
        # Late, for the start-up time: drivers import an event loop and more.
        from artstore.checkout.references import fetch

        return fetch(
            self._repository,
            self._version.name,
            references,
            self._target.path,
            allow_missing=self._allow_missing,
            storage_options=self._storage_options,
            progress=self._progress,
        )
