"""Data frames of pandas, polars and pyarrow, kept as Arrow tables: rows become Python objects only when needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from artstore.data_types import column_types
from artstore.data_types.column_types import Type
from artstore.errors import WrongValue
from artstore.runtime import words
from artstore.runtime.optional_imports import has, need

_BATCH = 10_000
_PURPOSE = "a table from a data frame"


def is_frame(value: Any) -> bool:
    """Whether a value is a data frame of pandas, polars or pyarrow."""
    return (_library(value), type(value).__name__) in {
        ("pandas", "DataFrame"),
        ("polars", "DataFrame"),
        ("polars", "LazyFrame"),
        ("pyarrow", "Table"),
        ("pyarrow", "RecordBatch"),
    }


def from_rows(pandas: Any, rows: list[list[Any]], columns: list[Any]) -> Any:
    """Return rows as a data frame of pandas. Texts that are not UTF-8, which some releases refuse, are mended."""
    try:
        return pandas.DataFrame.from_records(rows, columns=columns)
    except UnicodeEncodeError:
        return pandas.DataFrame.from_records([list(map(_whole, row)) for row in rows], columns=map(_whole, columns))


def _whole(value: Any) -> Any:
    return words.whole(value) if isinstance(value, str) else value


def _library(frame: Any) -> str:
    return type(frame).__module__.partition(".")[0]


def column_names(frame: Any) -> list[Any]:
    """Return the names of the columns of a data frame."""
    library = _library(frame)
    if library == "pandas":
        return [name if isinstance(name, str) else _python_value(name) for name in frame.columns]
    return list(frame.schema.names if library == "pyarrow" else frame.columns)


def _python_value(name: Any) -> Any:
    return name.item() if hasattr(name, "item") else name


def to_arrow(frame: Any) -> Any:
    """Return a data frame as an Arrow table; None if Arrow cannot hold it: columns of pandas can hold anything."""
    library = _library(frame)
    if library == "pandas" and not has("pyarrow"):
        return None
    pyarrow = need("pyarrow", _PURPOSE, "tables")
    if library == "pyarrow":
        return frame if isinstance(frame, pyarrow.Table) else pyarrow.Table.from_batches([frame])
    if library == "polars":
        # polars would pass the addresses of Python objects to Arrow.
        if any(str(dtype) == "Object" for dtype in frame.dtypes):
            return None
        try:
            return frame.to_arrow()
        except pyarrow.ArrowException:
            return None
    if any(_is_changed_by_arrow(frame, position) for position in range(len(frame.columns))):
        return None
    named = frame.set_axis([str(name) for name in frame.columns], axis="columns")
    try:
        return pyarrow.Table.from_pandas(named, preserve_index=False)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
        return None


def _is_changed_by_arrow(frame: Any, position: int) -> bool:
    """Whether a column mixes types that Arrow would convert to one: text and bytes, or dates and times."""
    values = frame.iloc[:, position]
    if values.dtype.kind != "O":
        return False
    type_names = {python_type.__name__ for python_type in set(map(type, values))} - {"NoneType", "NaTType", "NAType"}
    if len(type_names) > 1 and "float" in type_names:
        # Floats among other values are usually NaN.
        type_names = {type(value).__name__ for value in values if not column_types.is_missing(value)}
    return len(type_names) > 1 and type_names != {"int", "float"}


def frame_rows(frame: Any) -> Iterable[tuple[Any, ...]]:
    """Return the rows of a data frame of pandas or polars."""
    if hasattr(frame, "iter_rows"):
        rows: Iterable[tuple[Any, ...]] = frame.iter_rows()
        return rows
    return zip(*(frame.iloc[:, position].tolist() for position in range(len(frame.columns))), strict=True)


def arrow_rows(table: Any) -> Iterator[list[Any]]:
    """Yield the rows of an Arrow table, some thousand at a time as Python objects.

    Raises `WrongValue` for a column of periods.
    """
    for field in table.schema:
        # Arrow sees periods as numbers; only pandas knows what they mean.
        if str(getattr(field.type, "extension_name", "")) == "pandas.period":
            raise WrongValue(
                f"column {field.name!r} holds periods of pandas: convert them to strings or times, or name the table "
                "*.table.parquet"
            )
    for start in range(0, table.num_rows, _BATCH):
        batch = table.slice(start, _BATCH)
        if not batch.num_columns:
            yield from ([] for _ in range(batch.num_rows))
        yield from map(list, zip(*(column.to_pylist() for column in batch.columns), strict=True))


def type_of_arrow(arrow_type: Any) -> Type:
    """Return the column type for an Arrow type."""
    types = need("pyarrow", _PURPOSE, "tables").types
    if types.is_dictionary(arrow_type):
        return type_of_arrow(arrow_type.value_type)
    if types.is_null(arrow_type):
        return column_types.NONE
    if types.is_boolean(arrow_type):
        return column_types.BOOLEAN
    if types.is_integer(arrow_type) or types.is_floating(arrow_type):
        return column_types.NUMBER
    if types.is_string(arrow_type) or types.is_large_string(arrow_type) or types.is_string_view(arrow_type):
        return column_types.STRING
    if types.is_timestamp(arrow_type) or types.is_date(arrow_type):
        return column_types.TIMESTAMP
    if types.is_struct(arrow_type):
        fields = ((field.name, column_types.optional(type_of_arrow(field.type))) for field in arrow_type)
        return column_types.TypedDict(tuple(fields))
    if types.is_list(arrow_type) or types.is_large_list(arrow_type) or types.is_fixed_size_list(arrow_type):
        return column_types.List(column_types.optional(type_of_arrow(arrow_type.value_type)))
    if types.is_binary(arrow_type) or types.is_large_binary(arrow_type) or types.is_binary_view(arrow_type):
        return column_types.PythonObject("bytes")
    if types.is_decimal(arrow_type):
        return column_types.PythonObject("Decimal")
    return column_types.PythonObject(str(arrow_type))


def widened(declared: dict[Any, Type], table: Any) -> dict[Any, Type]:
    """Widen the types of columns to hold an Arrow table. Raises `WrongValue` if a type cannot hold a column."""
    types = {}
    for (name, wanted), column in zip(declared.items(), table.columns, strict=True):
        arrow_type = type_of_arrow(column.type)
        column_type: Type | None = wanted
        if arrow_type != column_types.NONE:
            column_type = wanted.widen_type(arrow_type)
        if column_type is None:
            raise WrongValue(f"column {name!r} holds {column.type}, but is declared as {wanted}: leave out its dtype")
        if column.null_count and column_types.optional(column_type) != column_type:
            raise WrongValue(f"column {name!r} has {column.null_count:,} missing values: pass optional=True")
        types[name] = column_type
    return types
