"""Options and arguments that several verbs share."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from artstore.cli import _completion
from artstore.core import names
from artstore.core.versions import Version
from artstore.store import Store

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Parse a duration: `90s`, `15m`, `12h`, `30d`, `4w`."""
    if value is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw])", value, re.ASCII)
    try:
        if match is not None:
            return timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        pass
    raise click.BadParameter(f"{value!r} is not a duration: use 30d, 12h or 45m")


def json_object(ctx: click.Context, param: click.Parameter, value: str | None) -> dict[str, Any] | None:
    """Parse a JSON object."""
    if value is None:
        return None
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f'{error}: write JSON, as in \'{{"source": "web"}}\'') from error
    if not isinstance(parsed, dict):
        raise click.BadParameter('not a JSON object: write one, as in \'{"source": "web"}\'')
    return parsed


store_option = click.option(
    "--store",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The store's folder.  [default: $ARTSTORE_DIR, or the nearest .artstore, or ./.artstore]",
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
any_project_option = click.option(
    "--project",
    metavar="P",
    help="The project.  [default: all, or uncategorized with a NAME]",
    shell_complete=_completion.projects,
)


def examples(*lines: str) -> str:
    """Return the examples at the end of a verb's help."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def named_collection(name: str, project: str | None) -> tuple[str, str]:
    """Split the name of a collection, as it was typed, into project and name."""
    parsed = names.parse(name, project)
    return parsed.project or project or names.DEFAULT_PROJECT, parsed.name


def named_versions(store: Store, name: str, project: str | None, *, deleted: bool = False) -> Iterator[Version]:
    """Return the versions that a name selects: one if it has an alias or index, otherwise all, the newest first."""
    if ":" in name:
        return iter([store.version(name, project=project)])
    where, collection = named_collection(name, project)
    return store.versions(collection, project=where, deleted=deleted)
