"""Columns that point at rows of other tables: by a key, which is text, or by the number of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artstore.data_types import column_types
from artstore.data_types.column_types import Type
from artstore.data_types.data_object import ObjectReader, ObjectWriter
from artstore.errors import InvalidInput

if TYPE_CHECKING:
    from artstore.data_types.table import Table


class TableIndex(int):
    """The number of a row, which knows its table: a column of another table that holds such links to it."""

    _table: Table

    @classmethod
    def of(cls, number: int, table: Table) -> TableIndex:
        """The index of a row of a table."""
        made = cls(number)
        made._table = table
        return made

    def get_row(self) -> dict[Any, Any]:
        """The row, by column."""
        return dict(zip(self._table.columns, self._table.data[self], strict=True))

    def cell_type(self) -> Type:
        """The type of a column of such indexes."""
        return ForeignIndex(self._table)


@dataclass(frozen=True)
class PrimaryKey(Type):
    """Takes text that names each row."""

    name = "primaryKey"

    def takes_type(self, other: Type) -> Type | None:
        return self if other in (column_types.STRING, self) else None

    @classmethod
    def of_json(cls, given: dict[str, Any], source: ObjectReader | None) -> Type:
        """The type that W&B wrote down."""
        return cls()


def _table_of(given: dict[str, Any], source: ObjectReader | None) -> Table:
    from artstore.data_types.table import Table

    found = source.get(given["table"]) if source else None
    if not isinstance(found, Table):
        raise InvalidInput(f"a column points at the table {given['table']!r}, which the artifact does not have")
    return found


@dataclass(frozen=True)
class ForeignKey(Type):
    """Takes keys of another table."""

    name = "foreignKey"
    table: Table
    column: Any

    def takes_type(self, other: Type) -> Type | None:
        return self if other == column_types.STRING or other is self else None

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        assert shelf is not None
        return {"table": shelf.put_object(self.table, "media/tables/t"), "col_name": self.column}

    @classmethod
    def of_json(cls, given: dict[str, Any], source: ObjectReader | None) -> Type:
        """The type that W&B wrote down."""
        return cls(_table_of(given, source), given["col_name"])


@dataclass(frozen=True)
class ForeignIndex(Type):
    """Takes numbers of rows of another table."""

    name = "foreignIndex"
    table: Table

    def takes_type(self, other: Type) -> Type | None:
        same = isinstance(other, ForeignIndex) and other.table is self.table
        return self if same or other == column_types.NUMBER else None

    def parameters(self, shelf: ObjectWriter | None) -> dict[str, Any]:
        assert shelf is not None
        return {"table": shelf.put_object(self.table, "media/tables/t")}

    @classmethod
    def of_json(cls, given: dict[str, Any], source: ObjectReader | None) -> Type:
        """The type that W&B wrote down."""
        return cls(_table_of(given, source))
