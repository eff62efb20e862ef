"""`artstore status`: what became of the objects that a version refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artstore.cli import _completion, _format, _options
from artstore.runtime import terminal

if TYPE_CHECKING:
    from artstore.operations.status import Status

# As much of it as `ls` shows.
_DIGEST = re.compile("([a-z0-9]+:[0-9a-f]{12})[0-9a-f]+")


@click.command("status", epilog=_options.examples("artstore status animals", "artstore status animals:v0 --json"))
@click.argument("wanted", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@_options.project_option
@_options.store_option
@_options.json_option
def command(wanted: str, project: str, store: Path | None, as_json: bool) -> None:
    """Compare what a version refers to with what is there now; without an alias, the newest.

    \b
    changed  something else is there; where the server keeps old versions, `get` still writes what was there
    missing  nothing is there any more
    new      it came below a prefix since, and no entry refers to it

    A reference without a checksum is unchanged as long as anything is there. The exit code is 0 if all are unchanged,
    1 if not, 2 for an error.
    """
    with _options.open_store(store) as opened:
        version = opened.version(wanted, project=project)
        found = opened.status(version, progress=terminal.progress())
    differing = [each for each in found if each.state != "unchanged"]
    unchanged = len(found) - len(differing)
    if as_json:
        _format.print_json({"name": _format.name(version), "unchanged": unchanged, **_data(differing)})
    elif not found:
        terminal.note(f"{_format.name(version)} refers to nothing that is kept elsewhere")
    else:
        _format.print_lines(_lines(differing))
        click.echo(f"{_format.name(version)}  {_sums(differing, unchanged)}")
    if differing:
        raise click.exceptions.Exit(1)


def _lines(differing: Iterable[Status]) -> Iterator[str]:
    for each in differing:
        both = each.expected and each.found
        told = f"{each.expected} -> {each.found}" if both else each.expected or each.found
        short = _DIGEST.sub(r"\1", told)
        yield terminal.visible(f"{each.state:<8} {each.path}  {short}".rstrip())


def _sums(differing: list[Status], unchanged: int) -> str:
    counts = {state: sum(each.state == state for each in differing) for state in ("changed", "missing", "new")}
    return ", ".join(f"{count:,} {state}" for state, count in {"unchanged": unchanged, **counts}.items())


def _data(differing: list[Status]) -> dict[str, Any]:
    return {
        "changed": [
            {"path": each.path, "expected": each.expected, "found": each.found}
            for each in differing
            if each.state == "changed"
        ],
        "missing": [{"path": each.path, "expected": each.expected} for each in differing if each.state == "missing"],
        "new": [{"uri": each.path, "found": each.found} for each in differing if each.state == "new"],
    }
