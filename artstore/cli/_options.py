"""What several verbs have in common: their options, the kinds of their arguments, and how they come by the store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from artstore.cli import _completion, _format, _open
from artstore.core import names
from artstore.core.versions import Version
from artstore.errors import NoStore
from artstore.runtime import terminal
from artstore.store import Store
from artstore.tracking import location

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Read a span of time: `90s`, `15m`, `12h`, `30d`, `4w`."""
    if value is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw])", value, re.ASCII)
    try:
        if found is not None:
            return timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        pass
    raise click.BadParameter(f"{value!r} is no span of time: write 90s, 15m, 12h, 30d or 4w")


def json_object(ctx: click.Context, param: click.Parameter, value: str | None) -> dict[str, Any] | None:
    """Read a JSON object."""
    if value is None:
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f'{error}: write JSON, as in \'{{"source": "web"}}\'') from error
    if not isinstance(found, dict):
        raise click.BadParameter('it is no object: write JSON, as in \'{"source": "web"}\'')
    return found


store_option = click.option(
    "--store",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The store's folder.  [default: $ARTSTORE_DIR, else the nearest .artstore, else ./.artstore]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
project_option = click.option(
    "--project",
    metavar="P",
    default=names.DEFAULT_PROJECT,
    show_default=True,
    help="The project.",
    shell_complete=_completion.projects,
)


def examples(*lines: str) -> str:
    """The end of a verb's help."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def open_store(named: Path | None) -> Store:
    """Open the store to read from or to look after."""
    return _open.opened(location.existing(named))


def collection_meant(wanted: str, project: str | None) -> tuple[str, str]:
    """The project and the name of the collection that somebody wrote."""
    parsed = names.parse(wanted)
    return parsed.project or project or names.DEFAULT_PROJECT, parsed.name


def versions_meant(store: Store, wanted: str, project: str | None, *, deleted: bool = False) -> Iterator[Version]:
    """The version that somebody wrote with its alias or index; all of a collection, the newest first, without."""
    if ":" in wanted:
        return iter([store.version(wanted, project=project)])
    where, name = collection_meant(wanted, project)
    return store.versions(name, project=where, deleted=deleted)


def open_or_make_store(named: Path | None) -> Store:
    """Open the store to write to; make it, and say so, if it is not there."""
    folder = location.find(named)
    try:
        return _open.opened(folder)
    except NoStore:
        made = Store.init(folder)
        terminal.note(f"made the store {_format.near(folder)}")
        return made
