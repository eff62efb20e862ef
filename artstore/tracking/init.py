"""Beginning a run: from what `init` was given and the environment says to an open run in a store."""

from __future__ import annotations

import getpass
import json
import os
import platform
import socket
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artstore.core import names
from artstore.errors import InvalidInput, InvalidName, UsageError
from artstore.runtime import environment, release, secrets, terminal
from artstore.store import Store
from artstore.tracking import location, open_stores
from artstore.tracking import run as runs
from artstore.tracking.artifact_state import as_list
from artstore.tracking.config import mapping
from artstore.tracking.run import Run

_MEANINGLESS = (
    "dir",
    "save_code",
    "tensorboard",
    "sync_tensorboard",
    "monitor_gym",
    "force",
    "resume_from",
    "fork_from",
    "magic",
    "anonymous",
)
_RESUMES = {None: None, False: None, True: "allow", "allow": "allow", "must": "must", "never": "never", "auto": "allow"}
_REINITS = (None, True, False, "default", "finish_previous", "return_previous", "create_new")
_MODES = (None, "online", "offline", "shared", "dryrun", "run", "disabled")


class Settings:
    """What W&B's `Settings` may say of a run: `Settings(project="animals", run_group="g1")`."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def init(
    project: str | None = None,
    job_type: str | None = None,
    group: str | None = None,
    name: str | None = None,
    id: str | None = None,
    config: Any = None,
    tags: str | Sequence[str] | None = None,
    notes: str | None = None,
    store: str | os.PathLike[str] | None = None,
    *,
    entity: str | None = None,
    mode: str | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    allow_val_change: bool | None = None,
    config_exclude_keys: Iterable[str] | None = None,
    config_include_keys: Iterable[str] | None = None,
    **others: Any,
) -> Run:
    """Begin a run; one that is open is finished first, unless `reinit` says otherwise.

    >>> run = artstore.init(project="animals", job_type="train", config={"epochs": 3})

    What is not given is taken from `settings`, then from the environment. The store is `store`, else ARTSTORE_DIR,
    else the nearest `.artstore`, else `./.artstore`, which is made; child processes find the same one. With the `id`
    of a run that has ended and `resume="allow"` (or `"must"`), that run goes on; without `resume` it starts over. With
    `mode="disabled"` everything works, in a store that is removed at the end. Other arguments of W&B are accepted.

    Raises `InvalidName`, `InvalidInput`, or `UsageError` if the run is running elsewhere.
    """
    unknown = [each for each in others if each not in _MEANINGLESS]
    if unknown:
        raise TypeError(f"init() got an unexpected keyword argument {unknown[0]!r}")
    ignored = [each for each, value in others.items() if value is not None]
    if ignored:
        terminal.note(f"artstore: {', '.join(ignored)} of init has no meaning without a server, and is ignored")
    wishes = _Wishes(settings)
    mode = wishes.first(mode, "mode", "ARTSTORE_MODE")
    resume = wishes.first(resume, "resume", "ARTSTORE_RESUME")
    for what, value, allowed in (("mode", mode, _MODES), ("resume", resume, _RESUMES), ("reinit", reinit, _REINITS)):
        if value not in allowed:
            raise InvalidInput(f"init does not know {what}={value!r}: use one of {', '.join(map(repr, allowed))}")
    before = runs.current()
    if before is not None and reinit == "return_previous":
        return before
    values = _config(config, config_include_keys, config_exclude_keys)
    wanted = _Wanted.of(
        wishes,
        tags=tags,
        resume=_RESUMES[resume],
        id=id,
        project=project,
        name=name,
        job_type=job_type,
        group=group,
        notes=notes,
    )
    while reinit != "create_new" and (before := runs.current()) is not None:
        before.finish()
    removed = Path(tempfile.mkdtemp(prefix="artstore-disabled-")) if mode == "disabled" else None
    opened = open_stores.to_write(removed / location.FOLDER if removed else store)
    return _begin(wanted, values, opened, removed, change=bool(allow_val_change))


class _Wishes:
    """Where a setting of a run may come from: an argument, `settings`, the environment."""

    def __init__(self, given: Settings | Mapping[str, Any] | None) -> None:
        self._given = given if isinstance(given, Mapping) else vars(given) if given is not None else {}

    def first(self, argument: Any, setting: str, variable: str) -> Any:
        if argument is not None:
            return argument
        found = self._given.get(setting)
        return found if found is not None else environment.get(variable)


@dataclass(frozen=True)
class _Wanted:
    """A run that is to begin."""

    project: str
    uid: str
    resume: str | None
    name: str
    job_type: str | None
    group: str | None
    notes: str | None
    tags: list[str]

    @classmethod
    def of(cls, wishes: _Wishes, *, tags: str | Sequence[str] | None, resume: str | None, **given: Any) -> _Wanted:
        chosen = wishes.first(given["id"], "run_id", "ARTSTORE_RUN_ID")
        uid = _check_uid(chosen) if chosen else runs.generate_id()
        said = wishes.first(tags, "run_tags", "ARTSTORE_TAGS")
        return cls(
            project=names.project(
                wishes.first(given["project"], "project", "ARTSTORE_PROJECT") or names.DEFAULT_PROJECT
            ),
            uid=uid,
            # A new id belongs to no run that has to be there.
            resume="allow" if resume == "must" and not chosen else resume,
            name=wishes.first(given["name"], "run_name", "ARTSTORE_NAME") or uid,
            job_type=wishes.first(given["job_type"], "run_job_type", "ARTSTORE_JOB_TYPE"),
            group=wishes.first(given["group"], "run_group", "ARTSTORE_RUN_GROUP"),
            notes=wishes.first(given["notes"], "run_notes", "ARTSTORE_NOTES"),
            tags=[each.strip() for each in said.split(",")] if isinstance(said, str) else as_list(said),
        )


def _check_uid(uid: object) -> str:
    if (
        not isinstance(uid, str)
        or not uid
        or len(uid) > names.LONGEST
        or set(uid) & set("/\\#?%:")
        or uid != uid.strip()
    ):
        raise InvalidName(f"invalid run id {uid!r}: use 1 to {names.LONGEST} characters, none of / \\ # ? % :")
    return uid


def _config(given: Any, include: Iterable[str] | None, exclude: Iterable[str] | None) -> dict[str, Any]:
    if isinstance(given, str):
        given = _config_file(Path(given))
    values = {str(key): value for key, value in mapping(given).items()}
    if include is not None and exclude is not None:
        raise UsageError("Expected at most only one of config_exclude_keys or config_include_keys")
    if include is not None:
        return {key: value for key, value in values.items() if key in set(include)}
    return {key: value for key, value in values.items() if key not in set(exclude or ())}


def _config_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"cannot read the config from {str(path)!r}: {error}; it is to be a JSON file, and others you read "
            "yourself, as in config=yaml.safe_load(open('config.yaml'))"
        ) from error


def _begin(wanted: _Wanted, config: dict[str, Any], store: Store, removed: Path | None, *, change: bool) -> Run:
    begun = store.runs.begin(
        wanted.project,
        wanted.uid,
        name=wanted.name,
        job_type=wanted.job_type,
        group=wanted.group,
        notes=wanted.notes,
        tags=wanted.tags,
        environment=_environment(),
        resume=wanted.resume,
    )
    run = Run(store, begun.record, begun.lock.close, resumed=begun.resumed, temporary_folder=removed)
    run.open()
    try:
        run.config.update(config, allow_val_change=change or begun.resumed)
    except BaseException:
        run.finish(exit_code=1)
        raise
    return run


def _environment() -> dict[str, Any]:
    """Where and how this process runs, without secrets."""
    return {
        "host": socket.gethostname(),
        "user": _user(),
        "pid": os.getpid(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "artstore": release.VERSION,
        "program": sys.argv[0] if sys.argv else "",
        "command": secrets.redacted_command(sys.argv),
        "directory": os.getcwd(),
    }


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # Containers run under numbers that have no name.
        return None
