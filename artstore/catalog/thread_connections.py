"""One connection for each thread, and none that survives a fork.

SQLite keeps state of an open file in its process: a child that uses a connection of its parent loses what it commits.
So connections that are not in use are closed before a fork, and a child drops the others without closing them.
"""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path

from artstore.catalog.connection import Connection, connect, journal_is_in_use
from artstore.core.digests import Algorithm
from artstore.runtime import forking
from artstore.runtime.sqlite_errors import translate_sqlite_errors

_instances: weakref.WeakSet[ThreadConnections] = weakref.WeakSet()
_inherited: list[dict[threading.Thread, Connection]] = []
"""What parents opened: closing it here would touch their locks, and so would its garbage collection."""


def _close_unused_before_fork() -> None:
    for connections in list(_instances):
        connections.close_unused(in_transaction=False)


forking.when_gate_is_shut(_close_unused_before_fork)


class ThreadConnections:
    """The connections of one process to one catalog, each opened when its thread first needs it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: dict[threading.Thread, Connection] = {}
        self._resting: set[threading.Thread] = set()
        """Threads whose connection others may close until they ask for it again."""
        # A signal handler may need the store while its thread holds this.
        self._guard = threading.RLock()
        self._pid = os.getpid()
        self._close_when_forgotten()
        self.algorithm: Algorithm | None = None
        """The digest algorithm that new connections get, once it is known."""
        self._trusts_schema = False
        _instances.add(self)

    def current(self) -> Connection:
        """Return this thread's connection, in autocommit mode; after a fork, a new one."""
        if os.getpid() != self._pid:
            self._forget_after_fork()
        thread = threading.current_thread()
        with self._guard:
            connection = self._open.get(thread)
            self._resting.discard(thread)
            if connection is not None and self._misses_journal(connection):
                self._open.pop(thread).close()
                connection = None
        if connection is None:
            with forking.held_off():
                with translate_sqlite_errors(self._path):
                    connection = connect(self._path)
                if self.algorithm is not None:
                    connection.algorithm = self.algorithm
                if self._trusts_schema:
                    connection.trust_schema()
                self._keep(thread, connection)
        return connection

    def trust_schema(self) -> None:
        """Allow the checks of tables, on this thread's connection and later ones: the schema was compared."""
        self._trusts_schema = True
        self.current().trust_schema()

    def _misses_journal(self, connection: Connection) -> bool:
        """Whether a connection that was opened without a journal would not see what another process writes by now."""
        read_only = connection.why_read_only is not None and not connection.in_transaction
        return read_only and journal_is_in_use(self._path)

    @property
    def in_transaction(self) -> bool:
        """Whether this thread's connection is in a transaction."""
        if os.getpid() != self._pid:
            return False
        with self._guard:
            connection = self._open.get(threading.current_thread())
            return connection is not None and connection.in_transaction

    def rest(self) -> None:
        """Allow this thread's connection to be closed, by a fork for example, until the thread asks for it again."""
        with self._guard:
            if threading.current_thread() in self._open:
                self._resting.add(threading.current_thread())

    def close_unused(self, *, in_transaction: bool) -> None:
        """Close this thread's connection and those that no thread is using; they are opened again when needed.

        Those in a transaction stay open unless `in_transaction` is set. In a forked child this does nothing.
        """
        if os.getpid() != self._pid:
            return
        here = threading.current_thread()
        with self._guard:
            unused = [thread for thread in self._open if thread is here or thread in self._resting or _is_over(thread)]
            self._close([thread for thread in unused if in_transaction or not self._open[thread].in_transaction])

    def _keep(self, thread: threading.Thread, connection: Connection) -> None:
        """Store a thread's connection, and close those of threads that have ended."""
        with self._guard:
            self._close([other for other in self._open if _is_over(other)])
            self._open[thread] = connection

    def _close(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            self._resting.discard(thread)
            self._open.pop(thread).close()

    def _forget_after_fork(self) -> None:
        _inherited.append(self._open)
        self._open = {}
        self._resting = set()
        self._guard = threading.RLock()
        self._pid = os.getpid()
        self._close_when_forgotten()

    def _close_when_forgotten(self) -> None:
        """Close the connections of a store that a program forgot to close, once nothing can use them any more."""
        weakref.finalize(self, _close_forgotten, self._open, self._pid).atexit = False


def _close_forgotten(connections: dict[threading.Thread, Connection], pid: int) -> None:
    if os.getpid() == pid:
        for connection in connections.values():
            connection.close()
    else:
        _inherited.append(connections)


def _is_over(thread: threading.Thread) -> bool:
    # While the process ends, the main thread does not count as alive, and still runs exit handlers.
    return thread is not threading.main_thread() and not thread.is_alive()
