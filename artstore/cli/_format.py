"""How things look on the command line: sizes, ages, tables, and JSON for programs."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import click

from artstore.core import names
from artstore.runtime.terminal import visible

if TYPE_CHECKING:
    from artstore.core.manifest import Entry
    from artstore.core.versions import Link, Version
    from artstore.operations.diff import Difference

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


def span(seconds: float) -> str:
    """How long something takes, in its largest unit: `40 s`, `5 min`, `3 days`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    if seconds < 86400:
        return f"{seconds // 3600:.0f} h"
    return counted(int(seconds // 86400), "day", "days")


def age(written: str) -> str:
    """How long ago a time of the catalog is: `just now`, `5 min ago`, `3 days ago`; the date after 30 days."""
    then = datetime.fromisoformat(written)
    seconds = (datetime.now(UTC) - then).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 30 * 86400:
        return f"{span(seconds)} ago"
    return then.astimezone().strftime("%Y-%m-%d")


def moment(then: datetime) -> str:
    """A time for people here: `2026-11-21 07:11`."""
    return then.astimezone().strftime("%Y-%m-%d %H:%M")


def near(path: Path) -> str:
    """A path as a person here would write it: relative if it is below the working folder."""
    here = Path.cwd()
    return visible(str(path.relative_to(here) if path.is_relative_to(here) else path))


def qualified(project: str, name: str) -> str:
    """A name with its project, if that is not the default."""
    return name if project == names.DEFAULT_PROJECT else f"{project}/{name}"


def name(version: Version) -> str:
    """The name that a version was found by, which may be a link's."""
    found = version.link or version
    return qualified(found.project, f"{found.collection}:v{found.number}")


def source(version: Version) -> str:
    """The name that a version was committed under."""
    return qualified(version.project, version.name)


def aliases(version: Version) -> tuple[str, ...]:
    """The aliases of a version where it was found."""
    return version.link.aliases if version.link else version.aliases


def print_lines(lines: Iterable[str], at_once: int = _LINES_AT_ONCE) -> None:
    """Print many lines; the first ones while the later ones are still being found."""
    iterator = iter(lines)
    while batch := list(islice(iterator, at_once)):
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
    """Versions as a table; with what they show, if any of them is a link."""
    listed = list(versions)
    columns = ["version", "aliases", "created", "entries", "size"]
    rows = [
        [name(each), ", ".join(aliases(each)), age(each.created_at), f"{each.entries:,}", size(each.size)]
        for each in listed
    ]
    if any(each.link for each in listed):
        columns.append("shows")
        rows = [[*row, source(each) if each.link else ""] for row, each in zip(rows, listed, strict=True)]
    return table(columns, rows, right=["entries", "size"])


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
        "base": version.base,
        "link": _link_data(version.link) if version.link else None,
    }


def _link_data(link: Link) -> dict[str, Any]:
    return {
        "name": f"{link.collection}:v{link.number}",
        "project": link.project,
        "collection": link.collection,
        "version": f"v{link.number}",
        "aliases": list(link.aliases),
    }


class Run(Protocol):
    """What is shown of a run."""

    @property
    def uid(self) -> str: ...
    @property
    def project(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...


def run_data(run: Run) -> dict[str, Any]:
    """A run as JSON names it."""
    return {"id": run.uid, "project": run.project, "name": run.name, "state": run.state}


class Sums(NamedTuple):
    """A difference in numbers: of entries, and the bytes of what came and of what went."""

    added: int
    removed: int
    changed: int
    renamed: int
    added_bytes: int
    removed_bytes: int


def sums(found: Difference) -> Sums:
    """Add up a difference. What changed went as it was and came as it is; a rename moves no bytes."""
    come = [*found.added, *(after for _, after in found.changed)]
    gone = [*found.removed, *(before for before, _ in found.changed)]
    return Sums(
        len(found.added),
        len(found.removed),
        len(found.changed),
        len(found.renamed),
        sum(each.size or 0 for each in come),
        sum(each.size or 0 for each in gone),
    )


def traffic(of: Sums) -> str:
    """The bytes that came and went: `+3.0 MB -1.0 MB`."""
    parts = ((sign, count) for sign, count in (("+", of.added_bytes), ("-", of.removed_bytes)) if count)
    return " ".join(f"{sign}{size(count)}" for sign, count in parts)


def entry_data(entry: Entry) -> dict[str, Any]:
    """An entry as JSON tells it."""
    return {**entry._asdict(), "kind": entry.kind.name.lower()}


def print_json(data: Mapping[str, Any]) -> None:
    """Print one object for programs."""
    click.echo(json.dumps(data, indent=2))


def print_json_list(data: Iterable[Mapping[str, Any]], at_once: int = _LINES_AT_ONCE) -> None:
    """Print a list for programs, one element a line, while it is still being found."""

    def lines() -> Iterator[str]:
        before = "["
        for each in data:
            yield before + json.dumps(each)
            before = ","
        yield "[]" if before == "[" else "]"

    print_lines(lines(), at_once)
