"""`artstore lineage`: show what a version was made from and what used it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.errors import InvalidName, NotFound
from artstore.lineage.graph import DIRECTIONS, Direction
from artstore.lineage.lineage import Lineage
from artstore.runtime import terminal
from artstore.store import Store

_FORMATS = ("tree", "json", "dot", "mermaid", "svg", "openlineage", "prov")


@click.command(
    "lineage",
    epilog=_options.examples(
        "artstore lineage classifier",
        "artstore lineage 3k9x2m1q --direction upstream",
        "artstore lineage images:v0 --direction downstream --depth 2",
        "artstore lineage classifier:best --summary",
        "artstore lineage classifier --format dot | dot -Tsvg > lineage.svg",
        "artstore lineage classifier --html lineage.html",
    ),
)
@click.argument("name", metavar="NAME[:ALIAS]|RUN", shell_complete=_completion.versions)
@click.option(
    "--direction",
    type=click.Choice(DIRECTIONS),
    default="both",
    show_default=True,
    help="What it was made from, or what used it.",
)
@click.option(
    "--depth",
    metavar="N",
    type=_options.Number(min=0),
    help="Hops to follow; from a version to a run is one hop.  [default: all]",
)
@click.option("--summary", is_flag=True, help="Show collections and job types instead of versions and runs.")
@click.option(
    "--format",
    "format",
    type=click.Choice(_FORMATS),
    default="tree",
    show_default=True,
    help="What to print.",
)
@click.option(
    "--html",
    "html",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the drawing and a list of its nodes into one HTML file.",
)
@_options.project_option
@_options.store_option
@_options.json_option
def command(
    name: str,
    direction: Direction,
    depth: int | None,
    summary: bool,
    format: str,
    html: Path | None,
    project: str,
    store: Path | None,
    as_json: bool,
) -> None:
    """Show what a version or a run was made from and what used it; without an alias, the newest version.

    Versions are connected by runs that used or logged them, and by references to other versions. A tree shows a node
    that it has shown before as `see above`. Deleted versions are included. OpenLineage events are printed one per
    line.
    """
    if summary and format in ("openlineage", "prov"):
        raise click.UsageError(f"{format} describes single runs and versions: leave out --summary")
    with _open.open_store(store) as opened:
        graph = _graph(opened, name, project, direction, depth)
    shown = graph.summary() if summary else graph
    if html is not None:
        html.write_text(shown.to_html(), encoding="utf-8")
        terminal.note(f"wrote {html}")
    else:
        _print(shown, "json" if as_json else format)


def _graph(store: Store, name: str, project: str, direction: Direction, depth: int | None) -> Lineage:
    """Return the lineage of a version, or of a run if no artifact has the name. Raises `NotFound`."""
    try:
        return store.lineage(store.version(name, project=project), direction, depth)
    except NotFound as error:
        try:
            run = store.runs.find(name, project)
        except (NotFound, InvalidName):
            raise error from None
    return store.run_lineage(run.id, direction, depth)


def _branch(line: str, room: int | None) -> Iterable[str]:
    """Return a line of a tree as lines that fit the terminal, with the tree continued at their left."""
    if room is None:
        return [line]
    text = line.lstrip("│├└─ ")
    before = line[: len(line) - len(text)]
    kept = before[-(room // 2) :]
    return terminal.wrapped(kept + text, room, kept.replace("├", "│").translate({ord(c): " " for c in "└─"}) + "  ")


def _print(graph: Lineage, format: str) -> None:
    if format == "tree":
        room = terminal.room(sys.stdout)
        lines = map(terminal.visible, graph.to_text().split("\n"))
        _format.print_lines(part for line in lines for part in _branch(line, room))
    elif format == "json":
        _format.print_json(graph.to_json())
    elif format == "prov":
        _format.print_json(graph.to_prov())
    elif format == "openlineage":
        _format.print_lines(map(json.dumps, graph.to_openlineage()))
    else:
        text = {"dot": graph.to_dot, "mermaid": graph.to_mermaid, "svg": graph.to_svg}[format]()
        click.echo(text.rstrip("\n"))
