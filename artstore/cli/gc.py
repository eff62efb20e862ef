"""`artstore gc`: clean up after crashes and delete expired versions."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _format, _open, _options
from artstore.runtime import terminal


@click.command("gc", epilog=_options.examples("artstore gc --dry-run", "artstore gc"))
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@_options.store_option
@_options.json_option
def command(dry_run: bool, store: Path | None, as_json: bool) -> None:
    """Remove what crashed processes left in the store, and delete versions past their ttl.

    Files that killed runs left in their folders are stored with the files of these runs.

    A version is kept past its ttl if it has an alias other than `latest`, is linked, or is referenced by another one.
    Deleting frees space immediately: you need not run this after `artstore rm`.
    """
    with _open.open_store(store) as opened:
        collected = opened.gc(dry_run=dry_run, progress=terminal.progress())
    if as_json:
        _format.print_json(
            {
                "dry_run": dry_run,
                "expired": [_format.version_data(version) for version in collected.expired],
                "dead_process_locks": collected.process_locks,
                "dead_drafts": collected.leases,
                "content_bytes": collected.content,
                "disk_bytes": collected.disk,
                "run_files": collected.run_files,
            }
        )
        return
    if collected.run_files:
        files = _format.counted(collected.run_files, "file", "files")
        _format.echo(f"{'would store' if dry_run else 'stored'} {files} that runs had left in their folders")
    if not any(collected._replace(run_files=0)):
        if not collected.run_files:
            _format.echo("nothing to clean up")
        return
    if collected.expired:
        _format.print_lines(_format.version_table(collected.expired))
    verb = "would remove" if dry_run else "removed"
    parts = [
        _format.counted(number, one, f"{one}s")
        for number, one in (
            (len(collected.expired), "expired version"),
            (collected.process_locks, "dead process lock"),
            (collected.leases, "dead draft"),
        )
        if number
    ]
    freed = f"{_format.size(collected.content)} of content, {_format.size(collected.disk)} on the disk"
    _format.echo(f"{verb} {', '.join(parts) or 'leftovers'}: {freed}")
