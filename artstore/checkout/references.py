"""Fetch referenced objects into a download: several at a time, each verified before it gets its name."""

from __future__ import annotations

import enum
import os
import re
import stat
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artstore.catalog.repository import Repository
from artstore.checkout.target_folder import READ_FLAGS, DownloadResult, TargetFolder
from artstore.core.manifest import Entry
from artstore.drivers.session import Session
from artstore.drivers.verifying import digest_of
from artstore.errors import ReferenceGone, RemoteError
from artstore.runtime.progress import SILENT, Progress
from artstore.runtime.threads import ThreadPool

_AT_ONCE = 16
_MD5 = re.compile("[0-9a-f]{32}")


def fetch(
    repository: Repository,
    owner: str,
    entries: list[Entry],
    root: Path,
    *,
    allow_missing: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> DownloadResult:
    """Write the objects that references pin into a folder.

    `owner` is the version or draft they belong to, for errors. With `allow_missing`, objects that are gone are left
    out and counted. Raises `RemoteError`, naming the entry; files written until then are complete.
    """
    stoppable = _StoppableProgress(progress)
    with Session(storage_options) as session, ThreadPool(_AT_ONCE, "artstore-fetch") as pool:
        fetcher = _Fetcher(session, repository.folder, root, owner, allow_missing, stoppable)
        futures = [pool.submit(fetcher.fetch, entry) for entry in entries]
        try:
            counts = Counter(future.result() for future in futures)
        finally:
            stoppable.stop()
            pool.shutdown(wait=True, cancel_futures=True)
    return DownloadResult(counts[_Fetched.WRITTEN], counts[_Fetched.KEPT], counts[_Fetched.MISSING])


class _Fetched(enum.Enum):
    WRITTEN = enum.auto()
    KEPT = enum.auto()
    MISSING = enum.auto()


class _Fetcher:
    """Fetches single entries, in several threads."""

    def __init__(
        self, session: Session, store: Path, root: Path, owner: str, allow_missing: bool, progress: Progress
    ) -> None:
        self._session = session
        self._store = store
        self._root = root
        self._owner = owner
        self._allow_missing = allow_missing
        self._progress = progress

    def fetch(self, entry: Entry) -> _Fetched:
        """Write the object of an entry, unless its file is there."""
        try:
            if _is_up_to_date(self._root / entry.path, entry):
                return _Fetched.KEPT
            self._write(entry)
        except RemoteError as error:
            if self._allow_missing and isinstance(error, ReferenceGone):
                return _Fetched.MISSING
            raise type(error)(f"{entry.path!r} of {self._owner}: {error}") from error
        return _Fetched.WRITTEN

    def _write(self, entry: Entry) -> None:
        # Each thread opens folders of its own.
        target = TargetFolder(self._root, self._store)
        try:
            folder, _, name = entry.path.rpartition("/")
            with target.new_file(folder, name, executable=False) as file:
                self._session.fetch(entry, file.descriptor, progress=self._progress)
        finally:
            target.close()


class _Stopped(Exception):
    """The fetch that reports progress is not wanted any more."""


class _StoppableProgress:
    """Passes progress on; after `stop` it ends the fetches that report it."""

    def __init__(self, progress: Progress) -> None:
        self.begin, self.end = progress.begin, progress.end
        self._advance = progress.advance
        self._stopped = threading.Event()

    def advance(self, amount: int) -> None:
        if self._stopped.is_set():
            raise _Stopped
        self._advance(amount)

    def stop(self) -> None:
        self._stopped.set()


def _is_up_to_date(path: Path, entry: Entry) -> bool:
    """Return whether a file certainly is the pinned object, by a checksum computed from the file."""
    digest = entry.digest
    if digest is None and entry.etag is not None and _MD5.fullmatch(entry.etag):
        # An etag that looks like an MD5 and equals that of the file is the MD5 of the object.
        digest = f"md5:{entry.etag}"
    if digest is None:
        return False
    try:
        descriptor = os.open(path, READ_FLAGS)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
            return False
        return digest_of(descriptor, digest.partition(":")[0], entry.size or 0) == digest
    finally:
        os.close(descriptor)
