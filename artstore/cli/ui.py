"""`artstore ui`: serve pages that show the store in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _open, _options
from artstore.runtime.optional_imports import need


@click.command(
    "ui",
    epilog=_options.examples(
        "artstore ui --open",
        "artstore ui --port 8080",
        "artstore ui --write --open",
        "artstore ui --store /data/store --host 0.0.0.0",
    ),
)
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=7878,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@click.option(
    "--host",
    metavar="HOST",
    default="127.0.0.1",
    show_default=True,
    help="The name or address to serve on. Other machines need the token that is then printed.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the browser.")
@click.option("--write", is_flag=True, help="Let the pages change aliases, tags and descriptions, and delete.")
@_options.store_option
def command(port: int, host: str, open_browser: bool, write: bool, store: Path | None) -> None:
    """Serve pages that show the store in a browser, until Ctrl-C.

    They show runs with their curves, artifacts with previews of their files, lineage and space. Every page is
    also JSON: add .json to its address. They only read, unless --write is given: then the address that is printed
    contains a token, which each change needs. Needs the extra ui: pip install 'artstore[ui]'.
    """
    for library in ("starlette", "jinja2", "uvicorn"):
        need(library, "artstore ui", "ui")
    with _open.open_store(store) as opened:
        from artstore.web import server  # late: the libraries are optional

        address = server.Address(host, port, write=write)
        click.echo(f"{opened.path} is shown at {address.url}\nCtrl-C stops it")
        server.serve(opened, address, open_browser=open_browser)
