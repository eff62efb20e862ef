"""Spreading work over threads, and batches of small work over processes where there is enough to pay for starting them.

Threads do not help with small files: what costs is the interpreter, not the disk. The processes come from loky, which
neither forks a process that may have threads nor runs the user's main module again.
"""

from __future__ import annotations

import concurrent.futures.thread
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeVar

from artstore.errors import StoreError
from artstore.runtime import platform

Batch = TypeVar("Batch")
Result = TypeVar("Result")

WORTH_STARTING = 6
"""With fewer batches than this, the work is done here."""
_AHEAD = 64
"""How many batches are done here at most while the processes start."""
_IDLE_SECONDS = 10
_LOOKS_SECONDS = 0.5


class Threads(ThreadPoolExecutor):
    """Threads that do work beside. Once the main thread is ending Python starts none: the work is done here then."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Have a function called. Never from a thread of its own."""
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError:
            if not _is_ending():
                raise
            # What is under way comes first, as it would have.
            self.shutdown()
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class Job:
    """Something that a crew does. Who waits for it may be interrupted at any moment, and harms nobody."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._under_way = threading.Lock()
        self._under_way.acquire()
        self._error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing of it is left to do."""
        return not self._under_way.locked()

    def do(self) -> None:
        """Do it."""
        try:
            self._work()
        except BaseException as error:
            self._error = error
        finally:
            self._under_way.release()

    def wait(self) -> None:
        """Wait until it is done. Raises what it raised."""
        with self._under_way:
            pass
        if self._error is not None:
            raise self._error


class Crew:
    """A few threads that do jobs, begun in the order in which they are handed over.

    The handler of a signal may have a crew of its own: an executor would hold a lock of the whole process, and knows of
    a thread only after it started.
    """

    def __init__(self, count: int, name: str) -> None:
        self._todo: SimpleQueue[Job | None] = SimpleQueue()
        # Once the main thread is over Python may start none: the work is done here then.
        numbers = range(0 if _is_ending() else count)
        self._threads = [threading.Thread(target=self._work, name=f"{name}-{i}", daemon=True) for i in numbers]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def hand(self, job: Job) -> None:
        """Have a job done."""
        if self._threads:
            self._todo.put(job)
        else:
            job.do()

    def end(self) -> None:
        """End the threads when all is done that was handed to them, also if nobody can wait for that."""
        self._todo.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _work(self) -> None:
        while (job := self._todo.get()) is not None:
            job.do()
        self._todo.put(None)


def _is_ending() -> bool:
    """Whether the main thread is over, or ending and waiting for others, so that executors take nothing more."""
    return bool(getattr(concurrent.futures.thread, "_shutdown", False)) or not threading.main_thread().is_alive()


def spread(
    batches: Iterable[Batch],
    *,
    here: Callable[[Batch], Result],
    work: Callable[..., Result],
    job: Callable[[Batch], tuple[Any, ...]],
    processes: int | None = None,
) -> Generator[tuple[Batch, Result], None, None]:
    """Do each batch, by `here(batch)` if there are few, else by `work(*job(batch))` elsewhere; yield results in order.

    While the main thread is ending, all is done here. `job` is called when a batch is handed out. Never more than a few
    are under way, so memory stays bounded.
    Raises `StoreError` if the system ends one of the processes.
    """
    processes = min(platform.cores(), 8) if processes is None else processes
    if _is_ending():
        processes = 1
    iterator = iter(batches)
    first = list(itertools.islice(iterator, WORTH_STARTING)) if processes > 1 else []
    if len(first) < WORTH_STARTING:
        for batch in itertools.chain(first, iterator):
            yield batch, here(batch)
        return
    from loky import ProcessPoolExecutor
    from loky.process_executor import TerminatedWorkerError

    executor = ProcessPoolExecutor(
        max_workers=processes, timeout=_IDLE_SECONDS, initializer=_end_with, initargs=(os.getpid(),)
    )
    waiting: deque[tuple[Batch, Any]] = deque()
    todo = itertools.chain(first, iterator)
    started = finished = too_late = False
    try:
        for batch in todo:
            handed_out = None if too_late else _handed_out(executor, work, job, batch)
            too_late = handed_out is None
            waiting.append((batch, handed_out or _done(here(batch))))
            if len(waiting) > 2 * processes:
                if not started:
                    waiting.extend(_meanwhile(waiting[0][1], todo, here))
                    started = True
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
        finished = True
    except TerminatedWorkerError as error:
        raise StoreError(
            "the system ended a process of artstore (out of memory?): nothing was lost, try again"
        ) from error
    finally:
        executor.shutdown(wait=True, kill_workers=not finished)


def _handed_out(
    executor: Executor, work: Callable[..., Result], job: Callable[[Batch], tuple[Any, ...]], batch: Batch
) -> Future[Result] | None:
    """Have a batch done elsewhere; None if it is too late for that, as the main thread is ending."""
    arguments = job(batch)
    try:
        return executor.submit(work, *arguments)
    except RuntimeError as error:
        # Its processes are told a moment before executors of threads are.
        if _is_ending() or str(error).startswith("cannot schedule new futures"):
            return None
        raise


def _meanwhile(
    first: Future[Result], todo: Iterator[Batch], here: Callable[[Batch], Result]
) -> Iterator[tuple[Batch, Future[Result]]]:
    """Do batches here as long as the processes only start, which takes as long as reading thousands of small files."""
    for _ in range(_AHEAD):
        if first.done() or (batch := next(todo, None)) is None:
            return
        yield batch, _done(here(batch))


def _done(result: Result) -> Future[Result]:
    future: Future[Result] = Future()
    future.set_result(result)
    return future


def _end_with(parent: int) -> None:
    """Have a worker end soon after the process it works for, however that ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOKS_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="artstore-parent", daemon=True).start()
