"""The changes of a draft, by path: in memory while they are few, otherwise in a temporary database on disk.

The file of the database has no name, so the system removes it however the process ends. Changes go through memory in
sorted batches: a listing mostly comes in path order, and then a new path need not be looked up on disk.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from artstore.core.manifest import Entry, Kind, sort_by_path
from artstore.errors import StoreError
from artstore.runtime.sqlite_errors import translate_sqlite_errors

HELD = 25_000
"""The most changes that are held in memory."""
_PAGE = 1_000
_ABSENT: Any = object()
_KINDS = {int(kind): kind for kind in Kind}


class Changes(MutableMapping[str, Entry | None]):
    """Entries to add, and None for entries to remove, by path and in path order.

    Raises `DiskFull` or `StoreError` if the folder for temporary files (`TMPDIR`) is full or cannot be written.
    Changes on disk belong to one process: in a forked child, using them raises `StoreError`.
    """

    def __init__(self, held: int = HELD) -> None:
        self._held = self._limit = held
        self._recent: dict[str, Entry | None] = {}
        self._folders: Counter[str] = Counter()
        """The number of entries and folders directly in each folder, for the entries in memory."""
        self._spilled: _Table | None = None
        self._undo: dict[str, Entry | None] | None = None

    def adopt(self, entries: dict[str, Entry | None]) -> None:
        """Take a dict as the changes, without a copy. There must be no changes yet."""
        self._recent = entries
        self._limit = len(entries) + self._held
        for folder, count in Counter([path.rpartition("/")[0] for path in entries]).items():
            self._count(folder, count)

    @property
    def on_disk(self) -> bool:
        """Whether some of the changes are on disk."""
        return self._spilled is not None

    # As a mapping

    def get(self, path: str, default: Any = None) -> Any:
        """Return the change at a path: an entry, None for a removal, or the default if the path is unchanged."""
        change = self._recent.get(path, _ABSENT)
        if change is _ABSENT and self._spilled is not None:
            change = self._spilled.find(path)
        return default if change is _ABSENT else change

    def __getitem__(self, path: str) -> Entry | None:
        change: Entry | None = self.get(path, _ABSENT)
        if change is _ABSENT:
            raise KeyError(path)
        return change

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.get(path, _ABSENT) is not _ABSENT

    def __setitem__(self, path: str, entry: Entry | None) -> None:
        if entry is None and self._spilled is not None:
            # Removals go to disk at once, so that `has_below` never finds a removed entry there.
            self._forget(path)
            self._spilled.put([(path, None)])
            return
        before = self._save(path)
        self._recent[path] = entry
        if entry is not None and not before:
            self._count(path.rpartition("/")[0], 1)
        elif entry is None and before:
            self._discount(path)
        if len(self._recent) > self._limit:
            self._spill()

    def __delitem__(self, path: str) -> None:
        if path not in self:
            raise KeyError(path)
        self.discard(path)

    def discard(self, path: str) -> None:
        """Forget the change at a path, if there is one."""
        self._forget(path)
        if self._spilled is not None:
            self._spilled.remove(path)

    def __bool__(self) -> bool:
        return bool(self._recent) or (self._spilled is not None and self._spilled.any())

    def __len__(self) -> int:
        return len(self._recent) if self._spilled is None else self._flushed(self._spilled).count()

    def __iter__(self) -> Iterator[str]:
        if self._spilled is None:
            return iter(sorted(self._recent))
        return (path for path, _ in self._flushed(self._spilled).rows("", None))

    # As folders

    def added(self, folder: str = "") -> Iterable[Entry]:
        """Return the entries to add, or those of them below a folder, in path order."""
        if self._spilled is None:
            prefix = folder + "/" if folder else ""
            return sort_by_path(e for path, e in self._recent.items() if e is not None and path.startswith(prefix))
        rows = self._flushed(self._spilled).rows(*(("", None) if not folder else (folder + "/", folder + "0")))
        return (entry for _, entry in rows if entry is not None)

    def has_below(self, folder: str) -> bool:
        """Whether there is an entry to add below a folder."""
        return folder in self._folders or (self._spilled is not None and self._spilled.has_below(folder))

    # As a whole

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo the changes of a block that raises."""
        self._begin()
        try:
            yield
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._undo = None
        if self._spilled is not None:
            self._spilled.keep()

    def _begin(self) -> None:
        if self._spilled is None:
            self._undo = {}
        else:
            self._flushed(self._spilled).begin()

    def _roll_back(self) -> None:
        if self._undo is None:
            self._recent, self._folders = {}, Counter()
            assert self._spilled is not None
            self._spilled.roll_back()
            return
        undo, self._undo = self._undo, None
        # Additions are undone first, so that the limit of what is held is never exceeded.
        for path in [path for path, before in undo.items() if before is _ABSENT]:
            self._forget(path)
            del undo[path]
        for path, before in undo.items():
            self[path] = before

    def _save(self, path: str) -> bool:
        """Store the change at a path for undoing, before it is replaced; return whether it adds an entry."""
        before = self._recent.get(path, _ABSENT)
        if self._undo is not None:
            self._undo.setdefault(path, before)
        return before is not _ABSENT and before is not None

    def _forget(self, path: str) -> None:
        if path in self._recent:
            if self._save(path):
                self._discount(path)
            del self._recent[path]

    def _count(self, folder: str, count: int) -> None:
        """Count new entries directly in a folder; a folder that is new itself counts in its parent."""
        folders = self._folders
        while folder:
            before = folders[folder]
            folders[folder] = before + count
            if before:
                return
            folder, count = folder.rpartition("/")[0], 1

    def _discount(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        while folder:
            self._folders[folder] -= 1
            if self._folders[folder]:
                return
            del self._folders[folder]
            folder = folder.rpartition("/")[0]

    def _spill(self) -> None:
        """Move all changes to disk; inside `all_or_nothing`, first those from before the block, which may come back."""
        table = self._spilled or _Table()
        if self._undo is not None:
            before = {**self._recent, **self._undo}
            table.put((path, entry) for path, entry in before.items() if entry is not _ABSENT)
            table.begin()
            for path in self._undo:
                if path not in self._recent:
                    table.remove(path)
        self._flushed(table)
        self._spilled, self._undo = table, None

    def _flushed(self, table: _Table) -> _Table:
        if self._recent:
            table.put(sorted(self._recent.items()))
            self._recent, self._limit, self._folders = {}, self._held, Counter()
        return table


class _Table:
    """Changes in a temporary database."""

    def __init__(self) -> None:
        with _translate_errors():
            self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            weakref.finalize(self, _close, self._connection, os.getpid())
            for statement in (
                # On disk, whatever SQLite was built to prefer.
                "pragma temp_store = file",
                "pragma cache_size = -8192",
                "pragma synchronous = off",
                """
                create table changes (
                    path text primary key, kind integer, digest text, size integer, executable integer, target text,
                    uri text, etag text, version_id text
                ) without rowid
                """,
            ):
                self._connection.execute(statement)
        self._last = ""
        self._process = os.getpid()

    def _execute(self, query: str, parameters: tuple[str | None, ...] = ()) -> sqlite3.Cursor:
        if self._process != os.getpid():
            raise StoreError(
                "this draft has so many entries that they are in a file of the process that added them: commit it "
                "there, or begin another draft in this process"
            )
        try:
            return self._connection.execute(query, parameters)
        except sqlite3.DatabaseError:
            # Only after a failure: the context manager would cost more than most queries.
            with _translate_errors():
                raise

    def put(self, changes: Iterable[tuple[str, Entry | None]]) -> None:
        rows = [(path, *((None,) * 8 if entry is None else entry[1:])) for path, entry in changes]
        self._execute("savepoint batch")
        with _translate_errors():
            self._connection.executemany("insert or replace into changes values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._execute("release batch")
        self._last = max(self._last, max((row[0] for row in rows), default=""))

    def remove(self, path: str) -> None:
        self._execute("delete from changes where path = ?", (path,))

    def find(self, path: str) -> Any:
        """Return the change at a path, or `_ABSENT`."""
        if path > self._last:
            return _ABSENT
        row = self._execute("select * from changes where path = ?", (path,)).fetchone()
        return _ABSENT if row is None else _entry(row)

    def has_below(self, folder: str) -> bool:
        if folder + "/" > self._last:
            return False
        query = "select 1 from changes where path > ? and path < ? and kind is not null limit 1"
        return self._execute(query, (folder + "/", folder + "0")).fetchone() is not None

    def rows(self, after: str, before: str | None) -> Iterator[tuple[str, Entry | None]]:
        """Yield the changes between two paths, read page by page, so that changes may be made in between."""
        query = f"select * from changes where path > ? and (? is null or path < ?) order by path limit {_PAGE}"
        while page := self._execute(query, (after, before, before)).fetchall():
            for row in page:
                yield row[0], _entry(row)
            after = page[-1][0]

    def any(self) -> bool:
        return self._execute("select 1 from changes limit 1").fetchone() is not None

    def count(self) -> int:
        return int(self._execute("select count(*) from changes").fetchone()[0])

    def begin(self) -> None:
        self._execute("savepoint attempt")

    def keep(self) -> None:
        self._execute("release attempt")

    def roll_back(self) -> None:
        # On a full disk, SQLite may have rolled back by itself.
        if self._connection.in_transaction:
            self._execute("rollback to attempt")
            self.keep()


def _translate_errors() -> AbstractContextManager[None]:
    return translate_sqlite_errors(Path(tempfile.gettempdir(), "a temporary file"))


_inherited: list[sqlite3.Connection] = []


def _close(connection: sqlite3.Connection, process: int) -> None:
    """Close a connection, in the process that opened it: in a forked child, closing would write to the same file."""
    if process == os.getpid():
        connection.close()
    else:
        _inherited.append(connection)


def _entry(row: tuple[Any, ...]) -> Entry | None:
    path, kind, digest, size, executable, *rest = row
    return None if kind is None else Entry(path, _KINDS[kind], digest, size, executable == 1, *rest)
