"""A process that makes calls for this one: a new Python that runs `artstore.runtime.worker`.

It is started, not forked, as this process may have threads; and it never runs the user's main module. Pools of
processes do that, too, but take three times the processor time to start, which counts for 10,000 small files.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import IO, Any, TypeVar

from artstore.errors import StoreError
from artstore.runtime import platform
from artstore.runtime.worker import receive, send

Result = TypeVar("Result")

# The path for imports comes first: until then, only modules of Python's own are imported, and none from the folder in
# which the user happens to be (-P).
_COMMAND = (
    "import pickle, sys; sys.path[:], parent = pickle.load(sys.stdin.buffer); "
    "from artstore.runtime.worker import serve; serve(parent)"
)


class WorkerProcess:
    """One worker. It makes one call at a time, in the order of `submit`; calls and results are pickled.

    For use by one thread. Raises `OSError` if the system starts no more processes, and `RuntimeError` for threads.
    """

    def __init__(self) -> None:
        self._process = platform.start_without_interrupts([sys.executable, *_flags(), "-P", "-c", _COMMAND])
        self._guard = threading.Lock()
        self._unanswered: deque[Future[Any]] = deque()
        self._has_ended = False
        assert self._process.stdin is not None and self._process.stdout is not None
        self._calls: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout
        with suppress(OSError):
            # A worker that has ended is noticed where its answers are read.
            self._calls.write(pickle.dumps((sys.path, os.getpid())))
            self._calls.flush()
        self._reader = threading.Thread(target=self._read_answers, name="artstore-worker", daemon=True)
        try:
            self._reader.start()
        except RuntimeError:
            self._process.kill()
            self._process.wait()
            raise

    @property
    def unanswered(self) -> int:
        """The number of calls that it has not answered yet."""
        return len(self._unanswered)

    def submit(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Have the worker make a call. The result raises `StoreError` if the system ends the worker before that."""
        call = pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)
        future: Future[Result] = Future()
        with self._guard:
            if self._has_ended:
                future.set_exception(_ended())
                return future
            self._unanswered.append(future)
        with suppress(BrokenPipeError):
            send(self._calls, call)
        return future

    def close(self, *, kill: bool = False) -> None:
        """Wait until the worker has answered all calls, or kill it, and end it."""
        if kill:
            self._process.kill()
        with suppress(BrokenPipeError):
            self._calls.close()
        self._process.wait()
        self._reader.join()
        self._answers.close()

    def _read_answers(self) -> None:
        while (answer := receive(self._answers)) is not None:
            future = self._unanswered.popleft()
            try:
                result, error = pickle.loads(answer)
            except Exception as unreadable:
                result, error = None, unreadable
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
        with self._guard:
            self._has_ended = True
        for future in self._unanswered:
            future.set_exception(_ended())


def _ended() -> StoreError:
    return StoreError("the system ended a process of artstore (out of memory?): nothing was lost, try again")


def _flags() -> list[str]:
    """Return the options of this Python on what it reads of the user's environment, which hold for its workers."""
    flags = {"-E": sys.flags.ignore_environment, "-s": sys.flags.no_user_site, "-S": sys.flags.no_site}
    return [flag for flag, is_set in flags.items() if is_set]
