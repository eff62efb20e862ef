"""`artstore du`: show the space that the store takes, or each version."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.core.versions import Version
from artstore.operations.usage import Usage
from artstore.runtime import terminal
from artstore.store import Store


@click.command("du", epilog=_options.examples("artstore du", "artstore du animals", "artstore du animals:v0 --json"))
@click.argument("name", metavar="[NAME[:ALIAS]]", required=False, shell_complete=_completion.versions)
@_options.project_option
@_options.store_option
@_options.json_option
def command(name: str | None, project: str, store: Path | None, as_json: bool) -> None:
    """Show the space that the store takes, or that each version of a collection takes.

    \b
    size         bytes of the version when written to a folder
    owned        content that no earlier version in the store has; the sum over all versions is what is stored
    reclaimable  content that deleting only this version would free
    """
    with _open.open_store(store) as opened:
        if name is None:
            _print_usage(opened.usage(), as_json)
        else:
            _print_versions(opened, list(_options.named_versions(opened, name, project)), as_json)


def _print_usage(usage: Usage, as_json: bool) -> None:
    if as_json:
        _format.print_json(usage._asdict())
        return
    versions = _format.counted(usage.versions, "version", "versions")
    rows = [
        (f"{versions}, when written to a folder", usage.version_bytes),
        ("content, each chunk once", usage.content_bytes),
        *([("content, compressed", usage.stored_bytes)] if usage.stored_bytes != usage.content_bytes else []),
        ("dead space in packs, until the next rm or gc", usage.dead_bytes),
        ("packs on the disk", usage.allocated_bytes),
        ("catalog on the disk", usage.catalog_bytes),
    ]
    if usage.pending:
        pending = _format.counted(usage.pending, "pending version", "pending versions")
        rows.insert(1, (f"{pending}, when written to a folder", usage.pending_bytes))
    if usage.run_files:
        files = _format.counted(usage.run_files, "file of runs", "files of runs")
        rows.insert(1, (f"{files}, when written to a folder", usage.run_bytes))
    width = max(len(_format.size(count)) for _, count in rows)
    _format.print_lines(f"{_format.size(count):>{width}}  {label}" for label, count in rows)


def _print_versions(store: Store, versions: list[Version], as_json: bool) -> None:
    share_by_id = store.shares(versions)
    shares = [(version, *share_by_id[version.id]) for version in versions]
    if as_json:
        _format.print_json_list(
            {
                "name": version.name,
                "project": version.project,
                "size": version.size,
                "owned_bytes": owned,
                "reclaimable_bytes": reclaimable,
            }
            for version, owned, reclaimable in shares
        )
        return
    if not shares:
        terminal.note("all versions of the collection were deleted")
        return
    rows = [
        [_format.name(version), *map(_format.size, (version.size, owned, reclaimable))]
        for version, owned, reclaimable in shares
    ]
    columns = ["version", "size", "owned", "reclaimable"]
    _format.print_lines(_format.table(columns, rows, right=columns[1:]))
