"""Pools of threads that still do their work while the main thread ends, when Python starts no more threads."""

from __future__ import annotations

import concurrent.futures.thread
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")


def main_thread_is_ending() -> bool:
    """Return whether the main thread has ended, or waits for others to end, so that executors refuse new work."""
    return bool(getattr(concurrent.futures.thread, "_shutdown", False)) or not threading.main_thread().is_alive()


class ThreadPool(ThreadPoolExecutor):
    """A `ThreadPoolExecutor`; while the main thread is ending, `submit` itself does the work."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Call a function in a thread of the pool; not to be called by one of them."""
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError:
            if not main_thread_is_ending():
                raise
            # Calls under way end first, as they would have.
            self.shutdown()
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class Task:
    """A call for a `SignalSafePool`. A `wait` that a signal interrupts does no harm, and may be repeated."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._unfinished = threading.Lock()
        self._unfinished.acquire()
        self._error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """Whether the call has returned or raised."""
        return not self._unfinished.locked()

    def run(self) -> None:
        """Make the call, and keep what it raises for `wait`."""
        try:
            self._call()
        except BaseException as error:
            self._error = error
        finally:
            self._unfinished.release()

    def wait(self) -> None:
        """Wait until the call is done. Raises what it raised."""
        with self._unfinished:
            pass
        if self._error is not None:
            raise self._error


class SignalSafePool:
    """A few threads that run tasks, started in the order of `submit`.

    A signal handler may use a pool of its own. It could not use an executor: that holds a lock shared by all executors
    of the process, and knows a thread only after it started.
    """

    def __init__(self, count: int, name: str) -> None:
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        numbers = range(0 if main_thread_is_ending() else count)
        self._threads = [threading.Thread(target=self._work, name=f"{name}-{i}", daemon=True) for i in numbers]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task) -> None:
        """Run a task in one of the threads; right here while the main thread is ending."""
        if self._threads:
            self._tasks.put(task)
        else:
            task.run()

    def close(self) -> None:
        """Wait until every task is done, and end the threads; they end as well if the wait is interrupted."""
        self._tasks.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task.run()
        self._tasks.put(None)
