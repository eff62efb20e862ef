"""Read a store in windows, for pages that people look at: a page costs the same in a store of any size."""

from __future__ import annotations

import os
from typing import Any

from artstore.catalog import browse
from artstore.catalog.browse import Child as Child
from artstore.catalog.browse import Hit, TypeCount
from artstore.catalog.events import Event as Event
from artstore.catalog.repository import Repository
from artstore.catalog.versions import Overview
from artstore.core.versions import Version
from artstore.operations import last_verification
from artstore.runtime.arguments import checked


@checked
class Browse:
    """Windows of what a store contains, reached as `Store.browse`."""

    def __init__(self, repository: Repository) -> None:
        self._db = repository.db

    @property
    def store_uid(self) -> str:
        """The unique id of the store."""
        return self._db.uid

    def change_mark(self) -> tuple[int, ...]:
        """Return numbers that differ after the catalog has changed, from a look at its files alone."""
        marks: list[int] = []
        for suffix in ("", "-wal"):
            try:
                status = os.stat(f"{self._db.path}{suffix}")
            except FileNotFoundError:
                continue
            marks += (status.st_ino, status.st_size, status.st_mtime_ns)
        return tuple(marks)

    def folder(self, version: Version, folder: str = "", *, after: str = "", count: int = 200) -> list[Child]:
        """Return what a folder of a version contains, in path order: the names after `after`.

        `folder` and a folder in `after` end with `/`; an empty `folder` is the whole version.
        """
        with self._db.reading() as connection:
            return browse.children(connection, version.id, folder, after, count)

    def types(self, project: str | None = None) -> list[TypeCount]:
        """Return the types of artifacts of a project, or of all, with their numbers of collections."""
        with self._db.reading() as connection:
            return browse.types(connection, project)

    def collections(
        self,
        project: str | None = None,
        *,
        type: str | None = None,
        named: str = "",
        after: int = 0,
        count: int = 50,
        only_links: bool = False,
    ) -> list[Overview]:
        """Return a page of collections whose name contains `named`, each with its newest version: beyond `after`."""
        with self._db.reading() as connection:
            return browse.overviews(connection, project, type, named, after, count, only_links=only_links)

    def newest_versions(self, count: int) -> list[Version]:
        """Return the versions that were committed last, the newest first."""
        with self._db.reading() as connection:
            return browse.newest_versions(connection, count)

    def events(self, *, before: int | None = None, count: int = 100) -> list[Event]:
        """Return a page of the log of changes, the newest first: those before an event's id."""
        with self._db.reading() as connection:
            return browse.events_before(connection, before, count)

    def last_verification(self) -> dict[str, Any] | None:
        """Return what the last verification noted: `at`, `by`, `versions`, `bytes`, `findings`, `harmed`."""
        return last_verification.noted(self._db.folder)

    def search(self, words: str, *, count: int = 25) -> list[Hit]:
        """Find collections, versions and runs that contain a text in their names, tags, metadata or config."""
        with self._db.reading() as connection:
            return browse.search(connection, words, count)
