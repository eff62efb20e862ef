"""The data of a table, for the modules that write and read its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from artstore.data_types.column_types import Type
from artstore.errors import InvalidInput


@dataclass
class TableData:
    """The columns of a table, their types, and its rows: as lists in `rows`, or as an Arrow table in `arrow`."""

    columns: list[Any]
    types: dict[Any, Type]
    rows: list[list[Any]]
    arrow: Any = None
    log_mode: str = "IMMUTABLE"


def check_row_length(row: Sequence[Any], number: int, columns: Sequence[Any]) -> None:
    """Raise `InvalidInput` if a row has too few or too many values."""
    if len(row) != len(columns):
        raise InvalidInput(f"row {number} has {len(row)} values, and the table {len(columns)} columns")
