"""`artstore log`: how a collection came to be what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import click

from artstore.cli import _completion, _format, _options
from artstore.core.versions import Version
from artstore.errors import NotFound
from artstore.runtime import terminal
from artstore.store import Store

_AT_ONCE = 20


class _Line(NamedTuple):
    """One version of the history; `sums` and `before` are None where there is nothing (left) to compare."""

    version: Version
    run: _format.Run | None
    sums: _format.Sums | None
    before: Version | None


@click.command(
    "log", epilog=_options.examples("artstore log animals", "artstore log animals -n 5", "artstore log animals --json")
)
@click.argument("wanted", metavar="NAME", shell_complete=_completion.collections)
@click.option("-n", "--number", "most", metavar="N", type=click.IntRange(min=1), help="Only the newest N.")
@click.option("--deleted", is_flag=True, help="Also the versions that were deleted.")
@_options.project_option
@_options.store_option
@_options.json_option
def command(wanted: str, most: int | None, deleted: bool, project: str, store: Path | None, as_json: bool) -> None:
    """Show the history of a collection, one version a line, the newest first.

    Each line has the version, its age, what changed against the version before it that lives (entries: + added,
    - removed, ~ changed, > renamed; then the bytes that came and went), the (aliases), the [tags], the run that
    logged it, and the first line of its description.
    """
    if ":" in wanted:
        raise click.UsageError(f"The history is that of a collection: artstore log {wanted.partition(':')[0]}")
    with _options.open_store(store) as opened:
        versions = _options.versions_meant(opened, wanted, project, deleted=deleted)
        lines = (_line(opened, *pair) for pair in islice(_with_before(versions), most))
        if as_json:
            _format.print_json_list(map(_data, lines), _AT_ONCE)
        elif first := next(lines, None):
            width = len(_format.name(first.version))
            _format.print_lines((_text(each, width) for each in _chained(first, lines)), _AT_ONCE)
        else:
            terminal.note(f"{wanted} has no version: those that were deleted are shown with --deleted")


def _chained(first: _Line, others: Iterator[_Line]) -> Iterator[_Line]:
    yield first
    yield from others


def _with_before(versions: Iterable[Version]) -> Iterator[tuple[Version, Version | None]]:
    """Pair each version with the living one before it. No more is read than what is asked for, and the one before."""
    waiting: list[Version] = []
    for each in versions:
        if each.state == "committed":
            yield from ((later, each) for later in waiting)
            waiting = []
        waiting.append(each)
    yield from ((later, None) for later in waiting)


def _line(store: Store, version: Version, before: Version | None) -> _Line:
    runs = store.produced_by(version)
    return _Line(version, runs[0] if runs else None, _sums(store, version, before), before)


def _sums(store: Store, version: Version, before: Version | None) -> _format.Sums | None:
    if version.state != "committed":
        return None
    if before is None:
        return _format.Sums(version.entries, 0, 0, 0, version.size, 0)
    try:
        return _format.sums(store.diff(before, version))
    except NotFound:
        # Somebody deleted one of the two after it was listed.
        return None


def _text(line: _Line, width: int) -> str:
    version = line.version
    columns = [
        f"{_format.name(version):<{width}}",
        f"{_format.age(version.created_at):<11}",
        f"{_changes(line):<11}",
        f"{_format.traffic(line.sums) if line.sums else '':<19}",
    ]
    aliases = _format.aliases(version)
    described = (version.description or "").strip().partition("\n")[0]
    words = [
        f"({', '.join(aliases)})" if aliases else "",
        f"[{', '.join(version.tags)}]" if version.tags else "",
        f"by {line.run.name}" if line.run else "",
        f"shows {_format.source(version)}" if version.link else "",
        described,
    ]
    return terminal.visible("  ".join([*columns, " ".join(filter(None, words))]).rstrip())


def _changes(line: _Line) -> str:
    if line.version.state != "committed":
        return "deleted"
    if line.sums is None:
        return ""
    signs = zip("+-~>", line.sums[:4], strict=True)
    return " ".join(f"{sign}{count}" for sign, count in signs if count) or "="


def _data(line: _Line) -> dict[str, Any]:
    return {
        **_format.version_data(line.version),
        "state": line.version.state,
        "logged_by": _format.run_data(line.run) if line.run else None,
        "before": _format.name(line.before) if line.before else None,
        "changes": line.sums._asdict() if line.sums else None,
    }
