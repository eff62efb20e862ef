"""Process locks: other processes see by a held lock whether the process that opened a store is alive."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from artstore.runtime import platform
from artstore.storage import process_locks


def dead_lock(folder: Path) -> str:
    """Return the name of the lock of a process that was killed."""
    lock = process_locks.ProcessLock(folder)
    left = folder / "locks" / f"{lock.name}.lock"
    lock.close()
    left.touch()
    return lock.name


def test_a_lock_is_alive_until_it_is_closed(tmp_path: Path) -> None:
    lock = process_locks.ProcessLock(tmp_path)
    assert process_locks.is_alive(tmp_path, lock.name)
    assert process_locks.remove_dead(tmp_path, dry_run=False) == []
    lock.close()
    assert not process_locks.is_alive(tmp_path, lock.name)


def test_a_process_that_checks_is_not_taken_for_the_owner(tmp_path: Path) -> None:
    name = dead_lock(tmp_path)
    asking = platform.open_locked(tmp_path / "locks" / f"{name}.lock", create=False, shared=True)
    assert asking is not None
    assert not process_locks.is_alive(tmp_path, name)
    assert process_locks.remove_dead(tmp_path, dry_run=False) == [name]


def test_concurrent_checks_agree(tmp_path: Path) -> None:
    names = [dead_lock(tmp_path) for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        assert not any(threads.map(lambda at: process_locks.is_alive(tmp_path, names[at % 4]), range(4_000)))
