"""sqlite-utils, imported without what it takes along.

Where pandas and NumPy are installed it imports both, to know their types as well; that is 0.4 s, for each command.
"""

from __future__ import annotations

import importlib
import sys


def import_sqlite_utils() -> None:
    """Import sqlite-utils as if pandas and NumPy were not installed. For processes in which nobody else imports."""
    absent: dict[str, None] = dict.fromkeys({"numpy", "pandas"} - sys.modules.keys())
    # What Python finds as None it takes for not there.
    sys.modules.update(absent)  # type: ignore[arg-type]
    try:
        importlib.import_module("sqlite_utils")
    finally:
        for name in absent:
            del sys.modules[name]
