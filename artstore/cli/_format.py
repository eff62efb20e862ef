"""Format the output of the command line: sizes, ages, names, tables, and JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import click

from artstore.core import names
from artstore.runtime import terminal
from artstore.runtime.terminal import visible
from artstore.runtime.words import age as age
from artstore.runtime.words import counted as counted
from artstore.runtime.words import duration as duration
from artstore.runtime.words import local_time as local_time
from artstore.runtime.words import size as size

if TYPE_CHECKING:
    from artstore.core.manifest import Entry
    from artstore.core.versions import LabelChange, Link, Version
    from artstore.operations.diff import Difference

_LINES_PER_BATCH = 1000


def near(path: Path) -> str:
    """Format a path, relative if it is below the working folder."""
    here = Path.cwd()
    return visible(str(path.relative_to(here) if path.is_relative_to(here) else path))


def qualified(project: str, name: str) -> str:
    """Return a name with its project, unless that is the project of names without one."""
    return name if project == names.default_project() else f"{project}/{name}"


def name(version: Version) -> str:
    """Return the name that a version was found by, which may be the name of a link."""
    shown = version.link or version
    return qualified(shown.project, f"{shown.collection}:v{shown.number}")


def source(version: Version) -> str:
    """Return the name that a version was committed under."""
    return qualified(version.project, version.name)


def aliases(version: Version) -> tuple[str, ...]:
    """Return the aliases of a version in the collection where it was found."""
    return version.link.aliases if version.link else version.aliases


def echo(text: str) -> None:
    """Print text; in a terminal, lines that are too long for it continue below, indented."""
    click.echo(terminal.fitted(text, sys.stdout))


def print_lines(lines: Iterable[str], batch_size: int = _LINES_PER_BATCH) -> None:
    """Print lines in batches, as `echo` does; the first batches are printed while later lines are still computed."""
    for batch in _batches(lines, batch_size):
        echo("\n".join(batch))


def _batches(lines: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(lines)
    while batch := list(islice(iterator, size)):
        yield batch


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[str] = ()) -> list[str]:
    """Lay out rows below their headings; the columns named in `right` are aligned right.

    In a terminal that is too narrow, columns without values are left out; if that is not enough, each row becomes a
    paragraph with its labels and values.
    """
    cells = [[visible(cell) for cell in row] for row in rows]
    heads = [visible(column) for column in columns]
    room = terminal.room(sys.stdout)
    if room is not None and _table_width(heads, cells) > room:
        filled = [number for number in range(len(heads)) if not number or any(row[number] for row in cells)]
        heads, cells = [heads[number] for number in filled], [[row[number] for number in filled] for row in cells]
        if _table_width(heads, cells) > room:
            return [line for row in cells for line in _paragraph(heads, row, room)]
    return _aligned(heads, cells, right)


def _widths(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(terminal.width, column)) for column in zip(heads, *cells, strict=True)]


def _table_width(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    return sum(_widths(heads, cells)) + 2 * (len(heads) - 1)


def table_width(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Return the columns of a terminal that a table needs."""
    return _table_width(columns, [[visible(cell) for cell in row] for row in rows])


def _aligned(heads: Sequence[str], cells: Sequence[Sequence[str]], right: Collection[str]) -> list[str]:
    widths = _widths(heads, cells)

    def line(row: Sequence[str]) -> str:
        padded = []
        for head, width, cell in zip(heads, widths, row, strict=True):
            space = " " * (width - terminal.width(cell))
            padded.append(space + cell if head in right else cell + space)
        return "  ".join(padded).rstrip()

    return [line(heads), "  ".join("-" * width for width in widths), *map(line, cells)]


def _paragraph(heads: Sequence[str], row: Sequence[str], room: int) -> Iterator[str]:
    """Yield the first cell of a row, then the others with their labels, as many on a line as there is room for."""
    first, *rest = row
    yield from terminal.wrapped(first or "-", room)
    line = ""
    for part in (f"{head}: {cell}" for head, cell in zip(heads[1:], rest, strict=True) if cell):
        if line and terminal.width(f"{line}, {part}") > room:
            yield from terminal.wrapped(f"{line},", room)
            line = ""
        line = f"{line}, {part}" if line else f"  {part}"
    if line:
        yield from terminal.wrapped(line, room)


def labelled(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Lay out labels with their texts; the lines of a text are below each other."""
    room = terminal.room(sys.stdout)
    for label, text in rows:
        before = f"  {label:<12} "
        for line in text.splitlines() or [""]:
            shown = visible(f"{before}{line}".rstrip())
            yield from terminal.wrapped(shown, room, " " * 15) if room else [shown]
            before = " " * 15


def version_table(versions: Iterable[Version]) -> list[str]:
    """Lay out versions as a table; where one is a link, with the versions that links show."""
    listed = list(versions)
    columns = ["version", "aliases", "created", "entries", "size"]
    rows = [
        [
            name(version),
            ", ".join(aliases(version)),
            age(version.created_at),
            f"{version.entries:,}",
            size(version.size),
        ]
        for version in listed
    ]
    if any(version.link for version in listed):
        columns.append("shows")
        rows = [[*row, source(version) if version.link else ""] for row, version in zip(rows, listed, strict=True)]
    return table(columns, rows, right=["entries", "size"])


def linked(version: Version) -> str:
    """Return the name and aliases of a link: `models/zoo:v0 (latest, production)`."""
    labels = ", ".join(aliases(version))
    return f"{name(version)} ({labels})" if labels else name(version)


def label_change(change: LabelChange) -> str:
    """Return a change of an alias or a link: `production set on models/zoo:v0 by ann, 5 min ago`."""
    project, _, rest = change.name.partition("/")
    where = qualified(project, rest)
    what = f"{change.alias} {change.action}" if change.alias else change.action
    place = "on" if change.alias and change.action == "set" else "from" if change.alias else "as"
    before = f" (was {change.before})" if change.before else ""
    by = f" by {change.user}" if change.user else ""
    return f"{what} {place} {where}{before}{by}, {age(change.at)}"


def label_data(links: Iterable[Version], changes: Iterable[LabelChange]) -> dict[str, Any]:
    """Return where a version is linked, and the changes of its labels, as plain data, for JSON."""
    shown = [_link_data(version.link) for version in links if version.link]
    return {"linked_as": shown, "label_changes": [change._asdict() for change in changes]}


def end_with_rest(left_to_gc: str | None) -> None:
    """End with exit code 1, and say what `artstore gc` has to do, if a deletion could not give all its space back."""
    if left_to_gc is not None:
        click.echo(f"not all space was freed: {visible(left_to_gc)}; then `artstore gc` frees it", err=True)
        raise click.exceptions.Exit(1)


def version_data(version: Version) -> dict[str, Any]:
    """Return a version as plain data, for JSON."""
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
    """The attributes of a run that are shown."""

    @property
    def uid(self) -> str: ...
    @property
    def project(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...


def run_data(run: Run) -> dict[str, Any]:
    """Return a run as plain data, for JSON."""
    return {"id": run.uid, "project": run.project, "name": run.name, "state": run.state}


class Totals(NamedTuple):
    """The totals of a difference: numbers of entries, and their bytes."""

    added: int
    removed: int
    changed: int
    renamed: int
    added_bytes: int
    removed_bytes: int


def totals(difference: Difference) -> Totals:
    """Add up a difference. A changed entry counts as removed bytes and added bytes, a renamed one as neither."""
    added = [*difference.added, *(after for _, after in difference.changed)]
    removed = [*difference.removed, *(before for before, _ in difference.changed)]
    return Totals(
        len(difference.added),
        len(difference.removed),
        len(difference.changed),
        len(difference.renamed),
        sum(entry.size or 0 for entry in added),
        sum(entry.size or 0 for entry in removed),
    )


def byte_changes(totals: Totals) -> str:
    """Format the bytes added and removed: `+3.0 MB -1.0 MB`."""
    parts = ((sign, count) for sign, count in (("+", totals.added_bytes), ("-", totals.removed_bytes)) if count)
    return " ".join(f"{sign}{size(count)}" for sign, count in parts)


def entry_data(entry: Entry) -> dict[str, Any]:
    """Return an entry as plain data, for JSON."""
    return {**entry._asdict(), "kind": entry.kind.name.lower()}


def print_json(data: Mapping[str, Any]) -> None:
    """Print one object as JSON."""
    click.echo(json.dumps(data, indent=2))


def print_json_list(data: Iterable[Mapping[str, Any]], batch_size: int = _LINES_PER_BATCH) -> None:
    """Print a list as JSON, one element per line, in batches as `print_lines` does."""

    def lines() -> Iterator[str]:
        before = "["
        for element in data:
            yield before + json.dumps(element)
            before = ","
        yield "[]" if before == "[" else "]"

    for batch in _batches(lines(), batch_size):
        click.echo("\n".join(batch))
