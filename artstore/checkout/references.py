"""Fetching referenced objects into a download: several at once, each verified before it gets its name."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from artstore.catalog.repository import Repository
from artstore.checkout.target_folder import TargetFolder
from artstore.core.manifest import Entry
from artstore.drivers.session import Session
from artstore.drivers.verifying import digest_of
from artstore.errors import ReferenceGone, RemoteError
from artstore.runtime.progress import SILENT, Progress
from artstore.runtime.threads import ThreadPool

AT_ONCE = 16
_MD5 = re.compile("[0-9a-f]{32}")


def fetch(
    repository: Repository,
    of: str,
    entries: list[Entry],
    root: Path,
    *,
    allow_missing: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> Counter[bool | None]:
    """Write the objects that references pin into a folder.

    Return how many were written (`True`), were there and right (`False`), and are gone (`None`).

    Several are fetched at once; `of` names what they belong to. With `allow_missing`, those that are gone are left
    out. Raises `RemoteError`, naming the entry; those that were written until then are right.
    """

    told = _UntilStopped(progress)

    def one(entry: Entry) -> bool | None:
        if _is_there(root / entry.path, entry):
            return False
        target = TargetFolder(root, repository.folder)
        try:
            folder, _, name = entry.path.rpartition("/")
            with target.new_file(folder, name, executable=False) as new:
                session.fetch(entry, new.descriptor, progress=told)
        except ReferenceGone:
            if allow_missing:
                return None
            raise
        finally:
            target.close()
        return True

    with Session(storage_options) as session, ThreadPool(AT_ONCE, "artstore-fetch") as pool:
        futures = [pool.submit(_named, of, entry, one) for entry in entries]
        try:
            return Counter(future.result() for future in futures)
        finally:
            told.stop()
            pool.shutdown(wait=True, cancel_futures=True)


class _Stopped(Exception):
    """Nobody wants what is being fetched any more."""


class _UntilStopped:
    """A listener that ends what tells it of progress, once it is to stop."""

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


def _named(of: str, entry: Entry, work: Callable[[Entry], bool | None]) -> bool | None:
    try:
        return work(entry)
    except RemoteError as error:
        raise type(error)(f"{entry.path!r} of {of}: {error}") from error


def _is_there(path: Path, entry: Entry) -> bool:
    """Whether a file is certainly what a reference pins, by what can be computed from its bytes."""
    digest = entry.digest
    if digest is None and entry.etag is not None and _MD5.fullmatch(entry.etag):
        # What looks like the MD5 of an object, and is that of the file, is that of the object.
        digest = f"md5:{entry.etag}"
    if digest is None or path.is_symlink() or not path.is_file() or path.stat().st_size != entry.size:
        return False
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return digest_of(descriptor, digest.partition(":")[0], entry.size or 0) == digest
    finally:
        os.close(descriptor)
