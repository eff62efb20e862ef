"""What a run is and what it says of itself: name, tags, config, summary and metrics, written out every second."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from artstore.core.jsonable import json_text, to_jsonable
from artstore.core.runs import RunRecord, check_text
from artstore.errors import NotJson, UsageError
from artstore.runtime import exit_hooks, terminal
from artstore.store import Store
from artstore.tracking import git
from artstore.tracking.artifact import Artifact
from artstore.tracking.artifact_state import as_list
from artstore.tracking.background import Recorder
from artstore.tracking.config import Config, Summary
from artstore.tracking.run_identity import RunIdentity


class RunFacts(RunIdentity):
    """The part of a run that is data."""

    def __init__(self, store: Store, record: RunRecord, *, resumed: bool) -> None:
        self._store = store
        self._record = record
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._said: dict[str, Any] = {}
        self._rows: list[tuple[int, str]] = []
        self._row: dict[str, Any] = {}
        self._finished = False
        self._left = False
        """Whether all was written out: until then, what is said while the run finishes is kept."""
        self._in_child = False
        self.resumed = resumed
        self.start_time = datetime.fromisoformat(record.started_at).timestamp()
        self._step = store.runs.last_step(record) + 1
        self.starting_step = self._step
        self._recorder = Recorder(self._flush)
        self.config = Config(lambda: self._say("config"), resolve=self._resolve_config, values=record.config)
        self._code: git.State | None = None
        self._looked = threading.Event()
        self.summary = Summary(lambda: self._say("summary"), values=record.summary)

    def _resolve_config(self, key: str, value: Any) -> Any:
        return value

    def _resolve_logged(self, key: str, value: Any) -> Any:
        return value

    def _check_open(self) -> None:
        if self._finished:
            raise UsageError(f"run {self.id} is finished: begin another with artstore.init()")
        self._watch_in_child()

    def _begin_anew_in_child(self) -> None:
        """After a fork: leave to the parent what it has noted, and the locks that its threads held."""
        self._lock = threading.RLock()
        self._said, self._rows, self._row = {}, [], {}

    def _watch_in_child(self) -> None:
        if self._owner != os.getpid() and not self._in_child:
            self._in_child = True
            exit_hooks.register(self._end_in_child)

    def _end_in_child(self, code: int) -> None:
        """Commit what a forked child logged. How the run ends is the parent's to say."""
        with self._lock:
            self._end_row()
        self._recorder.close()
        if self._recorder.failed_to_flush is not None:
            terminal.print_error(f"artstore: {self._recorder.failed_to_flush}")

    # The code that it runs

    def _look_at_code(self) -> None:
        """Find out beside the run which commit its code is of: asking Git takes long where a repository is large.

        The thread that asks takes no lock, so that whoever waits for it, be it the handler of a signal, is not waited
        for. What it finds is written out with what the run says next, at the latest when it ends.
        """
        folder = Path.cwd()

        def look() -> None:
            try:
                self._code = git.state(folder)
            finally:
                self._looked.set()

        try:
            threading.Thread(target=look, name="artstore-git", daemon=True).start()
        except RuntimeError:
            # Python starts no more threads once its main thread is over.
            self._looked.set()
        self._recorder.nudge()

    def _note_code(self) -> None:
        found, self._code = self._code, None
        if found is not None:
            environment = {**self._record.environment, "git": found._asdict()}
            self._record = self._record._replace(environment=environment)
            self._said["environment"] = None

    # What it is

    @property
    def name(self) -> str:
        """The run's name, for people."""
        return self._record.name

    @name.setter
    def name(self, name: str) -> None:
        self._change(name=str(name))

    @property
    def notes(self) -> str | None:
        """What a person wrote about the run."""
        return self._record.notes

    @notes.setter
    def notes(self, notes: str | None) -> None:
        self._change(notes=notes)

    @property
    def tags(self) -> tuple[str, ...]:
        """The run's tags."""
        return tuple(self._record.tags)

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._change(tags=as_list(tags))

    @property
    def path(self) -> str:
        """`local/project/id`."""
        return self.qualified_name

    @property
    def url(self) -> str | None:
        """None: there is no server to look at."""
        return None

    project_url = url

    @property
    def offline(self) -> bool:
        """False: there is no server to be away from."""
        return False

    @property
    def step(self) -> int:
        """The step that the next `log` belongs to."""
        return self._step

    @property
    def store(self) -> Store:
        """The store that it logs to."""
        return self._store

    @property
    def dir(self) -> str:
        """A folder for files of this run, below the store."""
        folder = self._store.path / "runs" / self.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder)

    def _change(self, **changes: Any) -> None:
        self._check_open()
        for field, value in changes.items():
            check_text(field, value)
        self._record = self._record._replace(**changes)
        for field in changes:
            self._say(field)

    def _say(self, field: str) -> None:
        if self._left:
            self._check_open()
        self._watch_in_child()
        with self._lock:
            self._said[field] = None
        self._recorder.nudge()

    def _flush(self) -> None:
        """Write out what was said and logged since the last time."""
        with self._lock:
            self._note_code()
            fields, self._said = self._said, {}
            rows, self._rows = self._rows, []
        try:
            if fields or rows:
                self._store.runs.write(self._record, {field: self._value_of(field) for field in fields}, rows)
        except BaseException:
            with self._lock:
                self._said = {**fields, **self._said}
                self._rows = rows + self._rows
            raise

    def _value_of(self, field: str) -> Any:
        if field not in ("config", "summary"):
            return getattr(self._record, field)
        values = getattr(self, field).as_dict()
        if any(isinstance(each, Artifact) and each.is_being_logged() for each in values.values()):
            # What it will be is known later, and this thread is the one that finds it out.
            with self._lock:
                self._said[field] = None
        return {key: _written(key, value) for key, value in values.items()}

    # Metrics

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Log values of this step, such as `{"loss": 0.1}`; their last values become the summary.

        Without `step`, or with `commit=True`, the step is complete and the next call begins the next one. A step
        that is behind is not logged, and that is said.
        """
        if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
            raise NotJson("log needs a dict with text as keys, as in run.log({'loss': 0.1})")
        with self._lock:
            self._check_open()
            if step is not None and step < self._step:
                terminal.note(f"artstore: step {step} is behind step {self._step}, and was not logged")
                return
            if step is not None and step > self._step:
                self._end_row()
                self._step = step
            values = to_jsonable({key: self._resolve_logged(key, value) for key, value in data.items()})
            self._row.update(values)
            for key, value in values.items():
                self.summary[key] = value
            if commit if commit is not None else step is None:
                self._end_row()
                self._step += 1

    def _end_row(self) -> None:
        if self._row:
            now = time.time()
            row = {**self._row, "_timestamp": now, "_runtime": now - self.start_time}
            self._rows.append((self._step, json_text(row)))
            self._row = {}
        self._recorder.nudge()


def _written(key: str, value: Any) -> Any:
    if not isinstance(value, Artifact):
        return to_jsonable(value)
    return repr(value) if value.is_draft() or value.is_being_logged() else value._to_config_value(key)
