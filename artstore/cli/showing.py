"""How things look on the command line: sizes, ages, tables, JSON for programs, and bars for what takes long."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artstore.progress import SILENT, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Display

    from artstore.manifest import Entry
    from artstore.version import Version

# Control characters, and those that turn the direction of text: in a name they could rewrite the screen.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LINES_AT_ONCE = 1000


def visible(text: str) -> str:
    r"""Text with everything that would not show, or would move the cursor, written as `\x1b`."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


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


def silent() -> bool:
    """Whether ARTSTORE_SILENT asks for results and errors only."""
    return os.environ.get("ARTSTORE_SILENT", "").lower() not in ("", "0", "false", "no")


def note(text: str) -> None:
    """Tell something beside the result, on stderr."""
    if not silent():
        click.echo(visible(text), err=True)


class Bars:
    """A bar on stderr for each step that takes longer than `patience` seconds. Several threads may call it."""

    def __init__(self, patience: float = 1.0) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._step: tuple[str, int | None, str] = ("", None, "bytes")
        self._started = 0.0
        self._done = 0
        self._display: Display | None = None

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """A step begins."""
        with self._lock:
            self._close()
            self._step, self._started, self._done = (what, total, unit), time.monotonic(), 0

    def advance(self, amount: int) -> None:
        """So much more of the step is done."""
        with self._lock:
            self._done += amount
            if self._display is None and time.monotonic() - self._started > self._patience:
                self._display = self._open()
            if self._display is not None:
                self._display.update(self._display.task_ids[0], completed=self._done)

    def end(self) -> None:
        """The step is over; its bar goes."""
        with self._lock:
            self._close()

    def _open(self) -> Display:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, TextColumn, TransferSpeedColumn
        from rich.progress import Progress as Bar

        what, total, unit = self._step
        amount = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
        bar = Bar(
            TextColumn("{task.description}"), BarColumn(), *amount, console=Console(file=sys.stderr), transient=True
        )
        bar.add_task(escape(visible(what)), total=total)
        bar.start()
        return bar

    def _close(self) -> None:
        if self._display is not None:
            self._display.stop()
            self._display = None


def progress() -> Progress:
    """Who shows how far a long verb is: bars on a terminal, otherwise nobody."""
    return Bars() if sys.stderr.isatty() and not silent() else SILENT
