"""`artstore show`: show everything about one version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from artstore.cli import _completion, _format, _open, _options
from artstore.core import names
from artstore.core.versions import LabelChange, Version

_RUNS_SHOWN = 10
_CHANGES_SHOWN = 10


class _Facts(NamedTuple):
    """The facts that are shown about a version."""

    version: Version
    owned: int
    reclaimable: int
    logged_by: Sequence[_format.Run]
    used_by: Sequence[_format.Run]
    references: list[Version]
    links: list[Version]
    changes: list[LabelChange]

    @property
    def expires(self) -> datetime | None:
        """The time when it is past its ttl."""
        ttl = self.version.ttl
        return None if ttl is None else datetime.fromisoformat(self.version.created_at) + ttl


@click.command("show", epilog=_options.examples("artstore show animals", "artstore show animals:best --json"))
@click.argument("name", metavar="NAME[:ALIAS]", shell_complete=_completion.versions)
@_options.project_option
@_options.store_option
@_options.json_option
def command(name: str, project: str, store: Path | None, as_json: bool) -> None:
    """Show everything about one version; without an alias, the newest.

    Owned is the content that no earlier version in the store has; reclaimable is what deleting only this version would
    free. A version past its ttl is deleted by the next `artstore gc`, unless it has an alias other than `latest` or
    another version references it. `labels` are the changes of its aliases and links, the newest first.
    """
    with _open.open_store(store) as opened:
        version = opened.version(name, project=project)
        facts = _Facts(
            version,
            opened.owned_bytes(version),
            opened.reclaimable_bytes(version),
            opened.runs.producers(version),
            opened.runs.users(version),
            opened.dependencies(version),
            opened.links(version),
            opened.label_changes(version),
        )
    if as_json:
        _format.print_json(
            {
                **_format.version_data(version),
                "owned_bytes": facts.owned,
                "reclaimable_bytes": facts.reclaimable,
                "expires_at": facts.expires and facts.expires.isoformat(),
                "logged_by": [_format.run_data(run) for run in facts.logged_by],
                "used_by": [_format.run_data(run) for run in facts.used_by],
                "prefixes": list(version.prefixes),
                "references": [referenced.qualified_name for referenced in facts.references],
                **_format.label_data(facts.links, facts.changes),
            }
        )
    else:
        _format.print_lines(_lines(facts))


def _lines(facts: _Facts) -> Iterator[str]:
    yield _format.name(facts.version)
    yield from _format.labelled(_rows(facts))


def _rows(facts: _Facts) -> Iterator[tuple[str, str]]:
    """Yield labels and texts; those without a value are left out."""
    version = facts.version
    if version.link:
        yield "shows", f"{_format.source(version)} ({', '.join(version.aliases) or 'no alias'})"
    yield "type", version.type
    yield "project", (version.link or version).project
    yield "digest", version.digest
    yield "entries", f"{version.entries:,}"
    yield "size", _format.size(version.size)
    yield "owned", _format.size(facts.owned)
    yield "reclaimable", _format.size(facts.reclaimable)
    created = datetime.fromisoformat(version.created_at)
    yield "created", f"{_format.local_time(created)} ({_format.age(version.created_at)})"
    if facts.expires:
        yield "expired" if facts.expires < datetime.now(UTC) else "expires", _expiry(version, facts.expires)
    optional = {
        "aliases": ", ".join(_format.aliases(version)),
        "tags": ", ".join(version.tags),
        "description": (version.description or "").strip(),
        "metadata": json.dumps(version.metadata, indent=2, ensure_ascii=False) if version.metadata else "",
        "linked as": "\n".join(map(_format.linked, facts.links)),
        "labels": "\n".join(_changes(facts.changes)),
        "logged by": _runs(facts.logged_by),
        "used by": _runs(facts.used_by),
        "tracks": "\n".join(version.prefixes),
        "references": "\n".join(map(_format.name, facts.references)),
    }
    yield from ((label, text) for label, text in optional.items() if text)


def _expiry(version: Version, expires: datetime) -> str:
    assert version.ttl is not None
    holding = [alias for alias in version.aliases if alias != names.LATEST]
    kept = f", kept by {', '.join(holding)}" if holding else ""
    return f"{_format.local_time(expires)} ({_format.duration(version.ttl.total_seconds())} after it was created{kept})"


def _changes(changes: Sequence[LabelChange]) -> Iterator[str]:
    yield from map(_format.label_change, changes[:_CHANGES_SHOWN])
    if len(changes) > _CHANGES_SHOWN:
        yield f"and {len(changes) - _CHANGES_SHOWN:,} earlier changes: --json has them all"


def _runs(runs: Sequence[_format.Run]) -> str:
    lines = [f"{_format.qualified(run.project, run.name)} ({run.uid}, {run.state})" for run in runs[:_RUNS_SHOWN]]
    if len(runs) > _RUNS_SHOWN:
        lines.append(f"and {len(runs) - _RUNS_SHOWN:,} more: --json has them all")
    return "\n".join(lines)
