"""`artstore repair`: heal damaged content with good copies from elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _findings, _format, _open, _options
from artstore.runtime import terminal


@click.command(
    "repair",
    epilog=_options.examples("artstore repair --from /mnt/disk/animals-backup", "artstore repair --from images"),
)
@click.option(
    "--from",
    "source",
    metavar="SOURCE",
    type=click.Path(path_type=Path),
    required=True,
    help="A backup, another store, or a folder with the files that were stored.",
)
@_options.store_option
@_options.json_option
def command(source: Path, store: Path | None, as_json: bool) -> None:
    """Look for damaged content, and store good copies of it again that SOURCE has.

    Damaged rows of the catalog are not healed: restore a backup with `artstore restore`. The exit code is 1 if anything
    is still damaged.
    """
    with _open.open_store(store) as opened:
        result = opened.repair(source, progress=terminal.progress())
    if as_json:
        done = {"healed_chunks": result.healed, "healed_bytes": result.bytes}
        _format.print_json({**done, **_findings.as_json(result.findings)})
    else:
        healed = f"{_format.counted(result.healed, 'chunk', 'chunks')} healed, {_format.size(result.bytes)}"
        _findings.print_lines(result.findings, healed)
    if result.findings:
        raise click.exceptions.Exit(1)
