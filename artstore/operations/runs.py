"""Runs: begin, write and end them, record what they use and make, and find and list them.

A run that is open holds a process lock, which the system releases when its process ends: so a run that is stored as
running and whose lock is free has crashed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from artstore.catalog import collections, curves, events, garbage, logged_objects, run_files, runs, versions
from artstore.catalog.connection import Connection
from artstore.catalog.curves import Point as Point
from artstore.catalog.filters import Filters
from artstore.catalog.logged_objects import LoggedObject as LoggedObject
from artstore.catalog.logged_objects import LoggedObjects
from artstore.catalog.repository import Repository
from artstore.core.runs import CRASHED, RUNNING, Changes, NewRun, RunRecord, Sharing, check_text, observed_state
from artstore.core.versions import Version
from artstore.errors import InvalidName, NotFound, UsageError
from artstore.ingest.contents import Contents
from artstore.operations import run_folders
from artstore.operations.reclaim_space import reclaim_space
from artstore.operations.run_files import RunFiles, store_files
from artstore.runtime import words
from artstore.runtime.arguments import checked
from artstore.storage import process_locks
from artstore.storage.process_locks import ProcessLock

OLDEST_FIRST = runs.OLDEST_FIRST
MEDIA = "media"
"""The folder of the media that a run logs, among its files."""
_NAMED = 3
"""The number of runs that an error names."""
_NEWEST = 2000
"""The number of runs among which an error looks for the one that was meant."""


class Begun(NamedTuple):
    """A run that has just begun, and the lock that shows that its process is alive: closed when the run ends."""

    record: RunRecord
    lock: ProcessLock
    resumed: bool
    joined: bool = False
    """Whether another process had begun it, which it shares with this one."""


@checked
class Runs:
    """The runs of a store, reached as `Store.runs`."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._db = repository.db

    @property
    def files(self) -> RunFiles:
        """The files of the runs."""
        return RunFiles(self._repository)

    # Begin, write, end

    def begin(self, new: NewRun, *, resume: str | None = None, shared: Sharing | None = None) -> Begun:
        """Begin a run, or continue the run of that id; what is given replaces what the run had.

        `resume` is `allow`, `must` or `never`; without it a run that has ended starts over. With `shared`, one that is
        running is joined, and one that has ended is continued. Raises `InvalidInput` for
        text that is not UTF-8, or `UsageError` if the run is still running or `resume` forbids it.
        """
        for field in ("name", "job_type", "group", "notes", "tags"):
            check_text(field, getattr(new, field))
        self.mark_crashed()
        lock = ProcessLock(self._db.folder)
        try:
            with self._db.writing() as connection:
                before = runs.find(connection, new.project, new.uid)
                if shared is not None and before is not None and self.state(before) == RUNNING:
                    return self._join(connection, before, lock, shared)
                if shared is not None:
                    resume = resume or "allow"
                self._check_resume(before, new, resume)
                if before is None:
                    number = _insert(connection, new, lock)
                else:
                    number = before.id
                    _reopen(connection, number, new, lock, start_over=resume is None)
                record = runs.by_id(connection, number)
                resumed = before is not None and resume is not None
                events.record(connection, "run-started", record.qualified_name, name=record.name, resumed=resumed)
        except BaseException:
            lock.close()
            raise
        return Begun(record, lock, resumed)

    def _join(self, connection: Connection, run: RunRecord, lock: ProcessLock, shared: Sharing) -> Begun:
        if shared.is_primary:
            # From now on it crashes with this process, and not with the one that began it.
            runs.take_over(connection, run.id, lock.name)
        events.record(connection, "run-joined", run.qualified_name, primary=shared.is_primary)
        return Begun(runs.by_id(connection, run.id), lock, resumed=False, joined=True)

    def _check_resume(self, before: RunRecord | None, new: NewRun, resume: str | None) -> None:
        if before is None:
            if resume == "must":
                raise UsageError(f'run {new.uid} is not in project {new.project}: resume="must" needs it to be there')
            return
        if resume == "never":
            raise UsageError(f'run {new.uid} is in project {new.project} already: choose another id, or resume="allow"')
        if before.state == RUNNING and self._is_alive(before.process_lock):
            raise UsageError(f"run {new.uid} is running: wait until it has finished, or choose another id")

    def write(
        self,
        run: RunRecord,
        fields: Mapping[str, Any],
        rows: Iterable[tuple[int | None, str]] = (),
        contents: Contents | None = None,
        merged: Mapping[str, Changes] | None = None,
    ) -> bool:
        """Store fields of a run, such as its tags or config, rows of its history (step, JSON), and files by path.

        `merged` are changes of single keys of its config or summary; a row without a step follows the newest. It is
        durable only if there are files. Returns whether a file was replaced, whose space can be reclaimed.
        """

        def add(connection: Connection) -> None:
            runs.update(connection, run.id, fields)
            for field, changes in (merged or {}).items():
                runs.merge(connection, run.id, field, changes)
            runs.append_history(connection, run.id, rows)

        if contents:
            return store_files(self._repository, run, contents, add)
        with self._db.writing(durable=False) as connection:
            add(connection)
        return False

    def edit(self, run: RunRecord, fields: Mapping[str, Any]) -> None:
        """Change fields of a run from outside of it. Raises `NotFound` if it was deleted."""
        with self._db.writing() as connection:
            runs.by_id(connection, run.id)
            runs.update(connection, run.id, fields)
            events.record(connection, "run-edited", run.qualified_name, **fields)

    def delete(self, run: RunRecord) -> None:
        """Delete a run with its history and its files, and the content that only it has; its versions stay.

        Raises `UsageError` if it is running or has upserted to a version that is not finished, or `NotFound`.
        """
        with self._db.writing() as connection:
            now = runs.by_id(connection, run.id)
            if self.state(now) == RUNNING:
                raise UsageError(f"run {run.uid} is running: wait until it has finished, or end its process")
            if runs.has_pending(connection, run.id):
                raise UsageError(
                    f"run {run.uid} has upserted to a version that is not finished: see `artstore pending`"
                )
            freed = garbage.release(connection, files=run_files.remove(connection, run.id))
            runs.delete(connection, run.id)
            events.record(connection, "run-deleted", run.qualified_name, name=run.name, number=run.id)
            is_only_one = not runs.find_anywhere(connection, run.uid)
        self.files.remove_folders(run, old=is_only_one)
        if freed.chunks:
            reclaim_space(self._repository)

    def put_folder_away(self, run: RunRecord, links: Collection[str]) -> bool:
        """Store the files in the folder of a run that ends, and remove it; return whether files were replaced.

        Links are followed, but not those at the paths `links`: the files that they show are stored already.
        """
        return run_folders.put_folder_away(self._repository, run, links)

    def end(self, run: RunRecord, state: str, exit_code: int | None = None) -> None:
        """End a run as `finished`, `failed` or `crashed`; one that has ended already stays as it is."""
        with self._db.writing() as connection:
            _end(connection, run, state, exit_code=exit_code)

    def mark_crashed(self) -> None:
        """End the runs whose processes are gone as `crashed`."""
        with self._db.reading() as connection:
            running = runs.open_runs(connection)
        crashed = [run for run in running if not self._is_alive(run.process_lock)]
        if not crashed:
            return
        with self._db.writing() as connection:
            for run in crashed:
                _end(connection, run, CRASHED)

    # Versions that runs use and log

    def note_use(self, run: RunRecord, version: Version, role: str | None = None) -> bool:
        """Record that a run used a version, in a role if given; return False if that was recorded already.

        Raises `NotFound` if the version was deleted.
        """
        with self._db.writing() as connection:
            if not versions.exists(connection, version.id):
                raise NotFound(f"{version.name} was deleted: use a version that still exists")
            added = runs.add_use(connection, run.id, version.id, role)
            if added:
                events.record(connection, "version-used", version.qualified_name, run=run.qualified_name, role=role)
        return added

    def note_product(self, run: RunRecord, version: Version, *, step: int | None = None) -> None:
        """Record that a run logged a version that was there already, at a step if given."""
        with self._db.writing() as connection:
            if runs.add_product(connection, run.id, version.id, step=step):
                events.record(connection, "version-produced", version.qualified_name, run=run.id)

    def used(self, run: RunRecord) -> list[Version]:
        """Return the versions that a run used, in the order in which it used them; deleted ones too."""
        with self._db.reading() as connection:
            return [versions.by_id(connection, id) for id in runs.used_versions(connection, run.id)]

    def produced(self, run: RunRecord) -> list[Version]:
        """Return the versions that a run logged, in the order in which it logged them; deleted ones too."""
        with self._db.reading() as connection:
            return [versions.by_id(connection, id) for id in runs.produced_versions(connection, run.id)]

    def users(self, version: Version, *, limit: int = -1) -> list[RunRecord]:
        """Return the runs that used a version, the first one first, at most `limit`."""
        with self._db.reading() as connection:
            return runs.used_by(connection, version.id, limit)

    def count_users(self, version: Version) -> int:
        """Return how many runs used a version."""
        with self._db.reading() as connection:
            return runs.count_used_by(connection, version.id)

    def producers(self, version: Version) -> list[RunRecord]:
        """Return the runs that logged a version, the first one first."""
        with self._db.reading() as connection:
            return runs.produced_by(connection, version.id)

    def step_of(self, version: Version) -> int | None:
        """Return the step of the run that logged a version first, at that time; None if it is not known."""
        with self._db.reading() as connection:
            return runs.product_step(connection, version.id)

    # Find and list

    def find(self, path: str, project: str) -> RunRecord:
        """Find a run: `[[entity/]project/]id`; of several with one id, that of a project.

        Raises `NotFound`, or `InvalidName` if several other projects have one.
        """
        parts = [part for part in path.strip("/").split("/") if part != "runs"] if isinstance(path, str) else []
        if not parts or len(parts) > 3:
            raise InvalidName(f"invalid run path {path!r}: expected [project/]id")
        *before, uid = parts
        with self._db.reading() as connection:
            if before:
                record = runs.find(connection, before[-1], uid)
                everywhere = [record] if record else []
            else:
                everywhere = runs.find_anywhere(connection, uid)
        here = [run for run in everywhere if run.project == project] if len(everywhere) > 1 else everywhere
        if everywhere and not here:
            example = f"{everywhere[0].project}/{uid}"
            raise InvalidName(f"{len(everywhere)} projects have a run {uid!r}: say which, as in {example}")
        if not here:
            advice = self._advice_for_name(uid, before[-1] if before else None)
            raise NotFound(f"Could not find run {path!r}: {advice}")
        return here[0]

    def _advice_for_name(self, name: str, project: str | None) -> str:
        """Return the advice for an id that no run has: it may be the name of a run."""
        with self._db.reading() as connection:
            ids = [f"{run.project}/{run.uid}" for run in runs.by_name(connection, name, project, _NAMED)]
            projects = collections.projects(connection)
            known = runs.newest_names(connection, project, _NEWEST)
        if project is not None and project not in projects:
            near = words.nearest(project, projects)
            hint = f"did you mean {f'{near}/{name}'!r}?" if near else "`artstore runs` lists all runs"
            return f"no project {project!r}, {hint}"
        if not ids and (near := words.nearest(name, known)):
            return f"did you mean {known[near]!r}?"
        if not ids:
            return "list the runs with artstore.Api().runs() or `artstore runs`"
        return f"runs are found by their id, and {name!r} is the name of {' and '.join(ids)}"

    def reload(self, run: RunRecord) -> RunRecord:
        """Read a run again. Raises `NotFound`."""
        with self._db.reading() as connection:
            return runs.by_id(connection, run.id)

    def page(
        self,
        project: str | None = None,
        filters: Filters | None = None,
        *,
        order: str = OLDEST_FIRST,
        after: str | None = None,
        limit: int = -1,
    ) -> list[RunRecord]:
        """Return a page of the runs of a project, or of all, that match filters: those after a run's number.

        Raises `InvalidInput` for a field, operator or order that runs do not have.
        """
        with self._db.reading() as connection:
            return runs.find_all(connection, self._wanted(project, filters), order=order, after=after, limit=limit)

    def count(self, project: str | None = None, filters: Filters | None = None) -> int:
        """Return how many runs of a project, or of all, match filters. Raises `InvalidInput`."""
        with self._db.reading() as connection:
            return runs.count(connection, self._wanted(project, filters))

    def _wanted(self, project: str | None, filters: Filters | None) -> runs.RunQuery:
        return runs.RunQuery(project, filters, self._is_alive)

    def state(self, run: RunRecord) -> str:
        """Return the state of a run: `running`, `finished`, `failed`, `preempted`, or `crashed` if its process died."""
        return observed_state(run.state, run.process_lock, run.preempting, self._is_alive)

    def last_step(self, run: RunRecord) -> int:
        """Return the newest step in the history of a run; -1 if it has none."""
        with self._db.reading() as connection:
            return runs.last_step(connection, run.id)

    def history(self, run: RunRecord, *, after: int = -1, limit: int = -1) -> list[dict[str, Any]]:
        """Return the rows of a run's history beyond a step, each with its `_step`."""
        with self._db.reading() as connection:
            return runs.history(connection, run.id, after=after, limit=limit)

    def logged_objects(self, run: RunRecord, *, at: int | None = None) -> LoggedObjects:
        """Return the newest media, table or chart of each key that a run logged, up to a step."""
        with self._db.reading() as connection:
            return logged_objects.of_run(connection, run.id, at)

    def curves(
        self, run: RunRecord, *, points: int = 1000, first: int | None = None, last: int | None = None
    ) -> Mapping[str, list[Point]]:
        """Return each number that a run logged over its steps, from `first` to `last`, as at most `points` points."""
        with self._db.reading() as connection:
            return curves.of_run(connection, run.id, points, first, last)

    def _is_alive(self, process_lock: str | None) -> bool:
        return process_lock is not None and process_locks.is_alive(self._db.folder, process_lock)


def _insert(connection: Connection, new: NewRun, lock: ProcessLock) -> int:
    return runs.insert(
        connection,
        new.project,
        new.uid,
        name=new.name,
        job_type=new.job_type,
        group=new.group,
        notes=new.notes,
        tags=new.tags,
        config={},
        environment=new.environment,
        process_lock=lock.name,
    )


def _reopen(connection: Connection, number: int, new: NewRun, lock: ProcessLock, *, start_over: bool) -> None:
    if start_over:
        runs.clear_logged(connection, number)
        # What it saved stays until it is saved again; media belong to the history.
        garbage.release(connection, files=run_files.remove(connection, number, below=MEDIA))
    runs.reopen(connection, number, lock.name, new.environment)
    given = {
        # Without a name of its own, a run is named by its id.
        "name": new.name if new.name != new.uid else None,
        "job_type": new.job_type,
        "group": new.group,
        "notes": new.notes,
        "tags": new.tags or None,
    }
    runs.update(connection, number, {field: value for field, value in given.items() if value is not None})


def _end(connection: Connection, run: RunRecord, state: str, **details: Any) -> None:
    if runs.end(connection, run.id, state, details.get("exit_code")):
        events.record(connection, "run-ended", run.qualified_name, state=state, **details)
