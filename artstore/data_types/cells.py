"""The cells of a table in JSON, as W&B writes them: times are milliseconds since 1970, objects are documents.

W&B drops what is below a millisecond. Here it stays, as a fraction, which W&B reads as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from artstore.data_types import column_types
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter
from artstore.data_types.keys import ForeignIndex, TableIndex
from artstore.errors import NotJson

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Reading = Callable[[Any], Any]


def written(value: Any, shelf: ObjectWriter | None) -> Any:
    """What JSON says of a value. Raises `NotJson` for what it has no word for."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if column_types.is_missing(value):
        return None
    if isinstance(value, float):
        return float(value)
    if isinstance(value, DataObject):
        if shelf is None:
            raise NotJson(f"{value!r} is an object, which only an artifact can hold")
        return value.to_json(shelf)
    if isinstance(value, date):
        return milliseconds(value)
    if isinstance(value, dict):
        return {key: written(each, shelf) for key, each in _keyed(value)}
    if isinstance(value, list | tuple):
        return [written(each, shelf) for each in value]
    if isinstance(value, set | frozenset):
        return [written(each, shelf) for each in sorted(value, key=str)]
    return _foreign(value, shelf)


def _keyed(value: dict[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """The items of a dict, with keys that JSON can say and sort."""
    wrong = next((key for key in value if not isinstance(key, str | int | float | bool | None)), None)
    if wrong is not None:
        raise NotJson(f"the key {wrong!r} of a dict is neither text nor a number, and cannot be written as JSON")
    alike = len({isinstance(key, str) or key is None for key in value}) < 2 and None not in value
    return value.items() if alike else ((str(key), each) for key, each in value.items())


def _foreign(value: Any, shelf: ObjectWriter | None) -> Any:
    if isinstance(value, Decimal):
        if not value.is_finite() or Decimal(repr(float(value))) != value:
            raise NotJson(f"{value!r} has more digits than a number in JSON keeps")
        return float(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise NotJson("bytes that are no UTF-8 text cannot be written as JSON") from error
    if getattr(getattr(value, "dtype", None), "kind", None) == "M" and not value.ndim:
        nanoseconds = value.astype("datetime64[ns]").astype("int64").item()
        return _shortest(nanoseconds, 1_000_000)
    if isinstance(value, time | timedelta | complex) or not hasattr(value, "tolist"):
        raise NotJson(f"a value of type {type(value).__name__} cannot be written as JSON")
    return written(value.tolist(), shelf)


def milliseconds(value: date) -> int | float:
    """Milliseconds since 1970; a time without a zone is one of UTC."""
    if not isinstance(value, datetime):
        return (value - date(1970, 1, 1)).days * 86_400_000
    since = (value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH
    microseconds = since // timedelta(microseconds=1)
    below = getattr(value, "nanosecond", 0)
    found = _shortest(microseconds * 1000 + below, 1_000_000)
    if not below and round(found * 1000) != microseconds:
        raise NotJson(f"{value} is too far from 1970 to be said to the microsecond in JSON")
    return found


def _shortest(count: int, per_millisecond: int) -> int | float:
    whole, rest = divmod(count, per_millisecond)
    return count / per_millisecond if rest else whole


def moment(value: int | float) -> datetime:
    """The time that is so many milliseconds after 1970."""
    return _EPOCH + timedelta(microseconds=round(value * 1000))


def reading(found: column_types.Type, source: ObjectReader | None) -> Reading | None:
    """How values of a type are read back from JSON; None if they are what they look like."""
    if found == column_types.TIMESTAMP:
        return _time
    if isinstance(found, column_types.Union):
        members = [each for each in found.members if each != column_types.NONE]
        ways = [way for each in members if (way := reading(each, source))]
        if len(ways) == 1 or len(members) == 1:
            return _unless_missing(ways[0]) if ways else None
        return _object(source) if ways else None
    if isinstance(found, column_types.List):
        inner = reading(found.element, source)
        return (lambda value: [inner(each) for each in value] if isinstance(value, list) else value) if inner else None
    if isinstance(found, column_types.TypedDict):
        return _dict({key: way for key, each in found.items if (way := reading(each, source))})
    if isinstance(found, ForeignIndex):
        return _index(found)
    if isinstance(found, column_types.PythonObject) and found.class_name in GIVEN_BACK:
        return GIVEN_BACK[found.class_name]
    if isinstance(
        found,
        column_types.FileType
        | column_types.Anything
        | column_types.Unknown
        | column_types.PythonObject
        | column_types.Mixed,
    ):
        return _object(source)
    return (
        None
        if found in (column_types.NUMBER, column_types.STRING, column_types.BOOLEAN, column_types.NONE)
        else _object(source)
    )


def _time(value: Any) -> Any:
    return moment(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _index(found: ForeignIndex) -> Reading:
    return lambda value: TableIndex.of(value, found.table) if isinstance(value, int) else value


def _bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _decimal(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, int | float) else value


GIVEN_BACK: dict[str, Reading] = {"bytes": _bytes, "Decimal": _decimal}
"""How values of other classes are read back, by the name of the class."""


def _unless_missing(way: Reading) -> Reading:
    return lambda value: None if value is None else way(value)


def _dict(ways: dict[str, Reading]) -> Reading | None:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: ways[key](each) if key in ways else each for key, each in value.items()}

    return read if ways else None


def _object(source: ObjectReader | None) -> Reading:
    from artstore.data_types import registry

    def read(value: Any) -> Any:
        if source is not None and isinstance(value, dict) and isinstance(value.get("_type"), str):
            found = registry.object_from_json(value, source)
            return value if found is None else found
        return value

    return read
