"""`artstore alias`: names that move from version to version."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import completing, labels, options, showing


@click.command(
    "alias",
    epilog=options.examples(
        "artstore alias animals:v3 best", "artstore alias animals:v3 best --remove", "artstore alias animals"
    ),
)
@click.argument("wanted", metavar="NAME[:ALIAS]", shell_complete=completing.versions)
@click.argument("aliases", metavar="[ALIAS]...", nargs=-1, shell_complete=completing.aliases)
@click.option("-r", "--remove", is_flag=True, help="Take the aliases away from the version.")
@options.project_option
@options.store_option
@options.json_option
def command(
    wanted: str, aliases: tuple[str, ...], remove: bool, project: str, store: Path | None, as_json: bool
) -> None:
    """Point aliases at a version, or take them away; all of them or none.

    An alias names one version of a collection: it leaves the one that it pointed at. The alias `latest` follows the
    newest version by itself. On a link, these are the aliases of the link.

    Without an ALIAS this lists the aliases of a version, or of all versions of a collection.
    """
    if remove and not aliases:
        raise click.UsageError(f"Which aliases shall go? Name them, as in: artstore alias {wanted} best --remove")
    with options.open_store(store) as opened:
        if not aliases:
            labels.show_all(opened, wanted, project, "aliases", showing.aliases, as_json)
            return
        version = opened.version(wanted, project=project)
        each_once = list(dict.fromkeys(aliases))
        add, drop = ([], each_once) if remove else (each_once, [])
        changed = opened.describe(version, add_aliases=add, remove_aliases=drop)
    labels.show_changed(changed, showing.aliases, as_json)
