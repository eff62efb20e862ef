"""Runs: begun by `init`, logging and using artifacts in the order of the calls, and ended one way or another.

What a run logs is committed by a thread beside it. What it says of itself is written out every second and when it
ends. While it is open its process holds a lock, so that others see when it has crashed.
"""

from __future__ import annotations

import glob as globbing
import os
import secrets
import shutil
import string
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

from artstore.core import names
from artstore.core.draft import check_distributed_id, check_type
from artstore.core.runs import FAILED, FINISHED, RunRecord
from artstore.errors import ArtstoreError, InvalidInput, NotFound
from artstore.runtime import exit_hooks, forking, terminal
from artstore.store import Store
from artstore.tracking import location, logged_media
from artstore.tracking.artifact import Artifact
from artstore.tracking.artifact_state import as_list
from artstore.tracking.run_state import RunFacts

StrPath: TypeAlias = str | os.PathLike[str]

_ALPHABET = string.digits + string.ascii_lowercase
_REFERENCE = "wandb-artifact://"
_NAMED = 10
_active: list[Run] = []
_guard = threading.RLock()
_store_before_runs: str | None = None


def _begin_anew_in_child() -> None:
    # Other threads of the parent may have held these locks.
    global _guard
    _guard = threading.RLock()
    for run in _active:
        run._begin_anew_in_child()


forking.register(after_in_child=_begin_anew_in_child)


def current() -> Run | None:
    """The run that was begun last and is not finished; None if there is none."""
    with _guard:
        return next((run for run in reversed(_open_here()) if not run._finished), None)


def _open_here() -> list[Run]:
    """The runs of this process that have not ended. A forked child has those of its parent in the list as well."""
    return [run for run in _active if run._owner == os.getpid()]


def generate_id(length: int = 8) -> str:
    """A new run id: digits and small letters."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Run(RunFacts):
    """One execution: what it was started with, what it used, and what it made.

    >>> with artstore.init(project="animals", job_type="train", config={"epochs": 3}) as run:
    ...     dataset = run.use_artifact("images:latest").download()
    ...     run.log({"loss": 0.1})
    ...     run.log_artifact("model.pt", name="classifier", type="model")

    It is begun by `artstore.init`. Leaving the block finishes it; an exception in the block ends it as `failed`, and
    what was logged stays. Safe for use by several threads.
    """

    def __init__(
        self,
        store: Store,
        record: RunRecord,
        release: Callable[[], None],
        *,
        resumed: bool,
        removed: Path | None,
    ) -> None:
        super().__init__(store, record, resumed=resumed)
        self._release = release
        self._removed = removed
        self._types: dict[str, str] = {}
        self._unheard: dict[object, tuple[str, BaseException]] = {}
        self._logged: list[str] = []
        self._used: list[str] = []

    @property
    def disabled(self) -> bool:
        """Whether nothing of this run is kept (`mode="disabled"`)."""
        return self._removed is not None

    # Artifacts

    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        tags: str | Sequence[str] | None = None,
    ) -> Artifact:
        """Make an artifact, or a file or folder, the next version of its collection. Returns at once.

        It is committed beside the run, in the order of the calls; `Artifact.wait` waits for that and raises what went
        wrong. Aliases besides `latest`, and tags, are set with it. Raises `WrongType`, `ArtifactFinalizedError` or
        `InvalidName` at once.
        """
        self._check_open()
        wanted = _aliases(aliases)
        labels = as_list(tags)
        for tag in labels:
            names.tag(tag)
        artifact = self._artifact(artifact_or_path, name, type)
        # An upsert of it may still be under way.
        if artifact._upserted is not None or (artifact._pending is not None and artifact.distributed_id is not None):
            artifact._require_version("log_artifact")
        return self._have_committed(artifact, lambda: artifact._commit(self._store, self._record, wanted, labels).name)

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add an artifact to the version that all runs of this run's group put together. Returns at once.

        >>> with artstore.init(group="night-17") as run:
        ...     run.upsert_artifact(artifact)

        `distributed_id` stands for the group. What was added is durable once `Artifact.wait` or the run's end returns,
        and pending until some run calls `finish_artifact`. Both raise `PathConflict` if another run has put something
        else at one of the paths; nothing of the artifact is added then. Aliases are set when it is finished. Raises
        `TypeError` without a group and `distributed_id`, and what `log_artifact` raises.
        """
        self._check_open()
        wanted = _aliases(aliases)
        shared = self._distributed_id("upsert", distributed_id)
        artifact = self._artifact(artifact_or_path, name, type)
        artifact._check_upsert()

        def add() -> str:
            artifact._upsert(self._store, self._record.id, wanted)
            return f"{artifact.source_name} (pending)"

        artifact.distributed_id = shared
        return self._have_committed(artifact, add)

    def finish_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Make what was upserted one version, with what this artifact adds. Returns at once.

        The next upsert begins another version. Every run that has upserted is a producer of this one. Raises, at once
        or by `Artifact.wait`, what `upsert_artifact` raises, and `NotFound` if nothing is pending and the artifact is
        empty.
        """
        self._check_open()
        wanted = _aliases(aliases)
        shared = self._distributed_id("finish", distributed_id)
        artifact = self._artifact(artifact_or_path, name, type)
        artifact._check_finish()
        artifact.distributed_id = shared
        return self._have_committed(
            artifact, lambda: artifact._finish_upserts(self._store, self._record.id, wanted).name
        )

    def _distributed_id(self, verb: str, given: str | None) -> str:
        shared = self.group if given is None else given
        if shared is None:
            raise TypeError(f"Cannot {verb} artifact unless run is in a group or distributed_id is provided")
        check_distributed_id(shared)
        return shared

    def _have_committed(self, artifact: Artifact, commit: Callable[[], str]) -> Artifact:
        """Have an artifact committed beside the run, by something that tells its name then."""
        with self._lock:
            # Making the artifact may have taken long, and another thread may have finished the run.
            self._check_open()
            self._check_type(artifact)
            artifact._prepare_commit(self._store, self.project)
            ticket = object()
            pending = self._recorder.submit(lambda: self._commit(artifact, commit, ticket))
            artifact._set_pending(pending, lambda: self._unheard.pop(ticket, None))
        return artifact

    def _artifact(self, given: Artifact | StrPath, name: str | None, type: str | None) -> Artifact:
        if isinstance(given, Artifact):
            return given
        if not isinstance(given, str | os.PathLike):
            raise TypeError(
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

    def _check_type(self, artifact: Artifact) -> None:
        """Refuse a type that the collection will not take, also while its first version is being committed."""
        name = artifact._bare_name
        try:
            known = self._store.collection(name, project=self.project).type
        except NotFound:
            known = self._types.setdefault(name, artifact.type)
        check_type(name, known, artifact.type)

    def _commit(self, artifact: Artifact, commit: Callable[[], str], ticket: object) -> None:
        name = artifact._bare_name
        try:
            committed = commit()
        except BaseException as error:
            self._unheard[ticket] = (name, error)
            raise
        finally:
            self._types.pop(name, None)
        self._logged.append(committed)

    def use_artifact(
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Find an artifact, and note that this run uses it. A draft is logged first.

        What this run has logged before is waited for. Raises `NotFound` or `WrongType`.
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
        """Find an artifact, also one that this run has just logged."""
        self._recorder.wait()
        return Artifact._from_version(
            self._store, self._store.version(name.removeprefix(_REFERENCE), project=self.project)
        )

    def _note_use(self, artifact: Artifact, role: str | None) -> None:
        if artifact._note_use(self._store, self._record, role):
            self._used.append(artifact.source_name)

    def _resolve_config(self, key: str, value: Any) -> Any:
        """Artifacts in the config are used by the run."""
        if isinstance(value, str) and value.startswith(_REFERENCE):
            return self.use_artifact(value, use_as=key)
        if isinstance(value, Artifact):
            return self.use_artifact(value, use_as=key)
        return value

    def _resolve_logged(self, key: str, value: Any) -> Any:
        """Tables among the metrics become artifacts of the run."""
        return logged_media.resolved(self, key, value)

    def log_model(self, path: StrPath, name: str | None = None, aliases: Sequence[str] | None = None) -> None:
        """Log a file or folder as an artifact of type `model`."""
        self.log_artifact(path, name=name, type="model", aliases=aliases)

    def use_model(self, name: str) -> str:
        """Use and download a model; the path of its file if it is one file, else of its folder."""
        self._check_open()
        artifact = self._find(name)
        if "model" not in artifact.type.lower():
            raise AssertionError("You can only use this method for 'model' artifacts.")
        self._note_use(artifact, None)
        root = artifact.download()
        files = list(artifact.manifest.entries)
        return str(Path(root, files[0])) if len(files) == 1 else root

    def link_artifact(
        self,
        artifact: Artifact,
        target_path: str,
        aliases: str | Sequence[str] | None = None,
        *,
        force: bool = False,
    ) -> Artifact:
        """Show an artifact under another name as well, `[project/]collection`; a draft is logged first.

        Raises `ProtectedAlias` for an alias that the collection protects, unless `force` is set.
        """
        self._check_open()
        if not isinstance(artifact, Artifact):
            raise TypeError(
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
        """Log a model, and link it to a registered model."""
        if "/" in registered_model_name:
            raise AssertionError("Please provide only a name, with no '/'.")
        artifact = self.log_artifact(path, name=name, type="model")
        return self.link_artifact(artifact, f"model-registry/{registered_model_name}", aliases)

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> Artifact | None:
        """Log the source files below a folder as an artifact of type `code`; None, and a note, if there are none.

        Without `include_fn`, those are Python files, requirements and Dockerfiles. Both functions take a path, or a
        path and the root.
        """
        from artstore.tracking import source_code

        chosen = list(source_code.chosen(Path(root or "."), self._store.path, include_fn, exclude_fn))
        if not chosen:
            terminal.note("artstore: no relevant files were detected in the specified directory; no code was logged")
            return None
        artifact = Artifact._of_reserved_type(name or source_code.name(self.project, sys.argv[0]), "code")
        for path, inside in chosen:
            artifact.add_file(path, inside)
        return self.log_artifact(artifact)

    def save(
        self, glob_str: StrPath, base_path: StrPath | None = None, policy: str = "live", glob: bool = True
    ) -> list[str]:
        """Copy files that match a pattern into the run's folder, below the path that they have from `base_path`.

        Without `glob` it is the path of one file.
        """
        self._check_open()
        saved = []
        for found in globbing.glob(str(glob_str) if glob else globbing.escape(str(glob_str))):
            base = Path(base_path) if base_path is not None else Path(found).parent
            target = Path(self.dir, Path(found).resolve().relative_to(base.resolve()))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, target)
            saved.append(str(target))
        return saved

    def define_metric(self, name: str, *arguments: Any, **more: Any) -> None:
        """Accepted as in W&B, where it says how charts are drawn."""

    def watch(self, *arguments: Any, **more: Any) -> None:
        """Accepted as in W&B, where it logs gradients."""

    def unwatch(self, *arguments: Any, **more: Any) -> None:
        """Accepted as in W&B."""

    def mark_preempting(self) -> None:
        """Accepted as in W&B."""

    def alert(self, title: str, text: str, *arguments: Any, **more: Any) -> None:
        """Tell something on stderr."""
        terminal.note(f"artstore: {title}: {text}")

    # Its beginning and its end

    def open(self) -> None:
        """Make it the current run, to be finished when the process ends at the latest."""
        global _store_before_runs
        with _guard:
            if not _open_here():
                _store_before_runs = os.environ.get(location.VARIABLE)
            _active.append(self)
            # Artifacts and child processes find the same store.
            os.environ[location.VARIABLE] = str(self._store.path)
        self._look_at_code()
        exit_hooks.register(self._end_with_process)

    def _leave(self) -> None:
        """Be the current run no more, and hand the environment back as the runs that are still open need it."""
        exit_hooks.unregister(self._end_with_process)
        with _guard:
            _active.remove(self)
            if os.environ.get(location.VARIABLE) != str(self._store.path):
                return
            others = _open_here()
            before = str(others[-1]._store.path) if others else _store_before_runs
            if before is None:
                del os.environ[location.VARIABLE]
            else:
                os.environ[location.VARIABLE] = before

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """Commit what was logged, and end the run: as `finished`, or as `failed` with an exit code other than 0.

        Raises what went wrong with an artifact that nobody has waited for; the run is `failed` then. If it is
        interrupted, the run is still open, and finished when the process ends.
        """
        with _guard:
            if self._finished or self._owner != os.getpid():
                return
            self._finished = True
        try:
            self._looked.wait()
            with self._lock:
                self._end_row()
            self._recorder.close()
        except BaseException:
            self._finished = False
            raise
        self._left = True
        self._leave()
        wrong = list(self._unheard.values())
        if self._recorder.failed_to_flush is not None:
            wrong.append(("what the run said", self._recorder.failed_to_flush))
        code = exit_code if exit_code else 1 if wrong else 0
        try:
            self._close(FAILED if code else FINISHED, code)
        except (ArtstoreError, OSError) as error:
            code = code or 1
            wrong.append(("how the run ended", error))
        finally:
            self._release()
        if not quiet:
            self._sum_up(failed=bool(code))
        if wrong:
            raise _told(wrong)

    def _close(self, state: str, code: int) -> None:
        self._store.runs.end(self._record, state, code)
        if self._removed is not None:
            self._store.close()
            shutil.rmtree(self._removed, ignore_errors=True)

    def _sum_up(self, *, failed: bool) -> None:
        seconds = time.time() - self.start_time
        terminal.note(
            f"artstore: run {self.id} of {self.project} {'failed' if failed else 'finished'} in {seconds:.0f} s"
        )
        parts = [f"{what} {_some(names)}" for what, names in (("logged", self._logged), ("used", self._used)) if names]
        if parts:
            terminal.note(f"artstore: {'; '.join(parts)}")

    def _end_with_process(self, code: int) -> None:
        try:
            self.finish(exit_code=code)
        except Exception as error:
            _complain(error)

    def _begin_anew_in_child(self) -> None:
        super()._begin_anew_in_child()
        self._unheard = {}

    def _end_in_child(self, code: int) -> None:
        super()._end_in_child(code)
        if self._unheard:
            _complain(_told(list(self._unheard.values())))

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
            return
        code = exit_hooks.exit_code(error.code) if isinstance(error, SystemExit) else 1
        try:
            self.finish(exit_code=code)
        except Exception as other:
            if isinstance(error, SystemExit):
                # Nobody prints that one, nor its notes. If it says that all went well, it is not to be believed.
                if code == 0:
                    raise
                _complain(other)
            else:
                # The error of the block is what the caller has to see.
                error.add_note(f"besides, artstore: {other}")

    def __repr__(self) -> str:
        return f"<Run {self.path}>"


def _aliases(given: str | Sequence[str] | None) -> list[str]:
    """The aliases that somebody gave, checked, but for `latest`, which comes by itself."""
    return [names.alias(each) for each in as_list(given) if each != names.LATEST]


def _complain(error: BaseException) -> None:
    for text in (error, *getattr(error, "__notes__", ())):
        terminal.print_error(f"artstore: {text}")


def _some(names: list[str]) -> str:
    """Names without repetition, and of many only how many more there are."""
    found = list(dict.fromkeys(names))
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _told(unheard: list[tuple[str, BaseException]]) -> BaseException:
    """The first error of several, with notes about the others."""
    (_, first), *others = unheard
    for name, error in others:
        first.add_note(f"besides, {name} was not logged: {error}")
    return first
