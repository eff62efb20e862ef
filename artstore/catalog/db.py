"""The catalog's file: made, opened, locked and migrated.

Every thread has its own connection, and none survives a fork: what SQLite remembers of a file that is open belongs to
its process, and a child that believes it loses what it commits. Writers take turns by a lock file, because SQLite's own
waiting starves some of them; then `begin immediate`, so that what a transaction reads is what it changes.
`artstore.db` is opened by SQLite alone: closing any other descriptor of it would drop SQLite's locks.
sqlite-utils is imported where a store is opened: it costs 70 ms, and worker processes only look things up.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from artstore.catalog import timestamps
from artstore.catalog.connection import Connection
from artstore.core import digests
from artstore.errors import (
    NetworkFileSystem,
    NewerStore,
    NoStore,
    NotAStore,
    StoreError,
)
from artstore.runtime import forking, platform
from artstore.runtime.sqlite_errors import PATIENCE, translate_sqlite_errors
from artstore.storage import codec

if TYPE_CHECKING:
    from sqlite_utils import Database

FILE = "artstore.db"


def create(folder: Path, algorithm: str, compression: str | None = None) -> bool:
    """Make a catalog in a folder; False if one is there already.

    The file is built under another name and linked into place complete, so nobody ever opens half of one.
    """
    from sqlite_utils import Database

    from artstore.catalog import schema

    digests.algorithm(algorithm)
    final = folder / FILE
    if final.exists():
        return False
    draft = folder / f".{FILE}-{secrets.token_hex(8)}"
    try:
        with translate_sqlite_errors(final):
            connection = _connect(draft)
            with connection:
                connection.execute("pragma journal_mode = wal")
                connection.execute(f"pragma application_id = {schema.APPLICATION_ID}")
            connection.execute("begin immediate")
            schema.migrations.apply(Database(connection))
            connection.execute(f"pragma user_version = {schema.FORMAT if compression else schema.PLAIN_FORMAT}")
            row = (secrets.token_hex(16), algorithm, compression, timestamps.now())
            names = "id, uid, algorithm, compression, created_at"
            connection.execute(f"insert into store ({names}) values (1, ?, ?, ?, ?)", row)
            connection.execute("commit")
            connection.close()
        os.chmod(draft, 0o600)
        return _publish(draft, final)
    finally:
        for leftover in (draft, Path(f"{draft}-wal"), Path(f"{draft}-shm")):
            platform.remove_if_there(leftover)


def remove_drafts(folder: Path) -> None:
    """Remove what an `init` that was killed left; one that is still at work finds the finished catalog anyway."""
    for draft in folder.glob(f".{FILE}-*"):
        platform.remove_if_there(draft)


def _publish(draft: Path, final: Path) -> bool:
    try:
        os.link(draft, final)
    except FileExistsError:
        return False
    except OSError:
        if final.exists():
            return False
        with suppress(FileExistsError):
            os.rename(draft, final)
    platform.sync_folder(final.parent)
    return True


def _connect(path: Path) -> Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rwc" if path.name != FILE else f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        factory=Connection,
    )
    try:
        for pragma in (
            "foreign_keys = on",
            "synchronous = full",
            "cache_size = -32768",
            "temp_store = memory",
            "journal_size_limit = 16777216",
            # As many pages as that: what commits change again and again is then put in its place once.
            "wal_autocheckpoint = 4096",
        ):
            connection.execute(f"pragma {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_for_reading(folder: Path) -> Connection:
    """Open the catalog in a worker process, to look things up and nothing else."""
    connection = sqlite3.connect(
        f"{(folder / FILE).absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        factory=Connection,
    )
    connection.execute("pragma cache_size = -32768")
    return connection


def _is_over(thread: threading.Thread) -> bool:
    # The main thread does not count as alive while the process ends, and still runs what was left for the end.
    return thread is not threading.main_thread() and not thread.is_alive()


_opened: weakref.WeakSet[Db] = weakref.WeakSet()


def _before_fork() -> None:
    for each in list(_opened):
        if not each.closed:
            each.let_go_before_fork()


forking.when_gate_is_shut(_before_fork)


class Db:
    """The catalog of one store, opened.

    Raises `NoStore`, `NotAStore`, `NewerStore` or `NetworkFileSystem` where it cannot be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE
        self._open: dict[threading.Thread, Connection] = {}
        self._resting: set[threading.Thread] = set()
        # The handler of a signal may come to a store while its thread is here.
        self._guard = threading.RLock()
        self._pid = os.getpid()
        self._file: os.stat_result | None = None
        self._algorithm: digests.Algorithm | None = None
        self.closed = False
        _opened.add(self)
        try:
            with platform.translate_os_errors(str(folder)), translate_sqlite_errors(self.path):
                self._open_and_check()
        except BaseException:
            self.close()
            raise

    def _open_and_check(self) -> None:
        packs = any((self.folder / "packs").glob("*.pack"))
        if packs and not self.path.is_file():
            raise NoStore(
                f"the catalog {self.path} is missing: restore it from a backup, as the packs alone cannot be read"
            )
        if not self.path.is_file():
            raise NoStore(f"no store at {self.folder}: make one with `artstore init {self.folder}`")
        check_file_system(self.folder)
        self._check_and_migrate()
        row = self.connection.execute("select algorithm, uid, compression from store").fetchone()
        codec.check_usable(row[2])
        self._file = os.stat(self.path)
        self._algorithm = self.connection.algorithm = digests.algorithm(row[0])
        self.uid: str = row[1]
        self.compression: str | None = row[2]

    @property
    def algorithm(self) -> digests.Algorithm:
        """The store's digest algorithm."""
        assert self._algorithm is not None, "known once the store is open"
        return self._algorithm

    def check_open(self) -> None:
        """Raise `StoreError` if the store was closed."""
        if self.closed:
            raise StoreError(f"the store {self.folder} was closed: open it again")

    def _check_there(self) -> None:
        """Raise `StoreError` if what is written would go to a file that no longer has a name."""
        if self._file is None:
            return
        try:
            there = os.path.samestat(self._file, os.stat(self.path))
        except FileNotFoundError:
            there = False
        if not there:
            raise StoreError(
                f"the store {self.folder} was removed or replaced while it was open: restore it from a backup, "
                "or open it again"
            )

    @property
    def connection(self) -> Connection:
        """This thread's connection, in autocommit mode. Made anew after a fork."""
        self.check_open()
        if os.getpid() != self._pid:
            self._forget_after_fork()
        thread = threading.current_thread()
        with self._guard:
            found = self._open.get(thread)
            self._resting.discard(thread)
        if found is None:
            with forking.held_off():
                with translate_sqlite_errors(self.path):
                    found = _connect(self.path)
                if self._algorithm is not None:
                    found.algorithm = self._algorithm
                self._keep(thread, found)
        return found

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside `reading` or `writing`."""
        if os.getpid() != self._pid:
            return False
        with self._guard:
            found = self._open.get(threading.current_thread())
            return found is not None and found.in_transaction

    def _keep(self, thread: threading.Thread, connection: Connection) -> None:
        """Note a thread's connection, and close those of threads that have ended."""
        with self._guard:
            self._close_those_of([each for each in self._open if _is_over(each)])
            self._open[thread] = connection

    def _close_those_of(self, threads: list[threading.Thread]) -> None:
        for each in threads:
            self._resting.discard(each)
            self._open.pop(each).close()

    @property
    def tables(self) -> Database:
        """The catalog through sqlite-utils, on this thread's connection."""
        from sqlite_utils import Database

        return Database(self.connection)

    def _forget_after_fork(self) -> None:
        # Closing what the parent opened would touch the parent's files: it is dropped, never closed.
        self._inherited = (self._open, getattr(self, "_inherited", None))
        self._open = {}
        self._resting = set()
        self._guard = threading.RLock()
        self._pid = os.getpid()

    def let_go_before_fork(self) -> None:
        """Close this thread's connection, and those that no thread is using, so that a child inherits nothing of them.

        They are opened again when they are needed. Those in a transaction stay.
        """
        if os.getpid() != self._pid:
            return
        with self._guard:
            self._close_those_of([each for each in self._unused() if not self._open[each].in_transaction])

    def _unused(self) -> list[threading.Thread]:
        here = threading.current_thread()
        return [each for each in self._open if each is here or each in self._resting or _is_over(each)]

    def _rest(self) -> None:
        """Let this thread's connection be closed by others until it is asked for again."""
        with self._guard:
            if threading.current_thread() in self._open:
                self._resting.add(threading.current_thread())

    def _check_and_migrate(self) -> None:
        from artstore.catalog import schema

        with translate_sqlite_errors(self.path):
            connection = self.connection
            if connection.execute("pragma application_id").fetchone()[0] != schema.APPLICATION_ID:
                raise NotAStore(f"{self.path} is a database, but not a catalog of artstore: choose another folder")
            found = connection.execute("pragma user_version").fetchone()[0]
        if found > schema.FORMAT:
            raise NewerStore(
                f"{self.folder} was written by a newer artstore (format {found}, this one knows {schema.FORMAT}): "
                "upgrade with `pip install -U artstore`"
            )
        if schema.migrations.pending(self.tables):
            with self.writing():
                schema.migrations.apply(self.tables)

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """Hold the write lock and one transaction; committed at the end, rolled back on any error.

        Hash, copy and list before, never inside. What is not `durable` may be gone after a power failure, nothing
        before it.
        """
        self._check_there()
        if self.in_transaction:
            raise StoreError(f"this thread is using {self.path}, as where a signal comes meanwhile: write after that")
        with self._turn(), forking.held_off(), translate_sqlite_errors(self.path):
            connection = self.connection
            try:
                if not durable:
                    connection.execute("pragma synchronous = normal")
                connection.execute("begin immediate")
                yield connection
                connection.execute("commit")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise
            finally:
                if not durable:
                    connection.execute("pragma synchronous = full")
                self._rest()

    def try_writing(self, action: Callable[[Connection], object]) -> bool:
        """Do in a transaction what is only worth remembering; whether the store could be written."""
        try:
            with self.writing(durable=False) as connection:
                action(connection)
        except StoreError:
            return False
        return True

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See one state of the catalog through several queries. May be nested, also inside `writing`."""
        with forking.held_off(), translate_sqlite_errors(self.path):
            connection = self.connection
            if connection.in_transaction:
                yield connection
                return
            connection.execute("begin")
            try:
                yield connection
            finally:
                if not self.closed and connection.in_transaction:
                    connection.execute("rollback")
                self._rest()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        path = self.folder / "locks" / "turn.lock"
        with platform.translate_os_errors(str(path)):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            platform.lock(descriptor, wait=True)
            try:
                yield
            finally:
                # A child that was forked meanwhile has the descriptor too: closing ours would not end the turn.
                platform.unlock(descriptor)
        finally:
            os.close(descriptor)

    def clock(self) -> int:
        """The time of the store's file system, in nanoseconds."""
        with platform.translate_os_errors(str(self.folder / "locks")):
            return platform.clock(self.folder / "locks" / "clock")

    def backup(self, path: Path) -> None:
        """Copy the catalog as it is now into a new file, complete and in one piece."""
        with translate_sqlite_errors(path):
            target = sqlite3.connect(path, isolation_level=None)
            try:
                self.connection.backup(target)
            finally:
                target.close()

    def integrity(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty if nothing."""
        try:
            rows = [row[0] for row in self.connection.execute("pragma integrity_check")]
            keys = self.connection.execute("pragma foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [row for row in rows if row != "ok"] + [f"foreign key of {row[0]} row {row[1]}" for row in keys]

    def query(self, sql: str, parameters: tuple[object, ...] = ()) -> list[dict[str, object]]:
        """Answer a person's SQL on a connection of its own, which refuses everything but reading."""
        self.check_open()
        connection = connect_for_reading(self.folder)
        connection.set_authorizer(_only_reading)
        try:
            cursor = connection.execute(sql, parameters)
            columns = _distinct([column[0] for column in cursor.description or ()])
            return [dict(zip(columns, row, strict=True)) for row in cursor]
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise StoreError(
                f"SQLite does not answer this: {error} (only questions are allowed, one at a time)"
            ) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close every connection that this process opened, but those that other threads are using right now."""
        if os.getpid() == self._pid:
            with self._guard:
                self._close_those_of(self._unused())
        self.closed = True


def _only_reading(action: int, first: str | None, *_: str | None) -> int:
    reading = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
    telling = action == sqlite3.SQLITE_PRAGMA and first in ("table_info", "table_list", "index_list", "index_info")
    return sqlite3.SQLITE_OK if action in reading or telling else sqlite3.SQLITE_DENY


def _distinct(columns: list[str]) -> list[str]:
    """Number the later ones of columns that have the same name."""
    return [name if columns.index(name) == i else f"{name}_{i + 1}" for i, name in enumerate(columns)]


class EarlierBackup(NamedTuple):
    """The store that a backup is of, the hash of its newest event, and how far it holds each pack."""

    uid: str
    head: str
    ends: dict[str, int]


def read_backup(folder: Path) -> EarlierBackup:
    """What an earlier backup holds. It may lie on a network file system."""
    with translate_sqlite_errors(folder / FILE):
        connection = sqlite3.connect(f"{(folder / FILE).absolute().as_uri()}?immutable=1", uri=True)
        try:
            uid = connection.execute("select uid from store").fetchone()[0]
            head = connection.execute("select hash from events order by id desc limit 1").fetchone()
            ends = connection.execute('select name, "end" from packs').fetchall()
            return EarlierBackup(uid, head[0] if head else "", dict(ends))
        finally:
            connection.close()


def check_file_system(folder: Path) -> None:
    """Raise `NetworkFileSystem` where SQLite's locks or shared memory would not work. The folder need not exist yet."""
    kind = platform.network_file_system(folder.resolve())
    if kind:
        raise NetworkFileSystem(
            f"{folder} is on a network or user-space file system ({kind}), where SQLite can lose data: "
            "put the store on a local disk, and copy it with `artstore backup`"
        )
