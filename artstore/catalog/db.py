"""Open the catalog of a store: check it, migrate it, and run the transactions that read and write it.

Writers take turns by a lock file, because SQLite's busy handler starves some of them: of 8 writers in a tight loop one
made 1 commit in 4 s and another 11,118, with waits of up to 4.0 s; taking turns, each made 2,655 to 5,074, and the
longest wait was 0.17 s. A transaction that writes starts with `begin immediate`: one that
reads first fails at its first write, without waiting, if another writer committed in between.
sqlite-utils is imported when a store is migrated: it takes 70 ms.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from artstore.catalog import backup_mark, damage, newest_event, reserve, row_checksums, schema_check, structure
from artstore.catalog.catalog_file import check_file_system, check_parts
from artstore.catalog.connection import APPLICATION_ID, FILE, FORMAT, Connection, journal_is_in_use
from artstore.catalog.thread_connections import ThreadConnections
from artstore.core import digests
from artstore.errors import Damaged, NewerStore, NoStore, NotAStore, StoreError, StoreReadOnly
from artstore.runtime import forking, platform
from artstore.runtime.sqlite_errors import BUSY_SECONDS, translate_sqlite_errors
from artstore.storage import codec


class Db:
    """The catalog of one store, opened.

    Raises `NoStore`, `NotAStore`, `NewerStore` or `NetworkFileSystem` if it cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE
        self._connections = ThreadConnections(self.path)
        self._file: os.stat_result | None = None
        self.closed = False
        self._is_unmarked = False
        """Whether the mark of a backup was removed, if there was one."""
        try:
            with platform.translate_os_errors(str(folder)), self._translating_errors():
                self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        packs = any((self.folder / "packs").glob("*.pack"))
        if packs and not self.path.is_file():
            raise NoStore(
                f"the catalog {self.path} is missing: restore it from a backup, as the packs alone cannot be read"
            )
        if not self.path.is_file():
            raise NoStore(f"no store at {self.folder}: create one with `artstore init {self.folder}`")
        check_file_system(self.folder)
        check_parts(self.folder)
        backup_mark.check(self.folder)
        reserve.make_room_to_open(self.folder)
        self._check_and_migrate()
        newest_event.check(self.connection, self.folder, newest_event.noted(self.folder))
        algorithm, self.uid, self.compression = self._read_store()
        codec.check_usable(self.compression)
        self._file = os.stat(self.path)
        self._connections.algorithm = self.connection.algorithm = digests.algorithm(algorithm)

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        """Raise artstore's errors in place of SQLite's; `Damaged`, which names the row, where one is the cause."""
        try:
            with translate_sqlite_errors(self.path):
                yield
        except damage.UNREADABLE as error:
            damaged = damage.explain(error, self.folder)
            if damaged is not None:
                raise damaged from error
            raise

    def _read_store(self) -> tuple[str, str, str | None]:
        """Return the algorithm, the unique id and the compression of the store."""
        row = self.connection.execute("select algorithm, uid, compression from store").fetchone()
        if row is None or row[0] not in digests.NAMES:
            raise Damaged(f"{self.path} is damaged: store row 1 names no digest algorithm. Restore it from a backup")
        return row[0], row[1], row[2]

    def _check_and_migrate(self) -> None:
        with translate_sqlite_errors(self.path):
            connection = self.connection
            if connection.execute("pragma application_id").fetchone()[0] != APPLICATION_ID:
                if any((self.folder / "packs").glob("*.pack")):
                    raise Damaged(
                        f"{self.path} is damaged: its header is not that of a catalog. Restore it from a backup"
                    )
                raise NotAStore(f"{self.path} is a database, but not a catalog of artstore: choose another folder")
            format = connection.execute("pragma user_version").fetchone()[0]
        if format > FORMAT:
            raise NewerStore(
                f"{self.folder} was written by a newer artstore (format {format}, this one knows {FORMAT}): "
                "upgrade with `pip install -U artstore`"
            )
        with translate_sqlite_errors(self.path):
            is_migrated = schema_check.check(connection)
            self._connections.trust_schema()
        if not is_migrated:
            self._migrate()

    def _migrate(self) -> None:
        # Late: a store that has run all migrations is opened without sqlite-utils.
        from sqlite_utils import Database

        from artstore.catalog import schema

        # `apply` looks for pending migrations again, with the lock held: without that, three of four processes
        # that opened one new file at the same time failed.
        try:
            with self.writing(migrating=True) as connection:
                schema.migrations.apply(Database(connection))
        except StoreReadOnly as error:
            raise StoreReadOnly(
                f"{self.folder} was written by an earlier artstore, and its catalog has to be changed before it can be "
                "read, which is not possible here: open it once where it can be written, or open a copy of it"
            ) from error
        with translate_sqlite_errors(self.path):
            schema_check.check(self.connection)

    @property
    def algorithm(self) -> digests.Algorithm:
        """The store's digest algorithm."""
        algorithm = self._connections.algorithm
        assert algorithm is not None, "known once the store is open"
        return algorithm

    @property
    def connection(self) -> Connection:
        """This thread's connection, in autocommit mode; after a fork, a new one."""
        self.check_open()
        return self._connections.current()

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside `reading` or `writing`."""
        return self._connections.in_transaction

    def check_open(self) -> None:
        """Raise `StoreError` if the store was closed."""
        if self.closed:
            raise StoreError(f"the store {self.folder} was closed: open it again")

    @property
    def is_there(self) -> bool:
        """Whether the file of the catalog is still at its place: neither removed nor replaced since it was opened."""
        if self._file is None:
            return True
        try:
            return os.path.samestat(self._file, os.stat(self.path))
        except FileNotFoundError:
            return False

    def _check_there(self) -> None:
        """Raise `StoreError` if the file of the catalog was removed or replaced: writes to it would be lost."""
        if not self.is_there:
            raise StoreError(
                f"the store {self.folder} was removed or replaced while it was open: restore it from a backup, "
                "or open it again"
            )

    @contextmanager
    def writing(self, *, durable: bool = True, migrating: bool = False) -> Iterator[Connection]:
        """Hold the write lock and one transaction: committed at the end, rolled back on any error.

        Hash, copy and list before it, never inside. A transaction that is not `durable` may be lost in a power
        failure, but nothing that was committed before it. One that is `migrating` updates no checksums of rows.
        """
        self._check_there()
        if self.in_transaction:
            raise StoreError(
                f"this thread is already using {self.path}: a signal handler that interrupts it cannot write"
            )
        with self._turn() as turn, forking.held_off(), self._translating_errors():
            connection = self.connection
            connection.newest_event = None
            if connection.why_read_only is not None:
                raise connection.why_read_only
            if not self._is_unmarked:
                backup_mark.remove(self.folder)
                self._is_unmarked = True
            try:
                if not migrating:
                    row_checksums.watch(connection)
                if not durable:
                    connection.execute("pragma synchronous = normal")
                connection.execute("begin immediate")
                yield connection
                if not migrating:
                    row_checksums.update(connection)
                connection.execute("commit")
                if durable and connection.newest_event is not None:
                    newest_event.note(turn, connection.newest_event)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise
            finally:
                if not durable:
                    connection.execute("pragma synchronous = full")
                self._connections.rest()

    def make_room(self) -> bool:
        """Before something that frees space: if the disk is full, give up the reserve; return whether that was so."""
        try:
            if not reserve.give_up_if_full(self.folder):
                return False
        except OSError:
            # The store cannot be written at all, which the caller's transaction says.
            return False
        # A connection that was opened without a journal gets one now.
        self._connections.close_unused(in_transaction=False)
        return True

    def shrink_journal(self) -> bool:
        """Give the space of the journal back to the disk, unless others are using it; return whether it had any."""
        connection = self.connection
        if not journal_is_in_use(self.path) or connection.why_read_only is not None:
            return False
        # It does not wait for readers: what needs the space can be done later.
        connection.execute("pragma busy_timeout = 0")
        try:
            return not connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
        except sqlite3.OperationalError:
            # The catalog itself has no room for what the journal has.
            return False
        finally:
            connection.execute(f"pragma busy_timeout = {BUSY_SECONDS * 1000:.0f}")

    def keep_reserve(self) -> None:
        """After something that wrote to the store: make the reserve, or make it larger, if there is plenty of space."""
        # Not by a connection that stays open: a forked process must have none while it does nothing.
        with self.reading() as connection:
            if connection.why_read_only is not None:
                return
            pages, size = (connection.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "page_size"))
        reserve.keep(self.folder, pages * size)

    def try_writing(self, action: Callable[[Connection], object]) -> bool:
        """Do something in a transaction that is not durable; return whether the store could be written."""
        try:
            with self.writing(durable=False) as connection:
                action(connection)
        except StoreError:
            return False
        return True

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Show one state of the catalog to several queries. May be nested, also inside `writing`."""
        with forking.held_off(), self._translating_errors():
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
                self._connections.rest()

    @contextmanager
    def attached(self, path: Path) -> Iterator[None]:
        """Attach the catalog of a backup, which nothing changes, as `source` to this thread's connection."""
        self.connection.execute("attach ? as source", (f"{path.absolute().as_uri()}?immutable=1",))
        try:
            yield
        finally:
            self._connections.close_unused(in_transaction=False)

    @contextmanager
    def _turn(self) -> Iterator[int]:
        """Wait for this writer's turn; yield the descriptor of the lock file."""
        path = self.folder / newest_event.LOCK
        with platform.translate_os_errors(str(path), StoreReadOnly):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = platform.open_regular(path, os.O_RDWR | os.O_CREAT)
        try:
            platform.lock(descriptor, wait=True)
            try:
                yield descriptor
            finally:
                # A child that was forked in between has the descriptor too: closing ours would not end the turn.
                platform.unlock(descriptor)
        finally:
            os.close(descriptor)

    def clock(self) -> int:
        """Return the time of the store's file system, in nanoseconds."""
        with platform.translate_os_errors(str(self.folder / "locks")):
            return platform.clock(self.folder / "locks" / "clock")

    def integrity(self) -> list[str]:
        """Return the faults that SQLite itself finds in the file, and the part of its schema that is not ours."""
        found = structure.check(self.connection)
        try:
            schema_check.check(self.connection)
        except (sqlite3.DatabaseError, UnicodeDecodeError, Damaged) as error:
            if str(error) not in found:
                found.append(str(error))
        return found

    def close(self) -> None:
        """Close every connection that this process opened, except those that other threads are using right now."""
        self._connections.close_unused(in_transaction=True)
        self.closed = True
