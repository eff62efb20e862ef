"""Tables as Parquet: for millions of rows, and for values that JSON has no word for.

Columns of simple values, bytes, times, lists and dicts are Parquet's own, so that any program reads them. Columns of
objects and of mixed types are JSON text, as W&B would write their cells. The types, and which columns are text, are
in the metadata of the file, under `artstore.table`.
"""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from artstore.core.names import is_utf8
from artstore.data_types import cells, column_types, frames, table_json
from artstore.data_types.column_types import Type
from artstore.data_types.data_object import ObjectReader, ObjectWriter
from artstore.errors import InvalidInput, NotJson, WrongValue
from artstore.runtime.optional_imports import need

if TYPE_CHECKING:
    from artstore.data_types.table import Table

    T = TypeVar("T", bound=Table)

_NOTE = b"artstore.table"
_PURPOSE = "a table kept as Parquet"


def write(table: Table, shelf: ObjectWriter, path: str) -> None:
    """Put a table on a shelf as a Parquet file. Raises `MissingLibrary`, `NotJson` or `WrongValue`."""
    pyarrow = need("pyarrow", _PURPOSE, "tables")
    writer = need("pyarrow.parquet", _PURPOSE, "tables")
    made, as_text = arrow(table, shelf)
    note = {
        "columns": table.columns,
        "column_types": table_json.type_map(table._checked_types(), shelf),
        "json": as_text,
        "log_mode": table.log_mode,
    }
    made = made.replace_schema_metadata({**(made.schema.metadata or {}), _NOTE: json.dumps(note, sort_keys=True)})
    with tempfile.TemporaryDirectory(prefix="artstore-") as folder:
        file = Path(folder, "table.parquet")
        try:
            writer.write_table(made, file, compression="zstd")
        except pyarrow.ArrowNotImplementedError as error:
            raise WrongValue(f"Parquet has no type for a column of the table ({error}): convert it") from error
        shelf.put_file(file, path)


def arrow(table: Table, shelf: ObjectWriter | None = None) -> tuple[Any, list[int]]:
    """A table as one of Arrow, and the positions of the columns that became JSON text."""
    pyarrow = need("pyarrow", _PURPOSE, "tables")
    if table._frame is not None:
        return table._frame, []
    names = [str(each) for each in table.columns]
    wrong = next((each for each in names if not is_utf8(each)), None)
    if wrong is not None:
        raise InvalidInput(f"the column {wrong!r} has a name that is no UTF-8 text: rename it")
    columns, as_text = [], []
    for position, name in enumerate(table.columns):
        values = [row[position] for row in table.data]
        column = _column(values, table._types[name], pyarrow)
        if column is None:
            column = pyarrow.array([_text(each, shelf, number, name) for number, each in enumerate(values)], "string")
            as_text.append(position)
        columns.append(column)
    return pyarrow.Table.from_arrays(columns, names=names), as_text


def _column(values: list[Any], found: Type, pyarrow: Any) -> Any:
    """Values as a column of Arrow; None if that would change them."""
    if not _is_native(found) or _mixes_times(values, found):
        return None
    try:
        made = pyarrow.array(values, from_pandas=True)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
        return None
    return None if _has_empty_struct(made.type, pyarrow) else made


def _is_native(found: Type) -> bool:
    if isinstance(found, column_types.Union):
        members = [each for each in found.members if each != column_types.NONE]
        return len(members) <= 1 and all(map(_is_native, members))
    if isinstance(found, column_types.List):
        return _is_native(found.element)
    if isinstance(found, column_types.TypedDict):
        return all(isinstance(key, str) and _is_native(each) for key, each in found.items)
    return isinstance(found, column_types.Simple | column_types.Unknown | column_types.PythonObject)


def _mixes_times(values: list[Any], found: Type) -> bool:
    """Whether there are dates beside times, or times with and without a zone: Arrow would make one of them."""
    if column_types.TIMESTAMP not in (found.members if isinstance(found, column_types.Union) else (found,)):
        return False
    present = (each for each in values if not column_types.is_missing(each))
    return len({(isinstance(each, datetime), getattr(each, "tzinfo", None) is None) for each in present}) > 1


def _has_empty_struct(found: Any, pyarrow: Any) -> bool:
    """Whether a type has a dict without keys in it, which Parquet cannot write."""
    inner = [found.field(each).type for each in range(found.num_fields)]
    return (pyarrow.types.is_struct(found) and not inner) or any(_has_empty_struct(each, pyarrow) for each in inner)


def _text(value: Any, shelf: ObjectWriter | None, row: int, column: Any) -> str | None:
    if column_types.is_missing(value):
        return None
    try:
        return json.dumps(cells.written(value, shelf), sort_keys=True)
    except NotJson as error:
        raise NotJson(f"row {row} of column {column!r}: {error}, and Parquet cannot hold it either") from error


def read(kind: type[T], path: str, source: ObjectReader) -> T:
    """A table of a Parquet file of an artifact."""
    reader = need("pyarrow.parquet", _PURPOSE, "tables")
    with source.temporary_file(path) as file:
        found = reader.read_table(file)
    metadata = dict(found.schema.metadata or {})
    note = json.loads(metadata.pop(_NOTE, b"{}"))
    found = found.replace_schema_metadata(metadata)
    columns = note.get("columns") or list(found.schema.names)
    known = table_json.read_types(columns, note.get("column_types"), source)
    if known is None:
        known = {
            name: column_types.optional(frames.type_of(each.type))
            for name, each in zip(columns, found.schema, strict=True)
        }
    if note.get("json"):
        made = kind._made(columns, known, _rows(found, set(note["json"]), columns, known, source))
    else:
        made = kind._made(columns, known, [], found)
    made.log_mode = note.get("log_mode") or "IMMUTABLE"
    made.source = source
    return made


def _rows(
    found: Any, as_text: set[int], columns: list[Any], known: dict[Any, Type], source: ObjectReader
) -> list[list[Any]]:
    ways = {position: cells.reading(known[columns[position]], source) for position in as_text}
    rows = list(frames.rows(found))
    for row in rows:
        for position, way in ways.items():
            if row[position] is not None:
                value = json.loads(row[position])
                row[position] = value if way is None else way(value)
    return rows
