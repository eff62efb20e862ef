"""`artstore gc`: what crashes left behind goes, and versions whose time is up."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _format, _options
from artstore.runtime import terminal


@click.command("gc", epilog=_options.examples("artstore gc --dry-run", "artstore gc"))
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@_options.store_option
@_options.json_option
def command(dry_run: bool, store: Path | None, as_json: bool) -> None:
    """Remove what crashed processes left in the store, and versions past their ttl.

    A version with an alias other than `latest`, or one that a living version references, outlives its ttl. Deleting
    frees space by itself; nothing has to be collected after `artstore rm`.
    """
    with _options.open_store(store) as opened:
        found = opened.gc(dry_run=dry_run, progress=terminal.progress())
    if as_json:
        _format.print_json(
            {
                "dry_run": dry_run,
                "expired": [_format.version_data(each) for each in found.expired],
                "dead_sessions": found.sessions,
                "dead_drafts": found.leases,
                "content_bytes": found.content,
                "disk_bytes": found.disk,
            }
        )
        return
    if not any(found):
        click.echo("nothing to collect")
        return
    if found.expired:
        _format.print_lines(_format.version_table(found.expired))
    said = "would collect" if dry_run else "collected"
    parts = [
        _format.counted(number, one, f"{one}s")
        for number, one in (
            (len(found.expired), "expired version"),
            (found.sessions, "dead session"),
            (found.leases, "dead draft"),
        )
        if number
    ]
    freed = f"{_format.size(found.content)} of content, {_format.size(found.disk)} on the disk"
    click.echo(f"{said} {', '.join(parts) or 'loose ends'}: {freed}")
