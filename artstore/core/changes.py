"""What a draft changes, by paths: in memory as long as it is little, else in a temporary database on the disk.

The database has no name, so nothing is left of it however the process ends. What is added goes through memory in
batches, sorted, because a listing mostly comes in order: then nothing that is added has to be looked for on the disk.
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
"""How many changes are held in memory, at most."""
_PAGE = 1_000
_ABSENT: Any = object()
_KINDS = {int(kind): kind for kind in Kind}


class Changes(MutableMapping[str, Entry | None]):
    """Entries to put in, and None for what is to be taken out, by their paths and in path order.

    Raises `DiskFull` or `StoreError` if the folder for temporary files (`TMPDIR`) takes no more. What lies there
    belongs to one process: a forked child that asks for it gets a `StoreError`.
    """

    def __init__(self, held: int = HELD) -> None:
        self._held = self._limit = held
        self._recent: dict[str, Entry | None] = {}
        self._folders: Counter[str] = Counter()
        """How many of the recent entries and of their folders lie directly in each folder."""
        self._spilled: _Table | None = None
        self._undo: dict[str, Entry | None] | None = None

    def adopt(self, entries: dict[str, Entry | None]) -> None:
        """Take what is in memory already as all that there is. There must be no changes yet."""
        self._recent = entries
        self._limit = len(entries) + self._held
        for folder, count in Counter([path.rpartition("/")[0] for path in entries]).items():
            self._count(folder, count)

    @property
    def on_disk(self) -> bool:
        """Whether there are so many that they are not all in memory."""
        return self._spilled is not None

    # As a mapping

    def get(self, path: str, default: Any = None) -> Any:
        """The change of a path."""
        found = self._recent.get(path, _ABSENT)
        if found is _ABSENT and self._spilled is not None:
            found = self._spilled.find(path)
        return default if found is _ABSENT else found

    def __getitem__(self, path: str) -> Entry | None:
        found: Entry | None = self.get(path, _ABSENT)
        if found is _ABSENT:
            raise KeyError(path)
        return found

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.get(path, _ABSENT) is not _ABSENT

    def __setitem__(self, path: str, entry: Entry | None) -> None:
        if entry is None and self._spilled is not None:
            # So that the database never says of a folder that something is in it which is to be taken out.
            self._forget(path)
            self._spilled.put([(path, None)])
            return
        before = self._note(path)
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
        """Forget the change of a path, if there is one."""
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
        """The entries to put in, or those of them below a folder, in path order."""
        if self._spilled is None:
            prefix = folder + "/" if folder else ""
            return sort_by_path(e for path, e in self._recent.items() if e is not None and path.startswith(prefix))
        rows = self._flushed(self._spilled).rows(*(("", None) if not folder else (folder + "/", folder + "0")))
        return (entry for _, entry in rows if entry is not None)

    def has_below(self, folder: str) -> bool:
        """Whether an entry to put in lies below a folder."""
        return folder in self._folders or (self._spilled is not None and self._spilled.has_below(folder))

    # As a whole

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Keep everything as it was if a block does not end well."""
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
        # First what goes, so that it never is too much to be held.
        for path in [path for path, before in undo.items() if before is _ABSENT]:
            self._forget(path)
            del undo[path]
        for path, before in undo.items():
            self[path] = before

    def _note(self, path: str) -> bool:
        """Note what a path was before it changes; whether that is an entry."""
        before = self._recent.get(path, _ABSENT)
        if self._undo is not None:
            self._undo.setdefault(path, before)
        return before is not _ABSENT and before is not None

    def _forget(self, path: str) -> None:
        if path in self._recent:
            if self._note(path):
                self._discount(path)
            del self._recent[path]

    def _count(self, folder: str, count: int) -> None:
        """Count what has come directly into a folder, which then may itself have come into another."""
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
        """Move everything to the disk; in a block that may be taken back, first what was there before it."""
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
        with _errors_said():
            self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            weakref.finalize(self, _close, self._connection, os.getpid())
            for statement in (
                # So that it is on the disk, whatever SQLite was built to prefer.
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
                "this draft has so many entries that they lie in a file of the process that added them: commit it "
                "there, or begin another one in this process"
            )
        try:
            return self._connection.execute(query, parameters)
        except sqlite3.DatabaseError:
            # Only now, because it is asked a lot.
            with _errors_said():
                raise

    def put(self, changes: Iterable[tuple[str, Entry | None]]) -> None:
        rows = [(path, *((None,) * 8 if entry is None else entry[1:])) for path, entry in changes]
        self._execute("savepoint batch")
        with _errors_said():
            self._connection.executemany("insert or replace into changes values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._execute("release batch")
        self._last = max(self._last, max((row[0] for row in rows), default=""))

    def remove(self, path: str) -> None:
        self._execute("delete from changes where path = ?", (path,))

    def find(self, path: str) -> Any:
        """The change of a path, or `_ABSENT`."""
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
        """The changes between two paths, read page by page, so that they may be changed meanwhile."""
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
        # On a full disk SQLite may have done it by itself.
        if self._connection.in_transaction:
            self._execute("rollback to attempt")
            self.keep()


def _errors_said() -> AbstractContextManager[None]:
    return translate_sqlite_errors(Path(tempfile.gettempdir(), "a temporary file"))


_inherited: list[sqlite3.Connection] = []


def _close(connection: sqlite3.Connection, process: int) -> None:
    """Close a connection in the process that made it; in a forked one that would write to the same file."""
    if process == os.getpid():
        connection.close()
    else:
        _inherited.append(connection)


def _entry(row: tuple[Any, ...]) -> Entry | None:
    path, kind, digest, size, executable, *rest = row
    return None if kind is None else Entry(path, _KINDS[kind], digest, size, executable == 1, *rest)
