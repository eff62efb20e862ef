"""`artstore show`: everything that is known of one version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from artstore.cli import _completion, _format, _options
from artstore.core import names
from artstore.core.versions import Version
from artstore.runtime import terminal

_RUNS_SHOWN = 10


class _Known(NamedTuple):
    version: Version
    owned: int
    reclaimable: int
    logged_by: Sequence[_format.Run]
    used_by: Sequence[_format.Run]
    references: list[Version]

    @property
    def expires(self) -> datetime | None:
        """When its time is up."""
        ttl = self.version.ttl
        return None if ttl is None else datetime.fromisoformat(self.version.created_at) + ttl


@click.command("show", epilog=_options.examples("artstore show animals", "artstore show animals:best --json"))
@click.argument("wanted", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@_options.project_option
@_options.store_option
@_options.json_option
def command(wanted: str, project: str, store: Path | None, as_json: bool) -> None:
    """Show everything about one version; without an alias, the newest.

    Owned is the content that no earlier version of the store holds, reclaimable what deleting this version alone
    would free. A version whose time is up goes with the next `artstore gc`, unless an alias other than `latest` or a
    version that references it holds it.
    """
    with _options.open_store(store) as opened:
        version = opened.version(wanted, project=project)
        known = _Known(
            version,
            opened.owned_bytes(version),
            opened.reclaimable_bytes(version),
            opened.produced_by(version),
            opened.used_by(version),
            opened.dependencies(version),
        )
    if as_json:
        _format.print_json(
            {
                **_format.version_data(version),
                "owned_bytes": known.owned,
                "reclaimable_bytes": known.reclaimable,
                "expires_at": known.expires and known.expires.isoformat(),
                "logged_by": [_format.run_data(each) for each in known.logged_by],
                "used_by": [_format.run_data(each) for each in known.used_by],
                "prefixes": list(version.prefixes),
                "references": [each.qualified_name for each in known.references],
            }
        )
    else:
        _format.print_lines(_lines(known))


def _lines(known: _Known) -> Iterator[str]:
    yield _format.name(known.version)
    for label, text in _rows(known):
        first, *more = text.splitlines() or [""]
        yield terminal.visible(f"  {label:<12} {first}".rstrip())
        yield from (terminal.visible(f"{'':<15}{line}".rstrip()) for line in more)


def _rows(known: _Known) -> Iterator[tuple[str, str]]:
    """What is known, and of what can be missing only what is there."""
    version = known.version
    if version.link:
        yield "shows", f"{_format.source(version)} ({', '.join(version.aliases) or 'no alias'})"
    yield "type", version.type
    yield "project", (version.link or version).project
    yield "digest", version.digest
    yield "entries", f"{version.entries:,}"
    yield "size", _format.size(version.size)
    yield "owned", _format.size(known.owned)
    yield "reclaimable", _format.size(known.reclaimable)
    created = datetime.fromisoformat(version.created_at)
    yield "created", f"{_format.moment(created)} ({_format.age(version.created_at)})"
    if known.expires:
        yield "expired" if known.expires < datetime.now(UTC) else "expires", _expiry(version, known.expires)
    optional = {
        "aliases": ", ".join(_format.aliases(version)),
        "tags": ", ".join(version.tags),
        "description": (version.description or "").strip(),
        "metadata": json.dumps(version.metadata, indent=2, ensure_ascii=False) if version.metadata else "",
        "logged by": _runs(known.logged_by),
        "used by": _runs(known.used_by),
        "tracks": "\n".join(version.prefixes),
        "references": "\n".join(map(_format.name, known.references)),
    }
    yield from ((label, text) for label, text in optional.items() if text)


def _expiry(version: Version, expires: datetime) -> str:
    assert version.ttl is not None
    holding = [alias for alias in version.aliases if alias != names.LATEST]
    held = f", held by {', '.join(holding)}" if holding else ""
    return f"{_format.moment(expires)} ({_format.span(version.ttl.total_seconds())} after it was made{held})"


def _runs(runs: Sequence[_format.Run]) -> str:
    lines = [f"{_format.qualified(each.project, each.name)} ({each.uid}, {each.state})" for each in runs[:_RUNS_SHOWN]]
    if len(runs) > _RUNS_SHOWN:
        lines.append(f"and {len(runs) - _RUNS_SHOWN:,} more: --json has them all")
    return "\n".join(lines)
