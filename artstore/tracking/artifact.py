"""Artifacts: people put files into them, log, find, download and delete them.

An artifact begins as a draft, is committed by a run in the background, and is a version from then on. This module has
the construction and these transitions; what an artifact can do before and after is in the classes it is made of.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from typing import Any, Self

from artstore.core import names
from artstore.core.draft import Draft, check_no_base
from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.errors import ArtifactFinalizedError, InvalidInput
from artstore.runtime import terminal
from artstore.runtime.arguments import checked
from artstore.store import Store
from artstore.tracking import crossings, transfer
from artstore.tracking.artifact_draft import ArtifactDraft
from artstore.tracking.artifact_state import as_aliases, needs_version, read_metadata
from artstore.tracking.artifact_version import ArtifactVersion


@checked
class Artifact(ArtifactDraft, ArtifactVersion):
    """A versioned folder of data: files, links, and references to objects and other artifacts.

    >>> artifact = artstore.Artifact("animals", type="dataset", metadata={"source": "zoo"})
    >>> artifact.add_dir("images")
    >>> artifact.add_file("labels.csv", name="meta/labels.csv")
    >>> run.log_artifact(artifact)

    Each file is stored as it is when it is added. If the content equals that of the newest version, a `description` or
    `metadata` that is not given is that version's. A version with a `ttl` is deleted when that time is over. With
    `incremental=True` the files are added to those of the newest version. `use_as`, `storage_region` and
    `digest_algorithm` are accepted as in W&B, and have no effect.

    Raises `InvalidName` for a name or type that is not allowed, `NotJson` for metadata that JSON cannot represent, or
    `InvalidInput` for a `ttl` that is not positive.
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
        self._initialize(Draft(name, type, description=description, ttl=ttl), read_metadata(metadata))
        self._metadata_given = metadata is not None
        self._incremental = incremental

    @classmethod
    def _of_reserved_type(cls, name: str, type: str) -> Self:
        """Return a draft of a type that only artstore itself gives."""
        artifact = cls.__new__(cls)
        artifact._initialize(Draft(name, type), {})
        return artifact

    @needs_version
    def new_draft(self, version: Version) -> Self:
        """Return a draft with the same content, to be changed and logged as the next version of the collection.

        >>> draft = run.use_artifact("animals:latest").new_draft()
        >>> draft.remove("images/cat.png")
        >>> run.log_artifact(draft)
        """
        if version.link is not None:
            return self.source_artifact.new_draft()
        draft = self._open_store().draft(
            version.collection, version.type, project=version.project, description=version.description, base=version
        )
        made = self.__class__.__new__(self.__class__)
        made._initialize(draft, copy.deepcopy(version.metadata))
        made._store = self._store
        return made

    # From a draft to a version

    def _prepare_commit(self, store: Store, project: str) -> None:
        """Fix the store, the project and the description for the commit, and refuse all further additions."""
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

    def _set_pending(self, pending: Future[Any], on_waited: Callable[[], object]) -> None:
        """Note the commit that a run has begun. `on_waited` is called when `wait` has its outcome."""
        self._pending, self._on_waited = pending, on_waited

    def _commit(self, store: Store, run: RunRecord, step: int, aliases: list[str], tags: list[str]) -> Version:
        """Commit the draft as the product of a run at a step; a version gets the aliases, tags and that producer."""
        with self._lock:
            if self._version is not None:
                version = store.describe(self._version, add_aliases=aliases, add_tags=tags)
                store.runs.note_product(run, version, step=step)
            else:
                assert self._draft is not None
                version = store.commit(
                    self._draft, aliases=aliases, tags=tags, run=run.id, step=step, on_newest=self._incremental
                )
            self._set_version(version)
            return version

    def _check_upsert(self) -> None:
        """Raise unless the artifact can be added to a pending version."""
        if self._pending is not None or self._version is not None:
            raise ArtifactFinalizedError(f"{self._bare_name} was logged or upserted already: upsert a new Artifact")
        if self._incremental:
            raise InvalidInput(
                f"{self._bare_name} is incremental, but a version of parallel writers has only what they "
                "add: log it with log_artifact, or leave incremental out"
            )
        if self._draft is not None:
            check_no_base(self._draft)

    def _check_finish(self) -> None:
        """Raise unless the artifact was upserted, and may be finished, or can be upserted first."""
        # Its upsert may still be under way, or have failed.
        self._await_commit()
        if self._upserted is None:
            self._check_upsert()

    def _upsert(self, store: Store, run: int, aliases: list[str], *, begin: bool = True) -> None:
        """Add the draft to the pending version; a draft that cannot be added is dropped."""
        with self._lock:
            assert self._draft is not None and self.distributed_id is not None
            try:
                self._upserted = store.upsert(self._draft, self.distributed_id, aliases=aliases, run=run, begin=begin)
            except BaseException:
                store.drop(self._draft)
                raise

    def _finish_upserts(self, store: Store, run: int, aliases: list[str]) -> Version:
        """Add the draft to the pending version, unless it was added, and make that a version."""
        with self._lock:
            if self._upserted is None:
                assert self._draft is not None
                self._upsert(store, run, [], begin=bool(self._draft.has_changes or self._draft.dependencies))
            assert self._upserted is not None
            version = store.finish(self._upserted, aliases=aliases, run=run)
            self._set_version(version)
            return version

    def save(self, project: str | None = None, settings: Any = None, *, force: bool = False) -> None:
        """Log a draft with the open run, or with a run of its own; of a version, store what was changed.

        >>> artifact.aliases.append("best")
        >>> artifact.save()

        `project` and `settings` are for the run of its own. Raises `ProtectedAlias` if a protected alias is set or
        removed and `force` is not set.
        """
        if self.is_draft():
            crossings.log(self, project, settings)
        else:
            self._save_changes(self._require_version("save"), force=force)

    def _save_changes(self, version: Version, *, force: bool) -> None:
        before = version.link.aliases if version.link else version.aliases
        add_aliases, remove_aliases = _changes(self._aliases, before)
        add_tags, remove_tags = _changes(self._tags, version.tags)
        self._set_version(
            self._open_store().describe(
                version,
                description=self._description,
                metadata=read_metadata(self._metadata),
                ttl=self._ttl if isinstance(self._ttl, timedelta) else None,
                add_aliases=as_aliases(add_aliases),
                remove_aliases=[alias for alias in remove_aliases if alias != names.LATEST],
                add_tags=add_tags,
                remove_tags=remove_tags,
                force=force,
            )
        )

    def link(self, target_path: str, aliases: Iterable[str] | str | None = None, *, force: bool = False) -> Self:
        """Show the artifact under another name as well; return it as found under that name. A draft is logged first.

        >>> artifact.link("wandb-registry-model/classifier", aliases=["production"])

        The target is `[project/]collection`. The aliases are those of the link. Raises `ProtectedAlias` for one that
        the collection protects, unless `force` is set, or `InvalidInput` if the collection has versions of its own.
        """
        if self.is_draft():
            self.save()
        version = self.source_artifact._require_version("link")
        wanted = [alias for alias in as_aliases(aliases) if alias != names.LATEST]
        store = self._open_store()
        return self._from_version(
            store, store.link(version, target_path, project=version.project, aliases=wanted, force=force)
        )

    @needs_version
    def materialize(self, version: Version, *, storage_options: Mapping[str, Any] | None = None) -> Self:
        """Copy the referenced objects into the store, as files of a new version; return that, committed.

        Without references, return the artifact itself. `storage_options` are passed to the file system of fsspec.
        Raises `ReferenceChanged` or `ReferenceGone` if an object is not as it was when it was added.
        """
        made = self.new_draft()
        draft = made._require_draft("materialize")
        store = self._open_store()
        if not store.materialize(draft, storage_options=storage_options, progress=terminal.progress()):
            store.drop(draft)
            return self
        made.save()
        return made.wait()


def _changes(now: list[str], before: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which aliases or tags were added, and which were removed. There may be thousands of them."""
    if now[: len(before)] == list(before):
        return now[len(before) :], []
    kept, there = set(now), set(before)
    return [label for label in now if label not in there], [label for label in before if label not in kept]
