"""`artstore tag`: words on versions."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _completion, _labels, _options
from artstore.core.versions import Version


@click.command(
    "tag",
    epilog=_options.examples(
        "artstore tag animals:v3 reviewed", "artstore tag animals:v3 reviewed --remove", "artstore tag animals"
    ),
)
@click.argument("wanted", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@click.argument("tags", metavar="[TAG]...", nargs=-1, shell_complete=_completion.tags)
@click.option("-r", "--remove", is_flag=True, help="Take the tags away from the version.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(wanted: str, tags: tuple[str, ...], remove: bool, project: str, store: Path | None, as_json: bool) -> None:
    """Put tags on a version, or take them away; all of them or none.

    Many versions can have the same tag. Without a TAG this lists the tags of a version, or of all versions of a
    collection.
    """
    if remove and not tags:
        raise click.UsageError(f"Which tags shall go? Name them, as in: artstore tag {wanted} reviewed --remove")
    with _options.open_store(store) as opened:
        if not tags:
            _labels.show_all(opened, wanted, project, "tags", _tags, as_json)
            return
        version = opened.version(wanted, project=project)
        each_once = list(dict.fromkeys(tags))
        add, drop = ([], each_once) if remove else (each_once, [])
        changed = opened.describe(version, add_tags=add, remove_tags=drop)
    _labels.show_changed(changed, _tags, as_json)


def _tags(version: Version) -> tuple[str, ...]:
    return version.tags
