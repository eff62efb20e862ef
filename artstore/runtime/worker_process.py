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

# The path for imports comes before the first import of artstore, and -P keeps the folder out of it in which the user
# happens to be.
_COMMAND = (
    "import pickle, sys; sys.path[:], mark = pickle.load(sys.stdin.buffer); "
    "from artstore.runtime.worker import serve; serve(mark)"
)
_MOST_PRINTED = 1 << 20
"""How many bytes a Python may print while it starts."""
_PATIENCE_SECONDS = 5
"""How long to wait for what follows the end of a worker at once, unless another process has its pipes, too."""


class WorkerProcess:
    """One worker. It makes one call at a time, in the order of `submit`; calls and results are pickled.

    For use by one thread. Raises `OSError` if no more processes can be started, or there is not a Python to start, and
    `RuntimeError` for threads.
    """

    def __init__(self) -> None:
        if not sys.executable or getattr(sys, "frozen", False):
            raise OSError("this program has no Python to start")
        self._guard = threading.Lock()
        self._unanswered: deque[Future[Any]] = deque()
        self._has_ended = False
        self._mark = os.urandom(16)
        self._process = platform.start_without_interrupts([sys.executable, *_flags(), "-P", "-c", _COMMAND])
        try:
            assert self._process.stdin is not None and self._process.stdout is not None
            self._calls: IO[bytes] = self._process.stdin
            self._answers: IO[bytes] = self._process.stdout
            with suppress(OSError):
                # A worker that has ended is noticed where its answers are read.
                self._calls.write(pickle.dumps((sys.path, self._mark)))
                self._calls.flush()
            self._reader = threading.Thread(target=self._read_answers, name="artstore-worker", daemon=True)
            self._reader.start()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    @property
    def unanswered(self) -> int:
        """The number of calls that it has not answered yet."""
        return len(self._unanswered)

    def submit(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Have the worker make a call. The result raises `StoreError` if the worker ends before that."""
        call = pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)
        future: Future[Result] = Future()
        with self._guard:
            if self._has_ended:
                future.set_exception(self._ended())
                return future
            self._unanswered.append(future)
        with suppress(OSError):
            send(self._calls, call)
        return future

    def kill(self) -> None:
        """End the worker at once."""
        self._process.kill()

    def close(self) -> None:
        """Wait until the worker has answered all calls, unless it was killed, and end it."""
        with suppress(OSError, ValueError):
            # Closing may not be enough: a process that was forked meanwhile has the pipe open, too.
            send(self._calls, b"")
        with suppress(OSError):
            self._calls.close()
        self._process.wait()
        self._reader.join(_PATIENCE_SECONDS)
        if not self._reader.is_alive():
            self._answers.close()

    def _read_answers(self) -> None:
        try:
            self._skip_to_mark()
            while (answer := receive(self._answers)) is not None:
                self._take(answer)
        except (OSError, MemoryError):
            # Nothing more can be read from this worker, and it is of no more use.
            self._process.kill()
        finally:
            with self._guard:
                self._has_ended = True
            for future in self._unanswered:
                future.set_exception(self._ended())

    def _skip_to_mark(self) -> None:
        found = b""
        while not found.endswith(self._mark):
            byte = self._answers.read(1)
            if not byte or len(found) > _MOST_PRINTED:
                raise OSError("the worker did not start")
            found += byte

    def _take(self, answer: bytes) -> None:
        future = self._unanswered.popleft()
        try:
            result, error = pickle.loads(answer)
        except Exception as unreadable:
            result, error = None, unreadable
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def _ended(self) -> StoreError:
        import subprocess  # late, for the start-up time

        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE_SECONDS)
        code = self._process.returncode
        if code is None or code < 0:
            return StoreError("the system ended a process of artstore (out of memory?): nothing was lost, try again")
        return StoreError(f"a process that runs {sys.executable} ended with exit code {code}: nothing was lost")


def _flags() -> list[str]:
    """Return the options of this Python on what it reads of the user's environment, which hold for its workers."""
    flags = {
        "-B": sys.flags.dont_write_bytecode,
        "-E": sys.flags.ignore_environment,
        "-s": sys.flags.no_user_site,
        "-S": sys.flags.no_site,
    }
    return [*(flag for flag, is_set in flags.items() if is_set), "-X", f"utf8={sys.flags.utf8_mode}"]
