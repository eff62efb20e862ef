"""Read the JSON in columns. JSON of another kind than the column holds is damage, like text that is not JSON."""

from __future__ import annotations

import json
from typing import Any


def read_object(text: str) -> dict[str, Any]:
    """Read a JSON object; null is an empty one, as earlier releases stored metadata of None.

    Raises `ValueError`, which `catalog.damage` explains.
    """
    value = json.loads(text)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"not a JSON object: {text[:60]}")
    return value


def read_texts(text: str) -> list[str]:
    """Read a JSON list of texts. Raises `ValueError`, which `catalog.damage` explains."""
    value = json.loads(text)
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ValueError(f"not a JSON list of texts: {text[:60]}")
    return value
