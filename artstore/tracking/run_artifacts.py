"""The artifacts of a run: it logs, uses and links them, and builds them together with other runs.

Artifacts are committed in the background, in the order of the calls. An error is raised by `Artifact.wait`, or, if
that is not called, at the end of the run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from artstore.core import names
from artstore.core.draft import check_distributed_id, check_type
from artstore.core.jsonable import to_jsonable
from artstore.core.runs import RunRecord
from artstore.errors import InvalidInput, NotAModel, NotFound, WrongValue
from artstore.runtime import terminal
from artstore.runtime.arguments import checked
from artstore.store import Store
from artstore.tracking import logged_media, source_code
from artstore.tracking.artifact import Artifact
from artstore.tracking.artifact_state import as_aliases, as_list
from artstore.tracking.run_state import RunState

StrPath: TypeAlias = str | os.PathLike[str]
_ARTIFACT_SCHEME = "wandb-artifact://"


@checked
class RunArtifacts(RunState):
    """The part of `Run` that deals with artifacts."""

    def __init__(self, store: Store, record: RunRecord, *, resumed: bool) -> None:
        super().__init__(store, record, resumed=resumed)
        self._types: dict[str, str] = {}
        """The types of collections whose first version is being committed."""
        self._errors: dict[object, tuple[str, BaseException]] = {}
        """Names of artifacts and the errors of their commits, which `Artifact.wait` has not raised."""
        self._logged: list[str] = []
        self._used: list[str] = []

    def _reset_in_child(self) -> None:
        super()._reset_in_child()
        self._errors = {}

    # Log

    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        tags: str | Sequence[str] | None = None,
    ) -> Artifact:
        """Log an artifact, or a file or folder as one, as the next version of its collection; return it immediately.

        >>> run.log_artifact(artifact, aliases=["best"]).wait().version
        'v3'
        >>> run.log_artifact("model.pt", name="classifier", type="model")

        It is committed in the background, in the order of the calls: `Artifact.wait` waits for that and raises its
        errors. The newest version has the alias `latest` in any case. Raises `WrongType` if the collection has another
        type, `ArtifactFinalizedError`, or `InvalidName` for a name, type, alias or tag that is not allowed.
        """
        self._check_open()
        wanted_aliases = _check_aliases(aliases)
        wanted_tags = [names.tag(tag) for tag in as_list(tags)]
        artifact = self._to_artifact(artifact_or_path, name, type)
        # An upsert of it may still be under way.
        if artifact._upserted is not None or (artifact._pending is not None and artifact.distributed_id is not None):
            artifact._require_version("log_artifact")
        step = self._step
        return self._commit_in_background(
            artifact, lambda: artifact._commit(self._store, self._record, step, wanted_aliases, wanted_tags).name
        )

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add an artifact to the version that the runs of a group build together; return it immediately.

        >>> with artstore.init(group="night-17") as run:
        ...     run.upsert_artifact(artifact)

        `distributed_id` takes the place of the group. What was added is durable when `Artifact.wait` or the end of the
        run returns, and pending until a run calls `finish_artifact`; the aliases are set then. Both raise
        `PathConflict` if another run has added something else at one of the paths; nothing of the artifact is added
        then. Raises `TypeError` without a group and `distributed_id`, and what `log_artifact` raises.
        """
        self._check_open()
        wanted_aliases = _check_aliases(aliases)
        shared_id = self._shared_id("upsert", distributed_id)
        artifact = self._to_artifact(artifact_or_path, name, type)
        artifact._check_upsert()

        def add() -> str:
            artifact._upsert(self._store, self._record.id, wanted_aliases)
            return f"{artifact.source_name} (pending)"

        artifact.distributed_id = shared_id
        return self._commit_in_background(artifact, add)

    def finish_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Make what runs have upserted one version, with what this artifact adds; return it immediately.

        >>> run.finish_artifact(artstore.Artifact("animals", type="dataset"), aliases=["complete"])

        Every run that has upserted is a producer of the version, and the next upsert begins another one. Raises,
        immediately or by `Artifact.wait`, what `upsert_artifact` raises, or `NotFound` if nothing is pending and the
        artifact is empty.
        """
        self._check_open()
        wanted_aliases = _check_aliases(aliases)
        shared_id = self._shared_id("finish", distributed_id)
        artifact = self._to_artifact(artifact_or_path, name, type)
        artifact._check_finish()
        artifact.distributed_id = shared_id
        return self._commit_in_background(
            artifact, lambda: artifact._finish_upserts(self._store, self._record.id, wanted_aliases).name
        )

    def _shared_id(self, verb: str, given: str | None) -> str:
        shared_id = self.group if given is None else given
        if shared_id is None:
            raise WrongValue(f"Cannot {verb} artifact unless run is in a group or distributed_id is provided")
        check_distributed_id(shared_id)
        return shared_id

    def _commit_in_background(self, artifact: Artifact, commit: Callable[[], str]) -> Artifact:
        """Commit an artifact in the background; `commit` returns the name of the version."""
        with self._lock:
            # Making the artifact may have taken long, and another thread may have finished the run.
            self._check_open()
            self._check_type(artifact)
            artifact._prepare_commit(self._store, self.project)
            key = object()
            pending = self._background.submit(lambda: self._commit(artifact, commit, key))
            artifact._set_pending(pending, lambda: self._errors.pop(key, None))
        return artifact

    def _commit(self, artifact: Artifact, commit: Callable[[], str], key: object) -> None:
        name = artifact._bare_name
        try:
            committed = commit()
        except BaseException as error:
            self._errors[key] = (name, error)
            raise
        finally:
            self._types.pop(name, None)
        self._logged.append(committed)

    def _check_type(self, artifact: Artifact) -> None:
        """Refuse a type that the collection does not have, also while its first version is being committed."""
        name = artifact._bare_name
        try:
            known = self._store.collection(name, project=self.project).type
            if known != artifact.type and self._is_empty(name):
                known = self._types.setdefault(name, artifact.type)
        except NotFound:
            known = self._types.setdefault(name, artifact.type)
        check_type(name, known, artifact.type)

    def _is_empty(self, name: str) -> bool:
        """Return whether the versions of a collection were deleted and none is pending: it takes another type then."""
        versions = self._store.pages.count_versions(name, project=self.project)
        return not versions and not self._store.pending(name, project=self.project)

    def _to_artifact(self, given: Artifact | StrPath, name: str | None, type: str | None) -> Artifact:
        if isinstance(given, Artifact):
            return given
        if not isinstance(given, str | os.PathLike):
            raise WrongValue(
                "You must pass an instance of Artifact, or the path of a file or folder, to log_artifact, not "
                f"{given.__class__.__name__}"
            )
        path = Path(given)
        artifact = Artifact(name or f"run-{self.id}-{path.name}", type or "unspecified")
        if path.is_file():
            artifact.add_file(path)
        elif path.is_dir():
            artifact.add_dir(path)
        elif "://" in str(given):
            artifact.add_reference(str(given))
        else:
            raise InvalidInput(f"path must be a file, directory or external reference like s3://bucket/path: {given}")
        return artifact

    def log_model(self, path: StrPath, name: str | None = None, aliases: Sequence[str] | None = None) -> None:
        """Log a file or folder as an artifact of type `model`. Raises what `log_artifact` raises."""
        self.log_artifact(path, name=name, type="model", aliases=aliases)

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> Artifact | None:
        """Log the source files below a folder as an artifact of type `code`; return None if there are none.

        >>> run.log_code("src", include_fn=lambda path: path.endswith((".py", ".yaml")))

        Without `include_fn` these are Python files, requirements and Dockerfiles. Both functions take a path, or a
        path and the root. That there are none is also noted on stderr.
        """
        files = list(source_code.files(Path(root or "."), self._store.path, include_fn, exclude_fn))
        if not files:
            terminal.note("artstore: no relevant files were detected in the specified directory; no code was logged")
            return None
        artifact = Artifact._of_reserved_type(name or source_code.artifact_name(self.project, sys.argv[0]), "code")
        for path, path_inside in files:
            artifact.add_file(path, path_inside)
        return self.log_artifact(artifact)

    # Use

    def use_artifact(
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Find an artifact and record that this run uses it; return it. A draft is logged first.

        >>> run.use_artifact("animals:latest").download()

        A name is `[project/]collection[:alias]`. The commits that this run has under way are waited for. `use_as` is
        the role in which the artifact is used. Raises `NotFound`, or `WrongType` if it is not of the given type.
        """
        self._check_open()
        if isinstance(artifact_or_name, Artifact):
            artifact = artifact_or_name
            if artifact.is_draft():
                self.log_artifact(artifact, aliases=aliases)
            artifact.wait()
        elif isinstance(artifact_or_name, str):
            artifact = self._find(artifact_or_name)
        else:
            raise InvalidInput(
                'You must pass an artifact name (e.g. "pedestrian-dataset:v1"), an instance of Artifact, or '
                "Artifact.name to use_artifact"
            )
        artifact._check_type(type)
        self._note_use(artifact, use_as)
        return artifact

    def _find(self, name: str) -> Artifact:
        # The run may just have logged it.
        self._background.wait()
        version = self._store.version(name.removeprefix(_ARTIFACT_SCHEME), project=self.project)
        return Artifact._from_version(self._store, version)

    def _note_use(self, artifact: Artifact, role: str | None) -> None:
        if artifact._note_use(self._store, self._record, role):
            self._used.append(artifact.source_name)

    def _resolve_config(self, key: str, value: Any) -> Any:
        """Use an artifact that is set in the config."""
        _check_not_nested(value)
        if isinstance(value, Artifact) or (isinstance(value, str) and value.startswith(_ARTIFACT_SCHEME)):
            return self.use_artifact(value, use_as=key)
        return to_jsonable(value, keep_floats=True)

    def _resolve_logged(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Log tables among the metrics as artifacts of the run, and media as files."""
        return logged_media.log_objects(self, data)

    def use_model(self, name: str) -> str:
        """Use and download a model; return the path of its file if it has only one, otherwise of its folder.

        Raises `NotAModel`, an `AssertionError` as in W&B, if the type of the artifact does not contain `model`.
        """
        self._check_open()
        artifact = self._find(name)
        if "model" not in artifact.type.lower():
            raise NotAModel("You can only use this method for 'model' artifacts.")
        self._note_use(artifact, None)
        root = artifact.download()
        files = list(artifact.manifest.entries)
        return str(Path(root, files[0])) if len(files) == 1 else root

    def _model_type(self, name: str) -> str:
        """Return the type of a model: `model`, or that of the collection, which must contain the word."""
        try:
            type = self._store.collection(name, project=self.project).type
        except NotFound:
            return "model"
        if "model" not in type.lower():
            raise NotAModel("You can only use this method for 'model' artifacts.")
        return type

    # Link

    def link_artifact(
        self,
        artifact: Artifact,
        target_path: str,
        aliases: str | Sequence[str] | None = None,
        *,
        force: bool = False,
    ) -> Artifact:
        """Show an artifact under another name as well, `[project/]collection`; return it as found under that name.

        >>> run.link_artifact(artifact, "wandb-registry-model/classifier", aliases=["production"])

        A draft is logged first. Raises `ProtectedAlias` for an alias that the collection protects, unless `force` is
        set.
        """
        self._check_open()
        if not isinstance(artifact, Artifact):
            raise WrongValue(
                f"You must pass an instance of Artifact to link_artifact, not {artifact!r}: use_artifact finds one by "
                "its name"
            )
        if artifact.is_draft():
            self.log_artifact(artifact)
        artifact.wait()
        target = target_path if "/" in target_path else f"{self.project}/{target_path}"
        return artifact.link(target, aliases, force=force)

    def link_model(
        self,
        path: StrPath,
        registered_model_name: str,
        name: str | None = None,
        aliases: Sequence[str] | None = None,
    ) -> Artifact:
        """Log a file or folder as a model, and link it to a registered model; return the link.

        Raises `NotAModel`, an `AssertionError` as in W&B, for a name with `/` or of what is not a model.
        """
        if "/" in registered_model_name:
            raise NotAModel("Please provide only a name, with no '/'.")
        artifact = self.log_artifact(path, name=name, type=self._model_type(name or f"run-{self.id}-{Path(path).name}"))
        return self.link_artifact(artifact, f"model-registry/{registered_model_name}", aliases)


def _check_not_nested(value: Any) -> None:
    """Raise `InvalidInput` for an artifact below the top level of a config, as W&B does."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for item in inner:
        if isinstance(item, Artifact) or (isinstance(item, str) and item.startswith(_ARTIFACT_SCHEME)):
            raise InvalidInput(
                "Instances of wandb.Artifact can only be top level keys in a run's config: set the artifact as a key "
                "of its own"
            )
        _check_not_nested(item)


def _check_aliases(given: str | Sequence[str] | None) -> list[str]:
    """Return aliases as a checked list, without `latest`, which every new version has."""
    return [names.alias(alias) for alias in as_aliases(given) if alias != names.LATEST]
