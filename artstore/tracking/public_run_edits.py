"""Edits of a run through the Api: its fields, config, summary and files, and its deletion."""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from artstore.core.jsonable import to_jsonable
from artstore.core.runs import RUNNING, RunRecord, check_text
from artstore.errors import NotFound, WaitTimeoutError
from artstore.runtime.arguments import checked, checked_values
from artstore.store import Store
from artstore.tracking import run_file
from artstore.tracking.artifact_state import as_list
from artstore.tracking.listing import Listing
from artstore.tracking.run_file import RunFile
from artstore.tracking.run_state import RunIdentity

_POLL = 0.5
"""Seconds between two looks at a run that is waited for."""


class PublicSummary(dict[str, Any]):
    """The summary of a run. What is set is stored by `update`, which also sets keys, or by `update` of the run.

    >>> run.summary.update({"accuracy": 0.93})
    """

    def __init__(self, values: Mapping[str, Any], store: Callable[[], None]) -> None:
        super().__init__(values)
        self._store = store

    @property
    def _json_dict(self) -> dict[str, Any]:
        """The values as a plain dict. W&B's examples read it."""
        return dict(self)

    @checked_values
    def update(self, *given: Any, **more: Any) -> None:
        """Set keys, and store the summary."""
        super().update(*given, **more)
        self._store()


@checked
class PublicRunEdits(RunIdentity):
    """The part of `PublicRun` that can be edited."""

    def __init__(self, store: Store, record: RunRecord) -> None:
        self._store = store
        self._record = record
        self._edited: dict[str, Any] = {}
        """What was changed and not stored: values of fields, and the dicts `config` and `summary`."""

    def _get(self, field: str) -> Any:
        return self._edited.get(field, getattr(self._record, field))

    def _set(self, field: str, value: Any) -> None:
        check_text(field, value)
        self._edited[field] = value

    @property
    def name(self) -> str:
        """The display name of the run. Setting it takes effect with `update`."""
        return str(self._get("name"))

    @name.setter
    def name(self, name: str) -> None:
        self._set("name", str(name))

    display_name = name

    @property
    def notes(self) -> str | None:
        """Free text about the run. Setting it takes effect with `update`."""
        notes: str | None = self._get("notes")
        return notes

    @notes.setter
    def notes(self, notes: str | None) -> None:
        self._set("notes", notes)

    @property
    def tags(self) -> list[str]:
        """The tags of the run. Changing the list takes effect with `update`."""
        if "tags" not in self._edited:
            self._edited["tags"] = list(self._record.tags)
        tags: list[str] = self._edited["tags"]
        return tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._set("tags", as_list(tags))

    @property
    def group(self) -> str | None:
        """The group that the run belongs to. Setting it takes effect with `update`."""
        group: str | None = self._get("group")
        return group

    @group.setter
    def group(self, group: str | None) -> None:
        self._set("group", group)

    @property
    def job_type(self) -> str | None:
        """The kind of work that the run does. Setting it takes effect with `update`."""
        job_type: str | None = self._get("job_type")
        return job_type

    @job_type.setter
    def job_type(self, job_type: str | None) -> None:
        self._set("job_type", job_type)

    @property
    def config(self) -> dict[str, Any]:
        """The values that the run was started with. Changing the dict takes effect with `update`.

        >>> run.config["dataset"] = "animals"
        >>> run.update()
        """
        if "config" not in self._edited:
            self._edited["config"] = copy.deepcopy(self._record.config)
        config: dict[str, Any] = self._edited["config"]
        return config

    @property
    def json_config(self) -> str:
        """The config as JSON, in the form that W&B's server has it."""
        return json.dumps({key: {"value": value, "desc": None} for key, value in self.config.items()})

    rawconfig = config

    @property
    def summary(self) -> PublicSummary:
        """The results of the run. Setting a key takes effect with `update`, of the summary or of the run."""
        if "summary" not in self._edited:
            self._edited["summary"] = PublicSummary(copy.deepcopy(self._record.summary), self.update)
        edited: PublicSummary = self._edited["summary"]
        return edited

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """The summary as a plain dict."""
        return dict(self.summary)

    def update(self) -> None:
        """Store what was changed. Raises `NotFound` if the run was deleted."""
        changes = {}
        for field, value in self._edited.items():
            stored = to_jsonable(value) if isinstance(value, Mapping) else value
            if stored != getattr(self._record, field):
                changes[field] = stored
        if changes:
            self._store.runs.edit(self._record, changes)
            self._record = self._store.runs.reload(self._record)
        self._edited = {}

    save = update

    def delete(self, delete_artifacts: bool = False) -> None:
        """Delete the run, its history and its files; with `delete_artifacts` also the versions that it logged.

        Raises `UsageError` if it is running, or `StillNeeded` if another artifact references one of the versions.
        """
        if delete_artifacts:
            versions = [version for version in self._store.runs.produced(self._record) if version.state == "committed"]
            self._store.delete(*versions, delete_aliases=True)
        self._store.runs.delete(self._record)

    def wait_until_finished(self, timeout: float | None = None) -> None:
        """Return when the run has ended. Raises `WaitTimeoutError` after `timeout` seconds."""
        ends = None if timeout is None else time.monotonic() + timeout
        while self._store.runs.state(self._record) == RUNNING:
            if ends is not None and time.monotonic() >= ends:
                raise WaitTimeoutError(f"run {self.id} was still running after {timeout} s: wait longer, or end it")
            time.sleep(_POLL)
            self._record = self._store.runs.reload(self._record)

    # Files

    def files(
        self,
        names: list[str] | None = None,
        per_page: int = 50,
        pattern: str | None = None,
        start: str | None = None,
    ) -> Listing[RunFile]:
        """List the files of the run: what it saved, the media that it logged, and what it wrote to `Run.dir`.

        With `names` only these, with `pattern` those that match, where `%` and `*` are any text.
        """
        return run_file.list_files(self._store, self._record, names, pattern, start)

    def file(self, name: str) -> RunFile:
        """Return the file of a name. Raises `NotFound`."""
        found = self.files([name])
        if not len(found):
            raise NotFound(f"run {self.id} has no file {name!r}: list those that there are with run.files()")
        return found[0]

    def upload_file(self, path: str | os.PathLike[str], root: str | os.PathLike[str] = ".") -> RunFile:
        """Store a file as one of the run, under its path below `root`. Raises `InvalidInput`."""
        return run_file.add_file(self._store, self._record, path, root)
