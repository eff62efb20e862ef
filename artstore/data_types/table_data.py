"""What a table holds, as the modules that write and read its files see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from artstore.data_types.column_types import Type


@dataclass
class TableData:
    """The columns of a table, their types, and its rows: as lists in `rows`, or as an Arrow table in `arrow`."""

    columns: list[Any]
    types: dict[Any, Type]
    rows: list[list[Any]]
    arrow: Any = None
    log_mode: str = "IMMUTABLE"
