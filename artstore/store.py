"""The front door of a store: create or open one, commit drafts, find versions, write them out, delete them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artstore.catalog.collections import Collection as Collection
from artstore.catalog.registries import Registry as Registry
from artstore.core import names
from artstore.core.draft import Draft
from artstore.core.manifest import Entry
from artstore.core.versions import Pending, Version
from artstore.ingest import files
from artstore.operations import commit, create, delete, drafts, edit, find, upsert
from artstore.operations.commit import CommitResult
from artstore.operations.delete import DeleteResult as DeleteResult
from artstore.operations.diff import Difference as Difference
from artstore.operations.drafts import OpenDrafts
from artstore.operations.edit import UNSET, Unset
from artstore.operations.store_reader import StrPath, number_of
from artstore.operations.store_upkeep import StoreUpkeep
from artstore.operations.upsert import DropResult
from artstore.runtime.arguments import checked
from artstore.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from typing import Unpack

    from artstore.ingest.references import ReferenceOptions
    from artstore.operations.status import Status as Status


@checked
class Store(StoreUpkeep):
    """One folder with versioned artifacts.

    >>> store = Store.init("data.artstore")
    >>> draft = store.draft("animals", type="dataset")
    >>> store.add_dir(draft, "images")
    >>> store.commit(draft, aliases=["best"])
    >>> store.get("animals:best", "out")

    Many processes and threads may use a store at the same time. It is a context manager that closes itself.
    """

    def __init__(self, path: StrPath) -> None:
        super().__init__(path)
        self.drafts = OpenDrafts(self.repository)

    @classmethod
    def init(cls, path: StrPath, *, algorithm: str | None = None, compression: str | None = None) -> Store:
        """Create a store in a folder, or open the one that is there. `algorithm` is `blake3` (the default) or `sha256`.

        With `compression="zstd"` each chunk that becomes smaller is compressed: text, JSON and tables take a third of
        the space, and more time. Nothing else changes, not even the digests.

        Raises `NotAStore` if the folder holds something else, and `InvalidInput` if the store there was created with
        another algorithm or compression.
        """
        create.create(Path(path).absolute(), algorithm, compression)
        store = cls(path)
        try:
            create.record_creation(store.repository)
            create.check_same(store.repository, algorithm, compression)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, path: StrPath) -> Store:
        """Open the store in a folder. Raises `NoStore`, `NotAStore`, `NewerStore` or `NetworkFileSystem`."""
        return cls(path)

    def __reduce__(self) -> tuple[Callable[[Path], Store], tuple[Path]]:
        """Pickle as the path: whatever unpickles it opens the store again."""
        return Store.open, (self.path,)

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

        `type` may be left out if there is a base or the collection exists. Raises `WrongType` if it has another type.
        """
        start = self.version(base, project=project) if isinstance(base, str) else base
        return self.drafts.begin(
            name, type, project=project, description=description, metadata=metadata, ttl=ttl, base=start
        )

    def add_file(
        self,
        draft: Draft,
        path: StrPath,
        name: str | None = None,
        *,
        overwrite: bool = False,
        progress: Progress = SILENT,
    ) -> Entry:
        """Add a file, as it is now, to a draft. `name` is its path in the artifact, by default the file's own name."""
        opened = self.drafts.of(draft)
        return files.add_file(self.repository, opened, Path(path), name, overwrite=overwrite, progress=progress)

    def add_dir(
        self,
        draft: Draft,
        path: StrPath,
        name: str | None = None,
        *,
        overwrite: bool = False,
        progress: Progress = SILENT,
    ) -> int:
        """Add the contents of a folder, as they are now, to a draft, below `name` if given; return how many entries."""
        opened = self.drafts.of(draft)
        return files.add_folder(self.repository, opened, Path(path), name, overwrite=overwrite, progress=progress)

    def add_reference(
        self, draft: Draft, uri: str, name: str | None = None, **options: Unpack[ReferenceOptions]
    ) -> Sequence[Entry]:
        """Track an object that stays where it is, or everything below a prefix; return the entries.

        With `checksum=False` only the URI is stored. `max_objects` limits a prefix (default 10,000). `storage_options`
        are those of fsspec's file system for the scheme; they are not kept.
        """
        from artstore.ingest import references  # late, for the start-up time: drivers bring an event loop

        return references.add_reference(self.repository, draft, uri, name, **options)

    @staticmethod
    def check_reference(uri: str, name: str | None = None, **options: Unpack[ReferenceOptions]) -> None:
        """Raise what `add_reference` would raise about the objects; no content is read, and no store is needed."""
        from artstore.ingest import references  # late, as above

        references.check_reference(uri, name, **options)

    def add_bytes(self, draft: Draft, data: bytes, path: str, *, overwrite: bool = False) -> Entry:
        """Add a file to a draft by its content."""
        return files.add_bytes(self.repository, self.drafts.of(draft), data, path, overwrite=overwrite)

    def add_entry(self, draft: Draft, entry: Entry, of: Version, path: str, *, overwrite: bool = False) -> Entry:
        """Add an entry of a version to a draft, which then depends on that version. Its content is not copied."""
        return drafts.add_entry(self.drafts.of(draft), entry, of, path, overwrite=overwrite)

    def materialize(
        self, draft: Draft, *, storage_options: Mapping[str, Any] | None = None, progress: Progress = SILENT
    ) -> int:
        """Fetch the objects that a draft references and store them as files; return how many references there were."""
        from artstore.operations import materialize  # late, for the start-up time: drivers bring an event loop

        return materialize.materialize(
            self.repository, self.drafts.of(draft), storage_options=storage_options, progress=progress
        )

    def read_draft(self, draft: Draft, entry: Entry) -> Iterator[bytes]:
        """Read a file that was added to a draft, piece by piece, verified."""
        self.drafts.of(draft).writer.publish_everything()
        return self.read(entry)

    def digest(self, draft: Draft) -> str:
        """Return the digest that a draft, as it is now, would have as a version."""
        return commit.cut_manifest(self.repository, draft).new_version.digest

    def commit(
        self,
        draft: Draft,
        *,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        run: int | None = None,
        step: int | None = None,
        on_newest: bool = False,
    ) -> Version:
        """Make a draft the next version of its collection; durable when this returns.

        If the draft equals the newest version, that version is returned, with the aliases and tags added. `run` is the
        number of the run that produced it, and `step` the step of that run. With `on_newest` the draft is put on top of
        the newest version, whichever that is at the commit.
        """
        with self.drafts.closing(draft) as opened:
            done = commit.commit(
                self.repository, opened, aliases=aliases, tags=tags, run=run, step=step, on_newest=on_newest
            )
        return done.version

    def commit_or_reuse(self, draft: Draft, *, aliases: Iterable[str] = (), tags: Iterable[str] = ()) -> CommitResult:
        """Commit a draft as `commit` does; return the version, and whether it is a new one."""
        with self.drafts.closing(draft) as opened:
            return commit.commit(self.repository, opened, aliases=aliases, tags=tags)

    def drop(self, draft: Draft) -> None:
        """Drop a draft, and delete the content that only it held."""
        self.drafts.drop(draft)

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
        """Add a draft to the pending version that several writers build; return its number. Durable when this returns.

        >>> number = store.upsert(draft, "night-17")
        >>> store.finish(number)

        There is one for each collection and id; the first upsert begins it, unless `begin` is not set. Raises
        `PathConflict`, which names both runs, if one of the paths has other content; nothing is added then.
        """
        with self.drafts.closing(draft) as opened:
            return upsert.upsert(self.repository, opened, distributed_id, aliases=aliases, run=run, begin=begin)

    def finish(
        self, pending: Pending | int, *, aliases: Iterable[str] = (), run: int | None = None, force: bool = False
    ) -> Version:
        """Make a pending version the next version of its collection, produced by every run that upserted to it.

        Raises `NotFound` if it was dropped, and `ProtectedAlias` if one of its aliases is protected and `force` is not
        set.
        """
        return upsert.finish(self.repository, number_of(pending), aliases=aliases, run=run, force=force)

    def drop_pending(self, pending: Pending, *, dry_run: bool = False) -> DropResult:
        """Drop a pending version and the content that only it holds. Raises `NotFound` if it is not pending."""
        return upsert.drop(self.repository, pending.id, dry_run=dry_run)

    # Metadata, aliases and links

    def describe_collection(
        self,
        name: str,
        *,
        project: str = names.DEFAULT_PROJECT,
        new_name: str | None = None,
        type: str | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        protected_aliases: Iterable[str] | None = None,
    ) -> Collection:
        """Rename a collection, or set its type, description, tags or protected aliases. What is left out stays.

        A protected alias is set, moved and removed only with `force=True`.
        """
        return edit.describe_collection(
            self.repository,
            project,
            name,
            new_name=new_name,
            type=type,
            description=description,
            tags=tags,
            protected_aliases=protected_aliases,
        )

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
        """Make all these changes to a version or none of them; return it as it is then. What is left out stays.

        An alias leaves the version that it pointed at; a protected one only with `force`, otherwise `ProtectedAlias` is
        raised. The aliases of a version that was found by a link are those of the link.
        """
        return edit.describe(
            self.repository,
            find.find_version(self.repository, version, labels=False) if isinstance(version, str) else version,
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
        """Link a version to a collection of links, where it has an index and aliases of its own.

        >>> store.link("fox:v3", "wandb-registry-model/animal-classifier", aliases=["production"])
        """
        to = names.parse(name, project)
        return edit.link(self.repository, self._of(version), to.project or project, to.name, aliases, force=force)

    def unlink(self, *linked: Version | str, force: bool = False) -> None:
        """Remove links, all of them or none; one with a protected alias only with `force`. The versions stay."""
        edit.unlink(self.repository, map(self._of, linked), force=force)

    def materialized(
        self, version: Version | str, *, storage_options: Mapping[str, Any] | None = None, progress: Progress = SILENT
    ) -> Version:
        """Return a version like this one without references, because the store holds everything.

        That is the next version of its collection; or the version itself if it has no references, or the newest if that
        is equal already.
        """
        from artstore.operations import materialize  # late, for the start-up time: drivers bring an event loop

        return materialize.materialize_version(
            self.repository, self.drafts, self._of(version), storage_options=storage_options, progress=progress
        )

    # Deletion

    def delete(
        self,
        *wanted: Version | str,
        delete_aliases: bool = False,
        force: bool = False,
        dry_run: bool = False,
        progress: Progress = SILENT,
    ) -> DeleteResult:
        """Delete versions, all of them or none; content that nothing else needs is gone from the disk afterwards.

        Links to them are removed too: they are the `links` of the result, also with `dry_run`. Raises `StillNeeded` if
        one has aliases (`latest` is one), itself or on a link, and `delete_aliases` is not set, or if it has a
        protected alias, or another version or a pending one references it, and `force` is not set.
        """
        return delete.delete(
            self.repository,
            map(self._of, wanted),
            delete_aliases=delete_aliases,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )

    def delete_collection(
        self, name: str, *, project: str = names.DEFAULT_PROJECT, force: bool = False, dry_run: bool = False
    ) -> DeleteResult:
        """Delete every version of a collection. Its name, type and numbering stay.

        Of a collection of links only the links are removed, and reported as `links`.
        """
        return delete.delete_collection(self.repository, project, name, force=force, dry_run=dry_run)

    def prune(
        self,
        name: str,
        *,
        project: str = names.DEFAULT_PROJECT,
        keep_last: int | None = None,
        older_than: timedelta | None = None,
        dry_run: bool = False,
    ) -> DeleteResult:
        """Delete all but the newest `keep_last` versions, those `older_than` a duration, or those that both select.

        A version with an alias, itself or on a link, is never selected, nor one that another version references.
        """
        return delete.prune(self.repository, project, name, keep_last=keep_last, older_than=older_than, dry_run=dry_run)

    def close(self) -> None:
        """Close the store. Drafts that were not committed are dropped."""
        if not self.closed:
            with ExitStack() as ending:
                ending.callback(self.repository.close)
                ending.callback(self.drafts.close)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})"
