"""One open store, which operations, ingest and checkout take as their first argument."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import ExitStack
from pathlib import Path

from artstore.catalog.db import Db
from artstore.catalog.labels import KnownLabels
from artstore.runtime import forking
from artstore.storage.packs import Packs
from artstore.storage.process_locks import ProcessLock

_open: weakref.WeakSet[Repository] = weakref.WeakSet()


def _renew_guards_in_child() -> None:
    # Another thread of the parent may have held one.
    for repository in list(_open):
        repository._guard = threading.RLock()


forking.register(after_in_child=_renew_guards_in_child)


class Repository:
    """The catalog and the packs of one store, and the lock that shows other processes that this one is alive.

    Raises `NoStore`, `NotAStore`, `NewerStore` or `NetworkFileSystem` if the store cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = Db(folder)
        self.packs = Packs(folder)
        self.known_labels = KnownLabels()
        self._process_locks: dict[int, ProcessLock] = {}
        self._guard = threading.RLock()
        _open.add(self)

    @property
    def process_lock(self) -> ProcessLock:
        """The lock of this process on the store, made when it is first needed, and again after a fork."""
        self.db.check_open()
        pid = os.getpid()
        with self._guard:
            if pid not in self._process_locks:
                made = ProcessLock(self.folder)
                # A signal handler passes the guard of the thread that it interrupts, and may have stored one already.
                if self._process_locks.setdefault(pid, made) is not made:
                    made.close()
            return self._process_locks[pid]

    @property
    def closed(self) -> bool:
        """Whether the store was closed."""
        return self.db.closed

    def close(self) -> None:
        """Close the packs, the catalog and the lock of this process, all of them even if one fails."""
        with ExitStack() as ending:
            ending.callback(self._close_process_locks)
            ending.callback(self.db.close)
            ending.callback(self.packs.close)

    def _close_process_locks(self) -> None:
        for lock in self._process_locks.values():
            lock.close()
        self._process_locks.clear()
