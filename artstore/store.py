"""The store's front door: make or open one, commit drafts, find versions, write them out, let them go."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from artstore.catalog import collections, events, links, manifests, usage, user_sql, versions
from artstore.catalog import pending as pending_rows
from artstore.catalog.collections import Collection as Collection
from artstore.catalog.connection import FILE, Connection
from artstore.catalog.db import Db
from artstore.catalog.events import Event
from artstore.catalog.filters import Filters
from artstore.catalog.repository import Repository
from artstore.catalog.usage import Share
from artstore.catalog.versions import Overview
from artstore.checkout import plan, reader
from artstore.core import names
from artstore.core.draft import Draft, check_type
from artstore.core.manifest import Entry, Kind
from artstore.core.runs import RunRecord
from artstore.core.versions import Pending, Version
from artstore.errors import InvalidInput, NotFound, StoreError
from artstore.ingest import files, large_file
from artstore.ingest.content_writer import ContentWriter
from artstore.operations import backup as backing_up
from artstore.operations import commit, create, gc
from artstore.operations import delete as deleting
from artstore.operations import diff as differing
from artstore.operations import edit as describing
from artstore.operations import upsert as upserting
from artstore.operations import verify as verifying
from artstore.operations.diff import Difference as Difference
from artstore.operations.edit import UNSET, Unset
from artstore.operations.reclaim_space import sweep
from artstore.operations.runs import Runs
from artstore.runtime import forking, platform
from artstore.runtime.progress import SILENT, Progress
from artstore.storage.packs import Packs

if TYPE_CHECKING:
    from artstore.lineage.graph import Direction
    from artstore.lineage.lineage import Lineage
    from artstore.operations.compare import Comparison
    from artstore.operations.status import Status as Status


class Usage(NamedTuple):
    """What a store holds and takes, in bytes."""

    versions: int
    version_bytes: int
    """What all versions would take when written out, references included."""
    content_bytes: int
    """What their content takes, each chunk once."""
    stored_bytes: int
    """What it takes in the packs: less, where the store compresses."""
    dead_bytes: int
    """What the packs take on the disk for nothing."""
    allocated_bytes: int
    """What the packs take on the disk."""
    catalog_bytes: int
    """What the catalog takes on the disk."""
    pending: int = 0
    """Versions that were never finished."""
    pending_bytes: int = 0
    """What those would take when written out."""


class _BaseOf:
    """The entries of a committed version, as a draft asks for them."""

    def __init__(self, store: Store, version: Version) -> None:
        self._store = store
        self.version = version

    def find(self, path: str) -> Entry | None:
        return self._store.entry(self.version, path)

    def under(self, folder: str) -> Iterator[Entry]:
        return self._store.entries(self.version, folder)

    def is_folder(self, path: str) -> bool:
        return self._store.has_below(self.version, path)


_opened: weakref.WeakSet[Store] = weakref.WeakSet()


def _begin_anew_in_child() -> None:
    # Another thread of the parent may have held it.
    for each in list(_opened):
        each._guard = threading.RLock()


forking.register(after_in_child=_begin_anew_in_child)


class Store:
    """One folder with versioned artifacts in it.

    >>> store = Store.init("data.artstore")
    >>> draft = store.draft("animals", type="dataset")
    >>> store.add_dir(draft, "images")
    >>> store.commit(draft, aliases=["best"])
    >>> store.get("animals:best", "out")

    A store may be used by many processes and threads at once. It is a context manager that closes itself.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.repository = Repository(self.path)
        self._intakes: weakref.WeakKeyDictionary[Draft, ContentWriter] = weakref.WeakKeyDictionary()
        self._abandoned: deque[ContentWriter] = deque()
        self._guard = threading.RLock()
        _opened.add(self)

    @classmethod
    def init(
        cls, path: str | os.PathLike[str], *, algorithm: str | None = None, compression: str | None = None
    ) -> Store:
        """Make a store in a folder, or open the one that is there. `algorithm` is `blake3` (the default) or `sha256`.

        With `compression="zstd"` each chunk that becomes smaller by that is compressed: text, JSON and tables take a
        third, and more time. Nothing else changes, digests neither.

        Raises `NotAStore` if the folder holds something else, `InvalidInput` if the store there was made otherwise.
        """
        folder = Path(path).absolute()
        create.make(folder, algorithm, compression)
        store = cls(folder)
        create.note_creation(store.db)
        if algorithm is not None and store.algorithm != algorithm:
            store.close()
            raise InvalidInput(
                f"{folder} uses {store.algorithm}, and digests are never mixed: make another store for {algorithm}"
            )
        if compression is not None and store.compression != compression:
            store.close()
            raise InvalidInput(
                f"{folder} was made without compression, and that stays: make another store for {compression}"
            )
        return store

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Store:
        """Open the store in a folder. Raises `NoStore`, `NotAStore`, `NewerStore` or `NetworkFileSystem`."""
        return cls(path)

    @staticmethod
    def identity(path: str | os.PathLike[str]) -> tuple[int, int] | None:
        """Return what distinguishes the store in a folder from another made there later; None if there is none."""
        try:
            status = os.stat(Path(path, FILE))
        except OSError:
            return None
        return status.st_dev, status.st_ino

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self.db.closed

    @property
    def algorithm(self) -> str:
        """The name of the store's digest algorithm."""
        return self.db.algorithm.name

    @property
    def compression(self) -> str | None:
        """How the store compresses: `zstd`, or None if it does not."""
        return self.db.compression

    @property
    def db(self) -> Db:
        """The store's catalog."""
        return self.repository.db

    @property
    def packs(self) -> Packs:
        """The store's packs."""
        return self.repository.packs

    @property
    def runs(self) -> Runs:
        """The runs of the store."""
        return Runs(self.repository)

    # Drafts

    def draft(
        self,
        name: str,
        type: str | None = None,
        *,
        project: str = names.DEFAULT_PROJECT,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        ttl: timedelta | None = None,
        base: Version | str | None = None,
    ) -> Draft:
        """Begin the next version of a collection, empty or from a `base` version.

        `type` may be left out with a base, and where the collection exists. Raises `WrongType` if it has another one.
        """
        started_from = self.version(base, project=project) if isinstance(base, str) else base
        with self.db.reading() as connection:
            collection = collections.find(connection, project, names.collection(name))
            if collection is not None:
                check_type(collection.name, collection.type, type)
        type = type or (collection.type if collection else started_from.type if started_from else None)
        if type is None:
            raise InvalidInput(
                f"there is no artifact {name!r} in project {project!r} yet: pass type='dataset', or another type, "
                "to begin it"
            )
        draft = Draft(
            name,
            type,
            project=project,
            description=description,
            metadata=metadata,
            ttl=ttl,
            base=_BaseOf(self, started_from) if started_from else None,
        )
        if started_from is not None and not self._intake(draft).hold.claim_version(started_from.id):
            raise StoreError(f"{started_from.name} was deleted: start from a version that lives")
        return draft

    def _intake(self, draft: Draft) -> ContentWriter:
        self._drop_abandoned()
        with self._guard:
            found = self._intakes.get(draft)
            if found is None:
                found = ContentWriter(
                    self.db, self.packs, self.repository.process_lock, f"{draft.project}/{draft.name}"
                )
                self._intakes[draft] = found
                # Whatever the garbage collector interrupts may be in a transaction: it only notes, the next call drops.
                weakref.finalize(draft, self._abandoned.append, found).atexit = False
            return found

    def _drop_abandoned(self) -> None:
        with suppress(IndexError):
            while True:
                self._abandoned.popleft().drop()

    def add_file(
        self,
        draft: Draft,
        path: str | os.PathLike[str],
        name: str | None = None,
        *,
        overwrite: bool = False,
        progress: Progress = SILENT,
    ) -> Entry:
        """Take a file into a draft, as it is now. `name` is its path in the artifact, by default its own name."""
        return files.file(draft, self.db, self._intake(draft), Path(path), name, overwrite=overwrite, progress=progress)

    def add_dir(
        self,
        draft: Draft,
        path: str | os.PathLike[str],
        name: str | None = None,
        *,
        overwrite: bool = False,
        progress: Progress = SILENT,
    ) -> int:
        """Take a folder into a draft, as it is now; return the number of entries.

        `name` is the folder in the artifact.
        """
        return files.folder(
            draft, self.db, self._intake(draft), Path(path), name, overwrite=overwrite, progress=progress
        )

    def add_reference(
        self,
        draft: Draft,
        uri: str,
        name: str | None = None,
        *,
        checksum: bool = True,
        max_objects: int | None = None,
        storage_options: Mapping[str, Any] | None = None,
        progress: Progress = SILENT,
    ) -> Sequence[Entry]:
        """Track an object that stays where it is, or what lies below a prefix; return the entries.

        `storage_options` are what fsspec's file system of the scheme takes; they are not kept.
        """
        from artstore.ingest import references

        return references.add(
            draft,
            self.db,
            uri,
            name,
            checksum=checksum,
            max_objects=max_objects,
            storage_options=storage_options,
            progress=progress,
        )

    def materialize(
        self,
        draft: Draft,
        *,
        storage_options: Mapping[str, Any] | None = None,
        progress: Progress = SILENT,
    ) -> int:
        """Take the bytes of a draft's references into the store, where they become files; return how many."""
        from artstore.operations import materialize

        return materialize.materialize(
            draft, self.db, self._intake(draft), storage_options=storage_options, progress=progress
        )

    def materialized(
        self,
        version: Version | str,
        *,
        storage_options: Mapping[str, Any] | None = None,
        progress: Progress = SILENT,
    ) -> Version:
        """A version like this one that refers to nothing, because the store holds it all: the next of its collection.

        The version itself if it has no references; its equal if that is the newest already.
        """
        of = self._of(version)
        source = self.version_by_id(of.id)
        draft = self.draft(
            source.collection,
            project=source.project,
            description=source.description,
            metadata=source.metadata,
            base=source,
        )
        if not self.materialize(draft, storage_options=storage_options, progress=progress):
            self.drop(draft)
            return of
        return self.commit(draft)

    def status(
        self,
        version: Version | str,
        *,
        storage_options: Mapping[str, Any] | None = None,
        progress: Progress = SILENT,
    ) -> Sequence[Status]:
        """Tell what became of the objects that a version references: unchanged, changed, missing, or new."""
        from artstore.operations.status import status

        return status(self.db, self._of(version), storage_options=storage_options, progress=progress)

    def add_bytes(self, draft: Draft, data: bytes, path: str, *, overwrite: bool = False) -> Entry:
        """Take a file into a draft, by its content."""
        raw = large_file.take_bytes(data, self.db.algorithm, self._intake(draft))
        entry = Entry(names.entry_path(path), Kind.FILE, self.db.algorithm.text(raw), len(data))
        return draft.add(entry, overwrite=overwrite)

    def add_entry(self, draft: Draft, entry: Entry, of: Version, path: str, *, overwrite: bool = False) -> Entry:
        """Put an entry of a version into a draft, which then depends on that version. Its content is not copied."""
        if not self._intake(draft).hold.claim_version(of.id):
            raise NotFound(f"{of.name} was deleted: use an entry of a version that lives")
        added = draft.add(entry._replace(path=names.entry_path(path)), overwrite=overwrite)
        draft.depend_on(of)
        return added

    def start_from_newest(self, draft: Draft) -> None:
        """Have a draft come on top of the newest version of its collection, if there is one."""
        with self.db.reading() as connection:
            collection = collections.find(connection, draft.project, draft.name)
            newest = versions.newest(connection, collection.id) if collection else None
        if newest is None:
            draft.base = None
        elif self._intake(draft).hold.claim_version(newest.id):
            draft.rebase(_BaseOf(self, newest))

    def read_draft(self, draft: Draft, entry: Entry) -> Iterator[bytes]:
        """The content of a file that was added to a draft, piece by piece, verified."""
        self._intake(draft).publish_everything()
        return self.read(entry)

    def digest(self, draft: Draft) -> str:
        """The digest that a draft would have as a version, as it stands."""
        return commit.cut(self.db, draft)[1].digest

    def commit(
        self,
        draft: Draft,
        *,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        run: int | None = None,
        on_newest: bool = False,
    ) -> Version:
        """Make a draft the next version; durable when this returns. Equal content is the same version.

        `run` is the number of the run that produced it. With `on_newest` it comes on top of the newest version,
        whichever that is by then.
        """
        while True:
            if on_newest:
                self.start_from_newest(draft)
            try:
                version = commit.commit(
                    self.db,
                    self.packs,
                    draft,
                    self._intake(draft),
                    aliases=aliases,
                    tags=tags,
                    run=run,
                    on_newest=on_newest,
                )
            except commit.Overtaken:
                continue
            self._intakes.pop(draft, None)
            return version

    def drop(self, draft: Draft) -> None:
        """Give up a draft, and what only it held."""
        intake = self._intakes.pop(draft, None)
        if intake is not None and intake.drop().chunks:
            sweep(self.db, self.packs)

    # Parallel writers

    def upsert(
        self,
        draft: Draft,
        distributed_id: str,
        *,
        aliases: Iterable[str] = (),
        run: int | None = None,
        begin: bool = True,
    ) -> int:
        """Add what a draft has to the pending version that many writers share, durably; return its number.

        >>> number = store.upsert(draft, "night-17")
        >>> store.finish(number)

        There is one for each collection and id; the first upsert begins it, unless `begin` is not set. Raises
        `PathConflict`, which names both runs, if something else was added at one of the paths; nothing is added then.
        """
        intake = self._intake(draft)
        added = upserting.upsert(
            self.db, self.packs, draft, intake, distributed_id, aliases=aliases, run=run, begin=begin
        )
        self._intakes.pop(draft, None)
        return added

    def finish(
        self, pending: Pending | int, *, aliases: Iterable[str] = (), run: int | None = None, force: bool = False
    ) -> Version:
        """Make a pending version the next version of its collection, the product of every run that has upserted.

        Raises `NotFound` if it was dropped, or `ProtectedAlias` if it is to get one and `force` is not set.
        """
        id = pending if isinstance(pending, int) else pending.id
        return upserting.finish(self.db, id, aliases=aliases, run=run, force=force)

    def finished(self, pending: Pending | int) -> Version | None:
        """The version that a pending one became; None as long as it is pending, and if it was dropped."""
        with self.db.reading() as connection:
            became = pending_rows.finished_as(connection, pending if isinstance(pending, int) else pending.id)
            return None if became is None else versions.by_id(connection, became)

    def pending(self, name: str | None = None, *, project: str | None = None) -> list[Pending]:
        """The pending versions of a collection, of a project, or of all, the oldest first."""
        with self.db.reading() as connection:
            return pending_rows.find_all(connection, project, name)

    def drop_pending(self, pending: Pending, *, dry_run: bool = False) -> upserting.Dropped:
        """Drop a pending version and what only it holds. Raises `NotFound` if it was finished or dropped."""
        return upserting.drop(self.db, self.packs, pending.id, dry_run=dry_run)

    # Versions

    def version(self, name: str, *, project: str | None = None, type: str | None = None) -> Version:
        """Find a version: `animals:v0`, `animals:best`, `animals` for the newest, `project/animals:latest`.

        Raises `NotFound`, which says what there is, or `WrongType`.
        """
        wanted = names.parse(name)
        where = wanted.project or project or names.DEFAULT_PROJECT
        with self.db.reading() as connection:
            found = versions.resolve(connection, where, wanted)
        if type is not None and found.type != type:
            raise versions.wrong_type(found, type)
        return found

    def version_by_id(self, id: int) -> Version:
        """A version by its number in the store, also one that was deleted. Raises `NotFound`."""
        with self.db.reading() as connection:
            return versions.by_id(connection, id)

    def entries_after(self, version: Version, after: str | None, count: int) -> list[Entry]:
        """A page of the entries of a version, in path order: those that follow a path."""
        return reader.entries_after(self.db, version, after, count)

    def summaries(self, project: str | None = None) -> list[Overview]:
        """The collections of a project, or of all, each with the number of its versions and the newest."""
        with self.db.reading() as connection:
            return versions.overviews(connection, project)

    def collections(self, project: str | None = None) -> list[Collection]:
        """The collections of a project, or of all."""
        with self.db.reading() as connection:
            return collections.find_all(connection, project)

    def collection_page(
        self,
        project: str,
        *,
        type: str | None = None,
        filters: Filters | None = None,
        after: str | None = None,
        count: int = 50,
    ) -> list[Collection]:
        """Return a page of the collections of a project that match filters, by name: those after a name."""
        with self.db.reading() as connection:
            return collections.find_all(
                connection, project, type=type, matching=filters, after=after or "", limit=count
            )

    def collection_count(self, project: str, *, type: str | None = None, filters: Filters | None = None) -> int:
        """Return how many collections of a project match filters."""
        with self.db.reading() as connection:
            return collections.count(connection, project, type, filters)

    def registries(self, filters: Filters | None = None) -> list[str]:
        """Return the projects that are registries and match filters."""
        with self.db.reading() as connection:
            return collections.registries(connection, filters)

    def projects(self) -> list[str]:
        """The projects of the store."""
        with self.db.reading() as connection:
            return collections.projects(connection)

    def types(self, project: str | None = None) -> list[str]:
        """The types of the collections of a project, or of all."""
        with self.db.reading() as connection:
            return collections.types(connection, project)

    def collection(self, name: str, *, project: str = names.DEFAULT_PROJECT) -> Collection:
        """Find a collection. Raises `NotFound`."""
        with self.db.reading() as connection:
            return collections.get(connection, project, names.collection(name))

    def describe_collection(
        self,
        name: str,
        *,
        project: str = names.DEFAULT_PROJECT,
        new_name: str | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        protected_aliases: Iterable[str] | None = None,
    ) -> Collection:
        """Rename a collection, or set what is said of it. What is left out stays.

        A protected alias is set, moved or taken away only with `force=True`, whichever way that is asked for.
        """
        changes = {
            "name": new_name,
            "description": description,
            "tags": None if tags is None else list(tags),
            "protected_aliases": None if protected_aliases is None else sorted(set(protected_aliases)),
        }
        given = {field: value for field, value in changes.items() if value is not None}
        return describing.describe_collection(self.db, project, name, given)

    def version_page(
        self,
        name: str,
        *,
        project: str = names.DEFAULT_PROJECT,
        beyond: int | None = None,
        count: int = 50,
        oldest_first: bool = False,
        filters: Filters | None = None,
    ) -> list[Version]:
        """A page of the versions of a collection that filters let through: those beyond an index."""
        with self.db.reading() as connection:
            return list(
                versions.page(
                    connection,
                    collections.get(connection, project, name),
                    beyond=beyond,
                    limit=count,
                    oldest_first=oldest_first,
                    matching=filters,
                )
            )

    def version_count(self, name: str, *, project: str = names.DEFAULT_PROJECT, filters: Filters | None = None) -> int:
        """How many living versions of a collection filters let through."""
        with self.db.reading() as connection:
            return versions.count(connection, collections.get(connection, project, name), filters)

    def versions(self, name: str, *, project: str = names.DEFAULT_PROJECT, deleted: bool = False) -> Iterator[Version]:
        """The versions of a collection, the newest first, read page by page: deleting while iterating skips nothing."""
        beyond: int | None = None
        while True:
            with self.db.reading() as connection:
                collection = collections.get(connection, project, name)
                found = versions.page(connection, collection, beyond=beyond, limit=100, deleted=deleted)
                page = list(found)
            yield from page
            if not page:
                return
            beyond = page[-1].link.number if page[-1].link else page[-1].number

    def entries(self, version: Version | str, folder: str = "") -> Iterator[Entry]:
        """The entries of a version in path order; those below a folder, if given."""
        return reader.entries(self.db, self._of(version), names.entry_path(folder) if folder else "")

    def entry(self, version: Version | str, path: str) -> Entry | None:
        """The entry of a version at a path."""
        found = self._of(version)
        with self.db.reading() as connection:
            return manifests.find(connection, found.id, path)

    def has_below(self, version: Version | str, folder: str) -> bool:
        """Whether a version has entries below a folder."""
        found = self._of(version)
        with self.db.reading() as connection:
            return manifests.has_below(connection, found.id, folder)

    def read(self, entry: Entry) -> Iterator[bytes]:
        """The content of a stored file, piece by piece, verified."""
        if entry.kind != Kind.FILE or entry.digest is None:
            raise InvalidInput(f"{entry.path!r} is a {entry.kind.name.lower()}, and has no content in the store")
        return reader.Reader(self.db, self.packs).content(entry.digest)

    def diff(self, old: Version | str, new: Version | str) -> Difference:
        """What changed from one version to another."""
        with self.db.reading() as connection:
            return differing.diff(self.db, self._living(connection, old), self._living(connection, new))

    def get(
        self,
        version: Version | str,
        root: str | os.PathLike[str],
        *,
        path_prefix: str | None = None,
        allow_missing_references: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        progress: Progress = SILENT,
    ) -> plan.Outcome:
        """Write a version into a folder: what is missing or different is written, verified; nothing else is touched.

        References are fetched, as they were when they were added.
        """
        return plan.to_folder(
            self.db,
            self.packs,
            self._of(version),
            Path(root),
            path_prefix=path_prefix,
            allow_missing_references=allow_missing_references,
            storage_options=storage_options,
            progress=progress,
        )

    def compare(self, version: Version | str, root: str | os.PathLike[str]) -> Comparison:
        """Read a folder and compare it with a version: what is missing, different, or does not belong there.

        References are not compared.
        """
        from artstore.operations import compare

        return compare.compare(self.db, self._of(version), Path(root))

    def remove_strays(self, version: Version | str, root: str | os.PathLike[str]) -> list[str]:
        """Remove from a folder what a version does not have; return the paths.

        Raises `UnsafeRoot` if the folder holds the store.
        """
        from artstore.operations import compare

        return compare.remove_strays(self.db, self._of(version), Path(root))

    def _of(self, version: Version | str) -> Version:
        return self.version(version) if isinstance(version, str) else version

    def _living(self, connection: Connection, version: Version | str) -> Version:
        """A version as it is now. `NotFound` if it was deleted."""
        if isinstance(version, str):
            wanted = names.parse(version)
            return versions.resolve(connection, wanted.project or names.DEFAULT_PROJECT, wanted)
        if not versions.exists(connection, version.id):
            raise NotFound(f"{version.name} was deleted: use a version that lives")
        return version

    def describe(
        self,
        version: Version | str,
        *,
        description: str | Unset | None = UNSET,
        metadata: dict[str, Any] | Unset = UNSET,
        ttl: timedelta | Unset | None = UNSET,
        add_aliases: Iterable[str] = (),
        remove_aliases: Iterable[str] = (),
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        force: bool = False,
    ) -> Version:
        """Change what is said of a version, all of it or nothing. What is left out stays.

        An alias leaves the version that it pointed at; a protected one only with `force`, else `ProtectedAlias` is
        raised. Of a version found by a link, it is the link's aliases that change.
        """
        return describing.describe(
            self.db,
            self._of(version),
            description=description,
            metadata=metadata,
            ttl=ttl,
            add_aliases=add_aliases,
            remove_aliases=remove_aliases,
            add_tags=add_tags,
            remove_tags=remove_tags,
            force=force,
        )

    def link(
        self,
        version: Version | str,
        name: str,
        *,
        project: str = names.DEFAULT_PROJECT,
        aliases: Iterable[str] = (),
        force: bool = False,
    ) -> Version:
        """Show a version in a collection of links, under an index and aliases of its own there.

        >>> store.link("fox:v3", "wandb-registry-model/animal-classifier", aliases=["production"])
        """
        wanted = names.parse(name)
        return describing.link(self.db, self._of(version), wanted.project or project, wanted.name, aliases, force=force)

    def unlink(self, *wanted: Version | str, force: bool = False) -> None:
        """Take away links, all of them or none; one with a protected alias only with `force`.

        The versions that they show stay.
        """
        describing.unlink(self.db, [self._of(each) for each in wanted], force=force)

    def links(self, version: Version) -> list[Version]:
        """The links that show a version, each as it is found there."""
        with self.db.reading() as connection:
            found = links.of_version(connection, version.id)
            return [versions.by_link(connection, each) for each in found]

    def dependencies(self, version: Version | str) -> list[Version]:
        """The versions that a version references."""
        found = self._of(version)
        with self.db.reading() as connection:
            return versions.dependencies(connection, found.id)

    def produced_by(self, version: Version | str) -> list[RunRecord]:
        """The runs that logged a version, the first one first."""
        found = self._of(version)
        return self.runs.producers(found)

    def used_by(self, version: Version | str) -> list[RunRecord]:
        """The runs that used a version, the first one first."""
        found = self._of(version)
        return self.runs.users(found)

    def lineage(self, version: Version | str, direction: Direction = "both", depth: int | None = None) -> Lineage:
        """Return the graph of what a version came from and what came of it; the version may be deleted.

        `depth` is the number of hops, an edge each; without it, the graph is complete.
        """
        from artstore.operations import trace  # late: most programs never ask for it

        return trace.version(self.db, self._of(version).id, direction, depth)

    def run_lineage(self, run: int, direction: Direction = "both", depth: int | None = None) -> Lineage:
        """Return the graph of what a run used and made, with everything before and after. `run` is its number."""
        from artstore.operations import trace  # late: most programs never ask for it

        return trace.run(self.db, run, direction, depth)

    def owned_bytes(self, version: Version | str) -> int:
        """The content that no earlier living version of the store holds.

        The sum over all versions is what is stored.
        """
        with self.db.reading() as connection:
            return usage.owned_bytes(connection, self._living(connection, version).id)

    def reclaimable_bytes(self, version: Version | str) -> int:
        """The content that deleting this version alone would free."""
        with self.db.reading() as connection:
            return usage.reclaimable_bytes(connection, self._living(connection, version).id)

    def shares(self, versions: Iterable[Version]) -> dict[int, Share]:
        """What each of some living versions owns, and what deleting it alone would free, by their ids.

        Asked at once, it costs little more than asked of one.
        """
        with self.db.reading() as connection:
            return usage.shares(connection, [version.id for version in versions])

    # Letting go

    def delete(
        self,
        *wanted: Version | str,
        delete_aliases: bool = False,
        force: bool = False,
        dry_run: bool = False,
        progress: Progress = SILENT,
    ) -> deleting.Deleted:
        """Delete versions, all of those given or none; what nothing else needs is gone from the disk when this returns.

        Raises `StillNeeded` if one has aliases (`latest` is one) and `delete_aliases` is not set, or if it has a
        protected alias, or a living or pending version references it, and `force` is not set.
        """
        return deleting.delete(
            self.db,
            self.packs,
            [_not_a_link(self._of(each)) for each in wanted],
            delete_aliases=delete_aliases,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )

    def delete_collection(
        self, name: str, *, project: str = names.DEFAULT_PROJECT, force: bool = False, dry_run: bool = False
    ) -> deleting.Deleted:
        """Delete every version of a collection. Its name, type and numbering stay.

        Of a collection of links, only the links go, and are told as `links`.
        """
        every = list(self.versions(name, project=project))
        if any(each.link for each in every):
            if not dry_run:
                self.unlink(*every, force=force)
            return deleting.Deleted([], 0, 0, tuple(every))
        return self.delete(*every, delete_aliases=True, force=force, dry_run=dry_run)

    def prune(
        self,
        name: str,
        *,
        project: str = names.DEFAULT_PROJECT,
        keep_last: int | None = None,
        older_than: timedelta | None = None,
        dry_run: bool = False,
    ) -> deleting.Deleted:
        """Delete by rule: all but the newest `keep_last` versions, those `older_than` an age, or those both rules mean.

        A version with an alias is never deleted by a rule, nor one that a living version references.
        """
        if keep_last is None and older_than is None:
            raise InvalidInput("say which versions to keep: keep_last=N, older_than=AGE, or both")
        if older_than is not None and older_than < timedelta(0):
            raise InvalidInput(
                f"older_than must not be negative, as {older_than} is: say how old, as in timedelta(days=30)"
            )
        if keep_last is not None and keep_last < 1:
            raise InvalidInput(f"keep_last must be 1 or more, not {keep_last}: delete a whole collection by its name")
        with self.db.reading() as connection:
            collection = collections.get(connection, project, name)
            doomed = deleting.by_rule(self.db, connection, collection.id, keep_last=keep_last, older_than=older_than)
        return self.delete(*doomed, dry_run=dry_run)

    # The whole

    def usage(self) -> Usage:
        """What the store holds and takes."""
        with self.db.reading() as connection:
            found = usage.totals(connection)
        catalog = sum(platform.allocated_bytes(path.stat()) for path in self.path.glob(FILE + "*") if path.exists())
        stored, allocated = found["stored_bytes"], self.packs.allocated()
        waste = min(found["dead_bytes"], max(0, allocated - stored))
        return Usage(
            found["versions"],
            found["version_bytes"],
            found["content_bytes"],
            stored,
            waste,
            allocated,
            catalog,
            found["pending"],
            found["pending_bytes"],
        )

    def gc(self, *, dry_run: bool = False, progress: Progress = SILENT) -> gc.Collected:
        """Remove what crashes left behind, and versions past their ttl. With `dry_run`, only tell."""
        return gc.collect(self.db, self.packs, dry_run=dry_run, progress=progress)

    def verify(self, *, head: str | None = None, progress: Progress = SILENT) -> verifying.Report:
        """Read everything again; name each damaged entry and every version that it harms."""
        return verifying.verify(self.db, self.packs, self.repository.process_lock, head=head, progress=progress)

    def backup(self, path: str | os.PathLike[str], *, progress: Progress = SILENT) -> backing_up.BackedUp:
        """Copy the store, while it is in use, into a folder that is a store itself."""
        return backing_up.backup(
            self.db, self.packs, self.repository.process_lock, Path(path).absolute(), progress=progress
        )

    def events(self, after: int = 0) -> list[Event]:
        """The log of changes, oldest first; those after an event's id, if given."""
        with self.db.reading() as connection:
            return list(events.since(connection, after))

    def sql(self, query: str, parameters: tuple[object, ...] = ()) -> list[dict[str, object]]:
        """Answer a question in SQL, on the views `artifact_versions` and `artifact_entries` or any table.

        Nothing can be written.
        """
        self.db.check_open()
        return user_sql.query(self.path, query, parameters)

    def close(self) -> None:
        """Let go of everything. Drafts that were not committed are dropped."""
        if self.db.closed:
            return
        with ExitStack() as ending:
            ending.callback(self.repository.close)
            for intake in [*self._intakes.values(), *self._abandoned]:
                ending.callback(intake.drop)
            self._intakes.clear()
            self._abandoned.clear()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})"


def _not_a_link(version: Version) -> Version:
    if version.link is not None:
        raise InvalidInput(
            f"{version.link.collection}:v{version.link.number} is a link to {version.qualified_name}: unlink it, "
            "or delete that version by its own name"
        )
    return version
