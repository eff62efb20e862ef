"""Runs: one execution of a program, from `init` to `finish`.

An open run holds a lock, so that other processes see when its own has crashed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import string
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from artstore.core.runs import FAILED, FINISHED, RunRecord
from artstore.errors import ArtstoreError, UsageError
from artstore.runtime import exit_hooks, forking, terminal
from artstore.runtime.arguments import checked
from artstore.store import Store
from artstore.tracking import crossings, git, location
from artstore.tracking.metrics import Metric
from artstore.tracking.run_page import RunPage

_ALPHABET = string.digits + string.ascii_lowercase
_MOST_NAMED = 10
_active: list[Run] = []
_newest: Run | None = None
_guard = threading.RLock()
_store_before_runs: str | None = None
"""The environment variable of the store, as it was before the first run that is open."""


def _reset_in_child() -> None:
    # Another thread of the parent may have held the lock.
    global _guard
    _guard = threading.RLock()
    for run in _active:
        run._reset_in_child()


forking.register(after_in_child=_reset_in_child)


def current() -> Run | None:
    """Return the run that was begun last and is not finished; None if there is none."""
    with _guard:
        return next((run for run in reversed(_open_runs()) if not run._finished), None)


def newest() -> Run | None:
    """Return the run that this process began last, also if it is finished; None if it began none."""
    return _newest


def _open_runs() -> list[Run]:
    """Return the runs that this process has open; in a forked child, `_active` also has those of its parent."""
    return [run for run in _active if run._owner == os.getpid()]


def generate_id(length: int = 8) -> str:
    """Return a new run id: digits and lower-case letters."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@checked
class Run(RunPage):
    """One execution of a program: its config and metrics, the artifacts that it used, and those that it logged.

    >>> with artstore.init(project="animals", job_type="train", config={"epochs": 3}) as run:
    ...     dataset = run.use_artifact("images:latest").download()
    ...     run.log({"loss": 0.1})
    ...     run.log_artifact("model.pt", name="classifier", type="model")

    `artstore.init` begins it, and leaving the block finishes it. An exception in the block ends it as `failed`; what
    was logged is kept. Several threads may use it.
    """

    def __init__(
        self,
        store: Store,
        record: RunRecord,
        release: Callable[[], None],
        *,
        resumed: bool,
        temporary_folder: Path | None,
        is_shared: bool = False,
        ends_run: bool = True,
    ) -> None:
        super().__init__(store, record, resumed=resumed)
        self._is_shared = is_shared
        self._ends_run = ends_run
        """Whether the run ends with this process: of those that share a run, only the primary one ends it."""
        self._release = release
        self._temporary_folder = temporary_folder
        """The folder of the store of a disabled run, deleted when it ends."""
        self._git_state: git.State | None = None
        self._git_asked = threading.Event()

    @property
    def disabled(self) -> bool:
        """Whether nothing of this run is kept (`mode="disabled"`)."""
        return self._temporary_folder is not None

    def define_metric(
        self,
        name: str,
        step_metric: Any = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say what the summary keeps of a metric: `min`, `max`, `mean`, `best`, `first`, `last`, several or `none`.

        >>> run.define_metric("loss", summary="min")
        >>> run.define_metric("eval/*", summary="max,last")

        The summary then has a dict, such as `{"min": 0.1}`. `goal` is `minimize` or `maximize` and decides what is
        best. The other arguments control W&B's charts, and have no effect. Raises `InvalidInput`.
        """
        self._check_open()
        with self._lock:
            return self._metrics.define(name, step_metric, summary, goal)

    def watch(self, *arguments: Any, **more: Any) -> None:
        """Do nothing. In W&B it logs gradients."""

    def unwatch(self, *arguments: Any, **more: Any) -> None:
        """Do nothing. In W&B it ends `watch`."""

    def mark_preempting(self) -> None:
        """Say that the machine is about to be taken away: if the run fails or is killed, it is `preempted`.

        This is stored when the call returns. A run that finishes is `finished` nevertheless.
        """
        self._change(preempting=True)
        self._background.submit(self._flush).result()

    def alert(self, title: str, text: str, *arguments: Any, **more: Any) -> None:
        """Print a message on stderr."""
        terminal.note(f"artstore: {title}: {text}")

    def __reduce__(self) -> tuple[Callable[[], Run], tuple[()]]:
        """Let a disabled run be handed to another process, which begins a disabled run of its own.

        Raises `UsageError` for any other run.
        """
        if not self.disabled:
            raise UsageError(
                f"run {self.id} belongs to the process that began it and cannot be pickled: hand on its id, and read "
                f"it with artstore.Api().run('{self.project}/{self.id}')"
            )
        return crossings.disabled_run, ()

    # Begin

    def open(self) -> None:
        """Make this the current run, which is finished at the latest when the process ends."""
        global _store_before_runs, _newest
        with _guard:
            if not _open_runs():
                _store_before_runs = os.environ.get(location.VARIABLE)
            _active.append(self)
            _newest = self
            # Artifacts and child processes find the same store.
            os.environ[location.VARIABLE] = str(self._store.path)
        self._ask_git()
        exit_hooks.register(self._end_with_process)

    def _ask_git(self) -> None:
        """Find out in the background which commit the code is of: Git takes long in a large repository.

        The thread takes no lock, so that waiting for it is safe also in a signal handler. The next flush writes what
        it found, at the latest when the run ends.
        """
        folder = Path.cwd()

        def ask() -> None:
            try:
                self._git_state = git.state(folder)
            finally:
                self._git_asked.set()

        try:
            threading.Thread(target=ask, name="artstore-git", daemon=True).start()
        except RuntimeError:
            # Python starts no more threads once its main thread has ended.
            self._git_asked.set()
        self._background.request_flush()

    def _flush(self) -> None:
        with self._lock:
            state, self._git_state = self._git_state, None
            if state is not None:
                environment = {**self._record.environment, "git": state._asdict()}
                self._record = self._record._replace(environment=environment)
                self._changed_fields["environment"] = None
        super()._flush()

    # End

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """Commit what was logged, and end the run as `finished`, or as `failed` with an exit code other than 0.

        With `quiet` no summary is printed. Raises the error of an artifact that could not be committed, unless
        `Artifact.wait` has raised it; the run is `failed` then. If it is interrupted, the run stays open, and is
        finished when the process ends.
        """
        with _guard:
            if self._finished or self._owner != os.getpid():
                return
            self._finished = True
        try:
            self._git_asked.wait()
            with self._lock:
                self._complete_row()
            self._store_at_end()
            self._background.close()
            if self._ends_run and not self.disabled:
                self._put_folder_away()
        except BaseException:
            self._finished = False
            raise
        self._flushed_last = True
        self._leave()
        errors = list(self._errors.values())
        if self._background.failed_to_flush is not None:
            errors.append(("what the run recorded", self._background.failed_to_flush))
        code = exit_code if exit_code else 1 if errors else 0
        try:
            self._close(FAILED if code else FINISHED, code)
        except (ArtstoreError, OSError) as error:
            code = code or 1
            errors.append(("how the run ended", error))
        finally:
            self._release()
        if not quiet:
            self._print_summary(failed=bool(code))
        if errors:
            raise _first_with_notes(errors)

    join = finish
    """W&B's older name."""

    def _leave(self) -> None:
        """Stop being the current run, and set the environment variable as the runs that are still open need it."""
        exit_hooks.unregister(self._end_with_process)
        with _guard:
            _active.remove(self)
            if os.environ.get(location.VARIABLE) != str(self._store.path):
                return
            others = _open_runs()
            before = str(others[-1]._store.path) if others else _store_before_runs
            if before is None:
                del os.environ[location.VARIABLE]
            else:
                os.environ[location.VARIABLE] = before

    def _close(self, state: str, code: int) -> None:
        if self._ends_run:
            self._store.runs.end(self._record, state, code)
        if self._temporary_folder is not None:
            self._store.close()
            shutil.rmtree(self._temporary_folder, ignore_errors=True)

    def _print_summary(self, *, failed: bool) -> None:
        if self.disabled or not self._ends_run:
            return
        seconds = time.time() - self.start_time
        terminal.note(
            f"artstore: run {self.id} of {self.project} {'failed' if failed else 'finished'} in {seconds:.0f} s"
        )
        parts = [f"{verb} {_join(names)}" for verb, names in (("logged", self._logged), ("used", self._used)) if names]
        if parts:
            terminal.note(f"artstore: {'; '.join(parts)}")

    def _end_with_process(self, code: int) -> None:
        try:
            self.finish(exit_code=code)
        except Exception as error:
            _print_error(error)

    def _end_in_child(self, code: int) -> None:
        super()._end_in_child(code)
        if self._errors:
            _print_error(_first_with_notes(list(self._errors.values())))

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
                # Python prints neither a SystemExit nor its notes, and an exit code of 0 would be wrong.
                if code == 0:
                    raise
                _print_error(other)
            else:
                # The caller has to see the error of the block.
                error.add_note(f"besides, artstore: {other}")

    def __repr__(self) -> str:
        return f"<Run {self.path}>"


def _print_error(error: BaseException) -> None:
    for text in (error, *getattr(error, "__notes__", ())):
        terminal.print_error(f"artstore: {text}")


def _join(names: list[str]) -> str:
    """Join names without repetition, and only count those beyond the first ten."""
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - _MOST_NAMED:,} more" if len(distinct) > _MOST_NAMED else ""
    return ", ".join(distinct[:_MOST_NAMED]) + more


def _first_with_notes(errors: list[tuple[str, BaseException]]) -> BaseException:
    """Return the first of several errors, with a note about each of the others."""
    (_, first), *others = errors
    for name, error in others:
        first.add_note(f"besides, {name} was not logged: {error}")
    return first
