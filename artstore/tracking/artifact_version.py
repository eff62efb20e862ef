"""The version of an artifact, and its place among others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from artstore.core import names
from artstore.core.names import LOCAL
from artstore.core.versions import Version
from artstore.errors import InvalidInput, WrongType
from artstore.runtime import terminal, words
from artstore.runtime.arguments import checked
from artstore.tracking import crossings, deletion, notebook
from artstore.tracking.artifact_download import ArtifactDownload
from artstore.tracking.artifact_state import as_aliases, as_list, needs_version

if TYPE_CHECKING:
    from artstore.core.runs import RunRecord
    from artstore.lineage.graph import Direction
    from artstore.lineage.lineage import Lineage
    from artstore.store import Difference, Status, Store
    from artstore.tracking.collection import ArtifactCollection
    from artstore.tracking.public_run import PublicRun


@checked
class ArtifactVersion(ArtifactDownload):
    """The part of `Artifact` that needs a version."""

    @property
    @needs_version
    def entity(self, version: Version) -> str:
        """Always `local`: a store has one owner."""
        return LOCAL

    source_entity = entity

    @property
    @needs_version
    def project(self, version: Version) -> str:
        """The project in which the artifact was found."""
        return version.link.project if version.link else version.project

    @property
    @needs_version
    def source_project(self, version: Version) -> str:
        """The project to which the artifact was logged."""
        return version.project

    @property
    def qualified_name(self) -> str:
        """`local/project/animals:v0`."""
        return f"{LOCAL}/{self.project}/{self.name}"

    @property
    def source_qualified_name(self) -> str:
        """`local/project/animals:v0`, as it was logged."""
        return f"{LOCAL}/{self.source_project}/{self.source_name}"

    @property
    @needs_version
    def version(self, version: Version) -> str:
        """`v0`; of a link, its index among the links of its collection."""
        return f"v{version.link.number if version.link else version.number}"

    @property
    @needs_version
    def source_version(self, version: Version) -> str:
        """`v0`, as it was logged."""
        return f"v{version.number}"

    @property
    @needs_version
    def created_at(self, version: Version) -> str:
        """When the version was committed: UTC, ISO 8601."""
        return version.created_at

    updated_at = created_at

    @property
    @needs_version
    def linked_at(self, version: Version) -> str | None:
        """When the version was linked, of a link: UTC, ISO 8601; None for an artifact that is not a link."""
        return version.link.created_at if version.link else None

    @property
    @needs_version
    def file_count(self, version: Version) -> int:
        """The number of entries."""
        return version.entries

    @property
    @needs_version
    def owned_bytes(self, version: Version) -> int:
        """The bytes of content that no earlier version in the store holds."""
        return self._open_store().owned_bytes(version)

    @property
    @needs_version
    def reclaimable_bytes(self, version: Version) -> int:
        """The bytes of content that deleting this version alone would free."""
        return self._open_store().reclaimable_bytes(version)

    @property
    @needs_version
    def base(self, version: Version) -> str | None:
        """The version that this one was drafted from, as `project/animals:v0`; None for a new artifact."""
        return version.base

    @property
    @needs_version
    def history_step(self, version: Version) -> int | None:
        """The newest step that the run had logged when it logged the artifact; None without a run.

        >>> list(artifact.logged_by().scan_history(min_step=artifact.history_step))
        """
        step = self._open_store().runs.step_of(version)
        return None if step is None else max(0, step - 1)

    @property
    @needs_version
    def aliases(self, version: Version) -> list[str]:
        """The aliases that point at the version. Changing the list takes effect with `save`."""
        return self._aliases

    @aliases.setter
    @needs_version
    def aliases(self, version: Version, aliases: Iterable[str]) -> None:
        wanted = as_aliases(aliases)
        there = set(self._aliases)
        for alias in wanted:
            if alias not in there:
                names.alias(alias)
        self._aliases = wanted

    @property
    @needs_version
    def tags(self, version: Version) -> list[str]:
        """The tags of the version. Changing the list takes effect with `save`."""
        return self._tags

    @tags.setter
    @needs_version
    def tags(self, version: Version, tags: Iterable[str]) -> None:
        self._tags = [names.tag(tag) for tag in as_list(tags)]

    # Compared with others

    @needs_version
    def status(self, version: Version, *, storage_options: Mapping[str, Any] | None = None) -> Sequence[Status]:
        """Check whether referenced objects changed; return the `path` and `state` of each.

        >>> [entry.path for entry in artifact.status() if entry.state != "unchanged"]

        A state is `unchanged`, `changed`, `missing`, or `new` for an object that appeared below a prefix.
        `storage_options` are passed to the file system of fsspec.
        """
        return self._open_store().status(version, storage_options=storage_options, progress=terminal.progress())

    @needs_version
    def diff(self, version: Version, other: Self | str) -> Difference:
        """Return what changed from this artifact to another, given as an artifact or by its name.

        >>> run.use_artifact("animals:v0").diff("animals:v1").added

        The result has `added`, `removed`, `changed` and `renamed`; of the last two each is a pair of entries. Raises
        `NotFound`.
        """
        store = self._open_store()
        if isinstance(other, str):
            return store.diff(version, store.version(other, project=version.project))
        return store.diff(version, other._require_version("diff"))

    @property
    @needs_version
    def source_artifact(self, version: Version) -> Self:
        """The artifact itself, or, of a link, the artifact that it shows."""
        store = self._open_store()
        return self._from_version(store, store.version(version.qualified_name)) if version.link else self

    @property
    @needs_version
    def linked_artifacts(self, version: Version) -> list[Self]:
        """The links that show this artifact; empty for a link."""
        store = self._open_store()
        return [] if version.link else [self._from_version(store, link) for link in store.links(version)]

    @property
    def collection(self) -> ArtifactCollection:
        """The collection in which the artifact was found."""
        return crossings.collection(self._open_store(), self.project, self.name.partition(":")[0])

    @property
    def source_collection(self) -> ArtifactCollection:
        """The collection to which the artifact was logged."""
        return crossings.collection(self._open_store(), self.source_project, self.source_name.partition(":")[0])

    @needs_version
    def dependencies(self, version: Version) -> list[Self]:
        """Return the artifacts that this one references, each in the version that was referenced."""
        store = self._open_store()
        return [self._from_version(store, dependency) for dependency in store.dependencies(version)]

    @needs_version
    def logged_by(self, version: Version) -> PublicRun | None:
        """Return the run that logged this artifact first; None if it was logged without a run."""
        store = self._open_store()
        return next(iter(crossings.public_runs(store, store.runs.producers(version))), None)

    @needs_version
    def used_by(self, version: Version) -> list[PublicRun]:
        """Return the runs that used this artifact."""
        store = self._open_store()
        return crossings.public_runs(store, store.runs.users(version))

    @needs_version
    def lineage(self, version: Version, direction: Direction = "both", depth: int | None = None) -> Lineage:
        """Return the lineage graph of this artifact, upstream and downstream.

        >>> artifact.lineage(direction="upstream", depth=2)

        `direction` is `upstream`, `downstream` or `both`. `depth` is a number of hops: from a version to a run, from a
        run to a version, or to a version by reference; None follows them all. Raises `InvalidInput` for other values.
        """
        return self._open_store().lineage(version, direction, depth)

    # Changes

    @needs_version
    def unlink(self, version: Version, *, force: bool = False) -> None:
        """Remove the link by which the artifact was found; the artifact itself stays.

        Raises `InvalidInput` if it was not found by a link, or `ProtectedAlias` if the link has a protected alias and
        `force` is not set.
        """
        self._open_store().unlink(version, force=force)

    @needs_version
    def delete(self, version: Version, delete_aliases: bool = False, force: bool = False) -> None:
        """Delete the version, and free the space that nothing else needs; of a link, delete only the link.

        Links to the version are named in a note, then deleted with it. Raises `StillNeeded` if it has aliases, itself
        or on a link, and `delete_aliases` is not set, or if it has a protected alias or another artifact references it
        and `force` is not set.
        """
        store = self._open_store()
        if version.link is not None:
            terminal.note(f"artstore: {self.name} is a link: only the link is deleted")
            self.unlink(force=force)
            return
        if store.links(version):
            deletion.name_links(store.delete(version, delete_aliases=delete_aliases, force=force, dry_run=True))
        deletion.name_rest(store.delete(version, delete_aliases=delete_aliases, force=force))
        self._version = store.version_by_id(version.id)

    def _note_use(self, store: Store, run: RunRecord, role: str | None) -> bool:
        """Record that a run of a store used the artifact; return False if that was recorded already."""
        version = self._require_version("use_artifact")
        if self._store is not None and self._store.path != store.path:
            raise InvalidInput(f"{version.name} is in the store {self._store.path}, and this run logs to {store.path}")
        return store.runs.note_use(run, version, role)

    def _notebook_row(self) -> dict[str, Any]:
        facts = {"name": self.name, "type": self.type, "aliases": ", ".join(self.aliases)}
        return facts | {"created": words.age(self.created_at), "size": words.size(self.size)}

    def _repr_html_(self) -> str | None:
        if self._version is None:
            return None
        return notebook.version(self._open_store(), self._version, self.name, self.aliases)

    def json_encode(self) -> dict[str, Any]:
        """Return the reference to this artifact that W&B puts into JSON."""
        return self._to_config_value(None)

    def _to_config_value(self, used_as: str | None) -> dict[str, Any]:
        version = self._require_version("json_encode")
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
                f"type {type!r} specified but {self.name} is of type {self.type!r}: leave the type out, or "
                "give that one"
            )
