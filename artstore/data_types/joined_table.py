"""Pairs of tables whose rows belong together by a column."""

from __future__ import annotations

import itertools
from typing import Any, Self

from artstore.data_types import registry
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter
from artstore.data_types.partitioned_table import PartitionedTable
from artstore.data_types.table import Table
from artstore.errors import InvalidInput, PathConflict
from artstore.runtime import notebook
from artstore.runtime.arguments import checked


@checked
class JoinedTable(DataObject):
    """Two tables, and the column, or one column of each, that joins their rows.

    A table is given as a table, as its path in the artifact, or as an entry of another artifact. Raises
    `InvalidInput`.
    """

    _log_type = "joined-table"

    def __init__(self, table1: Any, table2: Any, join_key: str | list[str]) -> None:
        is_pair = isinstance(join_key, list) and len(join_key) == 2 and all(isinstance(key, str) for key in join_key)
        if not isinstance(join_key, str) and not is_pair:
            raise InvalidInput(f"JoinedTable join_key should be a string or a list of two strings, not {join_key!r}")
        for argument, table in (("table1", table1), ("table2", table2)):
            path = getattr(table, "path", table)
            if not isinstance(table, Table | PartitionedTable) and not (isinstance(path, str) and _is_table(path)):
                raise InvalidInput(
                    f"JoinedTable {argument} should be an artifact path to a table or a Table object, not {table!r}"
                )
        self._table1 = table1
        self._table2 = table2
        self._join_key = join_key

    def to_json(self, writer: ObjectWriter) -> dict[str, Any]:
        first, second = _put_table(self._table1, writer, 1), _put_table(self._table2, writer, 2)
        return {"_type": self._log_type, "table1": first, "table2": second, "join_key": self._join_key}

    @classmethod
    def from_json(cls, document: Any, reader: ObjectReader) -> Self:
        first, second = (reader.get(path) or path for path in (document["table1"], document["table2"]))
        joined = cls(first, second, document["join_key"])
        joined.source = reader
        return joined

    def _repr_html_(self) -> str:
        return notebook.table(
            [repr(self._table1), repr(self._table2)], [[self._table1, self._table2]], repr(self).strip("<>")
        )

    def __repr__(self) -> str:
        return f"<JoinedTable by {self._join_key!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JoinedTable) and (self._join_key, self._table1, self._table2) == (
            other._join_key,
            other._table1,
            other._table2,
        )

    __hash__ = None  # type: ignore[assignment]


def _is_table(path: str) -> bool:
    return path.endswith((".table.json", ".partitioned-table.json", registry.PARQUET_SUFFIX))


def _put_table(table: Any, writer: ObjectWriter, number: int) -> str:
    """Store a table unless it is in the artifact already; return its path."""
    if isinstance(table, Table | PartitionedTable):
        return _put(table, writer, f"t{number}")
    if not isinstance(table, str):
        return _put_table_of_entry(table, writer, number)
    if not writer.has(table):
        raise InvalidInput(
            f"JoinedTable table:{table} not found in artifact. Add a table to the artifact using "
            f"Artifact#add(<table>, {table}) before adding this JoinedTable"
        )
    return table


def _put_table_of_entry(entry: Any, writer: ObjectWriter, number: int) -> str:
    table = entry.parent_artifact().get(entry.path)
    if not isinstance(table, Table | PartitionedTable):
        raise InvalidInput(f"JoinedTable table{number}: {entry.path!r} is not a table")
    name = entry.path.rpartition("/")[2].partition(".")[0]
    return _put(table, writer, f"t{number}" if writer.has(table.with_suffix(name)) else name)


def _put(table: Table | PartitionedTable, writer: ObjectWriter, name: str) -> str:
    """Store a table under a name; under that name and a number if another joined table has one there."""
    for count in itertools.count(1):
        try:
            return writer.put_object(table, name if count == 1 else f"{name}_{count}")
        except PathConflict:
            continue
    raise AssertionError
