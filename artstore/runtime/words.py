"""Sizes, counts, durations and times in the words that people read, for the terminal and for pages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

# Control characters, and those that change the direction of text: in a name they could rewrite the screen.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def size(count: int) -> str:
    """Format a number of bytes with decimal units: `999 B`, `6.0 MB`."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} PB"


def counted(count: int, one: str, many: str) -> str:
    """Format a count with its noun: `1 entry`, `3 entries`."""
    return f"{count:,} {one if count == 1 else many}"


def duration(seconds: float) -> str:
    """Format a duration in its largest unit: `40 s`, `5 min`, `3 days`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    if seconds < 86400:
        return f"{seconds // 3600:.0f} h"
    return counted(int(seconds // 86400), "day", "days")


def age(timestamp: str) -> str:
    """Format the age of a timestamp of the catalog: `just now`, `5 min ago`; from 30 days on, its date."""
    then = datetime.fromisoformat(timestamp)
    seconds = (datetime.now(UTC) - then).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 30 * 86400:
        return f"{duration(seconds)} ago"
    return then.astimezone().strftime("%Y-%m-%d")


def local_time(then: datetime) -> str:
    """Format a time in the local time zone: `2026-11-21 07:11`."""
    return then.astimezone().strftime("%Y-%m-%d %H:%M")


def whole(text: str) -> str:
    """Return a text with `\ufffd` for each half of a surrogate pair that stands alone: UTF-8 has no code for it.

    >>> whole("caf\\udce9") == "caf\ufffd"
    True
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a misspelt one probably means; None if none is near."""
    import difflib  # late: for errors only

    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None


def visible(text: str) -> str:
    r"""Return a string with invisible characters, and those that move the cursor, escaped as in `\x1b`."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
