"""Write and read tables as Parquet: for millions of rows, and for values that JSON cannot hold.

Columns of simple values, bytes, times, lists and dicts are native Parquet columns, which any program can read. Columns
of objects and of mixed types hold JSON strings, as W&B writes the cells. The types, and which columns are JSON, are in
the metadata of the file, under `artstore.table`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from artstore.core.names import is_utf8
from artstore.data_types import cells, column_types, frames, table_json
from artstore.data_types.column_types import Type, members_of
from artstore.data_types.data_object import ObjectReader, ObjectWriter
from artstore.data_types.table_data import TableData
from artstore.errors import InvalidInput, NotJson, WrongValue
from artstore.runtime import scratch
from artstore.runtime.optional_imports import need

_METADATA_KEY = b"artstore.table"
_PURPOSE = "a table kept as Parquet"


def write(data: TableData, writer: ObjectWriter, path: str) -> None:
    """Store a table as a Parquet file. Raises `MissingLibrary`, `NotJson` or `WrongValue`."""
    pyarrow = need("pyarrow", _PURPOSE, "tables")
    parquet = need("pyarrow.parquet", _PURPOSE, "tables")
    table, json_columns = to_arrow(data, writer)
    note = {
        "columns": data.columns,
        "column_types": table_json.types_to_json(data.types, writer),
        "json": json_columns,
        "log_mode": data.log_mode,
    }
    metadata = {**(table.schema.metadata or {}), _METADATA_KEY: json.dumps(note, sort_keys=True)}
    table = table.replace_schema_metadata(metadata)
    with scratch.temporary_folder() as folder:
        file = folder / "table.parquet"
        try:
            parquet.write_table(table, file, compression="zstd")
        except pyarrow.ArrowNotImplementedError as error:
            raise WrongValue(f"Parquet has no type for a column of the table ({error}): convert it") from error
        writer.put_file(file, path)


def to_arrow(data: TableData, writer: ObjectWriter | None = None) -> tuple[Any, list[int]]:
    """Return a table as an Arrow table, and the positions of its columns that hold JSON strings."""
    pyarrow = need("pyarrow", _PURPOSE, "tables")
    if data.arrow is not None:
        return data.arrow, []
    names = [str(column) for column in data.columns]
    wrong = next((name for name in names if not is_utf8(name)), None)
    if wrong is not None:
        raise InvalidInput(f"the name of the column {wrong!r} is not UTF-8 text: rename it")
    arrays, json_columns = [], []
    for position, column in enumerate(data.columns):
        values = [row[position] for row in data.rows]
        array = _native_array(values, data.types[column], pyarrow)
        if array is None:
            cells_as_json = [_cell_to_json(value, writer, number, column) for number, value in enumerate(values)]
            array = pyarrow.array(cells_as_json, "string")
            json_columns.append(position)
        arrays.append(array)
    return pyarrow.Table.from_arrays(arrays, names=names), json_columns


def _native_array(values: list[Any], column_type: Type, pyarrow: Any) -> Any:
    """Return the values of a column as an Arrow array; None if Arrow would change them."""
    if not _is_native(column_type) or _mixes_times(values, column_type):
        return None
    try:
        array = pyarrow.array(values, from_pandas=True)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
        return None
    return None if _has_empty_struct(array.type, pyarrow) else array


def _is_native(column_type: Type) -> bool:
    if isinstance(column_type, column_types.Union):
        members = [member for member in column_type.members if member != column_types.NONE]
        return len(members) <= 1 and all(map(_is_native, members))
    if isinstance(column_type, column_types.List):
        return _is_native(column_type.element)
    if isinstance(column_type, column_types.TypedDict):
        return all(isinstance(key, str) and _is_native(inner) for key, inner in column_type.items)
    return isinstance(column_type, column_types.Simple | column_types.Unknown | column_types.PythonObject)


def _mixes_times(values: list[Any], column_type: Type) -> bool:
    """Whether a column mixes dates with times, or times with and without a zone, which Arrow would make alike."""
    if column_types.TIMESTAMP not in members_of(column_type):
        return False
    times = (value for value in values if not column_types.is_missing(value))
    return len({(isinstance(value, datetime), getattr(value, "tzinfo", None) is None) for value in times}) > 1


def _has_empty_struct(arrow_type: Any, pyarrow: Any) -> bool:
    """Whether a type contains a dict without keys, which Parquet cannot write."""
    inner_types = [arrow_type.field(position).type for position in range(arrow_type.num_fields)]
    if pyarrow.types.is_struct(arrow_type) and not inner_types:
        return True
    return any(_has_empty_struct(inner, pyarrow) for inner in inner_types)


def _cell_to_json(value: Any, writer: ObjectWriter | None, row: int, column: Any) -> str | None:
    if column_types.is_missing(value):
        return None
    try:
        return json.dumps(cells.encode_cell(value, writer), sort_keys=True)
    except NotJson as error:
        raise NotJson(f"row {row} of column {column!r}: {error}, and Parquet cannot hold it either") from error


def read(path: str, reader: ObjectReader) -> TableData:
    """Return the table of a Parquet file of an artifact."""
    parquet = need("pyarrow.parquet", _PURPOSE, "tables")
    with reader.temporary_file(path) as file:
        table = parquet.read_table(file)
    metadata = dict(table.schema.metadata or {})
    note = json.loads(metadata.pop(_METADATA_KEY, b"{}"))
    table = table.replace_schema_metadata(metadata)
    columns = note.get("columns") or list(table.schema.names)
    types = _types(table, columns, note.get("column_types"), reader)
    data = TableData(columns, types, [], table, note.get("log_mode") or "IMMUTABLE")
    if note.get("json"):
        data.rows, data.arrow = _rows(data, set(note["json"]), reader), None
    return data


def json_in(file: Path) -> Iterator[Any]:
    """Yield what a Parquet file of a table holds as JSON: its types and the cells of objects and mixed values.

    Raises `InvalidInput` if the file is something else, or `MissingLibrary`.
    """
    parquet = need("pyarrow.parquet", _PURPOSE, "tables")
    try:
        with parquet.ParquetFile(file) as opened:
            note = json.loads((opened.schema_arrow.metadata or {}).get(_METADATA_KEY, b"{}"))
            yield note
            names = [opened.schema_arrow.names[position] for position in note.get("json", ())]
            for batch in opened.iter_batches(columns=names) if names else ():
                for column in batch.columns:
                    yield from (json.loads(cell) for cell in column.to_pylist() if cell is not None)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{file.name} is not a table that artstore wrote as Parquet: {error}") from error


def _types(table: Any, columns: list[Any], document: Any, reader: ObjectReader) -> dict[Any, Type]:
    if document is not None:
        return table_json.types_from_json(columns, document, reader)
    fields = zip(columns, table.schema, strict=True)
    return {column: column_types.optional(frames.type_of_arrow(field.type)) for column, field in fields}


def _rows(data: TableData, json_columns: set[int], reader: ObjectReader) -> list[list[Any]]:
    decoders = {position: cells.decoder(data.types[data.columns[position]], reader) for position in json_columns}
    rows = list(frames.arrow_rows(data.arrow))
    for row in rows:
        for position, decode in decoders.items():
            if row[position] is not None:
                value = json.loads(row[position])
                row[position] = value if decode is None else decode(value)
    return rows
