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
from artstore.runtime import environment, words
from artstore.store import Store

_MOST = 2**63 - 1
"""SQLite and `itertools` count no further."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Number(click.IntRange):
    """The type of an option that says how many of something: at least so many. Its help shows no upper end."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse a number. Raises `BadParameter` for one that is too small or too large."""
        number: int = super().convert(value, param, ctx)
        if number > _MOST:
            self.fail(f"{number} is more than {_MOST}.", param, ctx)
        return number


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


def _listed_project(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the project whose things are listed; None for those of all projects."""
    named = environment.get("ARTSTORE_PROJECT") if value is None else value
    return names.project(named) if named else None


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
    default=names.default_project,
    help="The project.  [default: $ARTSTORE_PROJECT, or uncategorized]",
    shell_complete=_completion.projects,
)
any_project_option = click.option(
    "--project",
    metavar="P",
    callback=_listed_project,
    help="The project; '' for all.  [default: $ARTSTORE_PROJECT, or all; uncategorized with a NAME]",
    shell_complete=_completion.projects,
)


def examples(*lines: str) -> str:
    """Return the examples at the end of a verb's help."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def named_collection(name: str, project: str | None) -> tuple[str, str]:
    """Split the name of a collection, as it was typed, into project and name."""
    parsed = names.parse(name, project)
    return parsed.project or project or names.default_project(), parsed.name


def unknown_project(store: Store, project: str | None) -> str:
    """Return what to say of a project that a list is empty for, if the store does not have it."""
    known = store.projects()
    if project is None or project in known:
        return ""
    near = words.nearest(project, known)
    return f", no project {project!r}" + (f" (did you mean {near!r}?)" if near else "")


def named_versions(store: Store, name: str, project: str | None, *, deleted: bool = False) -> Iterator[Version]:
    """Return the versions that a name selects: one if it has an alias or index, otherwise all, the newest first."""
    if ":" in name:
        return iter([store.version(name, project=project or names.default_project())])
    where, collection = named_collection(name, project)
    return store.versions(collection, project=where, deleted=deleted)
