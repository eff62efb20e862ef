"""Pairs of tables that belong together by a column."""

from __future__ import annotations

from typing import Any, Self

from artstore.data_types import registry
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter
from artstore.data_types.partitioned_table import PartitionedTable
from artstore.data_types.table import Table
from artstore.errors import InvalidInput


class JoinedTable(DataObject):
    """Two tables, and the column, or the column of each, by which their rows belong together.

    A table is given itself, as its path in the artifact, or as an entry of an artifact. Raises `InvalidInput`.
    """

    _log_type = "joined-table"

    def __init__(self, table1: Any, table2: Any, join_key: str | list[str]) -> None:
        two = isinstance(join_key, list) and len(join_key) == 2 and all(isinstance(each, str) for each in join_key)
        if not isinstance(join_key, str) and not two:
            raise InvalidInput(f"JoinedTable join_key should be a string or a list of two strings, not {join_key!r}")
        for which, each in (("table1", table1), ("table2", table2)):
            path = getattr(each, "path", each)
            if not isinstance(each, Table | PartitionedTable) and not (isinstance(path, str) and _is_table(path)):
                raise InvalidInput(
                    f"JoinedTable {which} should be an artifact path to a table or a Table object, not {each!r}"
                )
        self._table1 = table1
        self._table2 = table2
        self._join_key = join_key

    def to_json(self, shelf: ObjectWriter) -> dict[str, Any]:
        first, second = _path(self._table1, shelf, 1), _path(self._table2, shelf, 2)
        return {"_type": self._log_type, "table1": first, "table2": second, "join_key": self._join_key}

    @classmethod
    def from_json(cls, document: Any, source: ObjectReader) -> Self:
        first, second = (source.get(path) or path for path in (document["table1"], document["table2"]))
        made = cls(first, second, document["join_key"])
        made.source = source
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JoinedTable) and (self._join_key, self._table1, self._table2) == (
            other._join_key,
            other._table1,
            other._table2,
        )

    __hash__ = None  # type: ignore[assignment]


def _is_table(path: str) -> bool:
    return path.endswith((".table.json", ".partitioned-table.json", registry.PARQUET_SUFFIX))


def _path(table: Any, shelf: ObjectWriter, which: int) -> str:
    if isinstance(table, Table | PartitionedTable):
        return shelf.put_object(table, f"t{which}")
    if not isinstance(table, str):
        found = table.parent_artifact().get(table.path)
        if not isinstance(found, Table | PartitionedTable):
            raise InvalidInput(f"JoinedTable table{which}: {table.path!r} is no table")
        name = table.path.rpartition("/")[2].partition(".")[0]
        return shelf.put_object(found, f"t{which}" if shelf.has(found.with_suffix(name)) else name)
    if not shelf.has(table):
        raise InvalidInput(
            f"JoinedTable table:{table} not found in artifact. Add a table to the artifact using "
            f"Artifact#add(<table>, {table}) before adding this JoinedTable"
        )
    return table
