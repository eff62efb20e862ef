"""Tables as the JSON that W&B writes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from artstore.data_types import cells, column_types, frames
from artstore.data_types.column_types import List, NDArray, Type, Union
from artstore.data_types.content import md5_name
from artstore.data_types.data_object import ObjectReader, ObjectWriter
from artstore.errors import InvalidInput, NotJson
from artstore.runtime.optional_imports import need

if TYPE_CHECKING:
    from artstore.data_types.table import Table

    T = TypeVar("T", bound=Table)

_LONGEST_EMBEDDING = 150


def document(table: Table, shelf: ObjectWriter) -> dict[str, Any]:
    """What W&B would write, with all rows. Raises `NotJson`, which names the cell."""
    source = table
    if table._frame is not None:
        data = list(frames.rows(table._frame))
        declared = [_as_declared(table._types[each]) for each in table.columns]
        source = type(table)(columns=table.columns, data=data, dtype=declared, optional=False, log_mode=table.log_mode)
    found = dict(source._checked_types())
    blank = set()
    for position, column in enumerate(source.columns):
        kept = _kept_arrays(source, position, column, shelf)
        if kept is not None:
            found[column] = kept
        if isinstance(_array_of(found[column]), NDArray):
            blank.add(position)
    return {
        "_type": "table",
        "columns": source.columns,
        "data": rows(source, shelf, blank),
        "ncols": len(source.columns),
        "nrows": source._count(),
        "column_types": type_map(found, shelf),
        # Each log keeps all rows here, whose storage is shared: there are no increments to put together.
        "log_mode": "MUTABLE" if source.log_mode == "INCREMENTAL" else source.log_mode,
    }


def _as_declared(found: Type) -> Type:
    """The type to begin with for values of a data frame: Arrow does not tell how long lists are."""
    members = found.members if isinstance(found, Union) else (found,)
    flat = all(isinstance(each, column_types.Simple | column_types.Unknown | column_types.Anything) for each in members)
    return found if flat else column_types.optional(column_types.Unknown())


def rows(table: Table, shelf: ObjectWriter, blank: set[int]) -> list[list[Any]]:
    """The rows in JSON; those columns left out whose values are kept elsewhere."""
    made = []
    for number, row in enumerate(table.data):
        written = []
        for position, value in enumerate(row):
            try:
                written.append(None if position in blank else cells.written(value, shelf))
            except NotJson as error:
                raise NotJson(
                    f"row {number} of column {table.columns[position]!r}: {error}: convert it, or name the table "
                    "*.table.parquet, which keeps bytes and spans of time"
                ) from error
        made.append(written)
    return made


def type_map(found: dict[Any, Type], shelf: ObjectWriter) -> dict[str, Any]:
    """The types of columns as W&B writes them."""
    alike = all(isinstance(each, int) for each in found)
    mapped = {(key if alike else str(key)): each.to_json(shelf) for key, each in found.items()}
    return {"wb_type": "typedDict", "params": {"type_map": mapped}}


def _array_of(found: Type) -> Type | None:
    members = found.members if isinstance(found, Union) else (found,)
    return next((each for each in members if isinstance(each, NDArray)), None)


def _kept_arrays(table: Table, position: int, column: Any, shelf: ObjectWriter) -> Type | None:
    """Put the arrays of a column into a file; return the type that tells where. None for a column without arrays.

    Short vectors stay in the JSON as lists, as in W&B, and so do arrays of which some are missing.
    """
    found = _array_of(table._types[column])
    if not isinstance(found, NDArray):
        return None
    values = [row[position] for row in table.data]
    if len(found.shape) == 1 and found.shape[0] <= _LONGEST_EMBEDDING:
        plain = List(column_types.NUMBER, found.shape[0])
        return column_types.optional(plain) if any(each is None for each in values) else plain
    if any(each is None for each in values):
        element: Type = column_types.NUMBER
        for size in reversed(found.shape):
            element = List(element, size)
        return column_types.optional(element)
    numpy = need("numpy", "a table with arrays", "tables")
    buffer = io.BytesIO()
    numpy.savez_compressed(buffer, **{str(column): numpy.array(values)})
    path = f"media/serialized_data/{md5_name(buffer.getvalue())}.npz"
    shelf.put_bytes(buffer.getvalue(), path)
    kept = NDArray(found.shape, path, str(column))
    return column_types.optional(kept) if isinstance(table._types[column], Union) else kept


def table(kind: type[T], document: dict[str, Any], source: ObjectReader) -> T:
    """The table that a document stands for. Raises `InvalidInput` if it stands for none."""
    if not isinstance(document, dict) or not isinstance(document.get("columns"), list):
        raise InvalidInput("not a table of W&B: its JSON has no columns")
    columns = document["columns"]
    data = document.get("data", [])
    if document.get("log_mode") == "INCREMENTAL" and document.get("increment_num") is not None:
        data = list(_increments(source))
    found = read_types(columns, document.get("column_types"), source)
    made = read_rows(data, columns, found, source)
    if found is None:
        read = kind(columns=columns, data=made, allow_mixed_types=True)
    else:
        read = kind._made(columns, {key: _as_read(each) for key, each in found.items()}, made)
    read.log_mode = document.get("log_mode") or "IMMUTABLE"
    read.source = source
    return read


def read_types(columns: list[Any], given: Any, source: ObjectReader | None) -> dict[Any, Type] | None:
    """The types of columns as they were written; None if they were not."""
    if given is None:
        return None
    found = column_types.of_json(given, source)
    named = dict(found.items) if isinstance(found, column_types.TypedDict) else {}
    return {column: named.get(str(column), column_types.optional(column_types.Anything())) for column in columns}


def read_rows(
    data: Iterable[list[Any]], columns: list[Any], found: dict[Any, Type] | None, source: ObjectReader
) -> list[list[Any]]:
    """Rows with their values read back."""
    ways = [cells.reading((found or {}).get(column, column_types.Anything()), source) for column in columns]
    arrays = {position: _arrays(found[column], source) for position, column in enumerate(columns) if found}
    made = []
    for number, row in enumerate(data):
        if len(row) != len(columns):
            raise InvalidInput(f"row {number} has {len(row)} values, and the table {len(columns)} columns")
        read = [value if way is None else way(value) for way, value in zip(ways, row, strict=True)]
        for position, values in arrays.items():
            if values is not None:
                read[position] = values[number]
        made.append(read)
    return made


def _arrays(found: Type, source: ObjectReader) -> Any:
    kept = _array_of(found)
    if not isinstance(kept, NDArray) or kept.path is None:
        return None
    numpy = need("numpy", "a table with arrays", "tables")
    return numpy.load(io.BytesIO(source.read(kept.path)), allow_pickle=False)[kept.key]


def _as_read(found: Type) -> Type:
    """The type of what was read: it does not tell where arrays were kept, nor classes that JSON has no word for."""
    if isinstance(found, Union):
        return Union.of(_as_read(each) for each in found.members)
    if isinstance(found, NDArray):
        return NDArray(found.shape)
    if isinstance(found, column_types.PythonObject) and found.class_name not in cells.GIVEN_BACK:
        return column_types.Anything()
    return found


def _increments(source: ObjectReader) -> Iterable[list[Any]]:
    """The rows of a table that W&B logged part by part, in files named by number and time."""
    import json

    numbered = []
    for path in source.paths_below(""):
        name = re.fullmatch(r"(\d+)(?:-(\d+))?\..*\.table\.json", path)
        if name:
            numbered.append((int(name[1]), int(name[2] or 0), path))
    for _, _, path in sorted(numbered):
        yield from json.loads(source.read(path))["data"]
