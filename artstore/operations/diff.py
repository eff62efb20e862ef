"""What differs between two versions."""

from __future__ import annotations

import re
from typing import NamedTuple

from artstore.catalog import entry_diff
from artstore.catalog.db import Db
from artstore.catalog.entry_diff import EntryDiff
from artstore.core.manifest import Entry, Kind
from artstore.core.versions import Version
from artstore.runtime import pause_gc

# As S3 makes etags: of the bytes, or of the digests of their parts. Others are often made of dates.
_OF_CONTENT = re.compile("[0-9a-f]{32}(-[0-9]+)?")


class Difference(NamedTuple):
    """What differs between two versions, in path order. A change is (before, after), as is a rename."""

    added: list[Entry]
    removed: list[Entry]
    changed: list[tuple[Entry, Entry]]
    renamed: list[tuple[Entry, Entry]]


def diff(db: Db, old: Version, new: Version) -> Difference:
    """Compare two versions: segments first, entries only where those differ."""
    with db.reading() as connection, pause_gc.gc_paused():
        return _pair_renames(entry_diff.diff(connection, old.id, new.id))


def _pair_renames(found: EntryDiff) -> Difference:
    """Pair removed and added files, or references, of equal content, in path order."""
    gone: dict[tuple[Kind, str, int], list[Entry]] = {}
    for entry in found.removed:
        content = _content(entry)
        if content is not None:
            gone.setdefault(content, []).append(entry)
    renamed = []
    for entry in found.added:
        content = _content(entry)
        if content is not None and gone.get(content):
            renamed.append((gone[content].pop(0), entry))
    before, after = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    return Difference(
        [entry for entry in found.added if entry not in after],
        [entry for entry in found.removed if entry not in before],
        found.changed,
        renamed,
    )


def _content(entry: Entry) -> tuple[Kind, str, int] | None:
    """What two entries share only if their content is equal; None where nothing tells."""
    if not entry.size or entry.kind not in (Kind.FILE, Kind.REFERENCE):
        return None
    if entry.digest is not None and not entry.digest.startswith("crc32c:"):
        return entry.kind, entry.digest, entry.size
    if entry.etag is not None and _OF_CONTENT.fullmatch(entry.etag):
        return entry.kind, entry.etag, entry.size
    return None
