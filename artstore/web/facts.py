"""Runs, versions and values as plain data for pages and their JSON."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from artstore.core.runs import RunRecord
from artstore.core.versions import Version
from artstore.store import Store
from artstore.web import links

Card = TypeVar("Card")
LISTED = 200
"""The names that a list of a page shows."""
_LOWER = (
    "loss",
    "error",
    "err",
    "mse",
    "rmse",
    "mae",
    "mape",
    "perplexity",
    "ppl",
    "wer",
    "cer",
    "fid",
    "nll",
    "latency",
)
_HIGHER = (
    "acc",
    "accuracy",
    "f1",
    "auc",
    "auroc",
    "precision",
    "recall",
    "map",
    "score",
    "reward",
    "bleu",
    "rouge",
    "iou",
)
_COLOURS = 9
_STYLES = 3 * _COLOURS
"""The looks of a run: nine colours, each as a line, with dashes and with dots."""
_COUNTS = 3
_HELD_OUT = ("val", "valid", "validation", "eval", "test", "dev", "best")
_COUNTERS = ("epoch", "step", "steps", "iteration", "iterations", "iter", "batch")
_HIGHER_TOO = ("r2", "psnr", "ssim", "dice", "top1", "top5", "kappa", "throughput")


def run(store: Store, record: RunRecord) -> dict[str, Any]:
    """Return what tables show of a run."""
    began = datetime.fromisoformat(record.started_at)
    state = store.runs.state(record)
    ended = datetime.fromisoformat(record.ended_at) if record.ended_at else None
    if ended is None and state == "running":
        ended = datetime.now(UTC)
    return {
        "id": record.uid,
        "project": record.project,
        "path": f"{record.project}/{record.uid}",
        "name": record.name,
        "state": state,
        "job_type": record.job_type,
        "group": record.group,
        "tags": record.tags,
        "notes": record.notes,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "seconds": (ended - began).total_seconds() if ended else None,
        "series": series(f"{record.project}/{record.uid}"),
        "href": links.run(record.project, record.uid),
    }


def series(path: str) -> int:
    """Return the number that selects the colour and the dash of a run, the same on every page."""
    return zlib.crc32(path.encode()) % _STYLES


def runs(store: Store, records: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """Return runs that are drawn together, each as `run` does, with looks that tell them apart."""
    looks = apart(f"{record.project}/{record.uid}" for record in records)
    rows = [run(store, record) for record in records]
    return [row | {"series": looks[row["path"]]} for row in rows]


def apart(paths: Iterable[str]) -> dict[str, int]:
    """Return such a number for each run of one drawing: of two that would look the same, the later takes another."""
    found: dict[str, int] = {}
    for path in paths:
        own = series(path)
        free = [n for n in ((own + step) % _STYLES for step in range(_STYLES)) if n not in found.values()]
        colours = {number % _COLOURS for number in found.values()}
        unlike = (number for number in free if number % _COLOURS not in colours)
        found[path] = own if own in free else next(unlike, free[0] if free else own)
    return found


def version(found: Version) -> dict[str, Any]:
    """Return what tables show of a version; `shown` is its name where it was found, which may be a link."""
    shown = found.link or found
    return {
        "name": found.name,
        "qualified_name": found.qualified_name,
        "shown": f"{shown.collection}:v{shown.number}",
        "project": found.project,
        "collection": found.collection,
        "number": found.number,
        "type": found.type,
        "state": found.state,
        "digest": found.digest,
        "entries": found.entries,
        "size": found.size,
        "aliases": list(shown.aliases),
        "tags": list(found.tags),
        "description": found.description,
        "created_at": found.created_at,
        "linked_from": found.qualified_name if found.link else None,
        "href": links.of_version(found),
    }


def link(found: Version) -> dict[str, Any]:
    """Return what tables show of a link: its name, and the aliases that are set on it."""
    assert found.link is not None
    return {
        "name": f"{found.link.project}/{found.link.collection}:v{found.link.number}",
        "aliases": list(found.link.aliases),
        "href": links.collection(found.link.project, found.link.collection),
    }


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by names with dots: `{"model.depth": 3}`."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value and prefix.count(".") < 8:
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found


def summary(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a summary by names with dots, without W&B's own and without media: those are shown."""
    return flat({key: value for key, value in values.items() if not key.startswith("_") and not _is_media(value)})


def _is_media(value: object) -> bool:
    return isinstance(value, Mapping) and "_type" in value


def is_number(value: object) -> bool:
    """Whether a value is a number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def better(metric: str) -> str | None:
    """Return whether the `lower` or the `higher` value of a metric is better, by its name; None if that is unknown."""
    words = _words(metric)
    if any(word in _LOWER for word in words):
        return "lower"
    return "higher" if any(word in _HIGHER or word in _HIGHER_TOO for word in words) else None


def best(values: Iterable[Any], metric: str) -> float | None:
    """Return the best of the numbers among values; None for fewer than two, or if it is not known which is better."""
    numbers = [value for value in values if is_number(value)]
    direction = better(metric)
    if direction is None or len(numbers) < 2:
        return None
    found: float = (min if direction == "lower" else max)(numbers)
    return found


def cards_in_order(found: Mapping[str, Card]) -> list[tuple[str, Card]]:
    """Return what was found for each metric by its name, and last for those that only count."""
    return sorted(found.items(), key=lambda item: (judged_first(item[0]) == _COUNTS, item[0]))


def judged_first(metric: str) -> int:
    """Return the place of a metric among those by which runs are judged, by its name: held-out data first."""
    words = _words(metric)
    if words[-1] in _COUNTERS:
        return _COUNTS
    return 2 if better(metric) is None else int(not any(word in _HELD_OUT for word in words))


def _words(metric: str) -> list[str]:
    return metric.lower().replace("/", "_").replace("-", "_").replace(".", "_").split("_")
