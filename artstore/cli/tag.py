"""`artstore tag`: set, remove or list the tags of versions."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _completion, _labels, _open, _options
from artstore.core.versions import Version


@click.command(
    "tag",
    epilog=_options.examples(
        "artstore tag animals:v3 reviewed", "artstore tag animals:v3 reviewed --remove", "artstore tag animals"
    ),
)
@click.argument("name", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@click.argument("tags", metavar="[TAG]...", nargs=-1, shell_complete=_completion.tags)
@click.option("-r", "--remove", is_flag=True, help="Remove the tags from the version.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(name: str, tags: tuple[str, ...], remove: bool, project: str, store: Path | None, as_json: bool) -> None:
    """Tag a version, or remove tags from it: all of them or none.

    Many versions can have the same tag. Without a TAG, list the tags of a version, or of all versions of a collection.
    """
    if remove and not tags:
        raise click.UsageError(f"Which tags should be removed? Name them, as in: artstore tag {name} reviewed --remove")
    with _open.open_store(store) as opened:
        if not tags:
            _labels.print_all(opened, name, project, "tags", _tags, as_json)
            return
        version = opened.version(name, project=project)
        unique = list(dict.fromkeys(tags))
        added, removed = ([], unique) if remove else (unique, [])
        changed = opened.describe(version, add_tags=added, remove_tags=removed)
    _labels.print_changed(changed, _tags, as_json)


def _tags(version: Version) -> tuple[str, ...]:
    return version.tags
