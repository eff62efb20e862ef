"""Functions that tests have a worker process call."""

from __future__ import annotations

import os
from typing import Any


def process_and(value: Any) -> tuple[int, Any]:
    """Return the process that this runs in, and a value."""
    return os.getpid(), value


def fail(error: Exception) -> None:
    """Raise an error."""
    raise error


def print_and_return(value: Any) -> Any:
    """Print on both streams that programs print on, and return a value."""
    print("printed", flush=True)
    os.write(1, b"written\n")
    return value
