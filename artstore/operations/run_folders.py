"""Store what the folders of runs hold, when they end or, if their processes were killed, later.

Each file is removed from the folder once it is durable in the packs, unless it was changed meanwhile.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from artstore.catalog import events, runs
from artstore.catalog.connection import Connection
from artstore.catalog.repository import Repository
from artstore.core.runs import RUNNING, RunRecord
from artstore.errors import NotFound, SourceChanged, SourceUnreadable
from artstore.ingest.walk import OLD_RUN_FOLDERS, RUN_FOLDERS
from artstore.operations.run_files import FileOnDisk, files_on_disk, folder_name, folder_of, store_files
from artstore.runtime import terminal
from artstore.storage import process_locks

_TOGETHER = 1000
"""This many files are stored in one transaction."""
_NAMED = 3
"""The links that a note names."""


class _Folder(NamedTuple):
    """A folder with files of runs: of one run, or in an earlier release of all runs with one id."""

    path: Path
    runs: list[RunRecord]
    is_old: bool = False


def put_folder_away(repository: Repository, run: RunRecord, links: Collection[str]) -> bool:
    """Store the files in the folder of a run that ends, and remove it; return whether files of the run were replaced.

    Links to files are followed, but not those at the paths `links`: the files that they show are stored already. Other
    links are named in a note.
    """
    folder = folder_of(repository, run)
    every = dict(files_on_disk(folder, follow=True))
    others = sorted(_links_below(folder) - every.keys() - set(links))
    if others:
        terminal.note(
            f"artstore: run {run.uid} keeps files, not links to folders or to nothing: "
            f"{', '.join(others[:_NAMED])} {'and others ' if len(others) > _NAMED else ''}in its folder"
        )
    files = {path: file for path, file in every.items() if path not in links or not file.place.is_symlink()}
    return _put_away(repository, _Folder(folder, [run]), files)


def _links_below(folder: Path) -> set[str]:
    if folder.is_symlink() or folder.parent.is_symlink():
        return set()
    places = (Path(parent, name) for parent, below, found in os.walk(folder) for name in (*below, *found))
    return {place.relative_to(folder).as_posix() for place in places if place.is_symlink()}


def store_left_files(repository: Repository, *, dry_run: bool = False) -> int:
    """Store the files in folders of runs that have ended; return how many there are. Links there are not followed."""
    count = 0
    for folder in _left_folders(repository):
        files = dict(files_on_disk(folder.path))
        count += len(files)
        if not dry_run:
            _put_away(repository, folder, files)
    return count


def remove_folders_of_deleted_runs(repository: Repository) -> None:
    """Remove the folders of runs whose deletion was killed before it removed them.

    A folder of a run that is not known is kept: a backup may have been restored that is older than the run.
    """
    unknown = [(path, is_old) for path, is_old in _folders(repository) if not _runs_of(repository, path, is_old)]
    if not unknown:
        return
    with repository.db.reading() as connection:
        deleted = list(events.deleted_runs(connection))
    names = {False: {folder_name(number, uid) for number, uid in deleted if number is not None}}
    names[True] = {uid for _, uid in deleted}
    for path, is_old in unknown:
        if path.name in names[is_old]:
            shutil.rmtree(path, ignore_errors=True)


def _left_folders(repository: Repository) -> Iterator[_Folder]:
    for folder, is_old in _folders(repository):
        found = _runs_of(repository, folder, is_old)
        if found and not any(_is_running(repository, run) for run in found):
            yield _Folder(folder, found, is_old)


def _folders(repository: Repository) -> Iterator[tuple[Path, bool]]:
    """Yield each folder with files of runs, and whether it is of an earlier release."""
    for parent, is_old in ((OLD_RUN_FOLDERS, True), (RUN_FOLDERS, False)):
        folders = repository.folder / parent
        if folders.is_symlink() or not folders.is_dir():
            continue
        for folder in sorted(folders.iterdir()):
            if folder.is_dir() and not folder.is_symlink():
                yield folder, is_old


def _runs_of(repository: Repository, folder: Path, is_old: bool) -> list[RunRecord]:
    with repository.db.reading() as connection:
        if is_old:
            return runs.find_anywhere(connection, folder.name)
        number = folder.name.partition("-")[0]
        try:
            run = runs.by_id(connection, int(number) if number.isdecimal() else 0)
        except NotFound:
            return []
    return [run] if folder_of(repository, run) == folder else []


def _is_running(repository: Repository, run: RunRecord) -> bool:
    lock = run.process_lock
    return run.state == RUNNING and lock is not None and process_locks.is_alive(repository.folder, lock)


def _put_away(repository: Repository, folder: _Folder, files: dict[str, FileOnDisk]) -> bool:
    has_replaced, paths = False, list(files)
    for start in range(0, len(paths), _TOGETHER):
        has_replaced |= _store(repository, folder, {path: files[path] for path in paths[start : start + _TOGETHER]})
    _remove_links_and_empty_folders(folder.path)
    if folder.path.exists():
        terminal.note(f"artstore: not all files of the run could be stored: those that are left are in {folder.path}")
    return has_replaced


def _store(repository: Repository, folder: _Folder, files: dict[str, FileOnDisk]) -> bool:
    """Store files, one by one if one of them cannot be read, and remove those that are stored."""
    has_replaced = False

    def record(connection: Connection, run: RunRecord) -> None:
        events.record(connection, "run-files-stored", run.qualified_name, files=len(files))

    try:
        for run in folder.runs:
            has_replaced |= store_files(
                repository,
                run,
                {path: file.place for path, file in files.items()},
                lambda connection, run=run: record(connection, run),  # type: ignore[misc]
                # What a run has stored itself is newer than what an earlier release left.
                replace=not folder.is_old,
            )
    except (SourceUnreadable, SourceChanged):
        if len(files) == 1:
            return False
        # All of them, so not `any`.
        return sum(_store(repository, folder, {path: file}) for path, file in files.items()) > 0
    _remove_unchanged(files)
    return has_replaced


def _remove_unchanged(files: dict[str, FileOnDisk]) -> None:
    for place, before in files.values():
        with suppress(FileNotFoundError):
            now = place.lstat()
            if (now.st_ino, now.st_size, now.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns):
                place.unlink()


def _remove_links_and_empty_folders(folder: Path) -> None:
    for parent, below, found in os.walk(folder, topdown=False):
        for name in (*below, *found):
            if Path(parent, name).is_symlink():
                Path(parent, name).unlink(missing_ok=True)
        with suppress(OSError):
            os.rmdir(parent)
