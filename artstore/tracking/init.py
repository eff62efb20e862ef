"""Begin a run: arguments of `init`, `Settings` and environment variables become an open run in a store."""

from __future__ import annotations

import functools
import os
import platform
import socket
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from artstore.core import names
from artstore.core.runs import NewRun, Sharing
from artstore.errors import InvalidInput, InvalidName, WrongValue
from artstore.runtime import environment, release, scratch, secrets, terminal
from artstore.runtime.arguments import checked
from artstore.tracking import config_files, location, open_stores, sweeps
from artstore.tracking import run as runs
from artstore.tracking.artifact_state import as_list
from artstore.tracking.run import Run
from artstore.tracking.settings import Settings

_IGNORED = (
    "save_code",
    "tensorboard",
    "sync_tensorboard",
    "monitor_gym",
    "resume_from",
    "fork_from",
)
_SILENT = ("dir", "force", "anonymous", "magic")
"""Arguments that are ignored without a note: many libraries always pass them, and nothing is lost."""
_RESUMES = {None: None, False: None, True: "allow", "allow": "allow", "must": "must", "never": "never", "auto": "allow"}
_REINITS = (None, True, False, "default", "finish_previous", "return_previous", "create_new")
_MODES = (None, "online", "offline", "shared", "dryrun", "run", "disabled")


@checked
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
    """Begin a run, and make it the current one; an open run is finished first, unless `reinit` says otherwise.

    >>> run = artstore.init(project="animals", job_type="train", config={"epochs": 3})
    >>> run.finish()

    >>> with artstore.init(project="animals") as run:
    ...     run.log({"loss": 0.1})

    What is not given is taken from `settings`, then from the environment: ARTSTORE_PROJECT, ARTSTORE_NAME,
    ARTSTORE_RUN_GROUP, ARTSTORE_RUN_ID, ... or W&B's variables of these names. The store is the folder `store`,
    otherwise ARTSTORE_DIR, the nearest `.artstore` above the working folder, or `./.artstore`, which is created; child
    processes find the same one. `config` is a dict, a namespace, or the path of a JSON or YAML file; the file
    `config-defaults.yaml` in the working folder has values for keys that are not given.

    With the `id` of a run that has ended and `resume="allow"` (or `"must"`) that run is continued; without `resume` it
    starts over. `reinit` is `return_previous` or False to get the open run, or `create_new` to leave it open. With
    `mode="disabled"` everything works, in a store that is deleted when the run ends. With `mode="shared"` several
    processes that name the same `id` write one run: rows of their histories follow each other, and keys of config and
    summary are merged. The process with the setting `x_primary`, otherwise the first one, ends it. Other arguments of
    W&B are accepted and ignored, with a note on stderr.

    In the function of an `agent`, or with ARTSTORE_SWEEP_ID, the run is the next one of the sweep.

    Raises `InvalidName` for a project or id that is not allowed, `InvalidInput` for a value that is not known, or
    `UsageError` if the run is still running or `resume` forbids it.
    """
    _note_ignored(others)
    sources = _Sources(settings)
    mode = sources.first(mode, "mode", "ARTSTORE_MODE")
    resume = sources.first(resume, "resume", "ARTSTORE_RESUME")
    _check_choices({"mode": (mode, _MODES), "resume": (resume, _RESUMES), "reinit": (reinit, _REINITS)})
    before = runs.current()
    if before is not None and (reinit is False or reinit == "return_previous"):
        return before
    values = config_files.read_config(config, config_include_keys, config_exclude_keys)
    given_id = sources.first(id, "run_id", "ARTSTORE_RUN_ID")
    uid = _check_uid(given_id) if given_id else runs.generate_id()
    new = NewRun(
        project=names.project(sources.first(project, "project", "ARTSTORE_PROJECT") or names.default_project()),
        uid=uid,
        name=sources.first(name, "run_name", "ARTSTORE_NAME") or uid,
        job_type=sources.first(job_type, "run_job_type", "ARTSTORE_JOB_TYPE"),
        group=sources.first(group, "run_group", "ARTSTORE_RUN_GROUP"),
        notes=sources.first(notes, "run_notes", "ARTSTORE_NOTES"),
        tags=_to_tags(sources.first(tags, "run_tags", "ARTSTORE_TAGS")),
        environment=_environment(),
    )
    while reinit != "create_new" and (before := runs.current()) is not None:
        before.finish()
    temporary_folder = Path(tempfile.mkdtemp(dir=scratch.folder())) if mode == "disabled" else None
    if temporary_folder is not None:
        opened = open_stores.temporary(temporary_folder / location.FOLDER)
    else:
        opened = open_stores.to_write(store)
    # Without an id, no run can be there that must be resumed.
    resume = "allow" if _RESUMES[resume] == "must" and not given_id else _RESUMES[resume]
    turn = sweeps.current(opened, new.project) if temporary_folder is None else None
    of_sweep = turn.begin(new, functools.partial(opened.runs.begin, resume="never")) if turn else None
    is_primary = sources.setting("x_primary")
    sharing = Sharing(is_primary=bool(is_primary)) if mode == "shared" else None
    begun, chosen = of_sweep or (opened.runs.begin(new, resume=resume, shared=sharing), {})
    ends_run = sources.setting("x_update_finish_state")
    if ends_run is None:
        ends_run = is_primary if is_primary is not None else not begun.joined
    run = Run(
        opened,
        begun.record,
        begun.lock.close,
        resumed=begun.resumed,
        temporary_folder=temporary_folder,
        is_shared=mode == "shared",
        ends_run=mode != "shared" or bool(ends_run),
    )
    run.open()
    try:
        run.config.lock(chosen)
        run.config.update(values, allow_val_change=bool(allow_val_change) or begun.resumed or begun.joined)
    except BaseException:
        run.finish(exit_code=1)
        raise
    return run


def _note_ignored(others: Mapping[str, Any]) -> None:
    unknown = [name for name in others if name not in (*_IGNORED, *_SILENT)]
    if unknown:
        raise WrongValue(f"init() got an unexpected keyword argument {unknown[0]!r}")
    # A value that asks for nothing, such as save_code=False, needs no note.
    ignored = [name for name, value in others.items() if value and name not in _SILENT]
    if ignored:
        terminal.note(f"artstore: {', '.join(ignored)} of init has no meaning without a server, and is ignored")


def _check_choices(choices: Mapping[str, tuple[Any, Iterable[Any]]]) -> None:
    for argument, (value, allowed) in choices.items():
        if value not in allowed:
            raise InvalidInput(f"init does not know {argument}={value!r}: use one of {', '.join(map(repr, allowed))}")


class _Sources:
    """The sources of a setting of a run: an argument, `settings`, the environment."""

    def __init__(self, given: Settings | Mapping[str, Any] | None) -> None:
        self._given = given if isinstance(given, Mapping) else vars(given) if given is not None else {}

    def first(self, argument: Any, setting: str, variable: str) -> Any:
        if argument is not None:
            return argument
        value = self.setting(setting)
        return value if value is not None else environment.get(variable)

    def setting(self, name: str) -> Any:
        """Return a setting that has no argument and no environment variable."""
        return self._given.get(name)


def _to_tags(given: str | Sequence[str] | None) -> list[str]:
    return [tag.strip() for tag in given.split(",")] if isinstance(given, str) else as_list(given)


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


def _environment() -> dict[str, Any]:
    """Return where and how this process runs, without secrets."""
    return {
        "host": socket.gethostname(),
        "user": environment.user(),
        "pid": os.getpid(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "artstore": release.VERSION,
        "program": sys.argv[0] if sys.argv else "",
        "command": secrets.redacted_command(sys.argv),
        "directory": os.getcwd(),
    }
