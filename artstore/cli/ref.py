"""`artstore ref`: what a bucket, a web server or a folder holds becomes a version, and stays where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from artstore.cli import _committing, _options
from artstore.drivers import registry
from artstore.runtime import terminal


@click.command(
    "ref",
    epilog=_options.examples(
        "artstore ref s3://bucket/images --name animals --type dataset",
        "artstore ref gs://bucket/models/best.pt --name iris --type model --alias best",
        "artstore ref https://example.com/train.csv --name train --type dataset --as data/train.csv",
    ),
)
@click.argument("uri")
@_committing.wanted_options
@click.option("--no-checksum", is_flag=True, help="Note the address alone: `get` then writes whatever is there.")
@click.option(
    "--max-objects",
    metavar="N",
    type=click.IntRange(min=1),
    help="How many objects a prefix may have: more is an error.  [default: 10000]",
)
@_options.store_option
@_options.json_option
def command(
    uri: str, no_checksum: bool, max_objects: int | None, store: Path | None, as_json: bool, **said: Any
) -> None:
    """Track the object URI, or what lies below it, as the next version of a collection. No byte is copied.

    An object lands under its own name, and what lies below a prefix without it; --as puts either elsewhere in the
    artifact. An object wins over a prefix of the same name, and a / at the end asks for the prefix. Etag, version and
    size are recorded. If nothing differs from the newest version there is no new one. The store is made if there is
    none.

    Credentials and endpoints come from where the libraries of each scheme look for them.
    """
    wanted = _committing.Wanted(**said)
    registry.scheme_of(uri)
    with _committing.open_store(wanted, store) as opened:
        draft = _committing.draft(opened, wanted)
        opened.add_reference(
            draft,
            uri,
            wanted.inside,
            checksum=not no_checksum,
            max_objects=max_objects,
            progress=terminal.progress(),
        )
        _committing.commit(opened, draft, wanted, as_json)
