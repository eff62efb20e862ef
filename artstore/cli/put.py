"""`artstore put`: a file or folder becomes the next version of a collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from artstore.cli import _committing, _options
from artstore.runtime import terminal


@click.command(
    "put",
    epilog=_options.examples(
        "artstore put images --name animals --type dataset",
        "artstore put model.pt --name iris --type model --alias best --ttl 30d",
    ),
)
@click.argument("path", type=click.Path(exists=True, readable=False, path_type=Path))
@_committing.wanted_options
@_options.store_option
@_options.json_option
def command(path: Path, store: Path | None, as_json: bool, **said: Any) -> None:
    """Store the file or folder PATH as the next version of a collection.

    A file is stored under its own name, a folder as what is in it; --as puts either elsewhere in the artifact. If
    nothing differs from the newest version there is no new one. The store is made if there is none.
    """
    wanted = _committing.Wanted(**said)
    with _committing.open_store(wanted, store) as opened:
        draft = _committing.draft(opened, wanted)
        if path.is_dir():
            opened.add_dir(draft, path, wanted.inside, progress=terminal.progress())
        else:
            opened.add_file(draft, path, wanted.inside, progress=terminal.progress())
        _committing.commit(opened, draft, wanted, as_json)
