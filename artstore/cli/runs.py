"""`artstore runs`: list runs, show everything about one, or compare runs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click

from artstore.cli import _completion, _format, _open, _options, _run_plot, _run_values
from artstore.core import names
from artstore.errors import InvalidInput
from artstore.runtime import terminal
from artstore.store import Store
from artstore.tracking import public_run
from artstore.tracking.public_run import PublicRun

_STATES = ("running", "finished", "failed", "crashed", "preempted")
_NEWEST_FIRST = "-created_at"
_DIFF = "diff"
_PLOT = "plot"
_COLUMNS = 8
"""The most columns of config and summary that are shown unless --columns names them."""


_SAMPLE = 200
"""The runs in which a value is looked for that --order names without `config.` or `summary.`."""


@click.command(
    "runs",
    epilog=_options.examples(
        "artstore runs",
        "artstore runs 3k9x2m1q",
        "artstore runs --project zoo --state failed -n 10",
        "artstore runs --project zoo --columns lr,accuracy --order -accuracy",
        "artstore runs diff 3k9x2m1q 7d0a4hbe",
        "artstore runs plot loss 'val/*' --project zoo --smooth 0.8",
        "artstore runs plot loss --run 3k9x2m1q --run 7d0a4hbe --out loss.svg",
        """artstore runs --filter '{"config.lr": {"$lt": 0.1}}' --order -accuracy""",
    ),
)
@click.argument("words", metavar="[ID | diff ID ID... | plot METRIC...]", nargs=-1, shell_complete=_completion.runs)
@_options.any_project_option
@click.option("--state", type=click.Choice(_STATES), help="Only runs in this state.")
@click.option("--job-type", metavar="T", help="Only runs of this job type.")
@click.option("--group", metavar="G", help="Only runs of this group.")
@click.option(
    "--filter",
    "filters",
    metavar="JSON",
    callback=_options.json_object,
    help="Only runs that match a filter: see docs/lineage.md.",
)
@click.option(
    "--order",
    metavar="FIELD",
    default=_NEWEST_FIRST,
    show_default=True,
    help="Sort by a field, or a value of summary or config, ascending; descending with - before it.",
)
@click.option("-n", "limit", metavar="N", type=_options.Number(min=1), help="At most N runs.")
@click.option(
    "--columns",
    metavar="A,B",
    help="Show these values of config and summary.  [default: those that differ, if the runs share a project]",
)
@click.option("--absolute", is_flag=True, help="Show when runs started as date and time.")
@click.option("--run", "chosen", metavar="ID", multiple=True, help="With plot: draw this run. Repeatable.")
@click.option(
    "--smooth",
    metavar="W",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    help="With plot: smooth curves by W, 0 to below 1.",
)
@click.option("--log", is_flag=True, help="With plot: a logarithmic axis of values.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With plot: write a .svg or .png file, or the Vega-Lite .json.",
)
@_options.store_option
@_options.json_option
def command(
    words: tuple[str, ...],
    project: str | None,
    state: str | None,
    job_type: str | None,
    group: str | None,
    filters: dict[str, Any] | None,
    order: str,
    limit: int | None,
    columns: str | None,
    absolute: bool,
    chosen: tuple[str, ...],
    smooth: float,
    log: bool,
    out: Path | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """List the runs of the store, the newest first, show everything about the run ID, compare runs, or plot metrics.

    A run has crashed if its process ended without finishing it.

    `diff` shows what differs between the config and the summary of runs, then what is the same. `plot` draws metrics
    over steps, of the runs that --run names or that filters match: the first 10, unless -n says otherwise.
    """
    fields = {"state": state, "job_type": job_type, "group": group}
    equal = {field: value for field, value in fields.items() if value is not None}
    plot = _run_plot.Options(smooth, log, out)
    plotting = words[:1] == (_PLOT,)
    if not plotting and (chosen or plot != _run_plot.Options()):
        raise click.UsageError("--run, --smooth, --log and --out are for plot, as in: artstore runs plot loss --log")
    if words and not plotting and (equal or filters or limit or columns or absolute):
        raise click.UsageError(
            "Filters, limits and columns are for lists, an ID is for one run: leave out one or the other."
        )
    with _open.open_store(store) as opened:
        if plotting or not words:
            if chosen:
                found = [_find(opened, run_id, project) for run_id in chosen]
            else:
                most = limit or (_run_plot.RUNS if plotting else None)
                found = _matching(opened, project, {"$and": [equal, filters or {}]}, order, most)
            if not found and not as_json:
                hint = _options.unknown_project(opened, project)
                terminal.note(f"no such runs{hint}: artstore.init() starts one, and `artstore runs` lists all")
            elif plotting:
                _run_plot.command(opened, words[1:], found, plot, as_json)
            else:
                wanted = None if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
                _list(found, wanted, order, absolute, as_json, one_project=project is not None)
        elif words[0] == _DIFF:
            _diff([_find(opened, run_id, project) for run_id in _compared(words[1:])], as_json)
        elif len(words) > 1:
            raise click.UsageError(f"One run is shown at a time: to compare, use artstore runs diff {' '.join(words)}")
        else:
            _show(_find(opened, words[0], project), as_json)


def _matching(
    store: Store, project: str | None, filters: dict[str, Any], order: str, limit: int | None
) -> list[PublicRun]:
    by = _order(store, project, order)
    found = public_run.list_runs(store, project, filters, by, per_page=min(limit or 500, 500))
    return list(islice(found, limit))


def _order(store: Store, project: str | None, order: str) -> str:
    """Return the order by a field, which may be given by the short name of a value of summary or config."""
    try:
        public_run.list_runs(store, project, None, order)
    except InvalidInput:
        name = order.lstrip("+-")
        field = _run_values.field(islice(public_run.list_runs(store, project, None, _NEWEST_FIRST), _SAMPLE), name)
        if field is None:
            raise
        return order.removesuffix(name) + field
    return order


def _find(store: Store, run_id: str, project: str | None) -> PublicRun:
    return public_run.find_run(store, run_id, project or names.default_project())


def _list(
    runs: Sequence[PublicRun],
    wanted: Sequence[str] | None,
    order: str,
    absolute: bool,
    as_json: bool,
    *,
    one_project: bool,
) -> None:
    if as_json:
        _format.print_json_list(run.facts() for run in runs)
        return
    about = {
        "id": [run.id for run in runs],
        "name": [run.name for run in runs] if any(run.name != run.id for run in runs) else [],
        "project": [] if one_project else [run.project for run in runs],
        "job type": [run.job_type or "" for run in runs],
        "group": [run.group or "" for run in runs],
        "state": [run.state for run in runs],
        "started": [_started(run, absolute) for run in runs],
        "duration": list(map(_duration, runs)),
    }
    columns = [name for name, texts in about.items() if any(texts)]
    rows = list(map(list, zip(*(about[name] for name in columns), strict=True)))
    values, shown = _run_values.lines(runs), []
    if wanted is not None:
        shown = _run_values.chosen(values, wanted)
    elif len(runs) > 1 and len({run.project for run in runs}) == 1:
        shown = _run_values.differing(values, order)
    right = _run_values.labels(shown, columns)
    cells = [list(map(_run_values.text, line.values)) for line in shown]
    fitting = len(shown) if wanted is not None else _fitting(columns, rows, right, cells)
    # What has room is chosen by importance, and then stands in the order of the config and the summary.
    kept = range(fitting) if wanted is not None else sorted(range(fitting), key=lambda n: values.index(shown[n]))
    table = [[*row, *(cells[n][number] for n in kept)] for number, row in enumerate(rows)]
    numbers = [label for label, line in zip(right, shown, strict=True) if _run_values.numeric(line)]
    _format.print_lines(_format.table([*columns, *(right[n] for n in kept)], table, right=numbers))
    if fitting < len(shown):
        more = _format.counted(len(shown) - fitting, "more column", "more columns")
        terminal.note(f"{more} with values that differ: --columns {','.join(right[fitting : fitting + _COLUMNS])}")


def _fitting(
    columns: Sequence[str], rows: Sequence[Sequence[str]], labels: Sequence[str], cells: Sequence[Sequence[str]]
) -> int:
    """Return how many columns of values are shown: those that a terminal has room for."""
    most = min(len(labels), _COLUMNS)
    if not sys.stdout.isatty():
        return most
    room = shutil.get_terminal_size().columns - _format.table_width(columns, rows)
    if room < 0:
        # Then each run is a paragraph, which has room for everything.
        return most
    for number in range(most):
        room -= 2 + max(map(len, [labels[number], *cells[number]]))
        if room < 0:
            return number
    return most


def _compared(run_ids: Sequence[str]) -> Sequence[str]:
    if len(run_ids) < 2:
        raise click.UsageError("Name two runs or more, as in: artstore runs diff 3k9x2m1q 7d0a4hbe")
    return run_ids


def _diff(runs: Sequence[PublicRun], as_json: bool) -> None:
    lines = _run_values.lines(runs)
    different, same = [line for line in lines if not line.same], [line for line in lines if line.same]
    if as_json:
        _format.print_json(
            {
                "runs": [_format.qualified(run.project, run.id) for run in runs],
                "different": {line.key: line.values for line in different},
                "same": {line.key: line.values[0] for line in same},
            }
        )
        return
    about = [
        ["name", *(run.name if run.name != run.id else "" for run in runs)],
        ["state", *(run.state for run in runs)],
        ["duration", *map(_duration, runs)],
        ["commit", *((run.metadata.get("git") or {}).get("commit") or "" for run in runs)],
        ["used", *(", ".join(run.facts()["used"]) for run in runs)],
    ]
    rows = [
        *([line.key, *map(_run_values.text, line.values)] for line in different),
        *(row for row in about if len(set(row[1:])) > 1),
    ]
    if rows:
        heads = [_format.qualified(run.project, run.id) for run in runs]
        _format.print_lines(_format.table(["different", *heads], rows))
    else:
        _format.echo("config and summary are the same")
    equal = [[line.key, _run_values.text(line.values[0])] for line in same]
    equal += [row[:2] for row in about if row[0] == "used" and row[1] and len(set(row[1:])) == 1]
    if equal:
        click.echo()
        _format.print_lines(_format.table(["same", "value"], equal))


def _started(run: PublicRun, absolute: bool) -> str:
    return _format.local_time(datetime.fromisoformat(run.created_at)) if absolute else _format.age(run.created_at)


def _show(run: PublicRun, as_json: bool) -> None:
    if as_json:
        _format.print_json(run.facts())
    else:
        _format.print_lines(_lines(run))


def _lines(run: PublicRun) -> Iterator[str]:
    yield terminal.visible(_format.qualified(run.project, run.name))
    yield from _format.labelled(_rows(run))


def _rows(run: PublicRun) -> Iterator[tuple[str, str]]:
    """Yield labels and texts; those without a value are left out."""
    facts = run.facts()
    environment = dict(facts["environment"])
    yield "id", run.id
    yield "project", run.project
    yield "state", run.state if not run.exit_code else f"{run.state} (exit code {run.exit_code})"
    started = datetime.fromisoformat(run.created_at)
    yield "started", f"{_format.local_time(started)} ({_format.age(run.created_at)})"
    optional = {
        "duration": _duration(run),
        "job type": run.job_type,
        "group": run.group,
        "tags": ", ".join(run.tags),
        "notes": (run.notes or "").strip(),
        "code": _code(environment.pop("git", None)),
        "command": " ".join(environment.pop("command", [])),
        "config": _pretty(run.config),
        "summary": _pretty(run.summary),
        "environment": "\n".join(f"{key} {value}" for key, value in environment.items() if value not in (None, "")),
        "used": "\n".join(facts["used"]),
        "logged": "\n".join(facts["logged"]),
    }
    yield from ((label, text) for label, text in optional.items() if text)


def _duration(run: PublicRun) -> str:
    ended = datetime.fromisoformat(run.ended_at) if run.ended_at else None
    if ended is None and run.state != "running":
        return ""
    return _format.duration(((ended or datetime.now(UTC)) - datetime.fromisoformat(run.created_at)).total_seconds())


def _code(git: dict[str, Any] | None) -> str:
    if not git:
        return ""
    branch = f" on {git['branch']}" if git.get("branch") else ""
    remote = f" of {git['remote']}" if git.get("remote") else ""
    return f"{git['commit']}{branch}{remote}{', with changes' if git.get('dirty') else ''}"


def _pretty(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False) if values else ""
