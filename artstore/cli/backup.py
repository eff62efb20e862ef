"""`artstore backup`: copy a store while it is in use."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _findings, _format, _open, _options
from artstore.runtime import terminal


@click.command("backup", epilog=_options.examples("artstore backup /mnt/disk/animals-backup"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_options.store_option
@_options.json_option
def command(folder: Path, store: Path | None, as_json: bool) -> None:
    """Copy the store into DIR while it is in use. A later backup into the same DIR copies only what is new.

    Everything is verified as it is copied. What is damaged is named, an earlier good copy of it in DIR stays, and the
    exit code is 1.

    The copy is a store itself: use it with --store, or put it back with `artstore restore`. The head that is printed
    identifies the newest event of the store's history. Keep it elsewhere: `artstore verify --head` can then detect a
    rewritten history.
    """
    with _open.open_store(store) as opened:
        result = opened.backup(folder, progress=terminal.progress())
    if as_json:
        done = {"path": str(result.path), "copied_bytes": result.copied, "head": result.head}
        _format.print_json({**done, **_findings.as_json(result.findings)})
    else:
        _format.echo(f"{_format.near(result.path)}  {_format.size(result.copied)} copied")
        _format.echo(f"head {result.head}")
        _findings.print_lines(result.findings)
    if result.findings:
        raise click.exceptions.Exit(1)
    if as_json:
        return
    terminal.note(f"Keep the head elsewhere, to check later with: artstore verify --head {result.head}")
