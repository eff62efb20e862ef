"""Write and read tables as W&B's JSON documents."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from typing import Any

from artstore.data_types import cells, column_types, registry
from artstore.data_types.column_types import List, NDArray, Type, Union, members_of
from artstore.data_types.content import md5_name
from artstore.data_types.data_object import ObjectReader, ObjectWriter
from artstore.data_types.table_data import TableData, check_row_length
from artstore.errors import InvalidInput, NotJson
from artstore.runtime.optional_imports import need

_LONGEST_EMBEDDING = 150
"""The longest vectors, in numbers, that are written into the document as lists, as W&B does."""


def to_json(data: TableData, writer: ObjectWriter) -> dict[str, Any]:
    """Return the document of a table with all its rows, which are in `data.rows`.

    Raises `NotJson`, which names the cell.
    """
    types = dict(data.types)
    stored_elsewhere = set()
    for position, column in enumerate(data.columns):
        array_type = _put_arrays(data, position, writer)
        if array_type is not None:
            types[column] = array_type
        if _array_member(types[column]) is not None:
            stored_elsewhere.add(position)
    return {
        "_type": "table",
        "columns": data.columns,
        "data": _encode_rows(data, writer, stored_elsewhere),
        "ncols": len(data.columns),
        "nrows": len(data.rows),
        "column_types": types_to_json(types, writer),
        # Each log holds all rows here, and equal rows share their storage: there are no increments to put together.
        "log_mode": "MUTABLE" if data.log_mode == "INCREMENTAL" else data.log_mode,
    }


def _encode_rows(data: TableData, writer: ObjectWriter, stored_elsewhere: set[int]) -> list[list[Any]]:
    """Return the rows as JSON values, with None in the columns whose values are stored in files."""
    encoded_rows = []
    for number, row in enumerate(data.rows):
        encoded = []
        for position, value in enumerate(row):
            try:
                encoded.append(None if position in stored_elsewhere else cells.encode_cell(value, writer))
            except NotJson as error:
                raise NotJson(
                    f"row {number} of column {data.columns[position]!r}: {error}: convert it, or name the table "
                    "*.table.parquet, which holds bytes and durations"
                ) from error
        encoded_rows.append(encoded)
    return encoded_rows


def types_to_json(types: dict[Any, Type], writer: ObjectWriter) -> dict[str, Any]:
    """Return the types of columns as W&B writes them."""
    only_numbers = all(isinstance(column, int) for column in types)
    type_map = {(key if only_numbers else str(key)): inner.to_json(writer) for key, inner in types.items()}
    return {"wb_type": "typedDict", "params": {"type_map": type_map}}


def _array_member(column_type: Type) -> NDArray | None:
    return next((member for member in members_of(column_type) if isinstance(member, NDArray)), None)


def _put_arrays(data: TableData, position: int, writer: ObjectWriter) -> Type | None:
    """Store the arrays of a column in a file; return the type that names it. None for a column without arrays.

    Short vectors stay in the document as lists, as in W&B; so do the arrays of a column in which some are missing.
    """
    column = data.columns[position]
    array_type = _array_member(data.types[column])
    if array_type is None:
        return None
    values = [row[position] for row in data.rows]
    if len(array_type.shape) == 1 and array_type.shape[0] <= _LONGEST_EMBEDDING:
        vector = List(column_types.NUMBER, array_type.shape[0])
        return column_types.optional(vector) if any(value is None for value in values) else vector
    if any(value is None for value in values):
        element: Type = column_types.NUMBER
        for size in reversed(array_type.shape):
            element = List(element, size)
        return column_types.optional(element)
    numpy = need("numpy", "a table with arrays", "tables")
    buffer = io.BytesIO()
    numpy.savez_compressed(buffer, **{str(column): numpy.array(values)})
    path = f"media/serialized_data/{md5_name(buffer.getvalue())}.npz"
    writer.put_bytes(buffer.getvalue(), path)
    stored = NDArray(array_type.shape, path, str(column))
    return column_types.optional(stored) if isinstance(data.types[column], Union) else stored


def from_json(document: dict[str, Any], reader: ObjectReader) -> TableData:
    """Return the table of a document. Raises `InvalidInput` if the document is not a table."""
    if not isinstance(document, dict) or not isinstance(document.get("columns"), list):
        raise InvalidInput("not a table of W&B: its JSON has no columns")
    columns = document["columns"]
    rows = document.get("data", [])
    if document.get("log_mode") == "INCREMENTAL" and document.get("increment_num") is not None:
        rows = list(_rows_of_increments(reader))
    types = types_from_json(columns, document.get("column_types"), reader)
    return TableData(
        columns,
        {column: _type_of_read_values(column_type) for column, column_type in types.items()},
        _decode_rows(rows, columns, types, reader),
        log_mode=document.get("log_mode") or "IMMUTABLE",
    )


def types_from_json(columns: list[Any], document: Any, reader: ObjectReader | None) -> dict[Any, Type]:
    """Return the types of columns that a document declares; a column without a type accepts anything."""
    declared = None if document is None else registry.column_type_from_json(document, reader)
    by_name = dict(declared.items) if isinstance(declared, column_types.TypedDict) else {}
    return {column: by_name.get(str(column), column_types.optional(column_types.Anything())) for column in columns}


def _decode_rows(
    rows: Iterable[list[Any]], columns: list[Any], types: dict[Any, Type], reader: ObjectReader
) -> list[list[Any]]:
    decoders = [cells.decoder(types[column], reader) for column in columns]
    arrays = {
        position: values
        for position, column in enumerate(columns)
        if (values := _stored_arrays(types[column], reader)) is not None
    }
    decoded_rows = []
    for number, row in enumerate(rows):
        check_row_length(row, number, columns)
        decoded = [value if decode is None else decode(value) for decode, value in zip(decoders, row, strict=True)]
        for position, values in arrays.items():
            decoded[position] = values[number]
        decoded_rows.append(decoded)
    return decoded_rows


def _stored_arrays(column_type: Type, reader: ObjectReader) -> Any:
    """Return the arrays of a column; None if they are not stored in a file."""
    array_type = _array_member(column_type)
    if array_type is None or array_type.path is None:
        return None
    numpy = need("numpy", "a table with arrays", "tables")
    return numpy.load(io.BytesIO(reader.read(array_type.path)), allow_pickle=False)[array_type.key]


def _type_of_read_values(column_type: Type) -> Type:
    """Return the type of a column after reading it: without the file of its arrays, and without unknown classes."""
    if isinstance(column_type, Union):
        return Union.of(_type_of_read_values(member) for member in column_type.members)
    if isinstance(column_type, NDArray):
        return NDArray(column_type.shape)
    if isinstance(column_type, column_types.PythonObject) and column_type.class_name not in cells.PYTHON_DECODERS:
        return column_types.Anything()
    return column_type


def _rows_of_increments(reader: ObjectReader) -> Iterable[list[Any]]:
    """Yield the rows of a table that W&B logged in increments, whose files are named by number and time."""
    increments = []
    for path in reader.paths_below(""):
        name = re.fullmatch(r"(\d+)(?:-(\d+))?\..*\.table\.json", path)
        if name:
            increments.append((int(name[1]), int(name[2] or 0), path))
    for _, _, path in sorted(increments):
        yield from json.loads(reader.read(path))["data"]
