"""Sessions: who is alive, told by lock files that the operating system releases when a process ends."""

from __future__ import annotations

import os
import secrets
import weakref
from pathlib import Path

from artstore.runtime import forking, platform

_opened: weakref.WeakSet[ProcessLock] = weakref.WeakSet()


def _let_go_after_fork() -> None:
    # Two processes would hold the lock, and the child would keep it when the parent is gone.
    for each in list(_opened):
        each.close()


forking.register(after_in_child=_let_go_after_fork)


class ProcessLock:
    """One open store in one process. Everything it leases is held until it is closed or its process ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "locks"
        self.pid = os.getpid()
        with platform.translate_os_errors(str(self.folder)):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            path, self._descriptor = platform.create_locked(lambda: self._path(secrets.token_hex(8)))
        self.name = path.stem
        _opened.add(self)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.lock"

    def close(self) -> None:
        """Let go. In a forked child only the descriptor is closed: the parent still holds the lock."""
        if self._descriptor >= 0:
            if os.getpid() == self.pid:
                platform.remove_if_there(self._path(self.name))
                platform.unlock(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


def is_alive(folder: Path, name: str) -> bool:
    """Whether the process that opened a session still runs and has not closed it."""
    path = folder / "locks" / f"{name}.lock"
    # Shared, because another one who asks is not the process that is asked for.
    descriptor = platform.open_locked(path, create=False, shared=True)
    if descriptor is None:
        return path.exists()
    os.close(descriptor)
    return False


def remove_dead(folder: Path, *, dry_run: bool) -> list[str]:
    """Remove the lock files of sessions that are over; return their names."""
    swept = []
    for path in sorted((folder / "locks").glob("*.lock")):
        if path.name == "turn.lock":
            continue
        descriptor = platform.open_locked(path, create=False, shared=True)
        if descriptor is not None:
            if not dry_run:
                platform.remove_if_there(path)
            os.close(descriptor)
            swept.append(path.stem)
    return swept
