"""Data frames of pandas, polars and pyarrow, held as Arrow tables: 5,000,000 rows are no Python objects until asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from artstore.data_types import column_types
from artstore.data_types.column_types import Type
from artstore.errors import WrongValue
from artstore.runtime.optional_imports import has, need

_AT_ONCE = 10_000


def is_frame(given: Any) -> bool:
    """Whether this is a data frame of a library that is known."""
    library = type(given).__module__.partition(".")[0]
    kind = type(given).__name__
    return (library, kind) in {
        ("pandas", "DataFrame"),
        ("polars", "DataFrame"),
        ("polars", "LazyFrame"),
        ("pyarrow", "Table"),
        ("pyarrow", "RecordBatch"),
    }


def columns(frame: Any) -> list[Any]:
    """The names of the columns of a frame."""
    library = type(frame).__module__.partition(".")[0]
    if library == "pandas":
        return [each if isinstance(each, str) else _bare(each) for each in frame.columns]
    return list(frame.schema.names if library == "pyarrow" else frame.columns)


def _bare(name: Any) -> Any:
    return name.item() if hasattr(name, "item") else name


def arrow(frame: Any) -> Any:
    """A frame as an Arrow table; None where Arrow cannot hold it: a column of pandas can be of anything."""
    library = type(frame).__module__.partition(".")[0]
    if library == "pandas" and not has("pyarrow"):
        return None
    pyarrow = need("pyarrow", "a table from a data frame", "tables")
    if library == "pyarrow":
        return frame if isinstance(frame, pyarrow.Table) else pyarrow.Table.from_batches([frame])
    if library == "polars":
        # Arrow would be given the addresses of Python objects.
        if any(str(each) == "Object" for each in frame.dtypes):
            return None
        try:
            return frame.to_arrow()
        except pyarrow.ArrowException:
            return None
    if any(_is_not_for_arrow(frame, each) for each in range(len(frame.columns))):
        return None
    named = frame.set_axis([str(each) for each in frame.columns], axis="columns")
    try:
        return pyarrow.Table.from_pandas(named, preserve_index=False)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
        return None


def _is_not_for_arrow(frame: Any, column: int) -> bool:
    """Whether a column mixes what Arrow would make one of: text and bytes, or dates and times."""
    values = frame.iloc[:, column]
    if values.dtype.kind != "O":
        return False
    kinds = {each.__name__ for each in set(map(type, values))} - {"NoneType", "NaTType", "NAType"}
    if len(kinds) > 1 and "float" in kinds:
        # A float among other values is NaN for the most part.
        kinds = {type(each).__name__ for each in values if not column_types.is_missing(each)}
    return len(kinds) > 1 and kinds != {"int", "float"}


def rows_of(frame: Any) -> Iterable[tuple[Any, ...]]:
    """The rows of a data frame of pandas or polars."""
    if hasattr(frame, "iter_rows"):
        found: Iterable[tuple[Any, ...]] = frame.iter_rows()
        return found
    return zip(*(frame.iloc[:, each].tolist() for each in range(len(frame.columns))), strict=True)


def rows(table: Any) -> Iterator[list[Any]]:
    """The rows of an Arrow table, some thousand at once as Python objects.

    Raises `WrongValue` for a column of periods.
    """
    for each in table.schema:
        # Arrow knows these as numbers and pandas alone what they mean.
        if str(getattr(each.type, "extension_name", "")) == "pandas.period":
            raise WrongValue(
                f"column {each.name!r} holds periods of pandas: convert them to text or times, or name the table "
                "*.table.parquet"
            )
    for start in range(0, table.num_rows, _AT_ONCE):
        part = table.slice(start, _AT_ONCE)
        if not part.num_columns:
            yield from ([] for _ in range(part.num_rows))
        yield from map(list, zip(*(each.to_pylist() for each in part.columns), strict=True))


def type_of(found: Any) -> Type:
    """The type of a column that Arrow knows the type of."""
    kinds = need("pyarrow", "a table from a data frame", "tables").types
    if kinds.is_dictionary(found):
        return type_of(found.value_type)
    if kinds.is_null(found):
        return column_types.NONE
    if kinds.is_boolean(found):
        return column_types.BOOLEAN
    if kinds.is_integer(found) or kinds.is_floating(found):
        return column_types.NUMBER
    if kinds.is_string(found) or kinds.is_large_string(found) or kinds.is_string_view(found):
        return column_types.STRING
    if kinds.is_timestamp(found) or kinds.is_date(found):
        return column_types.TIMESTAMP
    if kinds.is_struct(found):
        return column_types.TypedDict(tuple((each.name, column_types.optional(type_of(each.type))) for each in found))
    if kinds.is_list(found) or kinds.is_large_list(found) or kinds.is_fixed_size_list(found):
        return column_types.List(column_types.optional(type_of(found.value_type)))
    if kinds.is_binary(found) or kinds.is_large_binary(found) or kinds.is_binary_view(found):
        return column_types.PythonObject("bytes")
    if kinds.is_decimal(found):
        return column_types.PythonObject("Decimal")
    return column_types.PythonObject(str(found))


def grown(declared: dict[Any, Type], table: Any) -> dict[Any, Type]:
    """The types of columns once they hold those of an Arrow table. Raises `WrongValue` for one that cannot."""
    result = {}
    for (name, wanted), column in zip(declared.items(), table.columns, strict=True):
        found = type_of(column.type)
        taken: Type | None = wanted
        if found != column_types.NONE:
            taken = wanted.takes_type(found)
        if taken is None:
            raise WrongValue(f"column {name!r} holds {column.type}, and is to hold {wanted}: leave out its dtype")
        if column.null_count and column_types.optional(taken) != taken:
            raise WrongValue(f"column {name!r} has {column.null_count:,} missing values: say optional=True")
        result[name] = taken
    return result
