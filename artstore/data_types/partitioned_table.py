"""Tables whose rows are in several tables of one folder, which different runs may have written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from artstore.data_types import registry
from artstore.data_types.data_object import DataObject, ObjectReader, ObjectWriter
from artstore.data_types.table import Table
from artstore.errors import ArtifactNotLoggedError, InvalidInput
from artstore.runtime.arguments import checked
from artstore.runtime.optional_imports import need


@checked
class PartitionedTable(DataObject):
    """All tables in a folder of the artifact, read as one table.

    >>> artifact.add(artstore.data_types.PartitionedTable("parts"), "all")
    >>> for number, row in logged.get("all").iterrows(): ...
    """

    _log_type = "partitioned-table"

    def __init__(self, parts_path: str) -> None:
        if not isinstance(parts_path, str):
            raise InvalidInput(f"parts_path must be a folder of the artifact that holds the tables, not {parts_path!r}")
        self.parts_path = parts_path

    def to_json(self, writer: ObjectWriter) -> dict[str, Any]:
        for path, part in self._parts() if self.source is not None else ():
            writer.put_object(part, path)
        return {"_type": self._log_type, "parts_path": self.parts_path}

    @classmethod
    def from_json(cls, document: Any, reader: ObjectReader) -> Self:
        table = cls(document["parts_path"])
        table.source = reader
        return table

    def parts(self) -> Iterator[Table]:
        """Yield the tables one at a time, in path order. Raises `InvalidInput` if their columns differ."""
        return (part for _, part in self._parts())

    def _parts(self) -> Iterator[tuple[str, Table]]:
        if self.source is None:
            raise ArtifactNotLoggedError(
                "the parts of a table are read from a logged artifact: log the artifact, then get the table from it"
            )
        first: tuple[str, list[Any]] | None = None
        for path in self.source.paths_below(self.parts_path.strip("/")):
            if not path.endswith((".table.json", registry.PARQUET_SUFFIX)) or path.endswith(".partitioned-table.json"):
                continue
            part = self.source.get(path)
            assert isinstance(part, Table)
            first = first or (path, part.columns)
            if part.columns != first[1]:
                raise InvalidInput(
                    f"Table parts have non-matching columns: {first[1]} in {first[0]}, {part.columns} in {path}"
                )
            yield path, part

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the rows of all tables, each with its number. Only one table at a time is in memory."""
        number = 0
        for part in self.parts():
            for _, row in part.iterrows():
                yield number, row
                number += 1

    def get_dataframe(self) -> Any:
        """Return all rows as one data frame of pandas."""
        pandas = need("pandas", "a data frame", "tables")
        frames = [part.get_dataframe() for part in self.parts()]
        return pandas.concat(frames, ignore_index=True) if frames else pandas.DataFrame()

    dataframe = get_dataframe

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PartitionedTable) and self.parts_path == other.parts_path

    def __hash__(self) -> int:
        return hash(self.parts_path)

    def __repr__(self) -> str:
        return f"PartitionedTable({self.parts_path!r})"
