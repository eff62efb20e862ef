"""A run read back from the store: what it recorded, logged and used, and whether it still runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from artstore.core import names
from artstore.core.names import LOCAL
from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.errors import InvalidInput
from artstore.lineage.graph import Direction
from artstore.lineage.lineage import Lineage
from artstore.runtime import words
from artstore.runtime.arguments import checked
from artstore.runtime.notebook import show as show_in_notebook
from artstore.runtime.optional_imports import need
from artstore.store import Store
from artstore.tracking import crossings, notebook
from artstore.tracking.artifact import Artifact
from artstore.tracking.artifact_state import as_aliases
from artstore.tracking.listing import Listing
from artstore.tracking.public_run_edits import PublicRunEdits
from artstore.tracking.server_only import server_only

if TYPE_CHECKING:
    from artstore.tracking.sweeps import Sweep

_PAGE = 1000
_OLDEST_FIRST = "+created_at"


@checked
@server_only("console_logs create download_history_exports stop update_state")
class PublicRun(PublicRunEdits):
    """A run of a store, as it was when it was read; `load` reads it again.

    >>> run = artstore.Api().run("animals/3k9x2m1q")
    >>> run.state, run.config, run.summary
    """

    def __init__(self, store: Store, record: RunRecord) -> None:
        super().__init__(store, record)

    def load(self, force: bool = False) -> PublicRun:
        """Read the run again; return it. Edits that were not stored are dropped."""
        self._record = self._store.runs.reload(self._record)
        self._edited = {}
        return self

    load_full_data = load

    @property
    def path(self) -> list[str]:
        """`["local", project, id]`."""
        return [LOCAL, self.project, self.id]

    @property
    def state(self) -> str:
        """`running`, `finished`, `failed`, `crashed` if its process is gone, or `preempted` (`Run.mark_preempting`)."""
        return self._store.runs.state(self._record)

    @property
    def metadata(self) -> dict[str, Any]:
        """The environment of the run: host, user, program, command line without secrets, commit of the code."""
        return self._record.environment

    @property
    def created_at(self) -> str:
        """When the run began: UTC, ISO 8601."""
        return self._record.started_at

    @property
    def ended_at(self) -> str | None:
        """When the run ended: UTC, ISO 8601; None while it runs, and after a crash that was not noticed yet."""
        return self._record.ended_at

    @property
    def exit_code(self) -> int | None:
        """The exit code of the run; None if it has not ended by itself."""
        return self._record.exit_code

    @property
    def url(self) -> str:
        """Empty: a store has no web pages."""
        return ""

    @property
    def user(self) -> str | None:
        """The user who started the run; None if it is not known."""
        return self._record.environment.get("user")

    username = user

    @property
    def sweep_name(self) -> str | None:
        """The id of the sweep that the run belongs to; None if it belongs to none."""
        return self._record.environment.get("sweep")

    @property
    def sweep(self) -> Sweep | None:
        """The sweep that the run belongs to; None if it belongs to none."""
        return None if self.sweep_name is None else crossings.sweep(self._store, self.project, self.sweep_name)

    @property
    def storage_id(self) -> str:
        """The number of the run in the store."""
        return str(self._record.id)

    @property
    def system_metrics(self) -> dict[str, Any]:
        """Empty: nothing is measured of the machine."""
        return {}

    @property
    def lastHistoryStep(self) -> int:
        """The newest step that the run logged; -1 if it logged none."""
        return self._store.runs.last_step(self._record)

    def scan_history(
        self, keys: list[str] | None = None, page_size: int = _PAGE, min_step: int = 0, max_step: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Return what the run logged, step by step, each with its `_step`, `_timestamp` and `_runtime` (in seconds).

        >>> [row["loss"] for row in run.scan_history(keys=["loss"])]

        With `keys`, only steps that have all of them, and only these keys. Steps begin at `min_step` and end before
        `max_step`.
        """
        after = min_step - 1
        while True:
            page = self._store.runs.history(self._record, after=after, limit=page_size)
            if not page:
                return
            for row in page:
                after = row["_step"]
                if max_step is not None and after >= max_step:
                    return
                if keys is None:
                    yield row
                elif all(key in row for key in keys):
                    yield {key: row[key] for key in keys}

    def beta_scan_history(
        self,
        keys: list[str] | None = None,
        page_size: int = _PAGE,
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> Iterator[dict[str, Any]]:
        """Return what `scan_history` returns. W&B's older name of it."""
        return self.scan_history(keys, page_size, min_step, max_step)

    def history(
        self,
        samples: int = 500,
        keys: list[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: str = "default",
    ) -> Any:
        """Return what the run logged as a pandas data frame; as a list of dicts with `pandas=False` or without pandas.

        Of more than `samples` steps, only that number, spread evenly. With `keys`, only steps that have all of them.
        """
        wanted = None if keys is None else list(dict.fromkeys([x_axis, *keys]))
        # Nothing is measured of the machine.
        rows = [] if stream == "system" else list(self.scan_history(wanted))
        if len(rows) > samples > 0:
            rows = [rows[index * len(rows) // samples] for index in range(samples)]
        if not pandas:
            return rows
        try:
            frames = import_module("pandas")
        except ImportError:
            return rows
        return _frame(frames, rows)

    def logged_artifacts(self, per_page: int = 100) -> Listing[Artifact]:
        """List the artifacts that the run logged."""
        return self._artifacts(self._store.runs.produced(self._record))

    def used_artifacts(self, per_page: int = 100) -> Listing[Artifact]:
        """List the artifacts that the run used."""
        return self._artifacts(self._store.runs.used(self._record))

    def _artifacts(self, versions: list[Version]) -> Listing[Artifact]:
        return Listing.of([(str(version.id), Artifact._from_version(self._store, version)) for version in versions])

    def facts(self) -> dict[str, Any]:
        """Return everything about the run as plain data; artifacts that it used and logged by their names."""
        run = self._record
        return {
            "id": run.uid,
            "project": run.project,
            "name": run.name,
            "state": self.state,
            "job_type": run.job_type,
            "group": run.group,
            "notes": run.notes,
            "tags": run.tags,
            "config": run.config,
            "summary": run.summary,
            "environment": run.environment,
            "exit_code": run.exit_code,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "used": _names(self.used_artifacts()),
            "logged": _names(self.logged_artifacts()),
        }

    def lineage(self, direction: Direction = "both", depth: int | None = None) -> Lineage:
        """Return the lineage graph of the run, upstream and downstream.

        See `Artifact.lineage`. Raises `InvalidInput`.
        """
        return self._store.run_lineage(self._record.id, direction, depth)

    def use_artifact(self, artifact: Artifact, use_as: str | None = None) -> Artifact:
        """Record that the run used an artifact; return it. See `Run.use_artifact`.

        Raises `NotFound` if the artifact was deleted, or `InvalidInput` if it is in another store.
        """
        artifact._note_use(self._store, self._record, use_as)
        return artifact

    def log_artifact(
        self, artifact: Artifact, aliases: list[str] | None = None, tags: list[str] | None = None
    ) -> Artifact:
        """Record that the run logged an artifact that exists already; return it. Raises `InvalidInput` for a draft."""
        if artifact.is_draft():
            raise InvalidInput("Only existing artifacts are accepted by this api. Log it with a run of its own first")
        version = artifact._require_version("log_artifact")
        wanted = [alias for alias in as_aliases(aliases) if alias != names.LATEST]
        self._store.describe(version, add_aliases=wanted, add_tags=tags or ())
        self._store.runs.note_product(self._record, version)
        return artifact

    def _notebook_row(self) -> dict[str, Any]:
        summary = {key: value for key, value in self.summary.items() if not key.startswith("_")}
        named = {"id": self.id, "name": self.name, "state": self.state}
        return named | {f"config {key}": value for key, value in self.config.items()} | summary

    def _repr_html_(self) -> str:
        return notebook.run(self._store, self._record)

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run in the notebook that calls this; return False if there is none."""
        return show_in_notebook(self._repr_html_)

    def __repr__(self) -> str:
        return f"<Run {self.qualified_name} ({self.state})>"


@checked
class Runs(Listing[PublicRun]):
    """A listing of runs, whose histories can be read together."""

    def histories(
        self,
        samples: int = 500,
        keys: list[str] | None = None,
        x_axis: str = "_step",
        format: str = "default",
        stream: str = "default",
    ) -> Any:
        """Return the histories of the runs, each row with its `run_id`: a list of dicts, or a data frame.

        `format` is `default`, `pandas` or `polars`; the other arguments are those of `PublicRun.history`. Raises
        `InvalidInput`, or `MissingLibrary`.
        """
        if format not in ("default", "pandas", "polars"):
            raise InvalidInput(f"Invalid format: {format}. Must be one of 'default', 'pandas', 'polars'")
        rows = [
            {**row, "run_id": run.id}
            for run in self
            for row in run.history(samples, keys, x_axis, pandas=False, stream=stream)
        ]
        if format == "default":
            return rows
        columns = sorted({column for row in rows for column in row})
        frames = need(format, f"histories(format={format!r})", "tables")
        return _frame(frames, [{column: row.get(column) for column in columns} for row in rows])


def _frame(library: ModuleType, rows: list[dict[str, Any]]) -> Any:
    """Return rows as a data frame of pandas or polars. Text that is not UTF-8, which these refuse, is mended."""
    try:
        return library.DataFrame(rows)
    except UnicodeEncodeError:
        return library.DataFrame(json.loads(words.whole(json.dumps(rows, ensure_ascii=False))))


def _names(artifacts: Iterable[Artifact]) -> list[str]:
    return [artifact.source_qualified_name.removeprefix(f"{LOCAL}/") for artifact in artifacts]


def list_runs(
    store: Store,
    project: str | None = None,
    filters: Mapping[str, Any] | None = None,
    order: str = _OLDEST_FIRST,
    per_page: int = 50,
) -> Runs:
    """List the runs of a project, or of all, that match filters. Raises `InvalidInput`."""

    def page(after: str | None, count: int) -> list[tuple[str, PublicRun]]:
        records = store.runs.page(project, filters, order=order, after=after, limit=count)
        return [(str(record.id), PublicRun(store, record)) for record in records]

    # A wrong filter or order raises where it is given, not where the listing is read.
    page(None, 0)
    return Runs(page, lambda: store.runs.count(project, filters), per_page=per_page)


def find_run(store: Store, path: str, project: str) -> PublicRun:
    """Find a run: `[[entity/]project/]id`; of several with one id, that of a project.

    Raises `NotFound`, or `InvalidName` if several projects have one.
    """
    return PublicRun(store, store.runs.find(path, project))
