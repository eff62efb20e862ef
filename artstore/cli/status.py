"""`artstore status`: check whether the objects that a version references changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.runtime import terminal

if TYPE_CHECKING:
    from artstore.operations.status import Status

# Shortened to the length that `ls` shows.
_DIGEST = re.compile("([a-z0-9]+:[0-9a-f]{12})[0-9a-f]+")


@click.command("status", epilog=_options.examples("artstore status animals", "artstore status animals:v0 --json"))
@click.argument("name", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@_options.project_option
@_options.store_option
@_options.json_option
def command(name: str, project: str, store: Path | None, as_json: bool) -> None:
    """Check whether the objects that a version references changed; without an alias, the newest version.

    \b
    changed  the object differs; if the server keeps old versions, `get` still writes the old one
    missing  the object is gone
    new      the object is below a tracked prefix, and no entry references it

    A reference without a checksum is unchanged as long as an object exists. The exit code is 0 if all are unchanged, 1
    if not, 2 for an error.
    """
    with _open.open_store(store) as opened:
        version = opened.version(name, project=project)
        statuses = opened.status(version, progress=terminal.progress())
    differing = [status for status in statuses if status.state != "unchanged"]
    unchanged = len(statuses) - len(differing)
    if as_json:
        _format.print_json({"name": _format.name(version), "unchanged": unchanged, **_data(differing)})
    elif not statuses:
        terminal.note(f"{_format.name(version)} has no references")
    else:
        _format.print_lines(_lines(differing))
        _format.echo(f"{_format.name(version)}  {_counts(differing, unchanged)}")
    if differing:
        raise click.exceptions.Exit(1)


def _lines(differing: Iterable[Status]) -> Iterator[str]:
    for status in differing:
        both = status.expected and status.found
        content = f"{status.expected} -> {status.found}" if both else status.expected or status.found
        short = _DIGEST.sub(r"\1", content)
        yield terminal.visible(f"{status.state:<8} {status.path}  {short}".rstrip())


def _counts(differing: list[Status], unchanged: int) -> str:
    counts = {state: sum(status.state == state for status in differing) for state in ("changed", "missing", "new")}
    return ", ".join(f"{count:,} {state}" for state, count in {"unchanged": unchanged, **counts}.items())


def _data(differing: list[Status]) -> dict[str, Any]:
    return {
        "changed": [
            {"path": status.path, "expected": status.expected, "found": status.found}
            for status in differing
            if status.state == "changed"
        ],
        "missing": [
            {"path": status.path, "expected": status.expected} for status in differing if status.state == "missing"
        ],
        "new": [{"uri": status.path, "found": status.found} for status in differing if status.state == "new"],
    }
