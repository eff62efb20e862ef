"""Sweeps: runs of one program with values that are searched, in one process or in several that share the store.

A sweep is an artifact of the type `sweep` whose metadata is its config. Its runs have the ids `SWEEP-1`,
`SWEEP-2`, ...: a process takes the next values by beginning the run of the next number, which only one process can do.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from artstore.core import names
from artstore.core.jsonable import to_jsonable
from artstore.core.names import LOCAL
from artstore.core.runs import FINISHED, RUNNING, NewRun
from artstore.errors import InvalidInput, NotFound, UsageError
from artstore.runtime import environment, terminal
from artstore.runtime.arguments import checked
from artstore.store import Store
from artstore.tracking import config_files, open_stores, public_run, search
from artstore.tracking import run as runs
from artstore.tracking.listing import Listing
from artstore.tracking.public_run import PublicRun

TYPE = "sweep"
Begun = TypeVar("Begun")
_VARIABLE, _OWN_VARIABLE = "WANDB_SWEEP_ID", "ARTSTORE_SWEEP_ID"
_TURN = "ARTSTORE_SWEEP_TURN"
"""The environment variable of a turn, `PROJECT/SWEEP/TURN`: one call of an agent's function, or one program.

A turn begins one run of the sweep, whichever of its processes asks first.
"""
_FAILURES = 5
"""An agent gives up if that many runs fail before one succeeds."""


class SweepDone(UsageError):
    """A run of a sweep was begun, and all its values were tried."""


class TurnTaken(UsageError):
    """Another process of the same turn has begun its run."""


@checked
class Sweep:
    """A search for the best values of parameters, and its runs."""

    def __init__(self, store: Store, project: str, id: str) -> None:
        self._store = store
        self.id = id
        self.project = project
        self.entity = LOCAL
        self.config = _find(store, project, id).metadata
        self._parameters = search.read_config(self.config)

    @property
    def name(self) -> str:
        """The name in the config, otherwise the id."""
        return str(self.config.get("name") or self.id)

    @property
    def path(self) -> list[str]:
        """The entity, the project and the id."""
        return [LOCAL, self.project, self.id]

    @property
    def url(self) -> str:
        """Empty: a store has no web pages."""
        return ""

    @property
    def runs(self) -> Listing[PublicRun]:
        """The runs of the sweep, the oldest first."""
        return public_run.list_runs(self._store, self.project, {"metadata.sweep": self.id})

    @property
    def order(self) -> str | None:
        """The order of runs in which the best is the first; None without a metric."""
        metric = self.config.get("metric")
        if not metric:
            return None
        return f"{'-' if self._goal == 'maximize' else '+'}summary_metrics.{metric['name']}"

    @property
    def expected_run_count(self) -> int | None:
        """The number of runs at the end; None for a search without end."""
        if self.config["method"] != "grid":
            cap: int | None = self.config.get("run_cap")
            return cap
        size = 1
        for parameter in self._parameters:
            size *= len(parameter.values or ())
        return min(size, self.config.get("run_cap") or size)

    @property
    def state(self) -> str:
        """`FINISHED` if every run was done, `RUNNING` if one runs, otherwise `PENDING`."""
        states = [run.state for run in self.runs]
        if RUNNING in states:
            return "RUNNING"
        expected = self.expected_run_count
        return "FINISHED" if expected is not None and len(states) >= expected else "PENDING"

    @property
    def _goal(self) -> str:
        return str((self.config.get("metric") or {}).get("goal", "minimize"))

    def best_run(self, order: str | None = None) -> PublicRun | None:
        """Return the run with the best metric, or the first in an order; None if no run has it."""
        if order is None:
            best = (max if self._goal == "maximize" else min)(self._results(), key=lambda each: each[1], default=None)
            return best[0] if best else None
        return next(iter(public_run.list_runs(self._store, self.project, {"metadata.sweep": self.id}, order)), None)

    def _results(self) -> list[tuple[PublicRun, float]]:
        name = (self.config.get("metric") or {}).get("name")
        found = [(run, _number(run.summary.get(name))) for run in self.runs if name]
        return [(run, value) for run, value in found if value is not None and run.state != RUNNING]

    def _next_number(self) -> int:
        taken = {run.id for run in self.runs}
        number = 1
        while f"{self.id}-{number}" in taken:
            number += 1
        return number

    def next_values(self) -> tuple[int, dict[str, Any]] | None:
        """Return the number of the next run and its values; None if the sweep is done."""
        number = self._next_number()
        cap = self.config.get("run_cap")
        if cap is not None and number > cap:
            return None
        seed, method = f"{self.id}-{number}", self.config["method"]
        if method == "grid":
            values = search.grid_values(self._parameters, number - 1)
            return None if values is None else (number, values)
        if method == "random":
            return number, search.random_values(self._parameters, seed)
        results = [(run.config, value) for run, value in self._results() if run.state == FINISHED]
        return number, search.bayes_values(self._parameters, self._goal, results, seed)

    def run_of_turn(self, turn: str) -> PublicRun | None:
        """Return the run that a turn has begun; None if it has begun none."""
        began = {"metadata.sweep": self.id, "metadata.sweep_turn": turn}
        return next(iter(public_run.list_runs(self._store, self.project, began)), None)

    def begin(self, new: NewRun, turn: str, begin: Callable[[NewRun], Begun]) -> tuple[Begun, dict[str, Any]]:
        """Begin the next run of the sweep by a function that refuses ids in use; return its result and the values.

        Raises `SweepDone` if all values were tried, or `TurnTaken`.
        """
        while True:
            following = self.next_values()
            # Looked at after the number was chosen: a process that begins it in the meantime makes `begin` fail.
            if self.run_of_turn(turn) is not None:
                raise TurnTaken(f"the run of this turn of the sweep {self.id} was begun: begin a run without a sweep")
            if following is None:
                raise SweepDone(f"all values of the sweep {self.id} were tried: begin another with artstore.sweep()")
            number, values = following
            uid = f"{self.id}-{number}"
            named = new._replace(
                uid=uid,
                project=self.project,
                name=uid if new.name == new.uid else new.name,
                environment={**new.environment, "sweep": self.id, "sweep_turn": turn},
            )
            try:
                return begin(named), values
            except UsageError:
                # Another process took that number.
                if not any(run.id == uid for run in self.runs):
                    raise

    def _repr_html_(self) -> str:
        return self.runs._repr_html_()

    def __repr__(self) -> str:
        return f"<Sweep {self.project}/{self.id} ({self.state})>"


def _find(store: Store, project: str, id: str) -> Any:
    try:
        return store.version(f"{TYPE}-{id}", project=project, type=TYPE)
    except NotFound as error:
        raise NotFound(f"no sweep {id!r} in project {project!r}: artstore.sweep() makes one") from error


def find_sweep(store: Store, path: str, project: str | None) -> Sweep:
    """Find a sweep: `[[entity/]project/]id`. Without a project, the default is looked in first, and then the others.

    Raises `NotFound`.
    """
    *before, id = path.strip("/").split("/")
    if named := before[-1] if before else project:
        return Sweep(store, names.project(named), id)
    default = names.default_project()
    for other in (default, *store.projects()):
        try:
            return Sweep(store, other, id)
        except NotFound:
            continue
    return Sweep(store, default, id)


def _number(value: Any) -> float | None:
    if isinstance(value, Mapping):
        # A metric that was defined with a summary.
        value = next((value[key] for key in ("best", "min", "max", "last") if key in value), None)
    return float(value) if isinstance(value, int | float) and value == value else None


@checked
def sweep(
    sweep: Mapping[str, Any] | str | os.PathLike[str] | Callable[[], Mapping[str, Any]],
    entity: str | None = None,
    project: str | None = None,
    prior_runs: list[str] | None = None,
) -> str:
    """Make a sweep, and return its id, which `agent` takes.

    >>> id = artstore.sweep({"method": "grid", "parameters": {"lr": {"values": [0.1, 0.01]}}}, project="animals")
    >>> artstore.agent(id, function=train)

    The config, as in W&B, has a `method` (`grid`, `random`, or `bayes`, which needs optuna), `parameters`, a `metric`
    (`name`, `goal`) and a `run_cap`; it may be the path of a JSON or YAML file. `early_terminate` is ignored, with a
    note. Raises `InvalidInput`.
    """
    config = sweep() if callable(sweep) else sweep
    values = to_jsonable(dict(config) if isinstance(config, Mapping) else config_files.read_config(config, None, None))
    search.read_config(values)
    if values.get("early_terminate"):
        terminal.note("artstore: early_terminate of a sweep is ignored: every run ends by itself")
    where = names.project(project or values.get("project") or names.default_project())
    store, id = open_stores.to_write(), runs.generate_id()
    store.commit(store.draft(f"{TYPE}-{id}", TYPE, project=where, metadata=values))
    terminal.note(f"artstore: sweep {id} of {where}")
    return id


class Turn(NamedTuple):
    """One call of an agent's function, or one program that was started for a sweep: it begins one run of it."""

    sweep: Sweep
    id: str

    def begin(self, new: NewRun, begin: Callable[[NewRun], Begun]) -> tuple[Begun, dict[str, Any]] | None:
        """Begin the run of the turn; return None if another of its processes has begun it."""
        try:
            return self.sweep.begin(new, self.id, begin)
        except TurnTaken:
            return None


def current(store: Store, project: str) -> Turn | None:
    """Return the turn of this process and of those that it starts; None if it was not started for a sweep."""
    id = environment.get("ARTSTORE_SWEEP_ID")
    if not id:
        return None
    where, _, of = os.environ.get(_TURN, "").partition("/")
    sweep, _, turn = of.partition("/")
    if sweep != id:
        where, turn = project, runs.generate_id()
        os.environ[_TURN] = f"{where}/{id}/{turn}"
    return Turn(Sweep(store, where, id), turn)


@checked
def agent(
    sweep_id: str,
    function: Callable[[], Any] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    forward_signals: bool = False,
) -> None:
    """Call a function for one run of a sweep after the other: until all values were tried, or `count` times.

    The function calls `artstore.init`, which begins the run with the values of the sweep in its config. Several
    processes may do this at the same time; each run is done by one of them. A function that raises ends its run as
    failed, and the next one begins; if the first five all fail, the error is raised. Programs that are started with
    the variable ARTSTORE_SWEEP_ID, or W&B's, do one run each, without an agent. A sweep of any project is found by its
    id. Raises `NotFound` or `InvalidInput`.
    """
    if function is None:
        raise InvalidInput(
            f"agent needs a function: agent({sweep_id!r}, function=train). A program does one run of the sweep when it "
            f"is started with the environment variable {_VARIABLE}={sweep_id}"
        )
    wanted = find_sweep(open_stores.to_write(), sweep_id, project)
    done = succeeded = 0
    while (count is None or done < count) and wanted.next_values() is not None:
        try:
            succeeded += _call(wanted, function, give_up=not succeeded and done + 1 >= _FAILURES)
        except SweepDone:
            # Another process took the last values.
            return
        done += 1


def _call(wanted: Sweep, function: Callable[[], Any], *, give_up: bool) -> bool:
    """Call the function of an agent once; return whether it succeeded. Its error is printed, or raised to give up."""
    turn = runs.generate_id()
    before = {name: os.environ.get(name) for name in (_VARIABLE, _OWN_VARIABLE, _TURN)}
    os.environ |= {_VARIABLE: wanted.id, _OWN_VARIABLE: wanted.id, _TURN: f"{wanted.project}/{wanted.id}/{turn}"}
    try:
        function()
        began = wanted.run_of_turn(turn)
        if began is None:
            raise UsageError("the function of a sweep did not call artstore.init(), which begins its run")
        _finish(0)
        return True
    except Exception as error:
        _finish(1)
        if give_up or wanted.run_of_turn(turn) is None:
            raise
        terminal.print_error("".join(traceback.format_exception(error)))
        return False
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _finish(code: int) -> None:
    open_run = runs.current()
    if open_run is not None:
        open_run.finish(exit_code=code)
