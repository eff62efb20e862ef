"""Processes that are killed or paused at a chosen step; a step is a call that changes a file, a lock or the catalog.

A server process imports artstore once and forks a child for each deed, so a kill costs milliseconds. The child counts
its steps by a profile hook, which sees each call of a C function before it happens, in every thread; nothing of
artstore is replaced.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import psutil

CHANGES_FILES = {
    *("open", "close", "write", "pwrite", "pwritev", "fsync", "fdatasync", "ftruncate", "truncate", "unlink", "remove"),
    *("rename", "replace", "link", "symlink", "mkdir", "rmdir", "utime", "chmod", "copy_file_range", "sendfile"),
}
CHANGES_CATALOG = {"execute", "executemany", "commit", "rollback", "backup"}


def step_of(frame: FrameType, event: str, call: Any) -> str | None:
    """Name the step that a process is about to take; None if what it does is none."""
    if event == "call":
        code = frame.f_code
        return "punch" if code.co_name == "punch" and code.co_filename.endswith("platform.py") else None
    if event != "c_call":
        return None
    name: str = call.__name__
    if name in CHANGES_FILES:
        return name if getattr(call.__self__, "__name__", "") == "posix" and frame.f_code is not SAYS else None
    if name == "flock" or (name == "fstat" and frame.f_code.co_name == "appear"):
        return name
    if name in CHANGES_CATALOG and type(call.__self__).__name__ == "Connection":
        return "sql"
    return None


class Watch:
    """What a deed gets: it says what was acknowledged, and its steps are counted between `begin` and `end`."""

    def __init__(self, report: int, kill_at: int, pause_at: list[int], group: bool) -> None:
        self._report = report
        self._kill_at = kill_at
        self._pause_at = pause_at
        self._group = group
        self._guard = threading.Lock()
        self.steps: list[str] = []

    def begin(self) -> None:
        threading.setprofile(self._look)
        sys.setprofile(self._look)

    def end(self) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def say(self, text: str) -> None:
        self.tell("said", text)

    def pause(self) -> None:
        """Stop here until the test says `resume`."""
        os.kill(os.getpid(), signal.SIGSTOP)

    def tell(self, kind: str, value: object) -> None:
        line = json.dumps([kind, value]).encode() + b"\n"
        while line:
            line = line[os.write(self._report, line) :]

    def _look(self, frame: FrameType, event: str, call: Any) -> None:
        step = step_of(frame, event, call)
        if step is None:
            return
        with self._guard:
            self.steps.append(step)
            taken = len(self.steps)
        if taken == self._kill_at:
            (os.killpg if self._group else os.kill)(os.getpid(), signal.SIGKILL)
        if taken in self._pause_at:
            self.pause()


SAYS = Watch.tell.__code__


class Ending(NamedTuple):
    """What became of a child so far, what it said, and the steps it took."""

    how: str
    """`done`, `killed`, `paused`, `failed` or `running`."""
    said: list[str]
    steps: list[str]
    error: str
    """The traceback of what made it fail."""

    @property
    def last_words(self) -> str:
        return next((line for line in self.error.splitlines()[::-1] if line and line[0] not in " |+"), "")


class Child:
    """A deed under way in a process of its own, which leads a process group of its own."""

    def __init__(self, stage: Stage, pid: int) -> None:
        self._stage = stage
        self.pid = pid

    def wait(self, seconds: float = 120) -> Ending:
        """Wait until it has ended or paused. `running` if it did neither in time."""
        return Ending(*self._stage.ask("wait", pid=self.pid, seconds=seconds))

    def resume(self) -> Ending:
        """Go on after a pause, to the end or to the next pause."""
        self.go_on()
        return self.wait()

    def go_on(self) -> None:
        """Go on, if it has not ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> Ending:
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def others(self) -> list[int]:
        """The processes that it started and that still run."""
        found = []
        for process in psutil.process_iter():
            with suppress(ProcessLookupError, psutil.Error):
                if os.getpgid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
        return found

    def end_others(self) -> None:
        """Kill them, and remove the semaphores that nobody else would remove then."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        for left in Path("/dev/shm").glob(f"sem.loky-{self.pid}-*"):
            left.unlink(missing_ok=True)


class Stage:
    """Where deeds are done: `run(child_tasks.commit, kill_at=7, store=..., ...)`."""

    def __init__(self) -> None:
        self._server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, verb: str, **arguments: object) -> Any:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps([verb, arguments], default=str).encode() + b"\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        assert answer, "the server process is gone"
        return json.loads(answer)

    def start(
        self,
        deed: Callable[..., None],
        *,
        kill_at: int = 0,
        pause_at: Sequence[int] = (),
        group: bool = False,
        **arguments: object,
    ) -> Child:
        """Begin a deed; kill or pause it just before steps. `group`: and kill all processes that it started."""
        how = {"kill_at": kill_at, "pause_at": list(pause_at), "group": group}
        return Child(self, self.ask("start", deed=deed.__name__, how=how, arguments=arguments))

    def run(self, deed: Callable[..., None], **arguments: Any) -> Ending:
        return self.start(deed, **arguments).wait()

    def done(self, deed: Callable[..., None], **arguments: Any) -> Ending:
        """Do a deed that must not fail."""
        ending = self.run(deed, **arguments)
        assert ending.how == "done", f"{deed.__name__} {ending.how}: {ending.last_words}"
        return ending

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(10)
        self._server.stdout.close()


class _Started:
    def __init__(self, pid: int, report: int) -> None:
        self.pid = pid
        self.report = report
        self.pending = b""
        self.told: dict[str, list[Any]] = {"said": [], "steps": [], "error": []}
        self.ended: str | None = None

    def read(self, *, seconds: float = 0) -> None:
        while self.report >= 0 and select.select([self.report], [], [], seconds)[0]:
            data = os.read(self.report, 1 << 16)
            if not data:
                os.close(self.report)
                self.report = -1
            *lines, self.pending = (self.pending + data).split(b"\n")
            for kind, value in map(json.loads, lines):
                self.told[kind].append(value)
            seconds = 0

    def wait(self, seconds: float) -> Ending:
        pid = status = 0
        until = time.monotonic() + seconds
        while self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            self.read(seconds=0 if pid else 0.002)
            if pid or time.monotonic() > until:
                break
            if self.report < 0:
                time.sleep(0.001)
        how = self.ended or "running"
        if how == "running" and pid:
            if os.WIFSTOPPED(status):
                how = "paused"
            else:
                how = "killed" if os.WIFSIGNALED(status) else "failed" if os.WEXITSTATUS(status) else "done"
                self.ended = how
        steps = self.told["steps"][-1] if self.told["steps"] else []
        return Ending(how, self.told["said"], steps, "".join(self.told["error"]))


def serve() -> None:
    """Answer what a `Stage` asks, one line each; end when it closes."""
    started: dict[int, _Started] = {}
    while line := sys.stdin.buffer.readline():
        verb, arguments = json.loads(line)
        if verb == "start":
            begun = _start(**arguments)
            started[begun.pid] = begun
            answer: object = begun.pid
        else:
            answer = started[arguments["pid"]].wait(arguments["seconds"])
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _start(deed: str, how: dict[str, Any], arguments: dict[str, Any]) -> _Started:
    from tests.support import child_tasks

    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.close(reading)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        watch = Watch(writing, **how)
        code = 0
        try:
            getattr(child_tasks, deed)(watch, **arguments)
        except BaseException:
            watch.end()
            watch.tell("error", traceback.format_exc())
            code = 1
        watch.end()
        watch.tell("steps", watch.steps)
        os._exit(code)
    os.close(writing)
    return _Started(pid, reading)


def sampled(count: int, samples: int) -> list[int]:
    """Numbers from 1 to `count`, spread evenly, the last one among them."""
    return sorted({count - round(i * (count - 1) / max(1, samples - 1)) for i in range(min(samples, count))})


def summary(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


if __name__ == "__main__":
    # The module once more under its full name, the one by which child tasks import it.
    sys.path[0] = str(Path(__file__).parents[2])
    from tests.support import kill_points

    kill_points.serve()
