"""The metrics of runs over their steps, reduced in SQL to as many points as a chart can show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from artstore.catalog.connection import Connection

_ALL = 20_000
"""The steps up to which each is read. Of a longer history, a chart shows evenly spaced steps."""
_HIDDEN = "('_step', '_timestamp', '_runtime')"


class Point(NamedTuple):
    """Consecutive steps of a curve, around `step`: their mean, their lowest and their highest value."""

    step: float
    mean: float
    low: float
    high: float


_EVERY_STEP = "select step, data from history where run = :run and step between :first and :last"
# Looking each step up costs the same however many steps the history has.
_SPACED_STEPS = """
    with recursive wanted (number) as (select 0 union all select number + 1 from wanted where number < 2 * :points),
    found (step) as (
        select distinct (
            select h.step from history as h
            where h.run = :run and h.step >= :first + wanted.number * (:last - :first) / (2 * :points)
            order by h.step limit 1
        ) from wanted
    )
    select history.step, history.data from found
    join history on history.run = :run and history.step = found.step where found.step <= :last
"""
_CURVES = f"""
    with rows as materialized ({{rows}})
    select value.key, avg(rows.step), avg(value.value), min(value.value), max(value.value)
    from rows, json_each(rows.data) as value
    where value.type in ('integer', 'real') and value.key not in {_HIDDEN}
    group by value.key, (rows.step - :first) * :points / (:last - :first + 1)
    order by value.key, 2
"""


def of_run(
    connection: Connection, run: int, points: int, first: int | None = None, last: int | None = None
) -> Mapping[str, list[Point]]:
    """Return the curve of each number that a run logged, as at most `points` points, from one step to another."""
    # Both in one query would read the whole history.
    ends = "select (select min(step) from history where run = :run), (select max(step) from history where run = :run)"
    lowest, highest = connection.execute(ends, {"run": run}).fetchone()
    first, last = lowest if first is None else first, highest if last is None else last
    curves: dict[str, list[Point]] = defaultdict(list)
    if first is None or last is None:
        return curves
    rows = _EVERY_STEP if last - first <= _ALL else _SPACED_STEPS
    parameters = {"run": run, "first": first, "last": last, "points": points}
    for key, *point in connection.execute(_CURVES.format(rows=rows), parameters):
        curves[key].append(Point(*point))
    return curves
