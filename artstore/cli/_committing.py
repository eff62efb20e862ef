"""Steps that `put` and `ref` share: read the options of the new version, commit it, print it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.core import names
from artstore.core.draft import Draft
from artstore.store import Store
from artstore.tracking import location

F = TypeVar("F", bound=Callable[..., None])


class NewVersion(NamedTuple):
    """The options of the version to commit."""

    name: str
    type: str | None
    project: str
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    description: str | None
    metadata: dict[str, Any] | None
    ttl: timedelta | None
    entry_path: str | None


_OPTIONS = (
    click.option(
        "--name",
        metavar="N",
        required=True,
        help="The collection that gets the version.",
        shell_complete=_completion.collections,
    ),
    click.option(
        "--type",
        metavar="T",
        help="The collection's type; needed for its first version.",
        shell_complete=_completion.types,
    ),
    _options.project_option,
    click.option("--alias", "aliases", metavar="A", multiple=True, help="Point this alias at the version. Repeatable."),
    click.option("--tag", "tags", metavar="T", multiple=True, help="Tag the version. Repeatable."),
    click.option("--description", metavar="D", help="A description of the version."),
    click.option("--metadata", metavar="JSON", callback=_options.json_object, help="Metadata of the version."),
    click.option(
        "--ttl", metavar="AGE", callback=_options.duration, help="How long to keep it: 90s, 15m, 12h, 30d, 4w."
    ),
    click.option("--as", "entry_path", metavar="PATH", help="Its path in the artifact."),
)


def new_version_options(command: F) -> F:
    """Add the options of a new version to a command, named after the fields of `NewVersion`."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), command)


def open_store(new: NewVersion, folder: Path | None, before_creating: Callable[[], None] = lambda: None) -> Store:
    """Open or create the store.

    Names that would be refused at the commit are refused first: before a store is created and before a long read.
    `before_creating` may raise what else would leave a new store without a version.
    """
    names.collection(new.name)
    names.project(new.project)
    for alias in new.aliases:
        names.alias(alias)
    for tag in new.tags:
        names.tag(tag)
    if new.entry_path is not None:
        names.entry_path(new.entry_path)
    if new.type is not None:
        names.artifact_type(new.type)
    elif not location.find(folder).exists():
        raise click.UsageError(
            f"The store does not exist yet, so {new.name!r} is new: pass its type, as in --type dataset."
        )
    return _open.open_or_create_store(folder, before_creating)


def begin(store: Store, new: NewVersion) -> Draft:
    """Begin the draft of the version."""
    return store.draft(
        new.name,
        new.type,
        project=new.project,
        description=new.description,
        metadata=new.metadata,
        ttl=new.ttl,
    )


def commit(store: Store, draft: Draft, new: NewVersion, as_json: bool) -> None:
    """Commit the draft; print the version and whether it is a new one."""
    version, is_new = store.commit_or_reuse(draft, aliases=new.aliases, tags=new.tags)
    if as_json:
        _format.print_json({**_format.version_data(version), "new": is_new, "store": str(store.path)})
        return
    entries = _format.counted(version.entries, "entry", "entries")
    change = "new" if is_new else "unchanged"
    _format.echo(f"{_format.name(version)}  {entries}  {_format.size(version.size)}  ({change})")
