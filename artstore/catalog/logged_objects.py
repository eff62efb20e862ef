"""The objects that a run logged among its metrics: media, tables, charts and histograms, by key and step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from artstore.catalog.connection import Connection
from artstore.catalog.json_columns import read_object

_STEPS = 50_000
"""The steps that are looked through for objects."""
_ROWS = 200
"""The newest steps with objects from which each key is taken."""
_DEEPEST = 8


class LoggedObject(NamedTuple):
    """An object as it was logged: its key, with dots between nested ones, its step, and its description."""

    key: str
    step: int
    document: Mapping[str, Any]


class LoggedObjects(NamedTuple):
    """The newest object of each key up to a step, and the nearest steps with objects before and after."""

    step: int | None
    objects: list[LoggedObject]
    before: int | None
    after: int | None


_NEWEST = """
    select step, data from (
        select step, data from history where run = :run and step <= :at order by step desc limit :steps
    ) where instr(data, '"_type"') > 0 limit :rows
"""
_NEXT = """
    select step from (select step, data from history where run = :run and step > :at order by step limit :steps)
    where instr(data, '"_type"') > 0 limit 1
"""


def of_run(connection: Connection, run: int, at: int | None = None) -> LoggedObjects:
    """Return the newest object of each key of a run, of those logged up to a step."""
    last = 2**63 - 1 if at is None else at
    limits = {"run": run, "steps": _STEPS}
    rows = connection.execute(_NEWEST, {**limits, "at": last, "rows": _ROWS}).fetchall()
    found: dict[str, LoggedObject] = {}
    for step, data in rows:
        for key, document in _objects(read_object(data), ""):
            found.setdefault(key, LoggedObject(key, step, document))
    steps = sorted({one.step for one in found.values()})
    newest = steps[-1] if steps else None
    earlier = [step for step, _ in rows if newest is not None and step < newest]
    after = None if newest is None else connection.execute(_NEXT, {**limits, "at": newest}).fetchone()
    return LoggedObjects(
        newest, sorted(found.values()), max(earlier, default=None), None if after is None else int(after[0])
    )


def _objects(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the objects among values; those of a list get its number, as in `images.0`."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            if isinstance(value.get("_type"), str):
                yield f"{prefix}{key}", value
            elif prefix.count(".") < _DEEPEST:
                yield from _objects(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield from _objects({str(number): item for number, item in enumerate(value)}, f"{prefix}{key}.")
