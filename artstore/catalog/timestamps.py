"""Times as the catalog writes them: UTC, with microseconds, ending in `Z`, so that strings compare as times do."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def now() -> str:
    """Return the current time as a timestamp."""
    return timestamp(datetime.now(UTC))


def timestamp(time: datetime) -> str:
    """Write a time as a timestamp. A time without a zone is local.

    Raises `OverflowError` for one that is before year 1 or after year 9999 in UTC.

    >>> timestamp(datetime(2026, 11, 21, 8, tzinfo=UTC))
    '2026-11-21T08:00:00.000000Z'
    """
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def check(text: str) -> None:
    """Raise `ValueError` if a text is not a timestamp."""
    if _FORM.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a timestamp")
    datetime.fromisoformat(text)
