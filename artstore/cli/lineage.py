"""`artstore lineage`: what a version came from, and what came of it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from artstore.cli import _completion, _format, _options
from artstore.lineage.graph import DIRECTIONS, Direction
from artstore.lineage.lineage import Lineage
from artstore.runtime import terminal

_FORMATS = ("tree", "json", "dot", "mermaid", "svg", "openlineage", "prov")


@click.command(
    "lineage",
    epilog=_options.examples(
        "artstore lineage classifier",
        "artstore lineage images:v0 --direction downstream --depth 2",
        "artstore lineage classifier:best --summary",
        "artstore lineage classifier --format dot | dot -Tsvg > lineage.svg",
    ),
)
@click.argument("wanted", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@click.option(
    "--direction",
    type=click.Choice(DIRECTIONS),
    default="both",
    show_default=True,
    help="Where to look: what it came from, or what came of it.",
)
@click.option(
    "--depth",
    metavar="N",
    type=click.IntRange(min=0),
    help="How many hops to follow; from a version to a run is one.  [default: all]",
)
@click.option("--summary", is_flag=True, help="Collections and job types in place of versions and runs.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="tree",
    show_default=True,
    help="What to print.",
)
@_options.project_option
@_options.store_option
@_options.json_option
def command(
    wanted: str,
    direction: Direction,
    depth: int | None,
    summary: bool,
    form: str,
    project: str,
    store: Path | None,
    as_json: bool,
) -> None:
    """Show what a version came from and what came of it; without an alias, of the newest.

    Runs that used or logged versions, and versions that reference others, are what connects them. A tree shows what
    was met before as `see above`. Deleted versions are still known. OpenLineage events are printed one a line.
    """
    if summary and form in ("openlineage", "prov"):
        raise click.UsageError(f"{form} tells single runs and versions: leave --summary out")
    with _options.open_store(store) as opened:
        found = opened.lineage(opened.version(wanted, project=project), direction, depth)
    _print(found.summary() if summary else found, "json" if as_json else form)


def _print(found: Lineage, form: str) -> None:
    if form == "tree":
        _format.print_lines(map(terminal.visible, found.to_text().split("\n")))
    elif form == "json":
        _format.print_json(found.to_json())
    elif form == "prov":
        _format.print_json(found.to_prov())
    elif form == "openlineage":
        _format.print_lines(map(json.dumps, found.to_openlineage()))
    else:
        drawn = {"dot": found.to_dot, "mermaid": found.to_mermaid, "svg": found.to_svg}[form]()
        click.echo(drawn.rstrip("\n"))
