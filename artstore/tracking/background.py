"""Work that a run does in the background: commits in the order of the calls, and a flush every second."""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from artstore.runtime import forking

Result = TypeVar("Result")
Job = tuple["Future[Any]", Callable[[], Any]]
FLUSH_SECONDS = 1.0
_FORK_PATIENCE = 60.0
"""Seconds that a fork waits for a job to end."""


_instances: weakref.WeakSet[BackgroundWork] = weakref.WeakSet()
_working = threading.Lock()
"""Held while a job or a flush runs. A fork waits for it: the child would inherit locks of SQLite that stay locked."""
_entry = threading.Lock()
"""Held by a thread that is about to fork, so that a long queue of jobs lets it in."""
_held_for_fork: list[list[threading.Lock]] = []


def _hold_work() -> None:
    _held_for_fork.append([lock for lock in (_entry, _working) if lock.acquire(timeout=_FORK_PATIENCE)])


def _continue_work() -> None:
    for lock in _held_for_fork.pop():
        lock.release()


def _reset_in_child() -> None:
    global _working, _entry
    _working, _entry = threading.Lock(), threading.Lock()
    _held_for_fork.clear()
    for work in list(_instances):
        work.reset()


forking.register(before=_hold_work, after_in_parent=_continue_work, after_in_child=_reset_in_child)


class BackgroundWork:
    """A thread that does jobs one after another, and calls `flush` within a second after it was requested.

    The thread starts with the first job. After a fork the child has a thread of its own and none of the jobs. Where
    the system starts no more threads, as Python does not once its main thread has ended, a job is done by the thread
    that submits it.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self.reset()
        _instances.add(self)

    def reset(self) -> None:
        """Forget the thread and the jobs."""
        # A signal handler may submit a job while the thread that it interrupts is in here.
        self._guard = threading.RLock()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._last: Future[Any] | None = None
        self._thread: threading.Thread | None = None
        self._ending = False
        self._ended = threading.Event()
        self._ended.set()
        self._flush_requested = threading.Event()
        self.failed_to_flush: Exception | None = None
        """The error of the last flush; None if it succeeded."""

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        """Do a job after all that were submitted before; return its future."""
        future: Future[Result] = Future()
        with self._guard:
            self._last = future
            self._jobs.put((future, job))
            self._ensure_thread()
        return future

    def request_flush(self) -> None:
        """Flush within a second."""
        if self._flush_requested.is_set():
            return
        with self._guard:
            self._flush_requested.set()
            self._jobs.put(None)
            self._ensure_thread()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all jobs submitted so far have ended, by an error or not. Raises `TimeoutError`."""
        last = self._last
        if last is not None:
            last.exception(timeout)

    def close(self) -> None:
        """Do the jobs that are left, flush, and end the thread. It may be interrupted, and called again."""
        with self._guard:
            self._ending = True
            self._jobs.put(None)
            ended = self._ended
        # Not a join: in Python 3.11 and 3.12 a join that is interrupted takes the thread for dead.
        ended.wait()
        self._try_to_flush()

    def _ensure_thread(self) -> None:
        if self._thread is not None:
            return
        self._ending = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="artstore-background", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._ending = True
            self._work()

    def _work(self) -> None:
        due: float | None = None
        while not self._is_over():
            if due is None and self._flush_requested.is_set():
                due = time.monotonic() + FLUSH_SECONDS
            try:
                job = self._jobs.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                job = None
            with _entry:
                pass
            with _working:
                if job is not None:
                    _do(*job)
                if due is not None and time.monotonic() >= due:
                    due = None
                    self._flush_requested.clear()
                    self._try_to_flush()

    def _is_over(self) -> bool:
        with self._guard:
            if not self._ending or not self._jobs.empty():
                return False
            self._thread = None
            self._flush_requested.clear()
            self._ended.set()
            return True

    def _try_to_flush(self) -> None:
        # What could not be written is kept: the next flush tries again, and the end of the run reports an error.
        try:
            self._flush()
            self.failed_to_flush = None
        except Exception as error:
            self.failed_to_flush = error


def _do(future: Future[Any], job: Callable[[], Any]) -> None:
    try:
        result = job()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
