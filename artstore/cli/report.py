"""`artstore report`: write a run, or a comparison of runs, as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _completion, _open, _options
from artstore.runtime import terminal
from artstore.web import report


@click.command(
    "report",
    epilog=_options.examples(
        "artstore report 3k9x2m1q --html run.html",
        "artstore report 3k9x2m1q 7d0a4hbe --html comparison.html",
    ),
)
@click.argument("runs", metavar="ID...", nargs=-1, required=True, shell_complete=_completion.runs)
@click.option(
    "--html",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write.",
)
@_options.project_option
@_options.store_option
def command(runs: tuple[str, ...], html: Path, project: str, store: Path | None) -> None:
    """Write a run, or a comparison of runs, as one HTML file, which needs neither the store nor a network.

    It has config, summary, curves, inputs, outputs, lineage and files of one run; of several, what differs between them
    first.
    """
    with _open.open_store(store) as opened:
        records = {record.id: record for record in (opened.runs.find(run, project) for run in runs)}
        html.write_text(report.page(opened, list(records.values())), encoding="utf-8")
    terminal.note(f"wrote {html}")
