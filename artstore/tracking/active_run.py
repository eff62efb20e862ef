"""The open run as functions and values of the package: `artstore.log` is `log` of the run that is open."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from enum import Enum
from typing import IO, Any, Concatenate, ParamSpec, TypeVar

from artstore.core import names
from artstore.errors import UsageError
from artstore.runtime.arguments import checked
from artstore.tracking import open_stores, run_files
from artstore.tracking import run as runs
from artstore.tracking.run import Run
from artstore.tracking.run_artifacts import StrPath

P = ParamSpec("P")
Result = TypeVar("Result")


def _of_open_run(method: Callable[Concatenate[Run, P], Result]) -> Callable[P, Result]:
    """Return a function that calls a method of the open run. It raises `UsageError` if no run is open."""
    name = method.__name__

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> Result:
        bound: Callable[P, Result] = getattr(_require_open_run(f"{name}()"), name)
        return bound(*args, **kwargs)

    signature = inspect.signature(method)
    _, *parameters = signature.parameters.values()
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return call


def _require_open_run(what: str) -> Run:
    run = runs.current()
    if run is None:
        raise UsageError(f"You must call artstore.init() before artstore.{what}")
    return run


class AlertLevel(Enum):
    """The severity of an alert."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class _NoRun:
    """The config or the summary while no run is open: using it raises `UsageError`."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        raise self._error(key)

    def __setattr__(self, key: str, value: Any) -> None:
        raise self._error(key)

    def __getitem__(self, key: str) -> Any:
        raise self._error(key)

    def __setitem__(self, key: str, value: Any) -> None:
        raise self._error(key)

    def _error(self, key: str) -> UsageError:
        return UsageError(f"You must call artstore.init() before artstore.{self.__dict__['_name']}.{key}")


def run() -> Run | None:
    """Return the open run; None if there is none."""
    return runs.current()


def config() -> Any:
    """Return the config of the open run."""
    open_run = runs.current()
    return _NoRun("config") if open_run is None else open_run.config


def summary() -> Any:
    """Return the summary of the open run."""
    open_run = runs.current()
    return _NoRun("summary") if open_run is None else open_run.summary


@checked
def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """Finish the open run, if there is one. See `Run.finish`."""
    open_run = runs.current()
    if open_run is not None:
        open_run.finish(exit_code, quiet)


@checked
def restore(
    name: str, run_path: str | None = None, replace: bool = False, root: StrPath | None = None
) -> IO[Any] | None:
    """Return a file that a run has saved, opened for reading; None if it has none of that name. See `Run.restore`.

    Without an open run, `run_path` is needed, and `root` is the working folder. Raises `UsageError` or `NotFound`.
    """
    open_run = runs.current()
    if open_run is not None:
        return open_run.restore(name, run_path, replace, root)
    if run_path is None:
        raise UsageError("run_path required when calling artstore.restore before artstore.init")
    return run_files.restore_file(open_stores.to_read(), names.default_project(), name, run_path, replace, root or ".")


join = finish
"""W&B's older name."""
log = _of_open_run(Run.log)
log_artifact = _of_open_run(Run.log_artifact)
use_artifact = _of_open_run(Run.use_artifact)
log_model = _of_open_run(Run.log_model)
use_model = _of_open_run(Run.use_model)
link_artifact = _of_open_run(Run.link_artifact)
link_model = _of_open_run(Run.link_model)
log_code = _of_open_run(Run.log_code)
upsert_artifact = _of_open_run(Run.upsert_artifact)
finish_artifact = _of_open_run(Run.finish_artifact)
save = _of_open_run(Run.save)
define_metric = _of_open_run(Run.define_metric)
watch = _of_open_run(Run.watch)
unwatch = _of_open_run(Run.unwatch)
pin_config_keys = _of_open_run(Run.pin_config_keys)
alert = _of_open_run(Run.alert)
mark_preempting = _of_open_run(Run.mark_preempting)


def login(*arguments: Any, **more: Any) -> bool:
    """Do nothing, and return True: a store has no accounts."""
    return True


def require(*arguments: Any, **more: Any) -> None:
    """Do nothing. In W&B it switches experimental features on."""


def setup(*arguments: Any, **more: Any) -> None:
    """Do nothing. In W&B it starts a background process."""


@checked
def teardown(exit_code: int | None = None) -> None:
    """Finish the open run, if there is one."""
    finish(exit_code)
