"""The open run, as the package itself offers it: `artstore.log` is the `log` of the run that is open."""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import Enum
from typing import Any

from artstore.errors import UsageError
from artstore.tracking import run as runs
from artstore.tracking.run import Run


def _of_the_run(name: str) -> Callable[..., Any]:
    @functools.wraps(getattr(Run, name))
    def called(*arguments: Any, **more: Any) -> Any:
        return getattr(_open_run(f"{name}()"), name)(*arguments, **more)

    return called


def _open_run(what: str) -> Run:
    run = runs.current()
    if run is None:
        raise UsageError(f"You must call artstore.init() before artstore.{what}")
    return run


class AlertLevel(Enum):
    """How much an alert matters."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class _OfTheRun:
    """What stands for the config or the summary before there is a run."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        raise self._too_early(key)

    def __setattr__(self, key: str, value: Any) -> None:
        raise self._too_early(key)

    def __getitem__(self, key: str) -> Any:
        raise self._too_early(key)

    def __setitem__(self, key: str, value: Any) -> None:
        raise self._too_early(key)

    def _too_early(self, key: str) -> UsageError:
        return UsageError(f"You must call artstore.init() before artstore.{self.__dict__['_name']}.{key}")


def run() -> Run | None:
    """The run that is open; None if there is none."""
    return runs.current()


def config() -> Any:
    """The config of the open run."""
    open_run = runs.current()
    return _OfTheRun("config") if open_run is None else open_run.config


def summary() -> Any:
    """The summary of the open run."""
    open_run = runs.current()
    return _OfTheRun("summary") if open_run is None else open_run.summary


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """Finish the open run, if there is one."""
    open_run = runs.current()
    if open_run is not None:
        open_run.finish(exit_code, quiet)


log = _of_the_run("log")
log_artifact = _of_the_run("log_artifact")
use_artifact = _of_the_run("use_artifact")
log_model = _of_the_run("log_model")
use_model = _of_the_run("use_model")
link_artifact = _of_the_run("link_artifact")
link_model = _of_the_run("link_model")
log_code = _of_the_run("log_code")
upsert_artifact = _of_the_run("upsert_artifact")
finish_artifact = _of_the_run("finish_artifact")
save = _of_the_run("save")
define_metric = _of_the_run("define_metric")
watch = _of_the_run("watch")
unwatch = _of_the_run("unwatch")
alert = _of_the_run("alert")
mark_preempting = _of_the_run("mark_preempting")


def login(*arguments: Any, **more: Any) -> bool:
    """Accepted as in W&B: there is nobody to log in to."""
    return True


def require(*arguments: Any, **more: Any) -> None:
    """Accepted as in W&B, where it chooses between ways of its own."""


def setup(*arguments: Any, **more: Any) -> None:
    """Accepted as in W&B."""


def teardown(exit_code: int | None = None) -> None:
    """Finish the open run, if there is one."""
    finish(exit_code)
