"""Filters and orders of listings, in W&B's syntax, translated to SQL.

A filter is a dict as in MongoDB: `{"state": "finished", "config.lr": {"$lt": 0.1}}`. All its conditions must hold.
Keys name fields of the listed rows, or values inside their JSON, with a dot for each level. A field is an SQL
expression for its JSON text, NULL where it is missing. As in MongoDB, a list matches if one of its elements does, and
a missing value equals None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from artstore.catalog import timestamps
from artstore.catalog.connection import Connection
from artstore.errors import InvalidInput

Filters = Mapping[str, Any]


class Clause(NamedTuple):
    """An SQL condition, and the values for its question marks."""

    sql: str
    values: tuple[Any, ...]


EVERYTHING = Clause("1", ())


@dataclass(frozen=True)
class Fields:
    """The fields by which one kind of row can be filtered and ordered.

    `plain` fields are columns by name; `words` are JSON lists; `documents` are JSON objects whose values are named
    `document.key`; fields in `times` hold timestamps.
    """

    rows: str
    plain: Mapping[str, str]
    words: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    times: frozenset[str] = frozenset()

    def json(self, key: str) -> Clause:
        """Return the field that a key names, as JSON text. Raises `InvalidInput`, which lists the known fields."""
        if key in self.plain:
            return Clause(f"iif({self.plain[key]} is null, null, json_quote({self.plain[key]}))", ())
        if key in self.words:
            return Clause(self.words[key], ())
        document, dot, path = key.partition(".")
        if document in self.documents and dot and path:
            column = self.documents[document]
            paths = [_path(path.split(".")), _path([path])]
            if document == "config" and path.endswith(".value"):
                # W&B wraps each value of a config in an object, and its filters name the value in there.
                paths.append(_path(path.removesuffix(".value").split(".")))
            different = tuple(dict.fromkeys(paths))
            found = ", ".join(f"{column} -> ?" for _ in different)
            return Clause(f"coalesce({found})" if len(different) > 1 else f"({found})", different)
        known = [*self.plain, *self.words, *(f"{name}.KEY" for name in self.documents)]
        raise InvalidInput(f"{self.rows} have no field {key!r}: use one of {', '.join(known)}")


def _path(keys: Iterable[str]) -> str:
    parts = list(keys)
    if any(not part or '"' in part or "\0" in part for part in parts):
        raise InvalidInput(
            f"{'.'.join(parts)!r} is not a key of a filter: write names with a dot between them, without quotes"
        )
    return "$" + "".join(f'."{part}"' for part in parts)


# Filters


def where(connection: Connection, fields: Fields, filters: Filters | None) -> Clause:
    """Translate filters to an SQL condition. Raises `InvalidInput`, which says what was expected."""
    if not filters:
        return EVERYTHING
    connection.create_function("artstore_matches", 2, _matches, deterministic=True)
    return _all_of(fields, filters)


def _matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


def _all_of(fields: Fields, filters: object) -> Clause:
    if not isinstance(filters, Mapping):
        raise InvalidInput(f'a filter is a dict such as {{"state": "finished"}}, not {filters!r}')
    return _joined(" and ", [_one_of(fields, key, wanted) for key, wanted in filters.items()])


def _one_of(fields: Fields, key: str, wanted: object) -> Clause:
    if key in ("$and", "$or", "$nor"):
        if not isinstance(wanted, Sequence) or isinstance(wanted, str) or not wanted:
            raise InvalidInput(f"{key} takes a list of filters, not {wanted!r}")
        joined = _joined(" and " if key == "$and" else " or ", [_all_of(fields, part) for part in wanted])
        return _negated(joined) if key == "$nor" else joined
    if key == "$not":
        return _negated(_all_of(fields, wanted))
    if key.startswith("$"):
        raise _no_operator(key)
    field = fields.json(key)
    is_time = key in fields.times
    if isinstance(wanted, Mapping) and any(str(operator).startswith("$") for operator in wanted):
        return _operators(field, wanted, is_time)
    return _compared(field, "$eq", wanted, is_time)


def _operators(field: Clause, wanted: Mapping[str, Any], is_time: bool) -> Clause:
    return _joined(" and ", [_compared(field, operator, value, is_time) for operator, value in wanted.items()])


def _compared(field: Clause, operator: str, wanted: Any, is_time: bool) -> Clause:
    if operator == "$not":
        if not isinstance(wanted, Mapping):
            raise InvalidInput(f'$not takes operators, as in {{"$not": {{"$gt": 5}}}}, not {wanted!r}')
        return _negated(_operators(field, wanted, is_time))
    if operator == "$exists":
        return Clause(f"({field.sql} is {'not ' if wanted else ''}null)", field.values)
    if operator in _NEGATIONS:
        return _negated(_compared(field, _NEGATIONS[operator], wanted, is_time))
    if operator not in _CONDITIONS:
        raise _no_operator(operator)
    condition = _CONDITIONS[operator](operator, _time(wanted) if is_time else wanted)
    # A list matches as a whole, or by one of its elements.
    sql = f"""exists (
        select 1 from (select {field.sql} as text) as field, json_each(
            case json_type(field.text) when 'array' then json_insert(field.text, '$[#]', json(field.text))
            else json_array(json(field.text)) end
        ) as item where {condition.sql}
    )"""
    return Clause(sql, (*field.values, *condition.values))


def _is_equal(operator: str, wanted: Any) -> Clause:
    return _is_one_of(operator, [wanted])


def _is_beyond(operator: str, wanted: Any) -> Clause:
    sign = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}[operator]
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return Clause(f"item.type in ('integer', 'real') and item.value {sign} ?", (_number(wanted),))
    if isinstance(wanted, str):
        return Clause(f"item.type = 'text' and item.value {sign} ?", (wanted,))
    raise InvalidInput(f"{operator} takes a number or a string, not {wanted!r}")


def _is_one_of(operator: str, wanted: Any) -> Clause:
    if not isinstance(wanted, list | tuple | set | frozenset):
        raise InvalidInput(f"{operator} takes a list, not {wanted!r}")
    sql = """exists (
        select 1 from json_each(?) as wanted
        where wanted.value is item.value
            and replace(wanted.type, 'real', 'integer') = replace(item.type, 'real', 'integer')
    )"""
    return Clause(sql, (_json(list(wanted)),))


def _matches_pattern(operator: str, wanted: Any) -> Clause:
    try:
        re.compile(wanted)
    except (re.error, TypeError) as error:
        raise InvalidInput(f"{operator} takes a regular expression, not {wanted!r}: {error}") from error
    return Clause("iif(item.type = 'text', artstore_matches(?, item.value), 0)", (wanted,))


def _contains(operator: str, wanted: Any) -> Clause:
    if not isinstance(wanted, str):
        raise InvalidInput(f"{operator} takes a string, not {wanted!r}")
    return Clause("iif(item.type = 'text', instr(item.value, ?) > 0, 0)", (wanted,))


_CONDITIONS: dict[str, Callable[[str, Any], Clause]] = {
    "$eq": _is_equal,
    "$gt": _is_beyond,
    "$gte": _is_beyond,
    "$lt": _is_beyond,
    "$lte": _is_beyond,
    "$in": _is_one_of,
    "$regex": _matches_pattern,
    "$contains": _contains,
}
_NEGATIONS = {"$ne": "$eq", "$nin": "$in"}
OPERATORS = (*_CONDITIONS, *_NEGATIONS, "$exists", "$and", "$or", "$nor", "$not")


def _no_operator(name: object) -> InvalidInput:
    return InvalidInput(f"filters have no operator {name!r}: use one of {', '.join(OPERATORS)}")


def _number(wanted: float) -> float:
    if isinstance(wanted, int) and not -(2**63) <= wanted < 2**63:
        return float(wanted)
    return wanted


def _json(wanted: object) -> str:
    try:
        return json.dumps(wanted, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a filter compares with a JSON value, not with {wanted!r}") from error


def _time(wanted: Any) -> Any:
    """Write a time as a timestamp, and the times in a list; return other values unchanged."""
    if isinstance(wanted, list | tuple | set | frozenset):
        return [_time(value) for value in wanted]
    if not isinstance(wanted, str | datetime):
        return wanted
    try:
        time = datetime.fromisoformat(wanted) if isinstance(wanted, str) else wanted
        return timestamps.timestamp(time if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{wanted!r} is not a time: write it as in 2026-11-21 or 2026-11-21T08:00:00Z") from error


def _joined(word: str, clauses: list[Clause]) -> Clause:
    if not clauses:
        return EVERYTHING
    return Clause(
        f"({word.join(clause.sql for clause in clauses)})",
        tuple(value for clause in clauses for value in clause.values),
    )


def _negated(clause: Clause) -> Clause:
    return Clause(f"(not {clause.sql})", clause.values)


# Orders


class Order(NamedTuple):
    """An order by a field: rows without the field, or where it is NaN, whose `key` is NULL, come last."""

    key: Clause
    descending: bool


def order(fields: Fields, wanted: str) -> Order:
    """Parse an order such as `+created_at` or `-summary_metrics.loss`: ascending unless it begins with `-`.

    Raises `InvalidInput`.
    """
    name = wanted[1:] if wanted[:1] in ("+", "-") else wanted
    if name in fields.plain:
        return Order(Clause(f"({fields.plain[name]})", ()), wanted.startswith("-"))
    field = fields.json(name)
    key = f"{field.sql} ->> '$'"
    if "." in name:
        # JSON has no such numbers: they are stored as these words.
        key = f"""select case x when 'NaN' then null when 'Infinity' then 9e999 when '-Infinity' then -9e999 else x end
            from (select {key} as x)"""
    return Order(Clause(f"({key})", field.values), wanted.startswith("-"))


def after_row(by: Order, id: str, last: str, tables: str) -> Clause:
    """Return the condition for the rows after the one with the id `last`, which a FROM clause finds.

    Rows with equal keys are ordered by id. Raises `InvalidInput` if `last` is none.
    """
    if not (last.isascii() and last.isdigit() and len(last) < 19):
        raise InvalidInput(f"a page begins after the number of a row, such as '3', not after {last!r}")
    key, sign = by.key, "<" if by.descending else ">"
    sql = f"""exists (
        select 1 from (select {key.sql} as here) as mine, (select {key.sql} as there {tables} where {id} = ?) as last
        where (here is null and there is not null)
            or here {sign} there
            or (here is there and {id} {sign} ?)
    )"""
    return Clause(sql, (*key.values, *key.values, int(last), int(last)))


def order_by(by: Order, id: str) -> Clause:
    """Return the terms of `order by`."""
    direction = "desc" if by.descending else "asc"
    return Clause(f"{by.key.sql} is null, {by.key.sql} {direction}, {id} {direction}", (*by.key.values, *by.key.values))
