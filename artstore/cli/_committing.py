"""What `put` and `ref` have in common: what people say of the version to be, and how it is committed and shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from artstore.cli import _completion, _format, _options
from artstore.core import names
from artstore.core.draft import Draft
from artstore.errors import NotFound
from artstore.store import Store
from artstore.tracking import location

F = TypeVar("F", bound=Callable[..., None])


class Wanted(NamedTuple):
    """What somebody says of the version to be."""

    name: str
    kind: str | None
    project: str
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    description: str | None
    metadata: dict[str, Any] | None
    ttl: timedelta | None
    inside: str | None


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
        "kind",
        metavar="T",
        help="The collection's type; needed for its first version.",
        shell_complete=_completion.types,
    ),
    _options.project_option,
    click.option("--alias", "aliases", metavar="A", multiple=True, help="Point this alias at the version. Repeatable."),
    click.option("--tag", "tags", metavar="T", multiple=True, help="Tag the version. Repeatable."),
    click.option("--description", metavar="D", help="What the version is, in words."),
    click.option("--metadata", metavar="JSON", callback=_options.json_object, help="What else to keep with it."),
    click.option(
        "--ttl", metavar="AGE", callback=_options.span, help="How long it shall live: 90s, 15m, 12h, 30d, 4w."
    ),
    click.option("--as", "inside", metavar="PATH", help="Its path in the artifact."),
)


def wanted_options(command: F) -> F:
    """Give a command the options that `Wanted` has, under the names of its fields."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), command)


def open_store(wanted: Wanted, store: Path | None) -> Store:
    """Open or make the store.

    What cannot be committed is refused before a store is made for it, and before a long reading.
    """
    names.collection(wanted.name)
    names.project(wanted.project)
    for alias in wanted.aliases:
        names.alias(alias)
    for tag in wanted.tags:
        names.tag(tag)
    if wanted.inside is not None:
        names.entry_path(wanted.inside)
    if wanted.kind is not None:
        names.artifact_type(wanted.kind)
    elif not location.find(store).exists():
        raise click.UsageError(f"There is no store yet, so {wanted.name!r} is new: say its type, as in --type dataset.")
    return _options.open_or_make_store(store)


def draft(store: Store, wanted: Wanted) -> Draft:
    """Begin the version."""
    return store.draft(
        wanted.name,
        wanted.kind,
        project=wanted.project,
        description=wanted.description,
        metadata=wanted.metadata,
        ttl=wanted.ttl,
    )


def commit(store: Store, draft: Draft, wanted: Wanted, as_json: bool) -> None:
    """Commit the version, and print it and whether it is a new one."""
    before = _newest(store, wanted)
    version = store.commit(draft, aliases=wanted.aliases, tags=wanted.tags)
    new = version.id != before
    if as_json:
        _format.print_json({**_format.version_data(version), "new": new})
        return
    entries = _format.counted(version.entries, "entry", "entries")
    said = "new" if new else "unchanged"
    click.echo(f"{_format.name(version)}  {entries}  {_format.size(version.size)}  ({said})")


def _newest(store: Store, wanted: Wanted) -> int | None:
    try:
        return store.version(wanted.name, project=wanted.project).id
    except NotFound:
        return None
