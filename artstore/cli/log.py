"""`artstore log`: show the history of a collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.core.versions import LabelChange, Version
from artstore.errors import NotFound
from artstore.runtime import terminal
from artstore.store import Store

_LINES_PER_BATCH = 20


class _Line(NamedTuple):
    """One version of the history; `totals` and `before` are None where there is nothing to compare with."""

    version: Version
    run: _format.Run | None
    totals: _format.Totals | None
    before: Version | None
    links: list[Version]
    changes: list[LabelChange]


@click.command(
    "log", epilog=_options.examples("artstore log animals", "artstore log animals -n 5", "artstore log animals --json")
)
@click.argument("name", metavar="NAME", shell_complete=_completion.collections)
@click.option("-n", "--number", "limit", metavar="N", type=_options.Number(min=1), help="Only the newest N.")
@click.option("--labels", is_flag=True, help="Also show who set aliases and links, and when.")
@click.option("--deleted", is_flag=True, help="Also show deleted versions.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(
    name: str, limit: int | None, labels: bool, deleted: bool, project: str, store: Path | None, as_json: bool
) -> None:
    """Show the history of a collection, one version per line, the newest first.

    Each line has the version, its age, what changed since the previous version that still exists (entries: + added,
    - removed, ~ changed, > renamed; then bytes added and removed), the (aliases), the [tags], the run that logged it,
    where it is linked, and the first line of its description. With --labels, the changes of its aliases and links are
    below it.
    """
    if ":" in name:
        raise click.UsageError(f"Name a collection, not a version: artstore log {name.partition(':')[0]}")
    with _open.open_store(store) as opened:
        versions = _options.named_versions(opened, name, project, deleted=deleted)
        lines = (_line(opened, *pair) for pair in islice(_with_previous(versions), limit))
        if as_json:
            _format.print_json_list(map(_data, lines), _LINES_PER_BATCH)
        elif first := next(lines, None):
            width = len(_format.name(first.version))
            _format.print_lines(
                (
                    text
                    for line in chain([first], lines)
                    for text in (_text(line, width), *(_change(change, width) for change in line.changes if labels))
                ),
                _LINES_PER_BATCH,
            )
        else:
            terminal.note(f"{name} has no versions: --deleted shows the deleted ones")


def _with_previous(versions: Iterable[Version]) -> Iterator[tuple[Version, Version | None]]:
    """Pair each version with the previous one that still exists, reading no further than that one."""
    waiting: list[Version] = []
    for version in versions:
        if version.state == "committed":
            yield from ((later, version) for later in waiting)
            waiting = []
        waiting.append(version)
    yield from ((later, None) for later in waiting)


def _line(store: Store, version: Version, before: Version | None) -> _Line:
    runs = store.runs.producers(version)
    links = [] if version.link else store.links(version)
    changes = store.label_changes(version)
    return _Line(version, runs[0] if runs else None, _totals(store, version, before), before, links, changes)


def _totals(store: Store, version: Version, before: Version | None) -> _format.Totals | None:
    if version.state != "committed":
        return None
    if before is None:
        return _format.Totals(version.entries, 0, 0, 0, version.size, 0)
    try:
        return _format.totals(store.diff(before, version))
    except NotFound:
        # One of the two was deleted after it was listed.
        return None


def _text(line: _Line, width: int) -> str:
    version = line.version
    columns = [
        f"{_format.name(version):<{width}}",
        f"{_format.age(version.created_at):<11}",
        f"{_changes(line):<11}",
        f"{_format.byte_changes(line.totals) if line.totals else '':<19}",
    ]
    aliases = _format.aliases(version)
    description = (version.description or "").strip().partition("\n")[0]
    labels = [
        f"({', '.join(aliases)})" if aliases else "",
        f"[{', '.join(version.tags)}]" if version.tags else "",
        f"by {line.run.name}" if line.run else "",
        f"shows {_format.source(version)}" if version.link else "",
        *(f"linked as {_format.linked(link)}" for link in line.links),
        description,
    ]
    return terminal.visible("  ".join([*columns, " ".join(filter(None, labels))]).rstrip())


def _change(change: LabelChange, width: int) -> str:
    return terminal.visible(f"{'':<{width}}  {_format.label_change(change)}")


def _changes(line: _Line) -> str:
    if line.version.state != "committed":
        return "deleted"
    if line.totals is None:
        return ""
    signs = zip("+-~>", line.totals[:4], strict=True)
    return " ".join(f"{sign}{count}" for sign, count in signs if count) or "="


def _data(line: _Line) -> dict[str, Any]:
    return {
        **_format.version_data(line.version),
        "state": line.version.state,
        "logged_by": _format.run_data(line.run) if line.run else None,
        "before": _format.name(line.before) if line.before else None,
        "changes": line.totals._asdict() if line.totals else None,
        **_format.label_data(line.links, line.changes),
    }
