"""`artstore put`: a file or folder becomes the next version of a collection."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from artstore import location, names, terminal
from artstore.cli import completing, options, showing
from artstore.errors import NotFound
from artstore.store import Store


@click.command(
    "put",
    epilog=options.examples(
        "artstore put images --name animals --type dataset",
        "artstore put model.pt --name iris --type model --alias best --ttl 30d",
    ),
)
@click.argument("path", type=click.Path(exists=True, readable=False, path_type=Path))
@click.option(
    "--name",
    metavar="N",
    required=True,
    help="The collection that gets the version.",
    shell_complete=completing.collections,
)
@click.option(
    "--type",
    "kind",
    metavar="T",
    help="The collection's type; needed for its first version.",
    shell_complete=completing.types,
)
@options.project_option
@click.option("--alias", "aliases", metavar="A", multiple=True, help="Point this alias at the version. Repeatable.")
@click.option("--tag", "tags", metavar="T", multiple=True, help="Tag the version. Repeatable.")
@click.option("--description", metavar="D", help="What the version is, in words.")
@click.option("--metadata", metavar="JSON", callback=options.json_object, help="What else to keep with it.")
@click.option("--ttl", metavar="AGE", callback=options.span, help="How long it shall live: 90s, 15m, 12h, 30d, 4w.")
@click.option("--as", "inside", metavar="PATH", help="Its path in the artifact.")
@options.store_option
@options.json_option
def command(
    path: Path,
    name: str,
    kind: str | None,
    project: str,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    description: str | None,
    metadata: dict[str, Any] | None,
    ttl: timedelta | None,
    inside: str | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Store the file or folder PATH as the next version of a collection.

    A file is stored under its own name, a folder as what is in it; --as puts either elsewhere in the artifact. If
    nothing differs from the newest version there is no new one. The store is made if there is none.
    """
    _check(name, kind, project, aliases, tags, inside, store)
    with options.open_or_make_store(store) as opened:
        draft = opened.draft(name, kind, project=project, description=description, metadata=metadata, ttl=ttl)
        if path.is_dir():
            opened.add_dir(draft, path, inside, progress=terminal.progress())
        else:
            opened.add_file(draft, path, inside, progress=terminal.progress())
        before = _newest(opened, name, project)
        version = opened.commit(draft, aliases=aliases, tags=tags)
    new = version.id != before
    if as_json:
        showing.print_json({**showing.version_data(version), "new": new})
        return
    entries = showing.counted(version.entries, "entry", "entries")
    said = "new" if new else "unchanged"
    click.echo(f"{showing.name(version)}  {entries}  {showing.size(version.size)}  ({said})")


def _check(
    name: str,
    kind: str | None,
    project: str,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    inside: str | None,
    store: Path | None,
) -> None:
    """Refuse what cannot be committed before a store is made for it, and before a long reading."""
    names.collection(name)
    names.project(project)
    for alias in aliases:
        names.alias(alias)
    for tag in tags:
        names.tag(tag)
    if inside is not None:
        names.entry_path(inside)
    if kind is not None:
        names.artifact_type(kind)
    elif not location.find(store).exists():
        raise click.UsageError(f"There is no store yet, so {name!r} is new: say its type, as in --type dataset.")


def _newest(store: Store, name: str, project: str) -> int | None:
    try:
        return store.version(name, project=project).id
    except NotFound:
        return None
