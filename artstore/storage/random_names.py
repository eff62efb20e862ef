"""Names of packs and process locks: 16 random hexadecimal digits, so that no two processes choose the same."""

from __future__ import annotations

import re
import secrets

RULE = "16 hexadecimal digits in lower case"
"""What such a name has to be, for errors."""
_NAME = re.compile("[0-9a-f]{16}")


def new() -> str:
    """Return a name that no file has yet."""
    return secrets.token_hex(8)


def is_one(name: str) -> bool:
    """Whether a string is such a name; another one could lead out of the store."""
    return _NAME.fullmatch(name) is not None
