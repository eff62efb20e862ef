"""Doing what a run asked for beside it, in one thread, in the order in which it was asked for."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")
Job = tuple["Future[Any]", Callable[[], Any]]
FLUSH_SECONDS = 1.0
_FORK_PATIENCE = 60.0


_working = threading.Lock()
"""Held while any recorder does something. Nobody forks meanwhile: the child would inherit locks of SQLite for ever."""


_held_for_fork: list[bool] = []


def _hold() -> None:
    _held_for_fork.append(_working.acquire(timeout=_FORK_PATIENCE))


def _let_go() -> None:
    if _held_for_fork.pop():
        _working.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_let_go)


class Recorder:
    """A thread that runs jobs one after the other, and writes out what was noted meanwhile every second.

    After a fork the child has a thread of its own and none of the jobs.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._pid = os.getpid()
        self._guard = threading.Lock()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._last: Future[Any] | None = None
        self._thread: threading.Thread | None = None
        self._dirty = threading.Event()
        self.failed_to_flush: Exception | None = None

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        """Have a job done after all that were submitted before."""
        future: Future[Result] = Future()
        with self._running():
            self._last = future
            self._jobs.put((future, job))
        return future

    def nudge(self) -> None:
        """Have what was noted written out within a second."""
        with self._running():
            if not self._dirty.is_set():
                self._dirty.set()
                future: Future[None] = Future()
                self._jobs.put((future, lambda: None))

    def wait(self, timeout: float | None = None) -> None:
        """Wait until everything submitted so far is done, well or badly. Raises `TimeoutError`."""
        if self._pid == os.getpid() and self._last is not None:
            self._last.exception(timeout)

    def close(self) -> None:
        """Do what is left, write out what was noted, and end."""
        if self._pid == os.getpid() and self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        self._try_to_flush()

    def _running(self) -> threading.Lock:
        if self._pid != os.getpid():
            self._begin_anew()
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="artstore-recorder", daemon=True)
                self._thread.start()
        return self._guard

    def _work(self) -> None:
        due: float | None = None
        while True:
            try:
                job = self._jobs.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                due = None
                self._dirty.clear()
                with _working:
                    self._try_to_flush()
                continue
            if job is None:
                return
            if due is None and self._dirty.is_set():
                due = time.monotonic() + FLUSH_SECONDS
            with _working:
                _do(*job)

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
