"""`artstore diff`: what changed from one version to another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from artstore.cli import _completion, _format, _options
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
@click.option("--stat", is_flag=True, help="Only the sums.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(old: str, new: str | None, stat: bool, project: str, store: Path | None, as_json: bool) -> None:
    """Show what was added, removed, changed and renamed from one version to another, in the order of paths.

    With the name of a collection alone, from the version before the newest one to the newest. A rename is an entry
    that went and one that came with the same content.

    The exit code is that of diff: 0 if the entries are equal, 1 if they differ, 2 for an error.
    """
    with _options.open_store(store) as opened:
        before, after = _pair(opened, old, new, project)
        found = opened.diff(before, after)
    equal = not any(found)
    if as_json:
        names = {"old": _format.name(before), "new": _format.name(after), "equal": equal}
        _format.print_json({**names, **_format.sums(found)._asdict()} if stat else {**names, **_data(found)})
    elif equal:
        terminal.note(f"{_format.name(before)} and {_format.name(after)} have equal entries")
    elif stat:
        click.echo(_stat(_format.sums(found)))
    else:
        _format.print_lines(_lines(found))
    if not equal:
        raise click.exceptions.Exit(1)


def _pair(store: Store, old: str, new: str | None, project: str) -> tuple[Version, Version]:
    if new is not None:
        return store.version(old, project=project), store.version(new, project=project)
    if ":" in old:
        raise click.UsageError(f"What is {old} to be compared with? Name two versions, or a collection alone.")
    newest = list(islice(_options.versions_meant(store, old, project), 2))
    if len(newest) < 2:
        raise NotFound(f"{old} has no two versions to compare: see `artstore ls {old}`")
    return newest[1], newest[0]


def _lines(found: Difference) -> Iterator[str]:
    lines = [
        *((each.path, f"added    {each.path}{_size(each)}") for each in found.added),
        *((each.path, f"removed  {each.path}{_size(each)}") for each in found.removed),
        *((after.path, f"changed  {after.path}{_resized(before, after)}") for before, after in found.changed),
        *((after.path, f"renamed  {before.path} -> {after.path}") for before, after in found.renamed),
    ]
    return (terminal.visible(line) for _, line in sorted(lines))


def _size(entry: Entry) -> str:
    return "" if entry.size is None else f"  {_format.size(entry.size)}"


def _resized(before: Entry, after: Entry) -> str:
    return f"{_size(before)} ->{_size(after)[1:]}" if before.size is not None and after.size is not None else ""


def _stat(of: _format.Sums) -> str:
    counts = f"{of.added:,} added, {of.removed:,} removed, {of.changed:,} changed, {of.renamed:,} renamed"
    return f"{counts}  {_format.traffic(of)}".rstrip()


def _data(found: Difference) -> dict[str, Any]:
    return {
        "added": [_format.entry_data(each) for each in found.added],
        "removed": [_format.entry_data(each) for each in found.removed],
        "changed": [_both(*pair) for pair in found.changed],
        "renamed": [_both(*pair) for pair in found.renamed],
    }


def _both(before: Entry, after: Entry) -> dict[str, Any]:
    return {"before": _format.entry_data(before), "after": _format.entry_data(after)}
