"""What differs between two versions."""

from __future__ import annotations

from typing import NamedTuple

from artstore import collector
from artstore.catalog import manifests
from artstore.catalog.manifests import Changed
from artstore.db import Db
from artstore.manifest import Entry, Kind
from artstore.version import Version


class Difference(NamedTuple):
    """What differs between two versions, in path order. A change is (before, after), as is a rename."""

    added: list[Entry]
    removed: list[Entry]
    changed: list[tuple[Entry, Entry]]
    renamed: list[tuple[Entry, Entry]]


def diff(db: Db, old: Version, new: Version) -> Difference:
    """Compare two versions: segments first, entries only where those differ."""
    with db.reading() as connection, collector.paused():
        return _pair_renames(manifests.diff(connection, db.algorithm, old.id, new.id))


def _pair_renames(found: Changed) -> Difference:
    """Pair removed and added files of equal content, in path order."""
    gone: dict[str, list[Entry]] = {}
    for entry in found.removed:
        if entry.kind == Kind.FILE and entry.digest and entry.size:
            gone.setdefault(entry.digest, []).append(entry)
    renamed = [(gone[e.digest].pop(0), e) for e in found.added if e.digest and gone.get(e.digest)]
    before, after = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    return Difference(
        [entry for entry in found.added if entry not in after],
        [entry for entry in found.removed if entry not in before],
        found.changed,
        renamed,
    )
