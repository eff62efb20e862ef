"""`artstore runs`: list runs, or show everything about one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.core.names import DEFAULT_PROJECT
from artstore.runtime import terminal
from artstore.store import Store
from artstore.tracking import public_run
from artstore.tracking.public_run import PublicRun

_STATES = ("running", "finished", "failed", "crashed")
_NEWEST_FIRST = "-created_at"


@click.command(
    "runs",
    epilog=_options.examples(
        "artstore runs",
        "artstore runs 3k9x2m1q",
        "artstore runs --project zoo --state failed -n 10",
        """artstore runs --filter '{"config.lr": {"$lt": 0.1}}' --order -summary_metrics.accuracy""",
    ),
)
@click.argument("run_id", metavar="[ID]", required=False, shell_complete=_completion.runs)
@click.option("--project", metavar="P", help="The project.  [default: all]", shell_complete=_completion.projects)
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
    help="Sort by a field, ascending; descending with - before it.",
)
@click.option("-n", "limit", metavar="N", type=click.IntRange(min=1), help="At most N runs.")
@_options.store_option
@_options.json_option
def command(
    run_id: str | None,
    project: str | None,
    state: str | None,
    job_type: str | None,
    group: str | None,
    filters: dict[str, Any] | None,
    order: str,
    limit: int | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """List the runs of the store, the newest first, or show everything about the run ID.

    A run has crashed if its process ended without finishing it.
    """
    fields = {"state": state, "job_type": job_type, "group": group}
    equal = {field: value for field, value in fields.items() if value is not None}
    with _open.open_store(store) as opened:
        if run_id is None:
            _list(opened, project, {"$and": [equal, filters or {}]}, order, limit, as_json)
            return
        if equal or filters or limit:
            raise click.UsageError(
                "Filters and limits are for lists, an ID is for one run: leave out one or the other."
            )
        _show(public_run.find_run(opened, run_id, project or DEFAULT_PROJECT), as_json)


def _list(
    store: Store, project: str | None, filters: dict[str, Any], order: str, limit: int | None, as_json: bool
) -> None:
    runs = islice(public_run.list_runs(store, project, filters, order, per_page=min(limit or 500, 500)), limit)
    if as_json:
        _format.print_json_list(run.facts() for run in runs)
        return
    rows = [
        [run.id, run.name, run.project, run.job_type or "", run.state, _format.age(run.created_at), _duration(run)]
        for run in runs
    ]
    if rows:
        _format.print_lines(_format.table(["id", "name", "project", "job type", "state", "started", "duration"], rows))
    else:
        terminal.note("no such runs: artstore.init() starts one, and `artstore runs` lists all")


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
