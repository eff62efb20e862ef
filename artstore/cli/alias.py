"""`artstore alias`: names that move from version to version."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _completion, _format, _labels, _options
from artstore.runtime import terminal
from artstore.store import Store


@click.command(
    "alias",
    epilog=_options.examples(
        "artstore alias animals:v3 best",
        "artstore alias animals:v3 best --remove",
        "artstore alias animals best --protect",
        "artstore alias animals",
    ),
)
@click.argument("wanted", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@click.argument("aliases", metavar="[ALIAS]...", nargs=-1, shell_complete=_completion.aliases)
@click.option("-r", "--remove", is_flag=True, help="Take the aliases away from the version.")
@click.option("--protect", is_flag=True, help="Let the collection's aliases change by --force only.")
@click.option("--unprotect", is_flag=True, help="Let them change as others do again.")
@click.option("--force", is_flag=True, help="Also set, move or remove protected aliases.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(
    wanted: str,
    aliases: tuple[str, ...],
    remove: bool,
    protect: bool,
    unprotect: bool,
    force: bool,
    project: str,
    store: Path | None,
    as_json: bool,
) -> None:
    """Point aliases at a version, or take them away; all of them or none.

    An alias names one version of a collection: it leaves the one that it pointed at. The alias `latest` follows the
    newest version by itself. On a link, these are the aliases of the link.

    A protected alias, such as one that says what is in production, is set, moved or taken away only with --force,
    also by other commands and by programs.

    Without an ALIAS this lists the aliases of a version, or of all versions of a collection.
    """
    if sum((remove, protect, unprotect)) > 1:
        raise click.UsageError("Say one of --remove, --protect and --unprotect.")
    if remove and not aliases:
        raise click.UsageError(f"Which aliases shall go? Name them, as in: artstore alias {wanted} best --remove")
    with _options.open_store(store) as opened:
        if protect or unprotect:
            _protect(opened, wanted, aliases, project, protect, as_json)
            return
        if not aliases:
            _labels.show_all(opened, wanted, project, "aliases", _format.aliases, as_json)
            return
        version = opened.version(wanted, project=project)
        each_once = list(dict.fromkeys(aliases))
        add, drop = ([], each_once) if remove else (each_once, [])
        changed = opened.describe(version, add_aliases=add, remove_aliases=drop, force=force)
    _labels.show_changed(changed, _format.aliases, as_json)


def _protect(store: Store, wanted: str, aliases: tuple[str, ...], project: str, protect: bool, as_json: bool) -> None:
    verb = "--protect" if protect else "--unprotect"
    if ":" in wanted or not aliases:
        name = wanted.partition(":")[0]
        raise click.UsageError(f"Name a collection and its aliases, as in: artstore alias {name} best {verb}")
    where, name = _options.collection_meant(wanted, project)
    before = set(store.collection(name, project=where).protected_aliases)
    after = before | set(aliases) if protect else before - set(aliases)
    protected = store.describe_collection(name, project=where, protected_aliases=after).protected_aliases
    if as_json:
        _format.print_json({"collection": name, "project": where, "protected_aliases": list(protected)})
    else:
        listed = ", ".join(protected) or "-"
        click.echo(terminal.visible(f"{_format.qualified(where, name)}  protected: {listed}"))
