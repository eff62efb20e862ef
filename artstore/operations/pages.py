"""Read long lists page by page, and count them. Deleting meanwhile skips nothing: a page begins after the last item."""

from __future__ import annotations

from collections.abc import Iterator

from artstore.catalog import collections, manifests, versions
from artstore.catalog.collections import Collection
from artstore.catalog.filters import Filters
from artstore.catalog.repository import Repository
from artstore.checkout import reader
from artstore.core import names
from artstore.core.manifest import Entry
from artstore.core.versions import Version
from artstore.runtime.arguments import checked

_VERSIONS = 100


@checked
class Pages:
    """The collections, versions and entries of a store in pages, reached as `Store.pages`."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def collections(
        self,
        project: str,
        *,
        type: str | None = None,
        filters: Filters | None = None,
        after: str | None = None,
        count: int = 50,
    ) -> list[Collection]:
        """Return a page of the collections of a project that match filters, by name: those after a name.

        Those whose versions were all deleted are left out.
        """
        with self._repository.db.reading() as connection:
            return collections.find_all(
                connection, project, type=type, matching=filters, after=after or "", limit=count, emptied=False
            )

    def count_collections(self, project: str, *, type: str | None = None, filters: Filters | None = None) -> int:
        """Return how many collections of a project match filters."""
        with self._repository.db.reading() as connection:
            return collections.count(connection, project, type, filters)

    def versions(
        self,
        name: str,
        *,
        project: str = names.DEFAULT_PROJECT,
        beyond: int | None = None,
        count: int = 50,
        oldest_first: bool = False,
        deleted: bool = False,
        filters: Filters | None = None,
    ) -> list[Version]:
        """Return a page of the versions of a collection that match filters: those beyond an index."""
        with self._repository.db.reading() as connection:
            return list(
                versions.page(
                    connection,
                    collections.get(connection, project, name),
                    beyond=beyond,
                    limit=count,
                    oldest_first=oldest_first,
                    deleted=deleted,
                    matching=filters,
                )
            )

    def count_versions(self, name: str, *, project: str = names.DEFAULT_PROJECT, filters: Filters | None = None) -> int:
        """Return how many versions of a collection match filters."""
        with self._repository.db.reading() as connection:
            return versions.count(connection, collections.get(connection, project, name), filters)

    def all_versions(
        self, name: str, *, project: str = names.DEFAULT_PROJECT, deleted: bool = False
    ) -> Iterator[Version]:
        """Yield the versions of a collection, the newest first, read page by page."""
        beyond: int | None = None
        while page := self.versions(name, project=project, beyond=beyond, count=_VERSIONS, deleted=deleted):
            yield from page
            beyond = page[-1].link.number if page[-1].link else page[-1].number

    def entries(self, version: Version, after: str | None, count: int) -> list[Entry]:
        """Return a page of the entries of a version in path order: those after a path."""
        return reader.entries_after(self._repository, version, after, count)

    def count_entries(self, version: Version) -> int:
        """Return how many entries a version has. Raises `Damaged` if that is more than its segments can hold."""
        with self._repository.db.reading() as connection:
            if versions.exists(connection, version.id):
                manifests.check_count(connection, version.id, version.entries)
        return version.entries
