"""The data of a run: name, tags, config, summary and metrics, written to the store every second."""

from __future__ import annotations

import operator
import os
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, SupportsIndex

from artstore.core.jsonable import json_text, to_jsonable
from artstore.core.names import LOCAL
from artstore.core.runs import Changes, RunRecord, check_text
from artstore.errors import NotJson, UsageError
from artstore.runtime import exit_hooks, terminal
from artstore.runtime.arguments import checked
from artstore.store import Store
from artstore.tracking.artifact import Artifact
from artstore.tracking.artifact_state import as_list
from artstore.tracking.background import BackgroundWork
from artstore.tracking.config import Config, Summary
from artstore.tracking.metrics import DefinedMetrics

_MOST_WAITING = 16 * 1024 * 1024
"""When media of this many bytes wait to be stored, `log` waits as well."""


class RunIdentity:
    """The properties of a run that never change: the same for its own process and for the Api."""

    _record: RunRecord

    @property
    def id(self) -> str:
        """The id of the run, unique in its project."""
        return self._record.uid

    @property
    def project(self) -> str:
        """The project of the run."""
        return self._record.project

    @property
    def entity(self) -> str:
        """Always `local`: a store has one owner."""
        return LOCAL

    @property
    def group(self) -> str | None:
        """The group that the run belongs to."""
        return self._record.group

    @property
    def job_type(self) -> str | None:
        """The kind of work that the run does, such as `train`."""
        return self._record.job_type

    @property
    def qualified_name(self) -> str:
        """`local/project/id`."""
        return self._record.qualified_name


@checked
class RunState(RunIdentity):
    """The part of `Run` that is data.

    Changes and metrics are collected here and written by `_flush`, which the background work calls.
    """

    def __init__(self, store: Store, record: RunRecord, *, resumed: bool) -> None:
        self._store = store
        self._record = record
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._changed_fields: dict[str, None] = {}
        """The fields that `_flush` has to write, in the order in which they were changed."""
        self._is_shared = False
        """Whether other processes write to this run as well."""
        self._rows: list[tuple[int | None, str]] = []
        """The rows of the history, (step, JSON), that `_flush` has to write; in a shared run mostly without steps."""
        self._has_given_step = False
        """Whether a call of `log` named the step that is not complete yet."""
        self._stored = {"config": record.config, "summary": record.summary}
        """The config and the summary as this process wrote them last."""
        self._row: dict[str, Any] = {}
        """The values logged for the step that is not complete yet."""
        self._contents: dict[str, bytes] = {}
        """The content of logged media, by path, that `_flush` has to store."""
        self._waiting_bytes = 0
        """The bytes of `_contents`."""
        self._has_replaced = False
        """Whether a file of the run was replaced: its space is given back when the run ends."""
        self._finished = False
        self._flushed_last = False
        """Whether everything was written: until then, changes made while the run finishes are still accepted."""
        self._registered_in_child = False
        self.resumed = resumed
        self.start_time = datetime.fromisoformat(record.started_at).timestamp()
        self._step = store.runs.last_step(record) + 1
        self.starting_step = self._step
        self._background = BackgroundWork(self._flush)
        self.config = Config(lambda: self._mark_changed("config"), resolve=self._resolve_config, values=record.config)
        self.summary = Summary(
            lambda: self._mark_changed("summary"), resolve=self._resolve_summary, values=record.summary
        )
        self._metrics = DefinedMetrics()
        self._told: set[tuple[str, str]] = set()
        """The keys and types of values of which it was said that only their text is kept."""

    def _resolve_config(self, key: str, value: Any) -> Any:
        return value

    def _resolve_logged(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return dict(data)

    def _resolve_summary(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: value if isinstance(value, Artifact) else to_jsonable(value, keep_floats=True)
            for key, value in self._resolve_logged(data).items()
        }

    def _check_open(self) -> None:
        if self._finished:
            raise UsageError(f"run {self.id} is finished: begin another with artstore.init()")
        self._register_in_child()

    # In a child that the process forked

    def _reset_in_child(self) -> None:
        """Leave unwritten changes to the parent, and replace locks that its threads may have held."""
        self._lock = threading.RLock()
        self._changed_fields, self._rows, self._row = {}, [], {}
        self._contents, self._waiting_bytes = {}, 0

    def _register_in_child(self) -> None:
        if self._owner != os.getpid() and not self._registered_in_child:
            self._registered_in_child = True
            exit_hooks.register(self._end_in_child)

    def _end_in_child(self, code: int) -> None:
        """Commit and write what the child logged; only the parent ends the run."""
        with self._lock:
            self._complete_row()
        self._background.close()
        if self._background.failed_to_flush is not None:
            terminal.print_error(f"artstore: {self._background.failed_to_flush}")

    # Properties

    @property
    def name(self) -> str:
        """The display name of the run."""
        return self._record.name

    @name.setter
    def name(self, name: str) -> None:
        self._change(name=str(name))

    @property
    def notes(self) -> str | None:
        """Free text about the run."""
        return self._record.notes

    @notes.setter
    def notes(self, notes: str | None) -> None:
        self._change(notes=notes)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the run."""
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
        """None: a store has no web pages."""
        return None

    project_url = url

    @property
    def offline(self) -> bool:
        """Always False: a run never needs a server."""
        return False

    @property
    def step(self) -> int:
        """The step that the next call of `log` belongs to."""
        return self._step

    @property
    def store(self) -> Store:
        """The store that the run logs to."""
        return self._store

    @property
    def dir(self) -> str:
        """A folder for files of this run, made when it is first used.

        What it holds when the run ends is stored with the files of the run, and removed from the folder.
        """
        folder = self._store.runs.files.folder(self._record)
        if not self._flushed_last:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder)

    def _change(self, **changes: Any) -> None:
        self._check_open()
        for field, value in changes.items():
            if field != "preempting":
                check_text(field, value)
        self._record = self._record._replace(**changes)
        for field in changes:
            self._mark_changed(field)

    def _mark_changed(self, field: str) -> None:
        if self._flushed_last:
            self._check_open()
        self._register_in_child()
        with self._lock:
            self._changed_fields[field] = None
        self._background.request_flush()

    def _flush(self) -> None:
        """Write what was changed and logged since the last time; what cannot be written is kept for the next time."""
        with self._lock:
            fields, self._changed_fields = self._changed_fields, {}
            rows, self._rows = self._rows, []
            contents, self._contents = self._contents, {}
            waiting, self._waiting_bytes = self._waiting_bytes, 0
        try:
            if fields or rows or contents:
                values = {field: self._value_to_write(field) for field in fields}
                stored = {field: values[field] for field in self._stored.keys() & values}
                merged = {}
                if self._is_shared:
                    merged = {field: Changes.between(self._stored[field], values.pop(field)) for field in stored}
                self._has_replaced |= self._store.runs.write(self._record, values, rows, contents, merged)
                self._stored.update(stored)
        except BaseException:
            with self._lock:
                self._contents = {**contents, **self._contents}
                self._waiting_bytes += waiting
                self._changed_fields = {**fields, **self._changed_fields}
                self._rows = rows + self._rows
            raise

    def _value_to_write(self, field: str) -> Any:
        if field not in ("config", "summary"):
            return getattr(self._record, field)
        values = getattr(self, field).as_dict()
        if any(isinstance(value, Artifact) and value.is_being_logged() for value in values.values()):
            # Its version is known after its commit, which this thread makes: write it again then.
            with self._lock:
                self._changed_fields[field] = None
        return {key: _plain_value(key, value) for key, value in values.items()}

    # Metrics

    def log(self, data: Mapping[str, Any], step: SupportsIndex | None = None, commit: bool | None = None) -> None:
        """Log metrics and media of a step; the last value of each key becomes its summary.

        >>> run.log({"loss": 0.1, "accuracy": 0.9})
        >>> run.log({"examples": artstore.Table(dataframe=frame)}, step=10)

        Without `step`, or with `commit=True`, the step is complete and the next call begins the next one. A `step`
        behind the current one is not logged, with a note on stderr. Raises `NotJson` if `data` is not a dict with
        strings as keys, or `UsageError` if the run is finished.
        """
        if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
            raise NotJson("log needs a dict with strings as keys, as in run.log({'loss': 0.1})")
        with self._lock:
            self._check_open()
            if step is not None:
                step = operator.index(step)
            # In a shared run, the other processes may be at any step.
            if step is not None and step < self._step and not self._is_shared:
                terminal.note(f"artstore: step {step} is behind step {self._step}, and was not logged")
                return
            if step is not None and step != self._step:
                self._complete_row()
                self._step = step
            self._has_given_step |= step is not None
            values = self._to_stored(self._resolve_logged(data))
            self._row.update(values)
            self._metrics.summarize(values, self.summary)
            if commit if commit is not None else step is None:
                self._complete_row()
                self._step += 1
        if self._waiting_bytes > _MOST_WAITING:
            # Media are logged faster than they are stored.
            self._background.submit(self._flush).result()

    def _keep(self, path: str, content: bytes) -> None:
        """Store content as a file of the run, within a second."""
        with self._lock:
            self._waiting_bytes += len(content)
            self._contents[path] = content
        self._background.request_flush()

    def _to_stored(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values as JSON types; say once of each key what is kept as text only."""
        stored = {}
        for key, value in values.items():
            unknown: list[str] = []
            stored[key] = to_jsonable(value, unknown=unknown, keep_floats=True)
            for kind in unknown:
                if (key, kind) not in self._told:
                    self._told.add((key, kind))
                    terminal.note(f"artstore: {key!r} contains a {kind}, of which only the text is kept")
        return stored

    def _complete_row(self) -> None:
        if self._row:
            now = time.time()
            row = {**self._row, "_timestamp": now, "_runtime": now - self.start_time}
            is_free = self._is_shared and not self._has_given_step
            self._rows.append((None if is_free else self._step, json_text(row)))
            self._row, self._has_given_step = {}, False
        self._background.request_flush()


def _plain_value(key: str, value: Any) -> Any:
    if not isinstance(value, Artifact):
        return to_jsonable(value)
    return repr(value) if value.is_draft() or value.is_being_logged() else value._to_config_value(key)
