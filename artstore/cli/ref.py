"""`artstore ref`: track objects of a bucket, a web server or a folder where they are, as a version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from artstore.cli import _committing, _options
from artstore.drivers import registry
from artstore.runtime import terminal
from artstore.store import Store


@click.command(
    "ref",
    epilog=_options.examples(
        "artstore ref s3://bucket/images --name animals --type dataset",
        "artstore ref gs://bucket/models/best.pt --name iris --type model --alias best",
        "artstore ref https://example.com/train.csv --name train --type dataset --as data/train.csv",
    ),
)
@click.argument("uri")
@_committing.new_version_options
@click.option("--no-checksum", is_flag=True, help="Store only the URI: `get` then fetches whatever is there.")
@click.option(
    "--max-objects",
    metavar="N",
    type=_options.Number(min=1),
    help="How many objects a prefix may have at most.  [default: 10000]",
)
@_options.store_option
@_options.json_option
def command(
    uri: str, no_checksum: bool, max_objects: int | None, store: Path | None, as_json: bool, **options: Any
) -> None:
    """Track the object at URI, or the objects below that prefix, as the next version of a collection.

    Nothing is copied. An object gets its own name in the artifact, objects below a prefix their keys without it; --as
    gives another path. If both an object and a prefix have that name, the object is tracked; a / at the end selects
    the prefix. Etag, version and size are recorded. If nothing differs from the newest version, no version is added.
    The store is created if there is none.

    Of an object with the Content-Encoding gzip, over http and at Google, the compressed bytes are recorded: etag, size
    and digest are theirs. `get` compares them with the record and writes the decompressed content, unless the name ends
    with .gz, .tgz or .gzip.

    Each scheme finds credentials and endpoints as its own libraries do.
    """
    new = _committing.NewVersion(**options)
    registry.scheme_of(uri)
    look: dict[str, Any] = {
        "checksum": not no_checksum,
        "max_objects": max_objects,
        "progress": terminal.progress(),
    }

    def check() -> None:
        Store.check_reference(uri, new.entry_path, **look)

    with _committing.open_store(new, store, before_creating=check) as opened:
        draft = _committing.begin(opened, new)
        opened.add_reference(draft, uri, new.entry_path, **look)
        _committing.commit(opened, draft, new, as_json)
