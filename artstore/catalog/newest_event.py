"""The newest event, noted outside of the catalog: shows that a catalog has lost changes that were committed.

The last changes of a catalog are in its journal, `artstore.db-wal`, and SQLite does not notice if that was removed, or
if an older catalog was put in the place of a newer one. So each durable transaction that records an event notes its
number and hash in `locks/turn.lock`, which its writer has open. The note is not synced: after a power failure it may be
older than the catalog or unreadable, and then tells nothing. Neither does it tell of changes that leave no event, of
those that were not durable, and of anything where `locks/` was removed as well.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from contextlib import suppress
from pathlib import Path

from artstore.catalog.connection import FILE, Noted
from artstore.errors import Damaged
from artstore.runtime import platform

LOCK = Path("locks", "turn.lock")
"""The lock by which writers take turns, which holds the note."""
_LONGEST = 256


def note(descriptor: int, event: Noted) -> None:
    """Write the newest event into the lock file, which the caller has open and locked."""
    line = f"{event.id:020} {event.hash}"
    # The transaction is committed, whether the note can be written or not: an older note is right as well.
    with suppress(OSError):
        platform.write_all_at(descriptor, f"{line} {zlib.crc32(line.encode()):08x}\n".encode(), 0)


def noted(folder: Path) -> Noted | None:
    """Return the event that is noted in a store; None if there is none, or if the note is not complete."""
    try:
        descriptor = platform.open_regular(folder / LOCK, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        return None
    try:
        written = platform.read_at(descriptor, _LONGEST, 0)
    finally:
        os.close(descriptor)
    line, _, checksum = written.partition(b"\n")[0].rpartition(b" ")
    id, _, hash = line.partition(b" ")
    if not id.isdigit() or checksum != b"%08x" % zlib.crc32(line):
        return None
    return Noted(int(id), hash.decode(errors="backslashreplace"))


def forget(folder: Path) -> None:
    """Remove the note, durably: the store gets another catalog, which would lack the event."""
    with suppress(FileNotFoundError):
        descriptor = platform.open_regular(folder / LOCK, os.O_RDWR)
        try:
            os.ftruncate(descriptor, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def check(connection: sqlite3.Connection, folder: Path, event: Noted | None) -> None:
    """Raise `Damaged` if the catalog lacks the event that was noted before the connection began to read."""
    if event is None:
        return
    newest = connection.execute("select coalesce(max(id), 0) from events").fetchone()[0]
    if newest < event.id:
        raise Damaged(
            f"{folder / FILE} lacks the last changes that were committed, up to event {event.id}: it ends with event "
            f"{newest}. Its journal {FILE}-wal was removed, or an older catalog was put in its place. Restore a backup "
            f"with `artstore restore`. To go on without those changes, remove {folder / LOCK}"
        )


def is_another(connection: sqlite3.Connection, event: Noted) -> bool:
    """Whether the catalog has another event in the place of one that was noted."""
    row = connection.execute("select hash from events where id = ?", (event.id,)).fetchone()
    return row is not None and row[0] != event.hash
