"""`artstore put`: store a file or folder as the next version of a collection."""

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
@_committing.new_version_options
@_options.store_option
@_options.json_option
def command(path: Path, store: Path | None, as_json: bool, **options: Any) -> None:
    """Store the file or folder PATH as the next version of a collection.

    A file is stored under its own name, the contents of a folder at the top; --as gives another path in the artifact.
    If nothing differs from the newest version, no version is added. The store is created if there is none.
    """
    new = _committing.NewVersion(**options)
    with _committing.open_store(new, store) as opened:
        draft = _committing.begin(opened, new)
        if path.is_dir():
            opened.add_dir(draft, path, new.entry_path, progress=terminal.progress())
        else:
            opened.add_file(draft, path, new.entry_path, progress=terminal.progress())
        _committing.commit(opened, draft, new, as_json)
