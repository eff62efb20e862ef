"""`artstore restore`: put a backup back in the place of a store."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _findings, _format, _options
from artstore.runtime import terminal
from artstore.store import Store
from artstore.tracking import location


@click.command(
    "restore",
    epilog=_options.examples("artstore restore /mnt/disk/animals-backup", "artstore restore backup store --replace"),
)
@click.argument("backup", metavar="BACKUP", type=click.Path(path_type=Path))
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
@click.option("--replace", is_flag=True, help="Replace the store in DIR: what it has and the backup does not is gone.")
@_options.json_option
def command(backup: Path, folder: Path | None, replace: bool, as_json: bool) -> None:
    """Make DIR, by default $ARTSTORE_DIR or ./.artstore, the store that BACKUP is a copy of.

    Use this rather than copying the files back: a journal of the old catalog that lies in DIR does not belong to the
    copy, and the store would not open. Everything is verified as it is copied; if something is damaged in BACKUP, it is
    named, and the exit code is 1.
    """
    result = Store.restore(backup, location.new(folder), replace=replace, progress=terminal.progress())
    if as_json:
        done = {"path": str(result.path), "copied_bytes": result.copied}
        _format.print_json({**done, **_findings.as_json(result.findings)})
    else:
        _format.echo(f"{_format.near(result.path)}  {_format.size(result.copied)} copied")
        _findings.print_lines(result.findings)
    if result.findings:
        raise click.exceptions.Exit(1)
