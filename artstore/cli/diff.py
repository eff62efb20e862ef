"""`artstore diff`: what changed from one version to another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from artstore import terminal
from artstore.cli import completing, options, showing
from artstore.diff import Difference
from artstore.errors import NotFound
from artstore.manifest import Entry
from artstore.store import Store
from artstore.version import Version


@click.command(
    "diff",
    epilog=options.examples(
        "artstore diff animals:v0 animals:v1", "artstore diff animals", "artstore diff animals:best animals --stat"
    ),
)
@click.argument("old", metavar="OLD", shell_complete=completing.versions)
@click.argument("new", metavar="[NEW]", required=False, shell_complete=completing.versions)
@click.option("--stat", is_flag=True, help="Only the sums.")
@options.project_option
@options.store_option
@options.json_option
def command(old: str, new: str | None, stat: bool, project: str, store: Path | None, as_json: bool) -> None:
    """Show what was added, removed, changed and renamed from one version to another, in the order of paths.

    With the name of a collection alone, from the version before the newest one to the newest. A rename is an entry
    that went and one that came with the same content.

    The exit code is that of diff: 0 if the entries are equal, 1 if they differ, 2 for an error.
    """
    with options.open_store(store) as opened:
        before, after = _pair(opened, old, new, project)
        found = opened.diff(before, after)
    equal = not any(found)
    if as_json:
        names = {"old": showing.name(before), "new": showing.name(after), "equal": equal}
        showing.print_json({**names, **showing.sums(found)._asdict()} if stat else {**names, **_data(found)})
    elif equal:
        terminal.note(f"{showing.name(before)} and {showing.name(after)} have equal entries")
    elif stat:
        click.echo(_stat(showing.sums(found)))
    else:
        showing.print_lines(_lines(found))
    if not equal:
        raise click.exceptions.Exit(1)


def _pair(store: Store, old: str, new: str | None, project: str) -> tuple[Version, Version]:
    if new is not None:
        return store.version(old, project=project), store.version(new, project=project)
    if ":" in old:
        raise click.UsageError(f"What is {old} to be compared with? Name two versions, or a collection alone.")
    newest = list(islice(options.versions_meant(store, old, project), 2))
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
    return "" if entry.size is None else f"  {showing.size(entry.size)}"


def _resized(before: Entry, after: Entry) -> str:
    return f"{_size(before)} ->{_size(after)[1:]}" if before.size is not None and after.size is not None else ""


def _stat(of: showing.Sums) -> str:
    counts = f"{of.added:,} added, {of.removed:,} removed, {of.changed:,} changed, {of.renamed:,} renamed"
    return f"{counts}  {showing.traffic(of)}".rstrip()


def _data(found: Difference) -> dict[str, Any]:
    return {
        "added": [showing.entry_data(each) for each in found.added],
        "removed": [showing.entry_data(each) for each in found.removed],
        "changed": [_both(*pair) for pair in found.changed],
        "renamed": [_both(*pair) for pair in found.renamed],
    }


def _both(before: Entry, after: Entry) -> dict[str, Any]:
    return {"before": showing.entry_data(before), "after": showing.entry_data(after)}
