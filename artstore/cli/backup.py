"""`artstore backup`: a copy of the store that is a store itself."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _format, _options
from artstore.runtime import terminal


@click.command("backup", epilog=_options.examples("artstore backup /mnt/disk/animals-backup"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_options.store_option
@_options.json_option
def command(folder: Path, store: Path | None, as_json: bool) -> None:
    """Copy the store into DIR while it is in use; again into the same DIR, only what is new.

    The copy is a store itself: use it with --store, or copy it back. The head that is printed names the newest line
    of the store's history. Keep it elsewhere: `artstore verify --head` then tells whether anyone rewrote the history.
    """
    with _options.open_store(store) as opened:
        done = opened.backup(folder, progress=terminal.progress())
    if as_json:
        _format.print_json({"path": str(done.path), "copied_bytes": done.copied, "head": done.head})
        return
    click.echo(f"{_format.near(done.path)}  {_format.size(done.copied)} copied")
    click.echo(f"head {done.head}")
    terminal.note(f"Keep the head elsewhere; later: artstore verify --head {done.head}")
