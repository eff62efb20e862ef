"""`artstore init`: create an empty store."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _format, _open, _options
from artstore.errors import NoStore
from artstore.runtime.optional_imports import import_sqlite_utils
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
    help="The digest algorithm; it cannot be changed later.  [default: blake3]",
)
@click.option(
    "--compression",
    type=click.Choice(["zstd"]),
    help="Compress chunks that become smaller; this cannot be changed later.",
)
@_options.json_option
def command(folder: Path | None, algorithm: str | None, compression: str | None, as_json: bool) -> None:
    """Create a store in DIR, by default in $ARTSTORE_DIR or ./.artstore.

    The folder must be new or empty. A store that exists is left as it is.
    """
    path = location.new(folder)
    try:
        _open.open_folder(path).close()
        created = False
    except NoStore:
        created = True
        import_sqlite_utils()
    with Store.init(path, algorithm=algorithm, compression=compression) as store:
        if as_json:
            formats = {"algorithm": store.algorithm, "compression": store.compression}
            _format.print_json({"store": str(store.path), **formats, "made": created})
        else:
            prefix = "created the store" if created else "there is a store already:"
            formats_used = ", ".join(filter(None, (store.algorithm, store.compression)))
            _format.echo(f"{prefix} {_format.near(store.path)} ({formats_used})")
