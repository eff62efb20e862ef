"""Compare two versions."""

from __future__ import annotations

import re
from typing import NamedTuple

from artstore.catalog import entry_diff
from artstore.catalog.entry_diff import EntryDiff
from artstore.catalog.repository import Repository
from artstore.core.manifest import Entry, Kind
from artstore.core.versions import Version
from artstore.operations.find import find_living
from artstore.runtime import notebook, pause_gc

_SHOWN = 100
"""The most entries that a notebook shows."""
# As S3 computes etags: from the bytes, or from the digests of their parts. Others often contain dates.
_OF_CONTENT = re.compile("[0-9a-f]{32}(-[0-9]+)?")


class Difference(NamedTuple):
    """The entries that differ between two versions, in path order. A change or rename is (before, after)."""

    added: list[Entry]
    removed: list[Entry]
    changed: list[tuple[Entry, Entry]]
    renamed: list[tuple[Entry, Entry]]

    def _repr_html_(self) -> str:
        rows = [
            *(("added", entry.path, None, entry.size) for entry in self.added),
            *(("removed", entry.path, entry.size, None) for entry in self.removed),
            *(("changed", after.path, before.size, after.size) for before, after in self.changed),
            *(("renamed", f"{before.path} → {after.path}", before.size, after.size) for before, after in self.renamed),
        ]
        shown = rows[:_SHOWN]
        return notebook.table(["", "path", "bytes before", "bytes after"], shown, f"{len(shown):,} of {len(rows):,}")


def diff(repository: Repository, old: Version | str, new: Version | str) -> Difference:
    """Compare two versions: segments first, entries only where those differ. Raises `NotFound`."""
    with repository.db.reading() as connection, pause_gc.gc_paused():
        old, new = find_living(connection, old), find_living(connection, new)
        return _pair_renames(entry_diff.diff(connection, old.id, new.id))


def _pair_renames(changed: EntryDiff) -> Difference:
    """Pair removed and added files, or references, of equal content, in path order."""
    gone: dict[tuple[Kind, str, int], list[Entry]] = {}
    for entry in changed.removed:
        content = _content(entry)
        if content is not None:
            gone.setdefault(content, []).append(entry)
    renamed = []
    for entry in changed.added:
        content = _content(entry)
        if content is not None and gone.get(content):
            renamed.append((gone[content].pop(0), entry))
    before, after = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    return Difference(
        [entry for entry in changed.added if entry not in after],
        [entry for entry in changed.removed if entry not in before],
        changed.changed,
        renamed,
    )


def _content(entry: Entry) -> tuple[Kind, str, int] | None:
    """Return a key that two entries share only if their content is equal; None if nothing identifies the content."""
    if not entry.size or entry.kind not in (Kind.FILE, Kind.REFERENCE):
        return None
    if entry.digest is not None and not entry.digest.startswith("crc32c:"):
        return entry.kind, entry.digest, entry.size
    if entry.etag is not None and _OF_CONTENT.fullmatch(entry.etag):
        return entry.kind, entry.etag, entry.size
    return None
