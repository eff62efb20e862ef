"""Conversion of logged values to JSON types: numbers, strings, lists and dicts, at every level."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

from artstore.errors import NotJson

_DEEPEST = 64


def to_jsonable(
    value: Any, *, strict: bool = False, unknown: list[str] | None = None, keep_floats: bool = False
) -> Any:
    """Convert a value to JSON types: arrays become lists, data classes and namespaces become dicts.

    Functions and classes become their names, members of an enumeration theirs, and slices dicts, as in W&B. Values of
    other types become strings, and the names of these types are appended to `unknown`. NaN and the infinities become
    `"NaN"`, `"Infinity"` and `"-Infinity"`, unless `keep_floats` leaves them as they are. With `strict`, as for
    metadata, NaN becomes None, and infinity and values of Python's other types, such as complex, raise `NotJson`.

    >>> to_jsonable({"loss": float("nan"), 1: (2, 3)})
    {'loss': 'NaN', '1': [2, 3]}
    """
    return _Converter(strict, unknown, keep_floats).of(value, 0)


def json_text(value: object) -> str:
    """Encode a value as JSON that SQLite can store: no NaN, and half of a surrogate pair is written as its escape."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(to_jsonable(value), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


def _is_list_like(value: Any) -> bool:
    """Whether a value is a list of a library that is not imported here, such as those of OmegaConf and Ray."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)


class _Converter:
    """Converts a value and what it contains."""

    def __init__(self, strict: bool, unknown: list[str] | None, keep_floats: bool) -> None:
        self._strict = strict
        self._keep_floats = keep_floats
        self._unknown_types = unknown

    def of(self, value: Any, depth: int) -> Any:
        if isinstance(value, Enum):
            return value.name
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return self._number(float(value))
        if depth > _DEEPEST:
            return self._unknown(value)
        if isinstance(value, Mapping):
            return {key if isinstance(key, str) else str(key): self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset | range) or _is_list_like(value):
            return [self.of(item, depth + 1) for item in value]
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, bytes):
            return value.decode("utf-8", "backslashreplace")
        if isinstance(value, slice):
            parts = {"slice_start": value.start, "slice_step": value.step, "slice_stop": value.stop}
            return {name: self.of(part, depth + 1) for name, part in parts.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            return {field.name: self.of(getattr(value, field.name), depth + 1) for field in fields}
        return self._foreign(value, depth)

    def _number(self, value: float) -> float | str | None:
        if self._keep_floats or math.isfinite(value):
            return value
        if not self._strict:
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        if math.isnan(value):
            return None
        raise NotJson("Out of range float values are not JSON compliant: infinity cannot be kept in metadata")

    def _foreign(self, value: Any, depth: int) -> Any:
        """Convert a value of a library that is not imported here: numpy, torch, pandas, argparse and others."""
        if type(value).__name__ == "Namespace":
            return self.of(vars(value), depth + 1)
        for name in ("tolist", "item", "to_dict", "isoformat"):
            method = getattr(value, name, None)
            if callable(method) and not isinstance(value, type):
                try:
                    converted = method()
                except (TypeError, ValueError, RuntimeError):
                    continue
                return self.of(converted, depth + 1)
        return self._unknown(value)

    def _unknown(self, value: Any) -> str:
        if callable(value) and hasattr(value, "__qualname__") and hasattr(value, "__module__"):
            return f"{value.__module__}.{value.__qualname__}"
        if self._strict and type(value).__module__ == "builtins" and not callable(value):
            raise NotJson(
                f"Object of type {type(value).__name__} is not JSON serializable: metadata is text, numbers, lists "
                "and dicts"
            )
        if self._unknown_types is not None and not isinstance(value, PurePath):
            kind = type(value)
            self._unknown_types.append(f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."))
        return str(value)
