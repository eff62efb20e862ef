"""The read-only methods of `Store`."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from artstore.catalog import collections, damage, events, manifests, user_sql, versions
from artstore.catalog import pending as pending_rows
from artstore.catalog.collections import Collection
from artstore.catalog.connection import FILE, Connection
from artstore.catalog.db import Db
from artstore.catalog.events import Event
from artstore.catalog.repository import Repository
from artstore.catalog.usage import Share
from artstore.catalog.versions import Overview
from artstore.checkout import download, reader
from artstore.checkout.target_folder import DownloadResult
from artstore.core import names
from artstore.core.manifest import Entry
from artstore.core.versions import LabelChange, Pending, Version
from artstore.errors import Damaged
from artstore.operations import diff, edit, find, upsert, usage
from artstore.operations.browse import Browse
from artstore.operations.pages import Pages
from artstore.operations.registries import Registries
from artstore.operations.runs import Runs
from artstore.runtime import notebook, words
from artstore.runtime.arguments import checked
from artstore.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from artstore.lineage.graph import Direction
    from artstore.lineage.lineage import Lineage
    from artstore.operations.compare import Comparison
    from artstore.operations.status import Status

P = ParamSpec("P")
Result = TypeVar("Result")
StrPath = str | os.PathLike[str]


@checked
class StoreReader:
    """The reading half of a store: find collections, versions and entries, read content, measure space."""

    def __init__(self, path: StrPath) -> None:
        self.path = Path(path).absolute()
        self.repository = Repository(self.path)

    @staticmethod
    def identity(path: StrPath) -> tuple[int, int] | None:
        """Return a key that distinguishes the store in a folder from one created there later; None if there is none."""
        try:
            status = os.stat(Path(path, FILE))
        except OSError:
            return None
        return status.st_dev, status.st_ino

    @property
    def closed(self) -> bool:
        """Whether the store was closed."""
        return self.repository.closed

    @property
    def uid(self) -> str:
        """The id that the store got when it was created; its backups have the same."""
        return self.db.uid

    @property
    def algorithm(self) -> str:
        """The name of the store's digest algorithm."""
        return self.db.algorithm.name

    @property
    def compression(self) -> str | None:
        """The store's compression: `zstd`, or None."""
        return self.db.compression

    @property
    def db(self) -> Db:
        """The store's catalog."""
        return self.repository.db

    @property
    def runs(self) -> Runs:
        """The runs of the store."""
        return Runs(self.repository)

    @property
    def pages(self) -> Pages:
        """Collections, versions and entries, page by page."""
        return Pages(self.repository)

    @property
    def browse(self) -> Browse:
        """Folders of versions, collections and events in windows, and search: what pages show."""
        return Browse(self.repository)

    # Collections and versions

    def projects(self) -> list[str]:
        """Return the projects of the store."""
        return self._read(collections.projects)

    @property
    def registries(self) -> Registries:
        """The registries of the store."""
        return Registries(self.repository)

    def types(self, project: str | None = None) -> list[str]:
        """Return the types of the collections of a project, or of all."""
        return self._read(collections.types, project)

    def collections(self, project: str | None = None) -> list[Collection]:
        """Return the collections of a project, or of all."""
        return self._read(collections.find_all, project)

    def summaries(self, project: str | None = None) -> list[Overview]:
        """Return the collections of a project, or of all, each with its number of versions and the newest one."""
        return self._read(versions.overviews, project)

    def collection(self, name: str, *, project: str = names.DEFAULT_PROJECT) -> Collection:
        """Find a collection. Raises `NotFound`."""
        return self._read(collections.get, project, names.collection(name, project))

    def version(self, name: str, *, project: str | None = None, type: str | None = None) -> Version:
        """Find a version: `animals:v0`, `animals:best`, `animals` for the newest, `project/animals:latest`.

        Raises `NotFound`, which names what there is, or `WrongType`.
        """
        return find.find_version(self.repository, name, project=project, type=type)

    def version_by_id(self, id: int) -> Version:
        """Return a version by its number in the store, also a deleted one. Raises `NotFound`."""
        return self._read(versions.by_id, operator.index(id))

    def versions(self, name: str, *, project: str = names.DEFAULT_PROJECT, deleted: bool = False) -> Iterator[Version]:
        """Yield the versions of a collection, the newest first. Deleting while iterating skips nothing."""
        return self.pages.all_versions(name, project=project, deleted=deleted)

    def links(self, version: Version) -> list[Version]:
        """Return the links to a version, each as the version found there."""
        return edit.links_of(self.repository, version)

    def label_changes(self, version: Version) -> list[LabelChange]:
        """Return who set and removed aliases of a version and of its links, and when; the newest change first."""
        return edit.label_changes(self.repository, version)

    def dependencies(self, version: Version | str) -> list[Version]:
        """Return the versions that a version references."""
        return self._read(versions.dependencies, self._of(version).id)

    def lineage(self, version: Version | str, direction: Direction = "both", depth: int | None = None) -> Lineage:
        """Return the lineage graph of a version, upstream and downstream; the version may be deleted.

        `depth` is the number of hops, an edge each; without it, the graph is complete.
        """
        from artstore.operations import trace  # late: most programs never ask for it

        return trace.version(self.repository, self._of(version).id, direction, depth)

    def run_lineage(self, run: int, direction: Direction = "both", depth: int | None = None) -> Lineage:
        """Return the lineage graph of a run, upstream and downstream. `run` is its number."""
        from artstore.operations import trace  # late: most programs never ask for it

        return trace.run(self.repository, run, direction, depth)

    def pending(self, name: str | None = None, *, project: str | None = None) -> list[Pending]:
        """Return the pending versions of a collection, of a project, or of all, the oldest first."""
        return self._read(pending_rows.find_all, project, name)

    def finished(self, pending: Pending | int) -> Version | None:
        """Return the version that a pending one became; None while it is pending, and if it was dropped."""
        return upsert.finished(self.repository, number_of(pending))

    # Content

    def entries(self, version: Version | str, folder: str = "") -> Iterator[Entry]:
        """Yield the entries of a version in path order; only those below a folder, if given."""
        return reader.entries(self.repository, self._of(version), names.entry_path(folder) if folder else "")

    def entry(self, version: Version | str, path: str) -> Entry | None:
        """Return the entry of a version at a path, or None. Raises `Damaged` if it is not what its digest says."""
        return self._read(manifests.find_verified, self._of(version).id, path)

    def read(self, entry: Entry) -> Iterator[bytes]:
        """Read a stored file, piece by piece, verified."""
        return reader.read(self.repository, entry)

    def diff(self, old: Version | str, new: Version | str) -> diff.Difference:
        """Return the entries that differ between two versions."""
        return diff.diff(self.repository, old, new)

    def get(
        self,
        version: Version | str,
        root: StrPath,
        *,
        path_prefix: str | None = None,
        allow_missing_references: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        progress: Progress = SILENT,
    ) -> DownloadResult:
        """Write a version into a folder: files that are missing or different are written, verified; others are left.

        References are fetched as they were when they were added.
        """
        return download.to_folder(
            self.repository,
            self._of(version),
            Path(root),
            path_prefix=path_prefix,
            allow_missing_references=allow_missing_references,
            storage_options=storage_options,
            progress=progress,
        )

    def compare(self, version: Version | str, root: StrPath) -> Comparison:
        """Read a folder and compare it with a version: find files that are missing, different, or not part of it.

        References are skipped.
        """
        from artstore.operations import compare  # late: most programs never ask for it

        return compare.compare(self.repository, self._of(version), Path(root))

    def remove_strays(self, version: Version | str, root: StrPath) -> list[str]:
        """Remove the files from a folder that a version does not have; return the paths. Raises `UnsafeRoot`."""
        from artstore.operations import compare  # late: most programs never ask for it

        return compare.remove_strays(self.repository, self._of(version), Path(root))

    def status(
        self, version: Version | str, *, storage_options: Mapping[str, Any] | None = None, progress: Progress = SILENT
    ) -> Sequence[Status]:
        """Check whether the objects changed that a version references: unchanged, changed, missing, or new."""
        from artstore.operations import status  # late, for the start-up time: drivers bring an event loop

        return status.status(self.repository, self._of(version), storage_options=storage_options, progress=progress)

    # Space

    def owned_bytes(self, version: Version | str) -> int:
        """Return the content that no earlier version in the store has. The sum over all versions is what is stored."""
        return usage.owned_bytes(self.repository, version)

    def reclaimable_bytes(self, version: Version | str) -> int:
        """Return the content that deleting this version alone would free."""
        return usage.reclaimable_bytes(self.repository, version)

    def shares(self, versions: Iterable[Version]) -> dict[int, Share]:
        """Return the bytes that each of some versions owns and that deleting it alone would free, by version id.

        Asking for many costs little more than asking for one.
        """
        return usage.shares(self.repository, versions)

    def usage(self) -> usage.Usage:
        """Return the content of the store, and the space that it takes on disk."""
        return usage.usage(self.repository)

    # The whole store

    @property
    def is_open(self) -> bool:
        """Whether the store was not closed."""
        return not self.db.closed

    def _repr_html_(self) -> str:
        if not self.is_open:
            return notebook.facts("Store", [("folder", str(self.path)), ("state", "closed")])
        used = self.usage()
        facts = [
            ("folder", str(self.path)),
            ("projects", ", ".join(self.projects())),
            ("versions", f"{used.versions:,}, {words.size(used.version_bytes)} written out"),
            ("on disk", words.size(used.allocated_bytes + used.catalog_bytes)),
        ]
        return notebook.facts("Store", facts)

    def events(self, after: int = 0) -> list[Event]:
        """Return the log of changes, the oldest first; only those after an event's id, if given."""
        return self._read(lambda connection: list(events.since(connection, after)))

    def sql(self, query: str, parameters: tuple[object, ...] | Mapping[str, object] = ()) -> list[dict[str, object]]:
        """Run a read-only SQL query, on the views that begin with `artifact_` or any table."""
        self.db.check_open()
        return user_sql.query(self.path, query, parameters)

    @staticmethod
    def damage_behind(error: BaseException, path: StrPath) -> Damaged | None:
        """Return the error to raise for one that came from the store in a folder, if damaged rows may be the cause."""
        return damage.explain(error, Path(path))

    def _of(self, version: Version | str) -> Version:
        return self.version(version) if isinstance(version, str) else version

    def _read(
        self, query: Callable[Concatenate[Connection, P], Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        with self.db.reading() as connection:
            return query(connection, *args, **kwargs)


def number_of(pending: Pending | int) -> int:
    return pending.id if isinstance(pending, Pending) else operator.index(pending)
