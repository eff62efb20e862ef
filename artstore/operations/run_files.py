"""The files of runs: what they saved, and the media that they logged, in the packs as all other content.

While a run is open it also has a folder on disk, where programs write files of their own: they are stored when the run
ends. What is there when the process of a run is killed is listed and read where it lies, until the run is resumed or
`operations.run_folders` stores it.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import entries as entry_rows
from artstore.catalog import events, garbage, run_files, runs
from artstore.catalog.connection import Connection
from artstore.catalog.repository import Repository
from artstore.checkout import target_folder
from artstore.checkout.reader import Reader
from artstore.checkout.target_folder import READ_FLAGS, TargetFolder
from artstore.core import names
from artstore.core.runs import RunFile, RunRecord
from artstore.errors import ArtstoreError, InvalidPath, NotFound
from artstore.ingest.content_writer import ContentWriter
from artstore.ingest.contents import Contents, store_contents
from artstore.ingest.walk import OLD_RUN_FOLDERS, RUN_FOLDERS
from artstore.operations.reclaim_space import reclaim_space
from artstore.runtime import platform
from artstore.runtime.arguments import checked

_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_PIECE = 1 << 20


class FileOnDisk(NamedTuple):
    """A file in the folder of a run: where it is, and its status."""

    place: Path
    status: os.stat_result


@checked
class RunFiles:
    """The files of the runs of a store, reached as `Store.runs.files`."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._db = repository.db

    def folder(self, run: RunRecord) -> Path:
        """Return the folder in which the process of a run works, which need not exist."""
        return folder_of(self._repository, run)

    def find(self, run: RunRecord, paths: Sequence[str] | None = None) -> list[RunFile]:
        """Return the files of a run by path: all of them, or those at some paths. Raises `InvalidPath`."""
        with self._db.reading() as connection:
            stored = run_files.find_all(connection, run.id, paths)
        names.check_entry_paths([file.path for file in stored])
        old, new = (self._on_disk(folder, paths) for folder in (self._old_folder(run), self.folder(run)))
        if not (old or new):
            return stored
        found = {**old, **{file.path: file for file in stored}, **new}
        return [found[path] for path in sorted(found)]

    def _on_disk(self, folder: Path | None, paths: Sequence[str] | None) -> dict[str, RunFile]:
        if folder is None:
            return {}
        wanted = None if paths is None else set(paths)
        return {
            path: RunFile(
                path, file.status.st_size, datetime.fromtimestamp(file.status.st_mtime, UTC).isoformat(), None
            )
            for path, file in files_on_disk(folder)
            if wanted is None or path in wanted
        }

    def _old_folder(self, run: RunRecord) -> Path | None:
        """Return the folder in which earlier releases kept the files of all runs with the id of this one."""
        folders = self._repository.folder / OLD_RUN_FOLDERS
        if folders.is_symlink() or not folders.is_dir() or run.uid not in os.listdir(folders):
            return None
        return folders / run.uid

    def read(self, run: RunRecord, path: str) -> Iterator[bytes]:
        """Yield the content of a file of a run piece by piece, verified. Raises `NotFound`."""
        file = self._find_one(run, path)
        if file.digest is not None:
            yield from Reader(self._repository).read_file(file.digest)
            return
        old = self._old_folder(run)
        for folder in (self.folder(run), *([old] if old else [])):
            descriptor = _open(folder, path)
            if descriptor is not None:
                with os.fdopen(descriptor, "rb") as opened:
                    while piece := opened.read(_PIECE):
                        yield piece
                return
        raise _no_file(run, path)

    def _find_one(self, run: RunRecord, path: str) -> RunFile:
        found = self.find(run, [path])
        if not found:
            raise _no_file(run, path)
        return found[0]

    def download(self, run: RunRecord, path: str, root: Path) -> Path:
        """Write a file of a run below a folder, in place of what is there; return its path. Raises `NotFound`."""
        self._find_one(run, path)
        root.mkdir(parents=True, exist_ok=True)
        folder, _, name = path.rpartition("/")
        with (
            platform.translate_os_errors(str(root)),
            closing(TargetFolder(root, self._repository.folder)) as target,
            target.new_file(folder, name, executable=False) as file,
        ):
            for piece in self.read(run, path):
                target_folder.write_all(file.descriptor, piece)
        return root / path

    def keep(self, run: RunRecord, contents: Contents, *, edited: bool = False) -> bool:
        """Store files of a run, in place of those at the same paths; return whether there were any.

        Durable when this returns. `edited` says that this comes from outside of the run, and is recorded as an event.
        """

        def record(connection: Connection) -> None:
            if edited:
                events.record(connection, "run-edited", run.qualified_name, added=sorted(contents))

        return store_files(self._repository, run, contents, record)

    def delete(self, run: RunRecord, path: str) -> None:
        """Delete a file of a run, and its content if nothing else needs it. Raises `NotFound`."""
        self._find_one(run, path)
        with self._db.writing() as connection:
            files = run_files.remove(connection, run.id, path=path)
            garbage.release(connection, files=files)
            events.record(connection, "run-edited", run.qualified_name, removed=[path])
        for folder in (self.folder(run), self._old_folder(run)):
            if folder is not None and any(path == found for found, _ in files_on_disk(folder)):
                platform.remove_if_there(folder / path)
        reclaim_space(self._repository)

    def remove_folders(self, run: RunRecord, *, old: bool) -> None:
        """Remove the folder of a run that was deleted; with `old` also that of an earlier release."""
        folders = [self.folder(run), *([self._old_folder(run)] if old else [])]
        for folder in folders:
            if folder is not None and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)

    def reclaim(self) -> None:
        """Give the space of files that were replaced back to the disk."""
        reclaim_space(self._repository)


def folder_of(repository: Repository, run: RunRecord) -> Path:
    """Return the folder in which the process of a run works, which need not exist."""
    return repository.folder / RUN_FOLDERS / folder_name(run.id, run.uid)


def folder_name(number: int, uid: str) -> str:
    """Return the name of the folder of a run: its number and its id, or the number alone."""
    # The number alone makes it unique, and the id may be no name of a folder.
    return f"{number}-{uid}" if _PLAIN.fullmatch(uid) else str(number)


def store_files(
    repository: Repository,
    run: RunRecord,
    contents: Contents,
    also: Callable[[Connection], object],
    *,
    replace: bool = True,
) -> bool:
    """Store files of a run in one transaction with the rows that `also` writes; return whether any was replaced.

    Durable when this returns. Without `replace`, a path that the run has stays as it is.
    """
    writer = ContentWriter(repository, f"run {run.uid}")
    try:
        entries = store_contents(repository, writer, contents)

        def add(connection: Connection) -> bool:
            runs.by_id(connection, run.id)
            files = {entry.path: entry_rows.file_id(connection, entry, writer.file_ids) for entry in entries}
            replaced = run_files.add(connection, run.id, files, replace=replace)
            if replaced:
                garbage.release(connection, files=replaced)
            also(connection)
            return bool(replaced)

        return writer.commit(add)[0]
    except BaseException:
        # What cannot be released now is released once this process has ended: the error is the one above.
        with suppress(ArtstoreError, OSError):
            writer.drop()
        raise


def files_on_disk(folder: Path, *, follow: bool = False) -> Iterator[tuple[str, FileOnDisk]]:
    """Yield the files below a folder of a run, each with its path there; also links to files with `follow`.

    Files whose names no run can have (they are not UTF-8, for example) are left out.
    """
    if folder.is_symlink() or folder.parent.is_symlink():
        return
    for parent, _, found in os.walk(folder):
        for name in found:
            place = Path(parent, name)
            relative = place.relative_to(folder).as_posix()
            with suppress(FileNotFoundError, InvalidPath):
                status = place.stat() if follow else place.lstat()
                if stat.S_ISREG(status.st_mode) and names.entry_path(relative) == relative:
                    yield relative, FileOnDisk(place, status)


def _open(folder: Path, path: str) -> int | None:
    """Open a file in a folder of a run; return None if there is none, or a link."""
    try:
        descriptor = os.open(folder / path, READ_FLAGS)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def _no_file(run: RunRecord, path: str) -> NotFound:
    return NotFound(f"run {run.uid} has no file {path!r}: list those that there are with run.files()")
