"""Tables: rows with typed columns, from lists or data frames. Small ones are stored as JSON, large ones as Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

from artstore.data_types import column_types, frames, registry
from artstore.data_types.column_types import Type, members_of
from artstore.data_types.data_object import ObjectReader, ObjectWriter
from artstore.data_types.declared_types import declared_type
from artstore.data_types.keys import ForeignKey, PrimaryKey, TableBase, TableIndex
from artstore.data_types.table_data import TableData, check_row_length
from artstore.errors import InvalidInput, WrongValue
from artstore.runtime.arguments import checked
from artstore.runtime.optional_imports import need

_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")


@checked
class Table(TableBase):
    """Rows with typed columns.

    >>> table = artstore.Table(columns=["id", "label"], data=[[1, "cat"]])
    >>> table.add_data(2, "dog")
    >>> artifact.add(table, "labels")

    `dataframe` is a data frame of pandas, polars or pyarrow; `data` may be one too, or an array. The type of a column
    follows from its values unless `dtype` declares it, for all columns or in a list; `optional` allows missing values.
    With `allow_mixed_types` a column accepts any value. Rows are never cut off: a table with more than
    `MAX_ARTIFACT_ROWS` rows is stored as Parquet. Raises `InvalidInput`, or `WrongValue` for a value that its column
    cannot hold.
    """

    _log_type = "table"
    MAX_ROWS: ClassVar[int] = 10_000
    """Accepted for compatibility: W&B shows only so many rows."""
    MAX_ARTIFACT_ROWS: ClassVar[int] = 200_000
    """The most rows that are stored as JSON. W&B cuts off further rows."""

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | Sequence[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: str | None = "IMMUTABLE",
    ) -> None:
        if log_mode not in _MODES:
            raise InvalidInput(f"Invalid log_mode: {log_mode}. Must be one of {', '.join(_MODES)}")
        self.log_mode = log_mode
        if dataframe is not None and not frames.is_frame(dataframe):
            raise InvalidInput(
                f"dataframe must be a data frame of pandas, polars or pyarrow, not {type(dataframe).__name__}"
            )
        given = next((source for source in (dataframe, data, rows) if source is not None), None)
        frame: Any = given if frames.is_frame(given) else None
        if hasattr(frame, "collect"):
            frame = frame.collect()
        names = ["Input", "Output", "Expected"] if columns is None else columns
        self.columns = _checked_columns(names if frame is None else frames.column_names(frame))
        self._types: dict[Any, Type] = {}
        self._unchanging: list[frozenset[type]] = []
        self._rows: list[list[Any]] = []
        self._arrow: Any = None
        self._declare(column_types.Anything() if allow_mixed_types else dtype, optional)
        if frame is not None:
            self._fill_from_frame(frame)
        elif given is not None:
            self._fill(given)

    def _declare(self, dtype: Any, optional: bool | Sequence[bool]) -> None:
        dtypes = dtype if isinstance(dtype, list) else [dtype] * len(self.columns)
        optionals = [optional] * len(self.columns) if isinstance(optional, int) else list(optional)
        for name, values in (("dtype", dtypes), ("optional", optionals)):
            if len(values) != len(self.columns):
                raise InvalidInput(f"{name} has {len(values)} items, and the table {len(self.columns)} columns")
        for column, wanted, is_optional in zip(self.columns, dtypes, optionals, strict=True):
            column_type = declared_type(wanted)
            self._types[column] = column_types.optional(column_type) if is_optional else column_type
        self._note_unchanging()

    def _note_unchanging(self) -> None:
        """Note for each column the Python types whose values leave its type as it is: such values are added faster."""
        self._unchanging = [column_types.unchanging_types(self._types[column]) for column in self.columns]

    def _fill(self, data: Any) -> None:
        rows = data if isinstance(data, list | tuple) or getattr(data, "shape", False) else None
        if rows is None:
            raise InvalidInput(f"data must be a list of rows, an array or a data frame, not {type(data).__name__}")
        for number, row in enumerate(rows):
            if isinstance(row, str | dict | set) or not isinstance(row, Iterable):
                raise InvalidInput(f"row {number} must be a list of values, one for each column, not {row!r}")
            self.add_data(*row)

    def _fill_from_frame(self, frame: Any) -> None:
        arrow = frames.to_arrow(frame)
        if arrow is None:
            for row in frames.frame_rows(frame):
                self.add_data(*row)
            return
        self._types = frames.widened(self._types, arrow)
        self._arrow = arrow
        self._note_unchanging()

    # Rows

    @property
    def data(self) -> list[list[Any]]:
        """The rows. This turns the rows of a data frame into Python objects: gigabytes of memory for millions."""
        if self._arrow is not None:
            self._rows, self._arrow = list(frames.arrow_rows(self._arrow)), None
        return self._rows

    @data.setter
    def data(self, rows: list[list[Any]]) -> None:
        self._rows, self._arrow = rows, None

    def _count(self) -> int:
        return self._arrow.num_rows if self._arrow is not None else len(self._rows)

    def add_data(self, *data: Any) -> None:
        """Add a row: one value for each column.

        Raises `InvalidInput` for too few or too many values, `WrongValue` for a value that its column cannot hold.
        """
        if len(data) != len(self.columns):
            raise InvalidInput(f"This table expects {len(self.columns)} columns: {self.columns}, found {len(data)}")
        rows = self.data
        self._widen_types(data, len(rows))
        rows.append(list(data))

    add_row = add_data

    def _widen_types(self, row: Sequence[Any], number: int) -> None:
        """Widen the types of the columns so that they also hold a row; after an error all are as before."""
        changed: dict[Any, Type] = {}
        for column, value, unchanging in zip(self.columns, row, self._unchanging, strict=True):
            if type(value) in unchanging:
                continue
            widened = self._widened_type(column, value)
            if widened is None:
                raise WrongValue(
                    f"Data row contained incompatible types: row {number}, column {column!r} holds "
                    f"{self._types[column]}, and {_abbreviated(value)} is {column_types.type_of(value)}: convert it, "
                    "or create the table with allow_mixed_types=True"
                )
            if widened != self._types[column]:
                changed[column] = widened
        if not changed:
            return
        self._types = {**self._types, **changed}
        self._note_unchanging()

    def _widened_type(self, column: Any, value: Any) -> Type | None:
        # The first value of a column can turn it into a column of links, whatever its type was.
        if isinstance(value, TableIndex) and not self._count():
            return value.cell_type()
        return self._types[column].widen(value)

    def iterrows(self) -> Iterator[tuple[TableIndex, list[Any]]]:
        """Yield the rows, each with its number; in another table, the number is a link to the row."""
        rows = self._rows if self._arrow is None else frames.arrow_rows(self._arrow)
        for number, row in enumerate(rows):
            yield TableIndex.of(number, self), row

    def index_ref(self, index: int) -> TableIndex:
        """Return the number of a row as a link to it."""
        if not 0 <= index < self._count():
            raise InvalidInput(f"row {index} does not exist: the table has {self._count():,} rows")
        return TableIndex.of(index, self)

    def get_index(self) -> list[TableIndex]:
        """Return the numbers of all rows as links to them: a column for another table."""
        return [TableIndex.of(number, self) for number in range(self._count())]

    # Columns

    def _position(self, name: Any) -> int:
        try:
            return self.columns.index(name)
        except ValueError:
            raise InvalidInput(f"{name!r} is not a column: the table has {self.columns}") from None

    def get_column(self, name: Any, convert_to: str | None = None) -> Any:
        """Return the values of a column as a list, or with `convert_to="numpy"` as an array."""
        position = self._position(name)
        if convert_to not in (None, "numpy"):
            raise InvalidInput(f"convert_to must be 'numpy' or None, not {convert_to!r}")
        if self._arrow is not None:
            column = self._arrow.column(position)
            return column.to_numpy(zero_copy_only=False) if convert_to else column.to_pylist()
        values = [row[position] for row in self._rows]
        if convert_to is None:
            return values
        numpy = need("numpy", "an array of a column", "tables")
        return numpy.array([value.to_data_array() if hasattr(value, "to_data_array") else value for value in values])

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Add a column with a value for each row.

        Raises `InvalidInput`, or `WrongValue` for values without a common type; the table is then unchanged.
        """
        if not isinstance(name, str) or name in map(str, self.columns):
            raise InvalidInput(f"the name of a column must be a new string, not {name!r}: the table has {self.columns}")
        if isinstance(data, str) or not hasattr(data, "__len__"):
            raise InvalidInput(f"a column is a list or an array, not {type(data).__name__}")
        if self.columns and len(data) != self._count():
            raise InvalidInput(f"Expected length {self._count()}, found {len(data)}: give a value for each row")
        values = list(data)
        unknown = column_types.Unknown()
        column_type = _type_for_all(column_types.optional(unknown) if optional else unknown, values, name)
        rows = self.data if self.columns else [[] for _ in values]
        for row, value in zip(rows, values, strict=True):
            row.append(value)
        self._rows = rows
        self.columns.append(name)
        self._types[name] = column_type
        self._note_unchanging()

    def add_computed_columns(self, fn: Callable[[int, dict[Any, Any]], dict[str, Any]]) -> None:
        """Add columns that are computed from the others: `fn` gets the number and the values of each row.

        >>> table.add_computed_columns(lambda number, row: {"difference": row["x"] - row["y"]})
        """
        computed: dict[str, list[Any]] = {}
        for number, row in self.iterrows():
            cells = fn(number, dict(zip(self.columns, row, strict=True)))
            if not isinstance(cells, dict) or (number and cells.keys() != computed.keys()):
                raise InvalidInput(f"row {number}: the function must return a dict with the same keys for each row")
            for name, value in cells.items():
                computed.setdefault(name, []).append(value)
        for name, values in computed.items():
            self.add_column(name, values, optional=any(map(column_types.is_missing, values)))

    def cast(self, col_name: Any, dtype: Any, optional: bool = False) -> Type:
        """Declare the type of a column; return it. Raises `WrongValue` if the column holds other values already."""
        self._position(col_name)
        wanted = declared_type(dtype)
        if optional:
            wanted = column_types.optional(wanted)
        self._types[col_name] = _type_for_all(wanted, self.get_column(col_name), col_name)
        self._note_unchanging()
        return self._types[col_name]

    def set_pk(self, col_name: Any) -> None:
        """Declare that the strings in a column name the rows."""
        self.cast(col_name, PrimaryKey())

    def set_fk(self, col_name: Any, table: Table, table_col: Any) -> None:
        """Declare that a column holds keys of another table."""
        if table is self:
            raise InvalidInput("a table cannot point at itself: give another table")
        table._position(table_col)
        self.cast(col_name, ForeignKey(table, table_col))

    # Data frames

    def get_dataframe(self) -> Any:
        """Return the table as a data frame of pandas."""
        pandas = need("pandas", "a data frame", "tables")
        if self._arrow is None:
            return frames.from_rows(pandas, self._rows, self.columns)
        frame = self._arrow.to_pandas()
        frame.columns = self.columns
        return frame

    dataframe = get_dataframe

    def arrow(self) -> Any:
        """Return the table as a table of pyarrow. Columns of objects and of mixed types become JSON strings."""
        from artstore.data_types import parquet

        return parquet.to_arrow(self._data(self._types))[0]

    def polars(self) -> Any:
        """Return the table as a data frame of polars."""
        return need("polars", "a data frame of polars", "polars").from_arrow(self.arrow())

    # Artifacts. The modules that write and read files are imported when they are needed: they take 20 ms to import.

    def write(self, writer: ObjectWriter, name: str) -> str:
        if name.endswith(registry.PARQUET_SUFFIX) or self._count() > self.MAX_ARTIFACT_ROWS:
            from artstore.data_types import parquet

            path = registry.parquet_path(name)
            parquet.write(self._data(self._checked_types()), writer, path)
            return path
        return super().write(writer, name)

    def to_json(self, writer: ObjectWriter) -> dict[str, Any]:
        from artstore.data_types import table_json

        table = self if self._arrow is None else self._with_python_rows()
        return table_json.to_json(table._data(table._checked_types()), writer)

    @classmethod
    def from_json(cls, document: Any, reader: ObjectReader) -> Self:
        from artstore.data_types import table_json

        return cls._of(table_json.from_json(document, reader), reader)

    @classmethod
    def from_parquet(cls, path: str, reader: ObjectReader) -> Self:
        """Return the table of a Parquet file of an artifact."""
        from artstore.data_types import parquet

        return cls._of(parquet.read(path, reader), reader)

    @classmethod
    def _of(cls, data: TableData, reader: ObjectReader) -> Self:
        """Return a table with data that was read, and whose types fit its rows."""
        table = cls(columns=data.columns)
        table._types, table._rows, table._arrow = data.types, data.rows, data.arrow
        table.log_mode, table.source = data.log_mode, reader
        table._note_unchanging()
        return table

    def _data(self, types: dict[Any, Type]) -> TableData:
        return TableData(self.columns, types, self._rows, self._arrow, self.log_mode)

    def _with_python_rows(self) -> Self:
        """Return the same table with Python rows, and types that follow from them: Arrow does not know list lengths."""
        unknown = column_types.optional(column_types.Unknown())
        dtype = [self._types[column] if _is_flat(self._types[column]) else unknown for column in self.columns]
        rows = list(frames.arrow_rows(self._arrow))
        return type(self)(columns=self.columns, data=rows, dtype=dtype, optional=False, log_mode=self.log_mode)

    def _checked_types(self) -> dict[Any, Type]:
        """Return the types of the columns, widened to hold rows that were put into `data` directly."""
        if self._arrow is None:
            for number, row in enumerate(self._rows):
                check_row_length(row, number, self.columns)
                self._widen_types(row, number)
        return self._types

    def __eq__(self, other: object) -> bool:
        """Whether both have the same columns with the same values; missing values are equal to each other."""
        if not isinstance(other, Table) or self.columns != other.columns or self._count() != other._count():
            return False
        if self._arrow is not None and other._arrow is not None and self._arrow.equals(other._arrow):
            return True
        pairs = zip(self.iterrows(), other.iterrows(), strict=True)
        return all(_equal(mine, theirs) for (_, mine), (_, theirs) in pairs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Table of {self._count():,} rows and the columns {self.columns}>"


def _checked_columns(columns: Any) -> list[Any]:
    if not isinstance(columns, list | tuple):
        raise InvalidInput(f"columns must be a list of names, not {columns!r}")
    for name in columns:
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise InvalidInput(f"the name of a column must be a string or an int, not {name!r}")
    strings = [str(name) for name in columns]
    if len(set(strings)) < len(strings):
        twice = next(name for name in strings if strings.count(name) > 1)
        raise InvalidInput(f"two columns are called {twice!r}: give each a name of its own")
    return list(columns)


def _is_flat(column_type: Type) -> bool:
    flat = column_types.Simple | column_types.Unknown | column_types.Anything
    return all(isinstance(member, flat) for member in members_of(column_type))


def _type_for_all(column_type: Type, values: Iterable[Any], column: Any) -> Type:
    for number, value in enumerate(values):
        is_first_link = isinstance(value, TableIndex) and number == 0
        widened = value.cell_type() if is_first_link else column_type.widen(value)
        if widened is None:
            raise WrongValue(
                f"Existing data {_abbreviated(value)} in row {number} of column {column!r}, of type "
                f"{column_types.type_of(value)}, cannot be cast to {column_type}"
            )
        column_type = widened
    return column_type


def _abbreviated(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _equal(mine: Any, theirs: Any) -> bool:
    if column_types.is_missing(mine) or column_types.is_missing(theirs):
        return column_types.is_missing(mine) and column_types.is_missing(theirs)
    if isinstance(mine, list | tuple) and isinstance(theirs, list | tuple):
        return len(mine) == len(theirs) and all(map(_equal, mine, theirs))
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(_equal(value, theirs[key]) for key, value in mine.items())
    same = mine == theirs
    return bool(same.all()) if hasattr(same, "all") else bool(same)
