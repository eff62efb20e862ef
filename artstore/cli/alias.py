"""`artstore alias`: point aliases at versions, remove them, protect them, or list them."""

from __future__ import annotations

from pathlib import Path

import click

from artstore.cli import _completion, _format, _labels, _open, _options
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
@click.argument("name", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@click.argument("aliases", metavar="[ALIAS]...", nargs=-1, shell_complete=_completion.aliases)
@click.option("-r", "--remove", is_flag=True, help="Remove the aliases from the version.")
@click.option("--protect", is_flag=True, help="Protect aliases of a collection: only --force changes them.")
@click.option("--unprotect", is_flag=True, help="End the protection.")
@click.option("--force", is_flag=True, help="Also set, move or remove protected aliases.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(
    name: str,
    aliases: tuple[str, ...],
    remove: bool,
    protect: bool,
    unprotect: bool,
    force: bool,
    project: str,
    store: Path | None,
    as_json: bool,
) -> None:
    """Point aliases at a version, or remove them: all of them or none.

    An alias names one version of a collection, so it moves away from the version that had it. The alias `latest`
    always follows the newest version. If NAME is a link, its own aliases change.

    A protected alias, such as the one for the version in production, is set, moved or removed only with --force. That
    holds for other commands and for programs, too.

    Without an ALIAS, list the aliases of a version, or of all versions of a collection.
    """
    if sum((remove, protect, unprotect)) > 1:
        raise click.UsageError("Use only one of --remove, --protect and --unprotect.")
    if remove and not aliases:
        raise click.UsageError(
            f"Which aliases should be removed? Name them, as in: artstore alias {name} best --remove"
        )
    with _open.open_store(store) as opened:
        if protect or unprotect:
            _protect(opened, name, aliases, project, protect, as_json)
            return
        if not aliases:
            _labels.print_all(opened, name, project, "aliases", _format.aliases, as_json)
            return
        version = opened.version(name, project=project)
        unique = list(dict.fromkeys(aliases))
        added, removed = ([], unique) if remove else (unique, [])
        changed = opened.describe(version, add_aliases=added, remove_aliases=removed, force=force)
    _labels.print_changed(changed, _format.aliases, as_json)


def _protect(store: Store, name: str, aliases: tuple[str, ...], project: str, protect: bool, as_json: bool) -> None:
    if ":" in name or not aliases:
        example = f"artstore alias {name.partition(':')[0]} best {'--protect' if protect else '--unprotect'}"
        raise click.UsageError(f"Name a collection and its aliases, as in: {example}")
    project, collection = _options.named_collection(name, project)
    before = set(store.collection(collection, project=project).protected_aliases)
    after = before | set(aliases) if protect else before - set(aliases)
    protected = store.describe_collection(collection, project=project, protected_aliases=after).protected_aliases
    if as_json:
        _format.print_json({"collection": collection, "project": project, "protected_aliases": list(protected)})
    else:
        listed = ", ".join(protected) or "-"
        _format.echo(terminal.visible(f"{_format.qualified(project, collection)}  protected: {listed}"))
