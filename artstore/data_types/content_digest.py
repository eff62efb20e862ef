"""Digests as W&B writes them into documents."""

from __future__ import annotations

import base64
import hashlib


def md5(data: bytes) -> str:
    """Base64 of the MD5 of some bytes."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
