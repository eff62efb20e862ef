"""The release of artstore."""

from __future__ import annotations

VERSION = "0.1.0"
