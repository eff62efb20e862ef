"""Runs and artifacts as HTML for notebooks: their facts, curves and pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from artstore.core.manifest import Entry
from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.runtime import notebook, words

if TYPE_CHECKING:
    from artstore.store import Store

_CURVES = 6
_POINTS = 200
_PICTURES = 6
_LOOKED_AT = 200
_SMALL = 500_000


def run(store: Store, record: RunRecord) -> str:
    """Return the facts of a run and curves of what it logged."""
    summary = {key: value for key, value in record.summary.items() if not key.startswith("_")}
    facts = [
        ("id", record.uid),
        ("project", record.project),
        ("state", store.runs.state(record) if store.is_open else "finished, and its store was removed"),
        ("started", words.age(record.started_at)),
        ("job type", record.job_type),
        ("group", record.group),
        ("tags", ", ".join(record.tags)),
        ("notes", record.notes),
        *((f"config {key}", value) for key, value in record.config.items()),
        *((f"summary {key}", value) for key, value in summary.items()),
    ]
    curves = islice(_curves(store, record), _CURVES) if store.is_open else ()
    return notebook.facts(f"Run {record.name}", facts) + "".join(curves)


def _curves(store: Store, record: RunRecord) -> Iterator[str]:
    from artstore import charts  # late: only notebooks need it

    for key, points in sorted(store.runs.curves(record, points=_POINTS).items()):
        drawn = [(point.step, point.mean) for point in points if math.isfinite(point.mean)]
        if len(drawn) > 1:
            yield charts.lines(key, {record.name: drawn}, "step", key, log=False)


def version(store: Store, found: Version, name: str, aliases: list[str]) -> str:
    """Return the facts of a version, and the first small pictures among its files."""
    facts: list[tuple[str, Any]] = [
        ("type", found.type),
        ("aliases", ", ".join(aliases)),
        ("tags", ", ".join(found.tags)),
        ("created", words.age(found.created_at)),
        ("files", words.counted(found.entries, "entry", "entries")),
        ("size", words.size(found.size)),
        ("digest", found.digest),
        ("description", found.description),
        *((f"metadata {key}", value) for key, value in found.metadata.items()),
    ]
    shown = islice(filter(_is_small_picture, islice(store.entries(found), _LOOKED_AT)), _PICTURES)
    pictures = (_picture(store, entry) for entry in shown) if found.state == "committed" else ()
    return notebook.facts(f"Artifact {name}", facts) + "".join(pictures)


def _is_small_picture(entry: Entry) -> bool:
    return entry.kind.name == "FILE" and (entry.size or 0) <= _SMALL and entry.path.lower().endswith(notebook.PICTURES)


def _picture(store: Store, entry: Entry) -> str:
    suffix = "." + entry.path.rpartition(".")[2]
    return notebook.media(b"".join(store.read(entry)), suffix, entry.path) or ""
