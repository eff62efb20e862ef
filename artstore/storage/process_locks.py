"""Process locks: files that show which processes have a store open.

The operating system releases the lock of a file when its process ends, however it ends. Leases and runs in the catalog
name the lock of their process: once it is free, they are over.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path

from artstore.errors import Damaged, StoreReadOnly
from artstore.runtime import forking, platform
from artstore.storage import random_names

_instances: weakref.WeakSet[ProcessLock] = weakref.WeakSet()

_TURN = "turn"
"""The lock that writers of the catalog take in turn."""


def _close_in_child() -> None:
    # Otherwise the child would hold the lock too, and keep it after the parent has ended.
    for lock in list(_instances):
        lock.close()


forking.register(after_in_child=_close_in_child)


class ProcessLock:
    """The lock that one process holds on one store, until it is closed or the process ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "locks"
        self.pid = os.getpid()
        with platform.translate_os_errors(str(self.folder), StoreReadOnly):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            path, self._descriptor = platform.create_locked(lambda: self._path(random_names.new()))
        self.name = path.stem
        _instances.add(self)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.lock"

    def close(self) -> None:
        """Release the lock and remove its file. In a forked child only the descriptor is closed."""
        if self._descriptor >= 0:
            if os.getpid() == self.pid:
                platform.remove_if_there(self._path(self.name))
                platform.unlock(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


def is_alive(folder: Path, name: str) -> bool:
    """Whether the process that made a lock still runs and has not closed it; of `turn`, whether one is writing."""
    if name != _TURN and not random_names.is_one(name):
        raise Damaged(
            f"the catalog names the process lock {name!r}, and names of process locks are {random_names.RULE}: run "
            "`artstore verify`, which names the row of runs or leases, and restore the catalog from a backup with "
            "`artstore restore`"
        )
    path = folder / "locks" / f"{name}.lock"
    # Shared: another process that asks the same must not be taken for the one that holds the lock.
    descriptor = platform.open_locked(path, create=False, shared=True)
    if descriptor is None:
        return path.exists()
    os.close(descriptor)
    return False


def remove_dead(folder: Path, *, dry_run: bool) -> list[str]:
    """Remove the lock files of processes that have ended; return the names of the locks."""
    dead = []
    for path in sorted((folder / "locks").glob("*.lock")):
        if path.stem == _TURN:
            continue
        descriptor = platform.open_locked(path, create=False, shared=True)
        if descriptor is not None:
            if not dry_run:
                platform.remove_if_there(path)
            os.close(descriptor)
            dead.append(path.stem)
    return dead
