"""`artstore backup`: copy a store while it is in use."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _format, _open, _options
from artstore.runtime import terminal


@click.command("backup", epilog=_options.examples("artstore backup /mnt/disk/animals-backup"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_options.store_option
@_options.json_option
def command(folder: Path, store: Path | None, as_json: bool) -> None:
    """Copy the store into DIR while it is in use. A later backup into the same DIR copies only what is new.

    The copy is a store itself: use it with --store, or copy it back. The head that is printed identifies the newest
    event of the store's history. Keep it elsewhere: `artstore verify --head` can then detect a rewritten history.
    """
    with _open.open_store(store) as opened:
        result = opened.backup(folder, progress=terminal.progress())
    if as_json:
        _format.print_json({"path": str(result.path), "copied_bytes": result.copied, "head": result.head})
        return
    click.echo(f"{_format.near(result.path)}  {_format.size(result.copied)} copied")
    click.echo(f"head {result.head}")
    terminal.note(f"Keep the head elsewhere, to check later with: artstore verify --head {result.head}")
