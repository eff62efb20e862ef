"""Tables: rows and typed columns, from lists or data frames, small ones as W&B's JSON and large ones as Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, Self

from artstore.data_types import column_types, dtypes, frames, registry
from artstore.data_types.column_types import Type
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter
from artstore.data_types.keys import ForeignKey, PrimaryKey, TableIndex
from artstore.errors import InvalidInput, WrongValue
from artstore.runtime.optional_imports import need

_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")
_CLASSES: dict[column_types.Simple, tuple[type, ...]] = {
    column_types.NUMBER: (int,),
    column_types.STRING: (str,),
    column_types.BOOLEAN: (bool,),
    column_types.TIMESTAMP: (datetime, date),
    column_types.NONE: (type(None),),
}


class Table(DataObject):
    """Rows with typed columns.

    >>> table = artstore.Table(columns=["id", "label"], data=[[1, "cat"]])
    >>> table.add_data(2, "dog")
    >>> artifact.add(table, "labels")

    `dataframe` is one of pandas, polars or pyarrow; `data` may be one too, or an array. The type of a column follows
    from its values unless `dtype` says it, for all columns or in a list; `optional` says whether values may be
    missing. With `allow_mixed_types` a column takes anything. No row is ever cut: tables of more than
    `MAX_ARTIFACT_ROWS` rows are kept as Parquet. Raises `InvalidInput`, or `WrongValue` for a value that its column
    cannot take.
    """

    _log_type = "table"
    MAX_ROWS: ClassVar[int] = 10_000
    """Accepted as in W&B, where it cuts what is shown."""
    MAX_ARTIFACT_ROWS: ClassVar[int] = 200_000
    """How many rows a table may have to be kept as JSON. W&B cuts the others off."""

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
        given = data if dataframe is None else dataframe
        given = rows if given is None else given
        if dataframe is not None and not frames.is_frame(dataframe):
            raise InvalidInput(f"dataframe is one of pandas, polars or pyarrow, not {type(dataframe).__name__}")
        frame: Any = given if frames.is_frame(given) else None
        if hasattr(frame, "collect"):
            frame = frame.collect()
        self._begin(["Input", "Output", "Expected"] if columns is None else columns, frame)
        self._declare(column_types.Anything() if allow_mixed_types else dtype, optional)
        if frame is not None:
            self._fill_from_frame(frame)
        elif given is not None:
            self._fill(given)

    def _begin(self, columns: Sequence[Any], frame: Any) -> None:
        self.columns = _checked_columns(columns if frame is None else frames.columns(frame))
        self._types: dict[Any, Type] = {}
        self._fast: list[frozenset[type]] = []
        self._rows: list[list[Any]] = []
        self._frame: Any = None

    def _declare(self, dtype: Any, optional: bool | Sequence[bool]) -> None:
        wanted = dtype if isinstance(dtype, list) else [dtype] * len(self.columns)
        optionals = [optional] * len(self.columns) if isinstance(optional, bool) else list(optional)
        for what, listed in (("dtype", wanted), ("optional", optionals)):
            if len(listed) != len(self.columns):
                raise InvalidInput(f"{what} has {len(listed)} items, and the table {len(self.columns)} columns")
        for column, each, may_miss in zip(self.columns, wanted, optionals, strict=True):
            found = dtypes.of_dtype(each)
            self._types[column] = column_types.optional(found) if may_miss else found
        self._note_fast()

    def _note_fast(self) -> None:
        self._fast = [_plainly_taken(self._types[column]) for column in self.columns]

    def _fill(self, data: Any) -> None:
        listed = data if isinstance(data, list | tuple) or hasattr(data, "__array__") else None
        if listed is None:
            raise InvalidInput(f"data is a list of rows, an array or a data frame, not {type(data).__name__}")
        for number, row in enumerate(listed):
            if isinstance(row, str | dict | set) or not isinstance(row, Iterable):
                raise InvalidInput(f"row {number} is a list of values, one for each column, not {row!r}")
            self.add_data(*row)

    def _fill_from_frame(self, frame: Any) -> None:
        found = frames.arrow(frame)
        if found is None:
            for row in frames.rows_of(frame):
                self.add_data(*row)
            return
        self._types = frames.grown(self._types, found)
        self._frame = found
        self._note_fast()

    # Rows

    @property
    def data(self) -> list[list[Any]]:
        """Its rows. They become Python objects by this, which for millions of them takes gigabytes of memory."""
        if self._frame is not None:
            self._rows, self._frame = list(frames.rows(self._frame)), None
        return self._rows

    @data.setter
    def data(self, rows: list[list[Any]]) -> None:
        self._rows, self._frame = rows, None

    def _count(self) -> int:
        return self._frame.num_rows if self._frame is not None else len(self._rows)

    def add_data(self, *data: Any) -> None:
        """Add a row: one value for each column.

        Raises `InvalidInput` for too few or too many, `WrongValue` for one that its column cannot take.
        """
        if len(data) != len(self.columns):
            raise InvalidInput(f"This table expects {len(self.columns)} columns: {self.columns}, found {len(data)}")
        rows = self.data
        self._grow(data, len(rows))
        rows.append(list(data))

    add_row = add_data

    def _grow(self, row: Sequence[Any], number: int) -> None:
        """Let the types of the columns hold a row as well, or none of them change."""
        changed: dict[Any, Type] = {}
        for column, value, fast in zip(self.columns, row, self._fast, strict=True):
            if type(value) in fast:
                continue
            grown = self._grown(column, value)
            if grown is None:
                raise WrongValue(
                    f"Data row contained incompatible types: row {number}, column {column!r} is to hold "
                    f"{self._types[column]}, and {_shown(value)} is {column_types.type_of(value)}: convert it, or "
                    "make the table with allow_mixed_types=True"
                )
            if grown != self._types[column]:
                changed[column] = grown
        if not changed:
            return
        self._types = {**self._types, **changed}
        self._note_fast()

    def _grown(self, column: Any, value: Any) -> Type | None:
        wanted = self._types[column]
        # A column that is still empty becomes one of links with its first.
        if isinstance(value, TableIndex) and not self._count():
            return value.cell_type()
        return wanted.takes(value)

    def iterrows(self) -> Iterator[tuple[TableIndex, list[Any]]]:
        """Its rows, each with its number, which in another table is a link to it."""
        found = self._rows if self._frame is None else frames.rows(self._frame)
        for number, row in enumerate(found):
            yield TableIndex.of(number, self), row

    def index_ref(self, index: int) -> TableIndex:
        """The number of a row as a link to it."""
        if not 0 <= index < self._count():
            raise InvalidInput(f"the table has {self._count():,} rows, and no row {index}")
        return TableIndex.of(index, self)

    def get_index(self) -> list[TableIndex]:
        """The numbers of all rows, as links to them: a column for another table."""
        return [TableIndex.of(number, self) for number in range(self._count())]

    # Columns

    def _position(self, name: Any) -> int:
        try:
            return self.columns.index(name)
        except ValueError:
            raise InvalidInput(f"there is no column {name!r}: the table has {self.columns}") from None

    def get_column(self, name: Any, convert_to: str | None = None) -> Any:
        """The values of a column, as a list, or with `convert_to="numpy"` as an array."""
        position = self._position(name)
        if convert_to not in (None, "numpy"):
            raise InvalidInput(f"a column is converted to 'numpy' or not at all, not to {convert_to!r}")
        if self._frame is not None:
            column = self._frame.column(position)
            return column.to_numpy(zero_copy_only=False) if convert_to else column.to_pylist()
        values = [row[position] for row in self._rows]
        if convert_to is None:
            return values
        numpy = need("numpy", "an array of a column", "tables")
        return numpy.array([each.to_data_array() if hasattr(each, "to_data_array") else each for each in values])

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Add a column with a value for each row, or nothing, and raise `InvalidInput` or `WrongValue`."""
        if not isinstance(name, str) or name in map(str, self.columns):
            raise InvalidInput(f"a column needs a name of its own, as text, not {name!r}: there are {self.columns}")
        if isinstance(data, str) or not hasattr(data, "__len__"):
            raise InvalidInput(f"a column is a list or an array, not {type(data).__name__}")
        if self.columns and len(data) != self._count():
            raise InvalidInput(f"Expected length {self._count()}, found {len(data)}: give a value for each row")
        values = list(data)
        found: Type = column_types.optional(column_types.Unknown()) if optional else column_types.Unknown()
        taken = _type_of_all(found, values, name)
        rows = self.data if self.columns else [[] for _ in values]
        for row, value in zip(rows, values, strict=True):
            row.append(value)
        self._rows = rows
        self.columns.append(name)
        self._types[name] = taken
        self._note_fast()

    def add_computed_columns(self, fn: Callable[[int, dict[Any, Any]], dict[str, Any]]) -> None:
        """Add columns that follow from the others.

        >>> table.add_computed_columns(lambda number, row: {"difference": row["x"] - row["y"]})
        """
        made: dict[str, list[Any]] = {}
        for number, row in self.iterrows():
            found = fn(number, dict(zip(self.columns, row, strict=True)))
            if not isinstance(found, dict) or (number and found.keys() != made.keys()):
                raise InvalidInput(f"row {number}: the function gives a dict with the same new columns for each row")
            for name, value in found.items():
                made.setdefault(name, []).append(value)
        for name, values in made.items():
            self.add_column(name, values, optional=any(column_types.is_missing(each) for each in values))

    def cast(self, col_name: Any, dtype: Any, optional: bool = False) -> Type:
        """Say what a column holds. Raises `WrongValue` if it holds something else already."""
        self._position(col_name)
        wanted = dtypes.of_dtype(dtype)
        if optional:
            wanted = column_types.optional(wanted)
        self._types[col_name] = _type_of_all(wanted, self.get_column(col_name), col_name)
        self._note_fast()
        return self._types[col_name]

    def set_pk(self, col_name: Any) -> None:
        """Say that a column of text names each row."""
        self.cast(col_name, PrimaryKey())

    def set_fk(self, col_name: Any, table: Table, table_col: Any) -> None:
        """Say that a column holds keys of another table."""
        if table is self:
            raise InvalidInput("a table does not point at itself: give another one")
        table._position(table_col)
        self.cast(col_name, ForeignKey(table, table_col))

    # Frames

    def get_dataframe(self) -> Any:
        """It as a data frame of pandas."""
        pandas = need("pandas", "a data frame", "tables")
        if self._frame is None:
            return pandas.DataFrame.from_records(self._rows, columns=self.columns)
        found = self._frame.to_pandas()
        found.columns = self.columns
        return found

    dataframe = get_dataframe

    def arrow(self) -> Any:
        """It as a table of pyarrow. Columns of objects and of mixed types become JSON text."""
        from artstore.data_types import parquet

        return self._frame if self._frame is not None else parquet.arrow(self)[0]

    def polars(self) -> Any:
        """It as a data frame of polars."""
        return need("polars", "a data frame of polars", "polars").from_arrow(self.arrow())

    # Artifacts

    def write(self, shelf: ObjectWriter, name: str) -> str:
        if name.endswith(registry.PARQUET_SUFFIX) or self._count() > self.MAX_ARTIFACT_ROWS:
            from artstore.data_types import parquet

            path = name.removesuffix(".table.json").removesuffix(registry.PARQUET_SUFFIX) + registry.PARQUET_SUFFIX
            parquet.write(self, shelf, path)
            return path
        return super().write(shelf, name)

    def to_json(self, shelf: ObjectWriter) -> dict[str, Any]:
        from artstore.data_types import table_json

        return table_json.document(self, shelf)

    @classmethod
    def from_json(cls, document: Any, source: ObjectReader) -> Self:
        from artstore.data_types import table_json

        return table_json.table(cls, document, source)

    @classmethod
    def from_parquet(cls, path: str, source: ObjectReader) -> Self:
        """Read the table of a Parquet file of an artifact."""
        from artstore.data_types import parquet

        return parquet.read(cls, path, source)

    @classmethod
    def _made(cls, columns: list[Any], found: dict[Any, Type], data: list[list[Any]], frame: Any = None) -> Self:
        """A table of what is known to fit."""
        made = cls(columns=columns)
        made._types, made._rows, made._frame = found, data, frame
        made._note_fast()
        return made

    def _checked_types(self) -> dict[Any, Type]:
        """The types of the columns, after what was put into `data` directly."""
        if self._frame is None:
            for number, row in enumerate(self._rows):
                if len(row) != len(self.columns):
                    raise InvalidInput(f"row {number} has {len(row)} values, and the table {len(self.columns)} columns")
                self._grow(row, number)
        return self._types

    def __eq__(self, other: object) -> bool:
        """Whether it has the same columns with the same values; missing ones are equal to each other."""
        if not isinstance(other, Table) or self.columns != other.columns or self._count() != other._count():
            return False
        if self._frame is not None and other._frame is not None and self._frame.equals(other._frame):
            return True
        pairs = zip(self.iterrows(), other.iterrows(), strict=True)
        return all(_equal(mine, theirs) for (_, mine), (_, theirs) in pairs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Table of {self._count():,} rows and the columns {self.columns}>"


def _checked_columns(given: Any) -> list[Any]:
    if not isinstance(given, list | tuple):
        raise InvalidInput(f"columns is a list of names, not {given!r}")
    for each in given:
        if not isinstance(each, str | int) or isinstance(each, bool):
            raise InvalidInput(f"the name of a column is text or a whole number, not {each!r}")
    texts = [str(each) for each in given]
    twice = next((each for each in texts if texts.count(each) > 1), None) if len(set(texts)) < len(texts) else None
    if twice is not None:
        raise InvalidInput(f"two columns are called {twice!r}: give each a name of its own")
    return list(given)


def _plainly_taken(found: Type) -> frozenset[type]:
    """The classes whose values a type takes as they are, and stays the same."""
    members = found.members if isinstance(found, column_types.Union) else (found,)
    taken = {each for member in members if isinstance(member, column_types.Simple) for each in _CLASSES[member]}
    # A float may be NaN, which is a missing value.
    if column_types.NUMBER in members and column_types.NONE in members:
        taken.add(float)
    return frozenset(taken)


def _type_of_all(found: Type, values: Iterable[Any], column: Any) -> Type:
    for number, value in enumerate(values):
        taken = value.cell_type() if isinstance(value, TableIndex) and number == 0 else found.takes(value)
        if taken is None:
            raise WrongValue(
                f"Existing data {_shown(value)} in row {number} of column {column!r}, of type "
                f"{column_types.type_of(value)}, cannot be cast to {found}"
            )
        found = taken
    return found


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _equal(mine: Any, theirs: Any) -> bool:
    if column_types.is_missing(mine) or column_types.is_missing(theirs):
        return column_types.is_missing(mine) and column_types.is_missing(theirs)
    if isinstance(mine, list | tuple) and isinstance(theirs, list | tuple):
        return len(mine) == len(theirs) and all(map(_equal, mine, theirs))
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(_equal(each, theirs[key]) for key, each in mine.items())
    same = mine == theirs
    return bool(same.all()) if hasattr(same, "all") else bool(same)
