"""`artstore diff`: show what changed between two versions; its exit code: 0 equal, 1 different, 2 an error."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.core.manifest import Entry
from artstore.core.versions import Version
from artstore.errors import NotFound
from artstore.operations.diff import Difference
from artstore.runtime import terminal
from artstore.store import Store


@click.command(
    "diff",
    epilog=_options.examples(
        "artstore diff animals:v0 animals:v1", "artstore diff animals", "artstore diff animals:best animals --stat"
    ),
)
@click.argument("old", metavar="OLD", shell_complete=_completion.versions)
@click.argument("new", metavar="[NEW]", required=False, shell_complete=_completion.versions)
@click.option("--stat", is_flag=True, help="Only the totals.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(old: str, new: str | None, stat: bool, project: str, store: Path | None, as_json: bool) -> None:
    """Show the entries that were added, removed, changed or renamed from OLD to NEW, in path order.

    With only the name of a collection, compare its two newest versions. An entry that was removed, and one that was
    added with the same content, are shown as a rename.

    The exit code is that of diff: 0 if the entries are equal, 1 if they differ, 2 for an error.
    """
    with _open.open_store(store) as opened:
        before, after = _pair(opened, old, new, project)
        difference = opened.diff(before, after)
    equal = not any(difference)
    if as_json:
        names = {"old": _format.name(before), "new": _format.name(after), "equal": equal}
        _format.print_json(names | (_format.totals(difference)._asdict() if stat else _data(difference)))
    elif equal:
        terminal.note(f"{_format.name(before)} and {_format.name(after)} have equal entries")
    elif stat:
        _format.echo(_stat(_format.totals(difference)))
    else:
        _format.print_lines(_lines(difference))
    if not equal:
        raise click.exceptions.Exit(1)


def _pair(store: Store, old: str, new: str | None, project: str) -> tuple[Version, Version]:
    if new is not None:
        return store.version(old, project=project), store.version(new, project=project)
    if ":" in old:
        raise click.UsageError(f"What should {old} be compared with? Name two versions, or only a collection.")
    newest = list(islice(_options.named_versions(store, old, project), 2))
    if len(newest) < 2:
        raise NotFound(f"{old} does not have two versions to compare: see `artstore ls {old}`")
    return newest[1], newest[0]


def _lines(difference: Difference) -> Iterator[str]:
    lines = [
        *((entry.path, f"added    {entry.path}{_size(entry)}") for entry in difference.added),
        *((entry.path, f"removed  {entry.path}{_size(entry)}") for entry in difference.removed),
        *((after.path, f"changed  {after.path}{_sizes(before, after)}") for before, after in difference.changed),
        *((after.path, f"renamed  {before.path} -> {after.path}") for before, after in difference.renamed),
    ]
    return (terminal.visible(line) for _, line in sorted(lines))


def _size(entry: Entry) -> str:
    return "" if entry.size is None else f"  {_format.size(entry.size)}"


def _sizes(before: Entry, after: Entry) -> str:
    return f"{_size(before)} ->{_size(after)[1:]}" if before.size is not None and after.size is not None else ""


def _stat(totals: _format.Totals) -> str:
    counts = {"added": totals.added, "removed": totals.removed, "changed": totals.changed, "renamed": totals.renamed}
    listed = ", ".join(f"{count:,} {change}" for change, count in counts.items())
    return f"{listed}  {_format.byte_changes(totals)}".rstrip()


def _data(difference: Difference) -> dict[str, Any]:
    return {
        "added": [_format.entry_data(entry) for entry in difference.added],
        "removed": [_format.entry_data(entry) for entry in difference.removed],
        "changed": [_pair_data(*pair) for pair in difference.changed],
        "renamed": [_pair_data(*pair) for pair in difference.renamed],
    }


def _pair_data(before: Entry, after: Entry) -> dict[str, Any]:
    return {"before": _format.entry_data(before), "after": _format.entry_data(after)}
