"""Stored tables as columns and rows: CSV, TSV, Parquet and the tables of W&B, for previews and comparisons."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from artstore.runtime.optional_imports import has
from artstore.web.stored_file import LARGEST, StoredFile

SUFFIXES = (".table.json", ".csv", ".tsv", ".parquet")
PARQUET = "pyarrow.parquet"


@dataclass(frozen=True)
class StoredTable:
    """The columns of a table, how many rows it has, and how to read some of them."""

    columns: list[str]
    count: int
    window: Callable[[int, int], list[list[Any]]]
    """Return some rows, from the n-th on."""


def may_be_table(path: str, size: int | None) -> bool:
    """Whether the name and size of a file say that it is a table that can be read here."""
    return (size or 0) <= LARGEST and path.lower().endswith(SUFFIXES)


def read(file: StoredFile) -> StoredTable | None:
    """Return the table of a file that may be one; None if it is not what its name says, or pyarrow is missing."""
    data, name = file.read(), file.path.lower()
    if name.endswith(".parquet"):
        return _parquet(data) if has(PARQUET) else None
    try:
        text = data.decode()
        if name.endswith(".json"):
            return of_document(json.loads(text))
        return _csv(text, "\t" if name.endswith(".tsv") else ",")
    except (ValueError, RecursionError, csv.Error):
        return None


def of_document(document: Any) -> StoredTable | None:
    """Return a table of W&B from its JSON; None if it is another document."""
    if not isinstance(document, dict) or not isinstance(document.get("columns"), list) or "data" not in document:
        return None
    columns, rows = [str(column) for column in document["columns"]], document["data"]
    return _listed(columns, rows) if isinstance(rows, list) and all(isinstance(row, list) for row in rows) else None


def _csv(text: str, delimiter: str) -> StoredTable:
    lines = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    return _listed(lines[0] if lines else [], lines[1:])


def _listed(columns: list[str], rows: list[list[Any]]) -> StoredTable:
    return StoredTable(columns, len(rows), lambda first, count: rows[first : first + count])


def _parquet(data: bytes) -> StoredTable | None:
    from pyarrow import ArrowInvalid, parquet  # late: few pages show Parquet, and it takes 0.3 s to import

    try:
        opened = parquet.ParquetFile(io.BytesIO(data))
    except (ArrowInvalid, OSError):
        return None
    columns = [str(name) for name in opened.schema_arrow.names]

    def rows(first: int) -> Iterator[list[Any]]:
        seen = 0
        for batch in opened.iter_batches(batch_size=1024):
            if seen + batch.num_rows > first:
                for row in batch.slice(max(0, first - seen)).to_pylist():
                    yield [row[name] for name in columns]
            seen += batch.num_rows

    return StoredTable(columns, opened.metadata.num_rows, lambda first, count: list(islice(rows(first), count)))
