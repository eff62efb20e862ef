"""Runs as plain data: their record in the catalog, and the state that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from artstore.core.names import LOCAL
from artstore.errors import InvalidInput, WrongValue

RUNNING, FINISHED, FAILED, CRASHED = "running", "finished", "failed", "crashed"
PREEMPTED = "preempted"


class NewRun(NamedTuple):
    """The properties of a new run. `environment` describes where and how its process was started."""

    project: str
    uid: str
    name: str
    job_type: str | None
    group: str | None
    notes: str | None
    tags: list[str]
    environment: dict[str, Any]


class Sharing(NamedTuple):
    """The part of a process in a run that several write: the primary one keeps it running, and ends it."""

    is_primary: bool


class RunRecord(NamedTuple):
    """A run as the catalog stores it. `process_lock` is the name of the lock that its process holds while it runs."""

    id: int
    project: str
    uid: str
    name: str
    job_type: str | None
    group: str | None
    notes: str | None
    tags: list[str]
    config: dict[str, Any]
    summary: dict[str, Any]
    environment: dict[str, Any]
    state: str
    process_lock: str | None
    exit_code: int | None
    started_at: str
    ended_at: str | None
    preempting: bool = False
    """Whether the run said that its machine is about to be taken away."""

    @property
    def qualified_name(self) -> str:
        """`local/project/id`."""
        return f"{LOCAL}/{self.project}/{self.uid}"


class RunFile(NamedTuple):
    """A file of a run. `digest` is None while it lies only on disk, in the folder of the run."""

    path: str
    size: int
    stored_at: str
    digest: str | None


class Changes(NamedTuple):
    """Changes of the config or summary of a run: keys with their new values, and keys that were removed."""

    values: dict[str, Any]
    removed: tuple[str, ...] = ()

    @classmethod
    def between(cls, before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
        """Return what changed from one state to another."""
        changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
        return cls(changed, tuple(key for key in before if key not in after))


def observed_state(state: str, process_lock: str | None, preempting: bool, is_alive: Callable[[str], bool]) -> str:
    """Return the state of a run: `crashed` if it is stored as running, but its lock is free.

    One that ended by an error or crashed after it said that it would be preempted is `preempted`.
    """
    if state == RUNNING and not (process_lock and is_alive(process_lock)):
        state = CRASHED
    return PREEMPTED if preempting and state in (FAILED, CRASHED) else state


def check_text(field: str, value: object) -> None:
    """Raise `InvalidInput` unless a value is None, or UTF-8 text or a list of such texts."""
    for text in value if isinstance(value, list) else [value]:
        if text is not None and not isinstance(text, str):
            raise WrongValue(f"the {field} of a run must be text, not {type(text).__name__}")
        try:
            str(text).encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"the {field} of a run must be UTF-8 text, and {text!r} is not: {error.reason}"
            ) from error
