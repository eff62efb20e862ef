"""Doing what a run asked for beside it, in one thread, in the order in which it was asked for."""

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


_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()
_working = threading.Lock()
"""Held while any recorder does something. Nobody forks meanwhile: the child would inherit locks of SQLite for ever."""
_entry = threading.Lock()
"""Held by who is about to fork, so that recorders with much to do let it."""
_held_for_fork: list[list[threading.Lock]] = []


def _hold() -> None:
    _held_for_fork.append([each for each in (_entry, _working) if each.acquire(timeout=_FORK_PATIENCE)])


def _let_go() -> None:
    for each in _held_for_fork.pop():
        each.release()


def _begin_anew_in_child() -> None:
    global _working, _entry
    _working, _entry = threading.Lock(), threading.Lock()
    _held_for_fork.clear()
    for each in list(_recorders):
        each.begin_anew()


forking.register(before=_hold, after_in_parent=_let_go, after_in_child=_begin_anew_in_child)


class Recorder:
    """A thread that runs jobs one after the other, and writes out what was noted meanwhile every second.

    After a fork the child has a thread of its own and none of the jobs. Where the system starts no more threads, as
    Python does not once its main thread is over, a job is done by the thread that submits it.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self.begin_anew()
        _recorders.add(self)

    def begin_anew(self) -> None:
        """Forget the thread and the jobs."""
        # The handler of a signal may submit something while its thread is here.
        self._guard = threading.RLock()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._last: Future[Any] | None = None
        self._thread: threading.Thread | None = None
        self._ending = False
        self._over = threading.Event()
        self._over.set()
        self._dirty = threading.Event()
        self.failed_to_flush: Exception | None = None

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        """Have a job done after all that were submitted before."""
        future: Future[Result] = Future()
        with self._guard:
            self._last = future
            self._jobs.put((future, job))
            self._have_it_done()
        return future

    def nudge(self) -> None:
        """Have what was noted written out within a second."""
        if self._dirty.is_set():
            return
        with self._guard:
            self._dirty.set()
            self._jobs.put(None)
            self._have_it_done()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until everything submitted so far is done, well or badly. Raises `TimeoutError`."""
        last = self._last
        if last is not None:
            last.exception(timeout)

    def close(self) -> None:
        """Do what is left, write out what was noted, and end. It may be interrupted, and called again."""
        with self._guard:
            self._ending = True
            self._jobs.put(None)
            over = self._over
        # Not a join: one that is interrupted takes the thread for dead in Python 3.11 and 3.12.
        over.wait()
        self._try_to_flush()

    def _have_it_done(self) -> None:
        if self._thread is not None:
            return
        self._ending = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="artstore-recorder", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._ending = True
            self._work()

    def _work(self) -> None:
        due: float | None = None
        while not self._is_over():
            if due is None and self._dirty.is_set():
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
                    self._dirty.clear()
                    self._try_to_flush()

    def _is_over(self) -> bool:
        with self._guard:
            if not self._ending or not self._jobs.empty():
                return False
            self._thread = None
            self._dirty.clear()
            self._over.set()
            return True

    def _try_to_flush(self) -> None:
        # What could not be written stays noted: the next flush tries again, and the end of the run says so.
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
