"""Artifacts: what people put files into, log, find again, download and delete.

An artifact holds a draft until it is logged and a version afterwards, and hands each verb to its module. What is
added goes into the store at once: the store of the open run, else the one that `location` finds.
"""

from __future__ import annotations

import copy
import errno
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from artstore.core import names
from artstore.core.draft import Draft, check_no_base
from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.errors import (
    ArtifactFinalizedError,
    DownloadDiffers,
    DownloadMissing,
    InvalidInput,
    PathConflict,
    SourceMissing,
    WrongType,
)
from artstore.runtime import environment, terminal
from artstore.tracking import transfer
from artstore.tracking.artifact_media import ArtifactObjects
from artstore.tracking.artifact_version import listed, read_metadata
from artstore.tracking.entries import ArtifactEntries, ArtifactEntry, ArtifactFile, missing
from artstore.tracking.paging import Listing
from artstore.tracking.reserved_file import ReservedFile

if TYPE_CHECKING:
    from artstore.lineage.graph import Direction
    from artstore.lineage.lineage import Lineage
    from artstore.store import Difference, Status, Store
    from artstore.tracking.collection import ArtifactCollection
    from artstore.tracking.public_run import PublicRun

_OF_ARTIFACTS = ("wandb-artifact://", "wandb-client-artifact://")
StrPath: TypeAlias = str | os.PathLike[str]


class Artifact(ArtifactObjects):
    """A versioned folder of data: files, links, and references to other artifacts.

    >>> artifact = artstore.Artifact("animals", type="dataset", metadata={"source": "zoo"})
    >>> artifact.add_dir("images")
    >>> artifact.add_file("labels.csv", name="meta/labels.csv")
    >>> run.log_artifact(artifact)

    Each file is taken as it is when it is added. `description` and `metadata` that are not given are taken over from
    an equal version. With `ttl` a version is deleted when its time is up. With `incremental=True` what is added comes
    on top of the newest version. Raises `InvalidName`, `InvalidInput` or `TypeError`.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: dict[str, Any] | str | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,
        digest_algorithm: str | None = None,
        *,
        ttl: timedelta | None = None,
    ) -> None:
        names.user_type(name, type)
        self._begin(Draft(name, type, description=description, ttl=ttl), read_metadata(metadata))
        self._metadata_given = metadata is not None
        self._incremental = incremental

    @classmethod
    def _of(cls, store: Store, version: Version) -> Artifact:
        """The artifact that a version is."""
        artifact = cls.__new__(cls)
        artifact._begin(None, {})
        artifact._store = store
        artifact._become(version)
        return artifact

    @classmethod
    def _reserved(cls, name: str, type: str) -> Artifact:
        """An artifact of a type that only artstore itself makes."""
        artifact = cls.__new__(cls)
        artifact._begin(Draft(name, type), {})
        return artifact

    # Putting it together

    def add_file(
        self,
        local_path: StrPath,
        name: str | None = None,
        is_tmp: bool = False,
        skip_cache: bool = False,
        policy: str | None = "mutable",
        overwrite: bool = False,
    ) -> ArtifactEntry:
        """Take a file, as it is now, under its own name or another; `is_tmp` names it by its content.

        Raises `SourceMissing` and others of `SourceError`, `InvalidPath`, or `PathConflict` if something else is at
        that path and `overwrite` is not set.
        """
        draft = self._open_draft("add_file")
        _check_policy(policy)
        if not os.path.isfile(local_path):
            raise SourceMissing(
                errno.ENOENT, f"Path is not a file: {str(local_path)!r} (a folder is added with add_dir)"
            )
        path, name = Path(local_path), name or None
        with self._lock:
            if is_tmp:
                path_in = self._path_by_content(path, name)
                name = path_in
            entry = self._home().add_file(draft, path, name, overwrite=overwrite, progress=terminal.progress())
        self._added[os.path.abspath(local_path)] = entry.path
        return ArtifactEntry(entry, self, str(local_path))

    def _path_by_content(self, path: Path, name: str | None) -> str:
        scratch = Draft(self._bare_name, self.type)
        entry = self._home().add_file(scratch, path, name)
        folder, _, last = entry.path.rpartition("/")
        digest = (entry.digest or "").partition(":")[2][:20]
        renamed = ".".join([digest, *last.split(".")[1:]])
        return f"{folder}/{renamed}" if folder else renamed

    def add_dir(
        self,
        local_path: StrPath,
        name: str | None = None,
        skip_cache: bool = False,
        policy: str | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Take a folder with everything in it, as it is now, below `name` if given.

        The store itself is left out. `merge` replaces what is at a path already. Raises `SourceError`, `InvalidPath`
        or `PathConflict`; the artifact is then as it was.
        """
        draft = self._open_draft("add_dir")
        _check_policy(policy)
        if not os.path.isdir(local_path):
            raise InvalidInput(f"Path is not a directory: {str(local_path)!r} (a file is added with add_file)")
        with self._lock:
            self._home().add_dir(draft, local_path, name, overwrite=merge, progress=terminal.progress())
        self._added[os.path.abspath(local_path) + os.sep] = names.entry_path(name) + "/" if name else ""

    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None, policy: str = "mutable"
    ) -> ReservedFile:
        """Write a file straight into the artifact.

        >>> with artifact.new_file("notes.txt") as file:
        ...     file.write("hello")

        Called without `with`, it reserves the name for an empty file. If the block fails there is no file. Raises
        `PathConflict` if there is one already, unless the mode is `w`.
        """
        draft = self._open_draft("new_file")
        _check_policy(policy)
        path = names.entry_path(name)
        found = draft.find(path)
        if found is not None and "x" in mode:
            raise PathConflict(f"File with name {path!r} already exists in {draft.name}: use mode='w' to replace it")
        self._home().add_bytes(draft, b"", path, overwrite=True)

        def give_up() -> None:
            with self._lock:
                draft.remove(path)
                if found is not None:
                    draft.add(found)

        return ReservedFile(mode, encoding, lambda written: self.add_file(written, path, overwrite=True), give_up)

    def add_reference(
        self,
        uri: str | ArtifactEntry | Artifact,
        name: StrPath | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Sequence[ArtifactEntry]:
        """Reference what is kept elsewhere: an object, all below a prefix, another artifact, or an entry of one.

        An object lands under its own name, or at `name`; what lies below a prefix lands there without it, or below
        `name`, at most `max_objects` (10,000) of them. Etag, version and size are recorded, and no byte is copied.
        With `checksum=False` the object is not looked at. `storage_options` are what fsspec's file system of the
        scheme takes; they are not kept.

        The version that this becomes depends on an artifact that is referenced, which is not deleted as long as this
        one lives. An entry takes its place in this artifact, under `name` or its own path, and costs no storage. Both
        can be given as what `ArtifactEntry.ref_url` gives, as in `wandb-artifact://local/zoo/animals:v0/cat.png`.
        """
        draft = self._open_draft("add_reference")
        if isinstance(uri, str) and uri.startswith(_OF_ARTIFACTS):
            uri = self._meant(uri)
        if isinstance(uri, Artifact):
            version = uri._logged_version("add_reference")
            self._check_same_store(uri)
            draft.depend_on(version)
            return []
        if isinstance(uri, ArtifactEntry):
            other = uri.parent_artifact()
            assert isinstance(other, Artifact)
            version = other._logged_version("add_reference")
            self._check_same_store(other)
            path = str(name) if name is not None else uri.path
            return [ArtifactEntry(self._home().add_entry(draft, uri._entry, version, path), self)]
        if not isinstance(uri, str) or "://" not in uri:
            raise InvalidInput(f"References must be URIs. To reference a local file, use file:// (and not {uri!r})")
        with self._lock:
            added = self._home().add_reference(
                draft,
                uri,
                None if name is None else str(name),
                checksum=checksum,
                max_objects=max_objects,
                storage_options=storage_options,
                progress=terminal.progress(),
            )
        return ArtifactEntries(added, self)

    def _meant(self, uri: str) -> Artifact | ArtifactEntry:
        """The artifact, or the entry of one, that a URI names."""
        name, separator, rest = uri.partition("://")[2].partition(":")
        label, _, path = rest.partition("/")
        if not separator:
            raise InvalidInput(
                f"{uri!r} names no artifact of this store: expected wandb-artifact://project/name:alias/path; or pass "
                "the artifact, or its entry, itself"
            )
        store = self._home()
        artifact = Artifact._of(
            store, store.version(f"{name}:{label}", project=self._open_draft("add_reference").project)
        )
        return artifact.get_entry(path) if path else artifact

    def _check_same_store(self, other: Artifact) -> None:
        if other._home().path != self._home().path:
            raise InvalidInput(
                f"{other.name} is in the store {other._home().path}, and this artifact in {self._home().path}: "
                "reference artifacts of one store"
            )

    def remove(self, item: StrPath | ArtifactEntry) -> None:
        """Take out an entry, or everything below a folder. Raises `NoEntry` if there is neither."""
        draft = self._open_draft("remove")
        with self._lock:
            draft.remove(item.path if isinstance(item, ArtifactEntry) else os.fspath(item))

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """Where a local file is in the artifact; None if it was not added."""
        path = os.path.abspath(local_path)
        if path in self._added:
            return self._added[path]
        for folder, prefix in self._added.items():
            if folder.endswith(os.sep) and path.startswith(folder):
                inside = prefix + path[len(folder) :].replace(os.sep, "/")
                if self._has(inside):
                    return inside
        return None

    def _has(self, path: str) -> bool:
        draft = self._draft
        if draft is not None:
            return draft.find(path) is not None
        return self._home().entry(self._logged_version("get_entry"), path) is not None

    # Logging

    def finalize(self) -> None:
        """Let nothing more be added. Logging does it too."""
        self._finalized = True

    def _go_to(self, store: Store, project: str) -> None:
        """Prepare for being committed to a store and a project, and let nothing more be added."""
        with self._lock:
            if self._version is not None or self._draft is None:
                return
            if self._draft.base is not None and self._draft.project != project:
                raise InvalidInput(
                    f"Artifact {self._draft.name!r} belongs to project {self._draft.project!r}, and can't be moved to "
                    f"{project!r}: log it with a run of that project"
                )
            if self._store is not None and self._store.path != store.path:
                self._draft = transfer.transfer(self._store, self._draft, store)
            self._store = store
            self._draft.project = names.project(project)
            self._draft.description = self._description
            self._draft.metadata = read_metadata(self._metadata) if self._metadata_given or self._metadata else None
            self._draft.ttl = self._ttl if isinstance(self._ttl, timedelta) else None
            self._finalized = True

    def _is_logged_by(self, pending: Future[Any], heard: Callable[[], object]) -> None:
        self._pending, self._heard = pending, heard

    def _commit(self, store: Store, run: RunRecord, aliases: list[str], tags: list[str]) -> Version:
        with self._lock:
            if self._version is not None:
                version = store.describe(self._version, add_aliases=aliases, add_tags=tags)
                store.runs.note_product(run, version)
            else:
                assert self._draft is not None
                version = store.commit(self._draft, aliases=aliases, tags=tags, run=run.id, on_newest=self._incremental)
            self._become(version)
            return version

    def _note_use(self, store: Store, run: RunRecord, role: str | None) -> bool:
        """Record that a run of a store used it; return False if that was recorded already."""
        version = self._logged_version("use_artifact")
        if self._store is not None and self._store.path != store.path:
            raise InvalidInput(f"{version.name} is in the store {self._store.path}, and this run logs to {store.path}")
        return store.runs.note_use(run, version, role)

    def _check_upsert(self, *, finishing: bool) -> None:
        """Raise unless it can be added to a pending version, or is what was added and may be finished."""
        if finishing:
            # An upsert of this very artifact may still be under way, or have failed.
            self._settle()
            if self._upserted is not None:
                return
        if self._pending is not None or self._version is not None:
            raise ArtifactFinalizedError(f"{self._bare_name} was logged or upserted already: upsert a new Artifact")
        if self._incremental:
            raise InvalidInput(
                f"{self._bare_name} is incremental, and a version of parallel writers is what they add: log it with "
                "log_artifact, or leave incremental out"
            )
        if self._draft is not None:
            check_no_base(self._draft)

    def _upsert(self, store: Store, run: int, aliases: list[str], *, begin: bool = True) -> None:
        """Add it to the pending version. What cannot be added is given up."""
        with self._lock:
            assert self._draft is not None and self.distributed_id is not None
            try:
                self._upserted = store.upsert(self._draft, self.distributed_id, aliases=aliases, run=run, begin=begin)
            except BaseException:
                store.drop(self._draft)
                raise

    def _finish_upserts(self, store: Store, run: int, aliases: list[str]) -> Version:
        """Add it to the pending version, unless it was, and make that a version."""
        with self._lock:
            if self._upserted is None:
                assert self._draft is not None
                self._upsert(store, run, [], begin=bool(self._draft.changes or self._draft.dependencies))
            assert self._upserted is not None
            version = store.finish(self._upserted, aliases=aliases, run=run)
            self._become(version)
            return version

    def save(self, project: str | None = None, settings: Any = None, *, force: bool = False) -> None:
        """Log a draft with the open run, or with a run of its own; of a version, store what was changed.

        Raises `ProtectedAlias` if that changes one, unless `force` is set.
        """
        if self.is_draft():
            from artstore.tracking import init
            from artstore.tracking import run as runs

            run = runs.current()
            if run is not None:
                run.log_artifact(self)
                return
            with init.init(project=project, job_type="auto", settings=settings) as own:
                own.log_artifact(self)
            return
        version = self._logged_version("save")
        before = version.link.aliases if version.link else version.aliases
        ttl = self._ttl if isinstance(self._ttl, timedelta) else None
        self._become(
            self._home().describe(
                version,
                description=self._description,
                metadata=read_metadata(self._metadata),
                ttl=ttl,
                add_aliases=[each for each in self._aliases if each not in before],
                remove_aliases=[each for each in before if each not in self._aliases and each != names.LATEST],
                add_tags=[each for each in self._tags if each not in version.tags],
                remove_tags=[each for each in version.tags if each not in self._tags],
                force=force,
            )
        )

    def new_draft(self) -> Artifact:
        """An artifact with the same content, to be changed and logged as the next version of the same collection."""
        version = self.source_artifact._logged_version("new_draft")
        draft = self._home().draft(
            version.collection, version.type, project=version.project, description=version.description, base=version
        )
        made = Artifact.__new__(Artifact)
        made._begin(draft, copy.deepcopy(version.metadata))
        made._store = self._store
        return made

    # Getting it back

    def get_entry(self, name: StrPath) -> ArtifactEntry:
        """The entry at a path, or of the object that was added under that name. Raises `NoEntry`, a `KeyError`."""
        version = self._logged_version("get_entry")
        path = names.entry_path(str(name))
        found = self._home().entry(version, path) or self._entry_of_object(path)
        if found is None:
            raise missing(path, version.qualified_name)
        return ArtifactEntry(found, self)

    get_path = get_entry

    def files(
        self, names: list[str] | None = None, per_page: int = 50, start: str | None = None
    ) -> Listing[ArtifactFile]:
        """The files of the artifact; those with these paths, if given."""
        version = self._logged_version("files")
        store = self._home()

        def page(after: str | None, count: int) -> list[tuple[str, ArtifactFile]]:
            found = store.entries_after(version, after, count)
            return [(each.path, ArtifactFile(ArtifactEntry(each, self))) for each in found]

        if names is not None:
            chosen = [(each.path, ArtifactFile(each)) for each in map(self.get_entry, names)]
            return Listing.of(chosen)
        return Listing(page, lambda: version.entries, per_page=per_page, start=start)

    def download(
        self,
        root: StrPath | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: StrPath | None = None,
        multipart: bool | None = None,
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> str:
        """Write it into a folder, by default `./artifacts/animals:v0`; return the folder.

        Every byte is verified before it is visible under its name. Files that are there and right are kept, and what
        the artifact does not have is left alone. `path_prefix` is the path of an entry or of a folder. References are
        fetched as they were when they were added. Raises `NoEntry` if there is nothing at the prefix,
        `ReferenceChanged`, or `ReferenceGone` unless `allow_missing_references` is set.
        """
        version = self._logged_version("download")
        folder = Path(root) if root is not None else self._default_root(self.source_name)
        prefix = names.entry_path(str(path_prefix)) if path_prefix is not None and str(path_prefix) else None
        store = self._home()
        done = store.get(
            version,
            folder,
            path_prefix=prefix,
            allow_missing_references=allow_missing_references,
            storage_options=storage_options,
            progress=terminal.progress(),
        )
        if prefix and not any(done) and not store.entry(version, prefix) and not store.has_below(version, prefix):
            raise missing(prefix, version.qualified_name)
        return str(folder if root is None else root)

    def _default_root(self, name: str) -> Path:
        # A colon is a drive's or a stream's on Windows.
        name = name.replace(":", "-") if os.name == "nt" else name
        return Path(environment.get("ARTSTORE_ARTIFACT_DIR") or "artifacts", name).absolute()

    def checkout(self, root: StrPath | None = None) -> str:
        """Make a folder what the artifact is: download it, and remove what it does not have; return the folder."""
        version = self._logged_version("checkout")
        folder = Path(root) if root is not None else self._default_root(version.collection)
        done = self.download(folder)
        self._home().remove_strays(version, folder)
        return done

    def verify(self, root: StrPath | None = None) -> None:
        """Compare a downloaded folder with the artifact.

        Raises `DownloadMissing` for a file that is not there, `DownloadDiffers` for one that is not as it should be
        or does not belong there.
        """
        version = self._logged_version("verify")
        folder = Path(root) if root is not None else self._default_root(self.source_name)
        found = self._home().compare(version, folder)
        if found.strays:
            raise DownloadDiffers(
                f"Found file {str(folder / found.strays[0])!r} which is not a member of artifact {version.name}"
                f"{_and_more(found.strays)}: remove it, or use checkout"
            )
        if found.missing:
            raise DownloadMissing(
                f"{found.missing[0]!r} of {version.name} is not in {str(folder)!r}{_and_more(found.missing)}: "
                "download it"
            )
        if found.different:
            raise DownloadDiffers(
                f"Digest mismatch for file: {found.different[0]!r} in {str(folder)!r} is not that of {version.name}"
                f"{_and_more(found.different)}: download it again"
            )

    def file(self, root: StrPath | None = None) -> str:
        """Download an artifact that is one file; return the path of the file. Raises `InvalidInput` if it is more."""
        version = self._logged_version("file")
        entries = list(self._home().entries_after(version, None, 2))
        if len(entries) != 1:
            raise InvalidInput("This artifact contains more than one file, call `.download()` to get all files")
        return str(Path(self.download(root), entries[0].path))

    def status(self, *, storage_options: Mapping[str, Any] | None = None) -> Sequence[Status]:
        """Tell what became of the objects that it references, each a `path` and a `state`.

        The states are `unchanged`, `changed`, `missing`, and `new` for what came below a prefix since.
        """
        version = self._logged_version("status")
        return self._home().status(version, storage_options=storage_options, progress=terminal.progress())

    def materialize(self, *, storage_options: Mapping[str, Any] | None = None) -> Artifact:
        """Take the bytes of its references into the store, as a new version; return that, committed.

        Without any references it is the artifact itself. Raises `ReferenceChanged`, `ReferenceGone`, ...
        """
        self._logged_version("materialize")
        made = self.new_draft()
        draft = made._open_draft("materialize")
        if not self._home().materialize(draft, storage_options=storage_options, progress=terminal.progress()):
            self._home().drop(draft)
            return self
        made.save()
        return made.wait()

    def diff(self, other: Artifact | str) -> Difference:
        """What changed from this artifact to another: `added`, `removed`, `changed` and `renamed` entries."""
        version = self._logged_version("diff")
        name = other._logged_version("diff") if isinstance(other, Artifact) else other
        if isinstance(name, str):
            name = self._home().version(name, project=version.project)
        return self._home().diff(version, name)

    # Its place among others

    @property
    def source_artifact(self) -> Artifact:
        """Itself, or what the link shows."""
        version = self._logged_version("source_artifact")
        return Artifact._of(self._home(), self._home().version(version.qualified_name)) if version.link else self

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """The links that show it; none of a link itself."""
        version = self._logged_version("linked_artifacts")
        return [] if version.link else [Artifact._of(self._home(), each) for each in self._home().links(version)]

    @property
    def collection(self) -> ArtifactCollection:
        """The collection in which it was found."""
        from artstore.tracking.collection import ArtifactCollection

        return ArtifactCollection._named(self._home(), self.project, self.name.partition(":")[0])

    @property
    def source_collection(self) -> ArtifactCollection:
        """The collection to which it was logged."""
        from artstore.tracking.collection import ArtifactCollection

        return ArtifactCollection._named(self._home(), self.source_project, self.source_name.partition(":")[0])

    def dependencies(self) -> list[Artifact]:
        """The artifacts that it references, each as it was then."""
        version = self._logged_version("dependencies")
        return [Artifact._of(self._home(), each) for each in self._home().dependencies(version)]

    def logged_by(self) -> PublicRun | None:
        """The run that logged it first; None if none did."""
        from artstore.tracking.public_run import PublicRun

        found = self._home().produced_by(self._logged_version("logged_by"))
        return PublicRun(self._home(), found[0]) if found else None

    def used_by(self) -> list[PublicRun]:
        """The runs that used it."""
        from artstore.tracking.public_run import PublicRun

        return [PublicRun(self._home(), each) for each in self._home().used_by(self._logged_version("used_by"))]

    def lineage(self, direction: Direction = "both", depth: int | None = None) -> Lineage:
        """What it came from and what came of it: `upstream`, `downstream` or `both`, `depth` hops far.

        A hop leads from a version to a run, from a run to a version, or to a version by reference. Raises
        `InvalidInput`.
        """
        return self._home().lineage(self._logged_version("lineage"), direction, depth)

    def link(self, target_path: str, aliases: Iterable[str] | str | None = None, *, force: bool = False) -> Artifact:
        """Show it under another name as well, as in `wandb-registry-model/classifier`; return it as found there.

        A draft is logged first. Aliases are those of the link. Raises `ProtectedAlias` for one that the collection
        protects, unless `force` is set.
        """
        if self.is_draft():
            self.save()
        version = self.source_artifact._logged_version("link")
        wanted = [each for each in listed(aliases) if each != names.LATEST]
        return Artifact._of(
            self._home(), self._home().link(version, target_path, project=version.project, aliases=wanted, force=force)
        )

    def unlink(self, *, force: bool = False) -> None:
        """Take away the link by which it was found. Raises `InvalidInput` if it is none.

        One with a protected alias goes only with `force`, else `ProtectedAlias` is raised.
        """
        self._home().unlink(self._logged_version("unlink"), force=force)

    def delete(self, delete_aliases: bool = False, force: bool = False) -> None:
        """Delete it. What nothing else needs is gone from the disk when this returns; of a link, only the link goes.

        Raises `StillNeeded` if it has aliases and `delete_aliases` is not set, or if it has a protected alias,
        or another artifact references it, and `force` is not set.
        """
        version = self._logged_version("delete")
        if version.link is not None:
            terminal.note(f"artstore: {self.name} is a link: only the link is deleted")
            self.unlink(force=force)
            return
        self._home().delete(version, delete_aliases=delete_aliases, force=force)
        self._version = self._home().version_by_id(version.id)

    def json_encode(self) -> dict[str, Any]:
        """What stands for it in JSON."""
        return self._as_config(None)

    def _as_config(self, used_as: str | None) -> dict[str, Any]:
        version = self._logged_version("json_encode")
        return {
            "_type": "artifactVersion",
            "_version": "v0",
            "id": str(version.id),
            "version": f"v{version.number}",
            "sequenceName": version.collection,
            "project": version.project,
            "usedAs": used_as,
        }

    def _check_type(self, type: str | None) -> None:
        if type is not None and self.type != type:
            raise WrongType(
                f"type {type!r} specified but {self.name} is of type {self.type!r}: leave the type out, or say that one"
            )

    def __repr__(self) -> str:
        return f"<Artifact {self._version.qualified_name if self._version else self._bare_name}>"


def _check_policy(policy: str | None) -> None:
    if policy not in (None, "mutable", "immutable"):
        raise InvalidInput(f"Invalid policy {policy!r}. Policy may only be `mutable` or `immutable`.")


def _and_more(paths: list[str]) -> str:
    return f" (and {len(paths) - 1:,} more)" if len(paths) > 1 else ""
