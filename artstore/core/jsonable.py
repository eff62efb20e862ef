"""Turning what people log into what JSON can say: numbers, text, lists and dicts, all the way down."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

from artstore.errors import NotJson

_DEEPEST = 64


def to_jsonable(value: Any, *, strict: bool = False) -> Any:
    """What JSON can say of a value. Arrays become lists, data classes and namespaces become dicts.

    What it has no word for becomes text, and numbers that are none become `"NaN"`, `"Infinity"` and `"-Infinity"`, as
    in W&B. With `strict`, as for metadata: NaN becomes None; infinity and what JSON has no word for raise `NotJson`.

    >>> plain({"loss": float("nan"), 1: (2, 3)})
    {'loss': 'NaN', '1': [2, 3]}
    """
    return _Reading(strict).of(value, 0)


def json_text(value: object) -> str:
    """Encode a value as JSON that SQLite can store: half of a surrogate pair is written as its escape."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


class _Reading:
    def __init__(self, strict: bool) -> None:
        self._strict = strict

    def of(self, value: Any, depth: int) -> Any:
        if isinstance(value, Enum):
            return self.of(value.value, depth)
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return self._number(float(value))
        if depth > _DEEPEST:
            return self._unknown(value)
        if isinstance(value, Mapping):
            return {key if isinstance(key, str) else str(key): self.of(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset | range):
            return [self.of(each, depth + 1) for each in value]
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, bytes):
            return value.decode("utf-8", "backslashreplace")
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            return {each.name: self.of(getattr(value, each.name), depth + 1) for each in fields}
        return self._foreign(value, depth)

    def _number(self, value: float) -> float | str | None:
        if math.isfinite(value):
            return value
        if not self._strict:
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        if math.isnan(value):
            return None
        raise NotJson("Out of range float values are not JSON compliant: infinity cannot be kept in metadata")

    def _foreign(self, value: Any, depth: int) -> Any:
        """Values of libraries that are not imported for this: numpy, torch, pandas, argparse and the like."""
        if type(value).__name__ == "Namespace":
            return self.of(vars(value), depth + 1)
        for reading in ("tolist", "item", "to_dict", "isoformat"):
            read = getattr(value, reading, None)
            if callable(read) and not isinstance(value, type):
                try:
                    found = read()
                except (TypeError, ValueError, RuntimeError):
                    continue
                return self.of(found, depth + 1)
        return self._unknown(value)

    def _unknown(self, value: Any) -> str:
        if self._strict and not isinstance(value, PurePath):
            raise NotJson(
                f"Object of type {type(value).__name__} is not JSON serializable: metadata is text, numbers, lists "
                "and dicts"
            )
        return str(value)
