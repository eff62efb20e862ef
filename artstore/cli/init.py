"""`artstore init`: an empty store."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _format, _open, _options
from artstore.errors import NoStore
from artstore.store import Store
from artstore.tracking import location


@click.command(
    "init",
    epilog=_options.examples(
        "artstore init", "artstore init /data/artifacts --algorithm sha256", "artstore init logs --compression zstd"
    ),
)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--algorithm",
    type=click.Choice(["blake3", "sha256"]),
    help="What digests are made by, for ever.  [default: blake3]",
)
@click.option("--compression", type=click.Choice(["zstd"]), help="Compress what becomes smaller by that, for ever.")
@_options.json_option
def command(folder: Path | None, algorithm: str | None, compression: str | None, as_json: bool) -> None:
    """Make a store in DIR, by default in ARTSTORE_DIR or ./.artstore.

    The folder must be new or empty. If there is a store already, it stays as it is.
    """
    path = location.new(folder)
    try:
        _open.opened(path).close()
        made = False
    except NoStore:
        made = True
    with Store.init(path, algorithm=algorithm, compression=compression) as store:
        if as_json:
            made_with = {"algorithm": store.algorithm, "compression": store.compression}
            _format.print_json({"store": str(store.path), **made_with, "made": made})
        else:
            said = "made the store" if made else "there is a store already:"
            how = ", ".join(filter(None, (store.algorithm, store.compression)))
            click.echo(f"{said} {_format.near(store.path)} ({how})")
