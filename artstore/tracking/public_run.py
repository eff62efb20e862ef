"""Runs as others see them: what they said, logged, used and made, and whether they are still running."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from artstore.catalog import events, runs
from artstore.catalog.filters import Filters
from artstore.core import names
from artstore.core.names import LOCAL
from artstore.errors import InvalidInput, InvalidName, NotFound
from artstore.lineage.graph import Direction
from artstore.lineage.lineage import Lineage
from artstore.storage import process_locks
from artstore.store import Store
from artstore.tracking.artifact import Artifact
from artstore.tracking.paging import Listing
from artstore.tracking.run_identity import RunIdentity, qualified_name

_PAGE = 1000
_NAMED = 3
"""How many runs an error names."""


class PublicRun(RunIdentity):
    """A run of the store, as it was when it was read; `load` reads it again."""

    def __init__(self, store: Store, record: runs.Record) -> None:
        self._store = store
        self._record = record

    def load(self, force: bool = False) -> PublicRun:
        """Read it again."""
        with self._store.db.reading() as connection:
            self._record = runs.by_id(connection, self._record.id)
        return self

    @property
    def name(self) -> str:
        """Its name, for people."""
        return self._record.name

    display_name = name

    @property
    def path(self) -> list[str]:
        """`["local", project, id]`."""
        return [LOCAL, self.project, self.id]

    @property
    def state(self) -> str:
        """`running`, `finished`, `failed`, or `crashed`: its process is gone and never said how it ended."""
        return state(self._store, self._record)

    @property
    def config(self) -> dict[str, Any]:
        """What it was started with."""
        return self._record.config

    @property
    def summary(self) -> dict[str, Any]:
        """What it came to."""
        return self._record.summary

    summary_metrics = summary

    @property
    def notes(self) -> str | None:
        """What a person wrote about it."""
        return self._record.notes

    @property
    def tags(self) -> list[str]:
        """Its tags."""
        return self._record.tags

    @property
    def metadata(self) -> dict[str, Any]:
        """Where and how it was run: host, user, program, command line without secrets."""
        return self._record.environment

    @property
    def created_at(self) -> str:
        """When it began: UTC, ISO 8601."""
        return self._record.started_at

    @property
    def ended_at(self) -> str | None:
        """When it ended; None if it did not say."""
        return self._record.ended_at

    @property
    def exit_code(self) -> int | None:
        """The exit code that it ended with."""
        return self._record.exit_code

    @property
    def url(self) -> str:
        """Empty: there is no server to look at."""
        return ""

    @property
    def user(self) -> str | None:
        """Who ran it."""
        return self._record.environment.get("user")

    username = user

    @property
    def lastHistoryStep(self) -> int:
        """The newest step of its history; -1 if it has none."""
        with self._store.db.reading() as connection:
            return runs.last_step(connection, self._record.id)

    def scan_history(
        self, keys: list[str] | None = None, page_size: int = _PAGE, min_step: int = 0, max_step: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """What it logged, step by step; with `keys`, those steps that have them all, and nothing else of them."""
        after = min_step - 1
        while True:
            with self._store.db.reading() as connection:
                page = runs.history(connection, self._record.id, after=after, limit=page_size)
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

    def history(
        self,
        samples: int = 500,
        keys: list[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: str = "default",
    ) -> Any:
        """What it logged, as a pandas data frame, or as a list of dicts without pandas.

        Of more than `samples` steps, as many, spread evenly.
        """
        wanted = None if keys is None else list(dict.fromkeys([x_axis, *keys]))
        rows = list(self.scan_history(wanted))
        if len(rows) > samples > 0:
            rows = [rows[index * len(rows) // samples] for index in range(samples)]
        if not pandas:
            return rows
        try:
            frames = import_module("pandas")
        except ImportError:
            return rows
        return frames.DataFrame(rows)

    def logged_artifacts(self, per_page: int = 100) -> Listing[Artifact]:
        """The versions that it logged."""
        return self._versions(runs.produced)

    def used_artifacts(self, per_page: int = 100) -> Listing[Artifact]:
        """The versions that it used."""
        return self._versions(runs.used)

    def _versions(self, edges: Any) -> Listing[Artifact]:
        with self._store.db.reading() as connection:
            ids = list(edges(connection, self._record.id))
        found = [self._store.version_by_id(id) for id in ids]
        return Listing.of([(str(each.id), Artifact._of(self._store, each)) for each in found])

    def facts(self) -> dict[str, Any]:
        """Everything that is known of it, as plain data. What it used and logged is told by name."""
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
            "used": [each.source_qualified_name.partition("/")[2] for each in self.used_artifacts()],
            "logged": [each.source_qualified_name.partition("/")[2] for each in self.logged_artifacts()],
        }

    def lineage(self, direction: Direction = "both", depth: int | None = None) -> Lineage:
        """What it used and where that came from, what it made and what came of that, as `Artifact.lineage` tells it."""
        return self._store.run_lineage(self._record.id, direction, depth)

    def use_artifact(self, artifact: Artifact, use_as: str | None = None) -> Artifact:
        """Note that it used an artifact, after the fact."""
        version = artifact._logged_version("use_artifact")
        with self._store.db.writing() as connection:
            if runs.use(connection, self._record.id, version.id, use_as):
                subject = version.qualified_name
                events.record(connection, "version-used", subject, run=self.qualified_name)
        return artifact

    def log_artifact(
        self, artifact: Artifact, aliases: list[str] | None = None, tags: list[str] | None = None
    ) -> Artifact:
        """Note that it made an artifact that is logged already. Raises `InvalidInput` for a draft."""
        if artifact.is_draft():
            raise InvalidInput("Only existing artifacts are accepted by this api. Log it with a run of its own first")
        version = artifact._logged_version("log_artifact")
        wanted = [each for each in aliases or () if each != names.LATEST]
        self._store.describe(version, add_aliases=wanted, add_tags=tags or ())
        self._store.note_product(self._record.id, version)
        return artifact

    def __repr__(self) -> str:
        return f"<Run {self.qualified_name} ({self.state})>"


def listing(
    store: Store,
    project: str | None = None,
    filters: Filters | None = None,
    order: str = runs.OLDEST_FIRST,
    per_page: int = 50,
) -> Listing[PublicRun]:
    """The runs of a project, or of all, that filters let through. Raises `InvalidInput`."""
    wanted = runs.Wanted(project, filters, lambda session: process_locks.is_alive(store.path, session))

    def page(after: str | None, count: int) -> list[tuple[str, PublicRun]]:
        with store.db.reading() as connection:
            found = runs.listed(connection, wanted, order=order, after=after, limit=count)
        return [(str(each.id), PublicRun(store, each)) for each in found]

    def length() -> int:
        with store.db.reading() as connection:
            return runs.count(connection, wanted)

    # What is wrong with a filter or an order is said where they are given, not where the listing is read.
    page(None, 0)
    return Listing(page, length, per_page=per_page)


def find(store: Store, path: str, project: str) -> PublicRun:
    """Find a run: `[[entity/]project/]id`; of several with one id, that of a project.

    Raises `NotFound`, or `InvalidName` if several projects have one.
    """
    parts = [each for each in path.strip("/").split("/") if each != "runs"] if isinstance(path, str) else []
    if not parts or len(parts) > 3:
        raise InvalidName(f"invalid run path {path!r}: expected [project/]id")
    with store.db.reading() as connection:
        if len(parts) > 1:
            record = runs.find(connection, parts[-2], parts[-1])
            found = [record] if record else []
        else:
            found = runs.find_anywhere(connection, parts[-1])
    here = [each for each in found if each.project == project] if len(found) > 1 else found
    if len(found) > 1 and not here:
        raise InvalidName(
            f"{len(found)} projects have a run {parts[-1]!r}: say which, as in {found[0].project}/{parts[-1]}"
        )
    if not here:
        advice = _called(store, parts) or "list the runs with artstore.Api().runs() or `artstore runs`"
        raise NotFound(f"Could not find run {path!r}: {advice}")
    return PublicRun(store, here[0])


def _called(store: Store, parts: Sequence[str]) -> str:
    """Where somebody gave the name of a run in place of its id: what to say instead."""
    with store.db.reading() as connection:
        found = runs.called(connection, parts[-1], parts[-2] if len(parts) > 1 else None, _NAMED)
    ids = [f"{each.project}/{each.uid}" for each in found]
    return f"runs are found by their id, and {parts[-1]!r} is the name of {' and '.join(ids)}" if ids else ""


def state(store: Store, record: runs.Record) -> str:
    """The state of a run; one whose process let go of its lock without saying anything has crashed."""
    return runs.seen_state(record.state, record.session, lambda session: process_locks.is_alive(store.path, session))


def is_alive(store: Store, record: runs.Record) -> bool:
    """Whether the process of a run holds its lock."""
    return record.session is not None and process_locks.is_alive(store.path, record.session)


def note_crashed(store: Store) -> None:
    """Write down which runs have crashed."""
    with store.db.reading() as connection:
        open_runs = runs.open_runs(connection)
    gone = [record for record in open_runs if not is_alive(store, record)]
    if not gone:
        return
    with store.db.writing() as connection:
        for record in gone:
            if runs.end(connection, record.id, runs.CRASHED, None):
                subject = qualified_name(record)
                events.record(connection, "run-ended", subject, state=runs.CRASHED)
