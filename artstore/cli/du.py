"""`artstore du`: what a store takes, and what of it is whose."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _completion, _format, _options
from artstore.core.versions import Version
from artstore.runtime import terminal
from artstore.store import Store, Usage


@click.command("du", epilog=_options.examples("artstore du", "artstore du animals", "artstore du animals:v0 --json"))
@click.argument("wanted", metavar="[NAME[:ALIAS]]", required=False, shell_complete=_completion.versions)
@_options.project_option
@_options.store_option
@_options.json_option
def command(wanted: str | None, project: str, store: Path | None, as_json: bool) -> None:
    """Show what the store takes, or what each version of a collection does.

    \b
    size         what the version takes when written out
    owned        content that no earlier version of the store holds; over all versions, this sums up to what is stored
    reclaimable  what deleting this version alone would free
    """
    with _options.open_store(store) as opened:
        if wanted is None:
            _whole(opened.usage(), as_json)
        else:
            _each(opened, list(_options.versions_meant(opened, wanted, project)), as_json)


def _whole(usage: Usage, as_json: bool) -> None:
    if as_json:
        _format.print_json(usage._asdict())
        return
    versions = _format.counted(usage.versions, "version", "versions")
    rows = [
        (f"{versions} would take when written out", usage.version_bytes),
        ("content, each piece once", usage.content_bytes),
        *([("the same, compressed", usage.stored_bytes)] if usage.stored_bytes != usage.content_bytes else []),
        ("dead, taking room until the next sweep", usage.dead_bytes),
        ("packs on the disk", usage.allocated_bytes),
        ("catalog on the disk", usage.catalog_bytes),
    ]
    if usage.pending:
        pending = _format.counted(usage.pending, "pending version", "pending versions")
        rows.insert(1, (f"{pending} would take when written out", usage.pending_bytes))
    width = max(len(_format.size(count)) for _, count in rows)
    _format.print_lines(f"{_format.size(count):>{width}}  {said}" for said, count in rows)


def _each(store: Store, versions: list[Version], as_json: bool) -> None:
    shares = store.shares(versions)
    found = [(each, *shares[each.id]) for each in versions]
    if as_json:
        _format.print_json_list(
            {
                "name": each.name,
                "project": each.project,
                "size": each.size,
                "owned_bytes": owned,
                "reclaimable_bytes": reclaimable,
            }
            for each, owned, reclaimable in found
        )
        return
    if not found:
        terminal.note("all versions of it were deleted")
        return
    rows = [[_format.name(each), *map(_format.size, (each.size, owned, free))] for each, owned, free in found]
    columns = ["version", "size", "owned", "reclaimable"]
    _format.print_lines(_format.table(columns, rows, right=columns[1:]))
