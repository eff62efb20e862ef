"""How things look on the command line: sizes, ages, tables, and JSON for programs."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artstore.terminal import visible

if TYPE_CHECKING:
    from artstore.manifest import Entry
    from artstore.version import Version

_LINES_AT_ONCE = 1000


def size(count: int) -> str:
    """Bytes for people, decimal: `999 B`, `6.0 MB`."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} PB"


def counted(count: int, one: str, many: str) -> str:
    """`1 entry`, `3 entries`."""
    return f"{count:,} {one if count == 1 else many}"


def age(written: str) -> str:
    """How long ago a time of the catalog is: `just now`, `5 min ago`, `3 days ago`; the date after 30 days."""
    then = datetime.fromisoformat(written)
    seconds = (datetime.now(UTC) - then).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    if seconds < 86400:
        return f"{seconds // 3600:.0f} h ago"
    if seconds < 30 * 86400:
        return f"{counted(int(seconds // 86400), 'day', 'days')} ago"
    return then.astimezone().strftime("%Y-%m-%d")


def near(path: Path) -> str:
    """A path as a person here would write it: relative if it is below the working folder."""
    here = Path.cwd()
    return visible(str(path.relative_to(here) if path.is_relative_to(here) else path))


def name(version: Version) -> str:
    """A version's name, with its project if that is not the default."""
    return version.name if version.project == "uncategorized" else version.qualified_name


def print_lines(lines: Iterable[str]) -> None:
    """Print many lines; the first ones while the later ones are still being found."""
    iterator = iter(lines)
    while batch := list(islice(iterator, _LINES_AT_ONCE)):
        click.echo("\n".join(batch))


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[str] = ()) -> list[str]:
    """Lay out rows below their headings; the columns named in `right` are numbers."""
    cells = [[visible(cell) for cell in row] for row in [columns, *rows]]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        padded = (
            " " * (width - _width(cell)) + cell if column in right else cell + " " * (width - _width(cell))
            for column, width, cell in zip(columns, widths, row, strict=True)
        )
        return "  ".join(padded).rstrip()

    return [line(cells[0]), "  ".join("-" * width for width in widths), *map(line, cells[1:])]


def version_table(versions: Iterable[Version]) -> list[str]:
    """Versions as a table."""
    return table(
        ["version", "aliases", "created", "entries", "size"],
        [
            [name(each), ", ".join(each.aliases), age(each.created_at), f"{each.entries:,}", size(each.size)]
            for each in versions
        ],
        right=["entries", "size"],
    )


def version_data(version: Version) -> dict[str, Any]:
    """A version as JSON tells it."""
    return {
        "name": version.name,
        "project": version.project,
        "collection": version.collection,
        "version": f"v{version.number}",
        "type": version.type,
        "digest": version.digest,
        "entries": version.entries,
        "size": version.size,
        "aliases": list(version.aliases),
        "tags": list(version.tags),
        "description": version.description,
        "metadata": version.metadata,
        "ttl_seconds": None if version.ttl is None else int(version.ttl.total_seconds()),
        "created_at": version.created_at,
    }


def entry_data(entry: Entry) -> dict[str, Any]:
    """An entry as JSON tells it."""
    return {**entry._asdict(), "kind": entry.kind.name.lower()}


def print_json(data: Mapping[str, Any]) -> None:
    """Print one object for programs."""
    click.echo(json.dumps(data, indent=2))


def print_json_list(data: Iterable[Mapping[str, Any]]) -> None:
    """Print a list for programs, one element a line, while it is still being found."""

    def lines() -> Iterator[str]:
        before = "["
        for each in data:
            yield before + json.dumps(each)
            before = ","
        yield "[]" if before == "[" else "]"

    print_lines(lines())
