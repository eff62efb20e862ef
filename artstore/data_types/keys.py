"""Columns that point at rows of another table: by a key, which is a string, or by the number of a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from artstore.data_types import column_types
from artstore.data_types.column_types import Type
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter
from artstore.errors import InvalidInput
from artstore.runtime import notebook
from artstore.runtime.arguments import checked

_SHOWN = 20
"""The most rows that a notebook shows."""
_FOLDER = "media/tables/t"


@checked
class TableBase(DataObject):
    """The columns and rows of a table, for links to its rows. `Table` is the only subclass."""

    columns: list[Any]

    @property
    def data(self) -> list[list[Any]]:
        """The rows."""
        raise NotImplementedError

    def iterrows(self) -> Iterator[tuple[TableIndex, list[Any]]]:
        """Yield the rows, each with its number."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        rows = [row for _, row in islice(self.iterrows(), _SHOWN)]
        return notebook.table(self.columns, rows, repr(self).strip("<>"))


class TableIndex(int):
    """The number of a row together with its table. A column of another table that holds such numbers links to it."""

    _table: TableBase

    @classmethod
    def of(cls, number: int, table: TableBase) -> TableIndex:
        """Return the index of a row of a table."""
        index = cls(number)
        index._table = table
        return index

    def get_row(self) -> dict[Any, Any]:
        """Return the row as a dict from columns to values."""
        return dict(zip(self._table.columns, self._table.data[self], strict=True))

    def cell_type(self) -> Type:
        """Return the type of a column of such indexes."""
        return ForeignIndex(self._table)


@dataclass(frozen=True)
class PrimaryKey(Type):
    """Accepts strings that name each row."""

    name = "primaryKey"

    def widen_type(self, other: Type) -> Type | None:
        return self if other in (column_types.STRING, self) else None

    @classmethod
    def from_json(cls, parameters: dict[str, Any], reader: ObjectReader | None) -> Type:
        """Return the type that W&B wrote."""
        return cls()


def _linked_table(parameters: dict[str, Any], reader: ObjectReader | None) -> TableBase:
    table = reader.get(parameters["table"]) if reader else None
    if not isinstance(table, TableBase):
        raise InvalidInput(f"a column points at the table {parameters['table']!r}, which the artifact does not have")
    return table


@dataclass(frozen=True)
class ForeignKey(Type):
    """Accepts keys of another table."""

    name = "foreignKey"
    table: TableBase
    column: Any

    def widen_type(self, other: Type) -> Type | None:
        return self if other == column_types.STRING or other is self else None

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        assert writer is not None
        return {"table": writer.put_object(self.table, _FOLDER), "col_name": self.column}

    @classmethod
    def from_json(cls, parameters: dict[str, Any], reader: ObjectReader | None) -> Type:
        """Return the type that W&B wrote."""
        return cls(_linked_table(parameters, reader), parameters["col_name"])


@dataclass(frozen=True)
class ForeignIndex(Type):
    """Accepts numbers of rows of another table."""

    name = "foreignIndex"
    table: TableBase

    def widen_type(self, other: Type) -> Type | None:
        same = isinstance(other, ForeignIndex) and other.table is self.table
        return self if same or other == column_types.NUMBER else None

    def parameters(self, writer: ObjectWriter | None) -> dict[str, Any]:
        assert writer is not None
        return {"table": writer.put_object(self.table, _FOLDER)}

    @classmethod
    def from_json(cls, parameters: dict[str, Any], reader: ObjectReader | None) -> Type:
        """Return the type that W&B wrote."""
        return cls(_linked_table(parameters, reader))
