"""Write the cells of a table as JSON and read them back, as W&B does.

Times become milliseconds since 1970, objects become documents. W&B drops what is below a millisecond; here it is kept
as a fraction, which W&B can read too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from artstore.data_types import column_types, registry
from artstore.data_types.column_types import Type
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter
from artstore.data_types.keys import ForeignIndex, TableIndex
from artstore.errors import NotJson

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Decoder = Callable[[Any], Any]


def encode_cell(value: Any, writer: ObjectWriter | None) -> Any:
    """Return the JSON value for a cell, after storing the files of an object. Raises `NotJson` if there is none."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if column_types.is_missing(value):
        return None
    if isinstance(value, float):
        return float(value)
    if isinstance(value, DataObject):
        if writer is None:
            raise NotJson(f"{value!r} is an object, which only an artifact can hold")
        return value.to_json(writer)
    if isinstance(value, date):
        return _to_milliseconds(value)
    if isinstance(value, dict):
        return {key: encode_cell(inner, writer) for key, inner in _items_for_json(value)}
    if isinstance(value, list | tuple):
        return [encode_cell(inner, writer) for inner in value]
    if isinstance(value, set | frozenset):
        return [encode_cell(inner, writer) for inner in sorted(value, key=str)]
    return _encode_other(value, writer)


def _items_for_json(value: dict[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """Return the items of a dict, with keys that JSON can hold and sort."""
    wrong = next((key for key in value if not isinstance(key, str | int | float | bool | None)), None)
    if wrong is not None:
        raise NotJson(f"the key {wrong!r} of a dict is neither a string nor a number, and cannot be written as JSON")
    alike = len({isinstance(key, str) or key is None for key in value}) < 2 and None not in value
    return value.items() if alike else ((str(key), inner) for key, inner in value.items())


def _encode_other(value: Any, writer: ObjectWriter | None) -> Any:
    if isinstance(value, Decimal):
        if not value.is_finite() or Decimal(repr(float(value))) != value:
            raise NotJson(f"{value!r} has more digits than a number in JSON can hold")
        return float(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise NotJson("bytes that are not UTF-8 text cannot be written as JSON") from error
    if getattr(getattr(value, "dtype", None), "kind", None) == "M" and not value.ndim:
        nanoseconds = value.astype("datetime64[ns]").astype("int64").item()
        return _milliseconds(nanoseconds)
    if isinstance(value, time | timedelta | complex) or not hasattr(value, "tolist"):
        raise NotJson(f"a value of type {type(value).__name__} cannot be written as JSON")
    return encode_cell(value.tolist(), writer)


def _to_milliseconds(value: date) -> int | float:
    """Return a date or time as milliseconds since 1970; a time without a zone is in UTC."""
    if not isinstance(value, datetime):
        return (value - date(1970, 1, 1)).days * 86_400_000
    since_epoch = (value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH
    microseconds = since_epoch // timedelta(microseconds=1)
    # Timestamps of pandas have nanoseconds.
    nanoseconds = getattr(value, "nanosecond", 0)
    milliseconds = _milliseconds(microseconds * 1000 + nanoseconds)
    if not nanoseconds and round(milliseconds * 1000) != microseconds:
        raise NotJson(f"{value} is too far from 1970 to be written to the microsecond in JSON")
    return milliseconds


def _milliseconds(nanoseconds: int) -> int | float:
    """Return nanoseconds as milliseconds: an int if they are whole, otherwise a float."""
    whole, rest = divmod(nanoseconds, 1_000_000)
    return nanoseconds / 1_000_000 if rest else whole


def _from_milliseconds(value: int | float) -> datetime:
    return _EPOCH + timedelta(microseconds=round(value * 1000))


def decoder(column_type: Type, reader: ObjectReader | None) -> Decoder | None:
    """Return the function that reads values of a type from JSON; None if they need no change."""
    if column_type == column_types.TIMESTAMP:
        return _decode_time
    if isinstance(column_type, column_types.Union):
        return _union_decoder(column_type, reader)
    if isinstance(column_type, column_types.List):
        inner = decoder(column_type.element, reader)
        return (lambda value: list(map(inner, value)) if isinstance(value, list) else value) if inner else None
    if isinstance(column_type, column_types.TypedDict):
        return _dict_decoder({key: decode for key, inner in column_type.items if (decode := decoder(inner, reader))})
    if isinstance(column_type, ForeignIndex):
        return _index_decoder(column_type)
    if isinstance(column_type, column_types.PythonObject) and column_type.class_name in PYTHON_DECODERS:
        return PYTHON_DECODERS[column_type.class_name]
    return None if isinstance(column_type, column_types.Simple) else _object_decoder(reader)


def _decode_time(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _from_milliseconds(value) if is_number else value


def _index_decoder(column_type: ForeignIndex) -> Decoder:
    return lambda value: TableIndex.of(value, column_type.table) if isinstance(value, int) else value


def _decode_bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _decode_decimal(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, int | float) else value


PYTHON_DECODERS: dict[str, Decoder] = {"bytes": _decode_bytes, "Decimal": _decode_decimal}
"""The decoders of Python classes whose values JSON can hold in another form."""


def _union_decoder(union: column_types.Union, reader: ObjectReader | None) -> Decoder | None:
    members = [member for member in union.members if member != column_types.NONE]
    decoders = [decode for member in members if (decode := decoder(member, reader))]
    if len(decoders) == 1 or len(members) == 1:
        return _unless_missing(decoders[0]) if decoders else None
    return _object_decoder(reader) if decoders else None


def _unless_missing(decode: Decoder) -> Decoder:
    return lambda value: None if value is None else decode(value)


def _dict_decoder(decoders: dict[str, Decoder]) -> Decoder | None:
    def decode(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: decoders[key](inner) if key in decoders else inner for key, inner in value.items()}

    return decode if decoders else None


def _object_decoder(reader: ObjectReader | None) -> Decoder:
    def decode(value: Any) -> Any:
        if reader is not None and isinstance(value, dict) and isinstance(value.get("_type"), str):
            item = registry.object_from_json(value, reader)
            return value if item is None else item
        return value

    return decode
