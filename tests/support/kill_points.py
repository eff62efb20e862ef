"""Run tasks in child processes that are killed or paused at a chosen step.

A step is a call that changes a file, a lock or the catalog. A server process imports artstore once and forks a child
for each task, so a kill costs milliseconds. The child counts its steps in a profile hook, which sees each call of a C
function before it happens, in every thread; nothing of artstore is replaced.
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

from artstore.checkout.target_folder import TemporaryFile
from artstore.runtime import platform

FILE_STEPS = {
    *("open", "close", "write", "pwrite", "pwritev", "fsync", "fdatasync", "ftruncate", "truncate", "unlink", "remove"),
    *("rename", "replace", "link", "symlink", "mkdir", "rmdir", "utime", "chmod", "copy_file_range", "sendfile"),
}
CATALOG_CALLS = {"execute", "executemany", "commit", "rollback", "backup"}
PUNCH = platform.punch.__code__
PUBLISH = TemporaryFile.publish.__code__


def step_of(frame: FrameType, event: str, call: Any) -> str | None:
    """Return the name of the step that a process is about to take, or None if the call is not a step."""
    if event == "call":
        return "punch" if frame.f_code is PUNCH else None
    if event != "c_call":
        return None
    name: str = call.__name__
    if name in FILE_STEPS:
        return name if getattr(call.__self__, "__name__", "") == "posix" and frame.f_code is not SEND else None
    if name == "flock" or (name == "fstat" and frame.f_code is PUBLISH):
        return name
    if name in CATALOG_CALLS and type(call.__self__).__name__ == "Connection":
        return "sql"
    return None


class Probe:
    """A task's connection to the test: it sends reports, and counts steps between `start` and `stop`."""

    def __init__(self, pipe: int, kill_at: int, pause_at: list[int], group: bool) -> None:
        self._pipe = pipe
        self._kill_at = kill_at
        self._pause_at = pause_at
        self._group = group
        self._guard = threading.Lock()
        self.steps: list[str] = []

    def start(self) -> None:
        """Start counting steps, in all threads."""
        threading.setprofile(self._look)
        sys.setprofile(self._look)

    def stop(self) -> None:
        """Stop counting steps."""
        sys.setprofile(None)
        threading.setprofile(None)

    def report(self, text: str) -> None:
        """Report to the test what was acknowledged to the task."""
        self.send("report", text)

    def pause(self) -> None:
        """Stop this process until the test calls `resume`."""
        os.kill(os.getpid(), signal.SIGSTOP)

    def send(self, kind: str, value: object) -> None:
        line = json.dumps([kind, value]).encode() + b"\n"
        while line:
            line = line[os.write(self._pipe, line) :]

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


SEND = Probe.send.__code__


class Outcome(NamedTuple):
    """The state of a task's process, with its reports and the steps it has taken."""

    state: str
    """`done`, `killed`, `paused`, `failed` or `running`."""
    reports: list[str]
    steps: list[str]
    error: str
    """The traceback of a task that failed."""

    @property
    def error_line(self) -> str:
        """The last line of the traceback that names the error."""
        return next((line for line in self.error.splitlines()[::-1] if line and line[0] not in " |+"), "")


class Child:
    """A process that runs one task and leads a process group of its own."""

    def __init__(self, runner: TaskRunner, pid: int) -> None:
        self._runner = runner
        self.pid = pid

    def wait(self, seconds: float = 120) -> Outcome:
        """Wait until the process has ended or paused; the state is `running` if it did neither in time."""
        return Outcome(*self._runner.ask("wait", pid=self.pid, seconds=seconds))

    def resume(self) -> Outcome:
        """Continue after a pause, and wait for the end or the next pause."""
        self.unpause()
        return self.wait()

    def unpause(self) -> None:
        """Continue after a pause, if the process has not ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> Outcome:
        """Kill the process and wait for its end."""
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def helpers(self) -> list[int]:
        """Return the ids of the processes that it started and that still run."""
        pids = []
        for process in psutil.process_iter():
            with suppress(ProcessLookupError, psutil.Error):
                if os.getpgid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    pids.append(process.pid)
        return pids

    def kill_helpers(self) -> None:
        """Kill the processes that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


class TaskRunner:
    """Runs tasks in child processes: `run(child_tasks.commit, kill_at=7, store=..., ...)`."""

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
        task: Callable[..., None],
        *,
        kill_at: int = 0,
        pause_at: Sequence[int] = (),
        group: bool = False,
        **arguments: object,
    ) -> Child:
        """Start a task; kill or pause it just before the given steps. `group`: also kill the processes it started."""
        how = {"kill_at": kill_at, "pause_at": list(pause_at), "group": group}
        return Child(self, self.ask("start", task=task.__name__, how=how, arguments=arguments))

    def run(self, task: Callable[..., None], **arguments: Any) -> Outcome:
        """Start a task and wait until it has ended or paused."""
        return self.start(task, **arguments).wait()

    def complete(self, task: Callable[..., None], **arguments: Any) -> Outcome:
        """Run a task that must not fail."""
        outcome = self.run(task, **arguments)
        assert outcome.state == "done", f"{task.__name__} {outcome.state}: {outcome.error_line}"
        return outcome

    def __enter__(self) -> TaskRunner:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(10)
        self._server.stdout.close()


class _Forked:
    """A child of the server process, with what it has sent so far."""

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid = pid
        self.pipe = pipe
        self.pending = b""
        self.received: dict[str, list[Any]] = {"report": [], "steps": [], "error": []}
        self.ended: str | None = None

    def read(self, *, seconds: float = 0) -> None:
        while self.pipe >= 0 and select.select([self.pipe], [], [], seconds)[0]:
            data = os.read(self.pipe, 1 << 16)
            if not data:
                os.close(self.pipe)
                self.pipe = -1
            *lines, self.pending = (self.pending + data).split(b"\n")
            for kind, value in map(json.loads, lines):
                self.received[kind].append(value)
            seconds = 0

    def wait(self, seconds: float) -> Outcome:
        pid = status = 0
        until = time.monotonic() + seconds
        while self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            self.read(seconds=0 if pid else 0.002)
            if pid or time.monotonic() > until:
                break
            if self.pipe < 0:
                time.sleep(0.001)
        state = self.ended or "running"
        if state == "running" and pid:
            if os.WIFSTOPPED(status):
                state = "paused"
            else:
                state = "killed" if os.WIFSIGNALED(status) else "failed" if os.WEXITSTATUS(status) else "done"
                self.ended = state
        steps = self.received["steps"][-1] if self.received["steps"] else []
        return Outcome(state, self.received["report"], steps, "".join(self.received["error"]))


def serve() -> None:
    """Answer the requests of a `TaskRunner`, one line each, until it closes."""
    children: dict[int, _Forked] = {}
    while line := sys.stdin.buffer.readline():
        verb, arguments = json.loads(line)
        if verb == "start":
            child = _fork(**arguments)
            children[child.pid] = child
            answer: object = child.pid
        else:
            answer = children[arguments["pid"]].wait(arguments["seconds"])
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _fork(task: str, how: dict[str, Any], arguments: dict[str, Any]) -> _Forked:
    from tests.support import child_tasks

    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.close(reading)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        probe = Probe(writing, **how)
        code = 0
        try:
            getattr(child_tasks, task)(probe, **arguments)
        except BaseException:
            probe.stop()
            probe.send("error", traceback.format_exc())
            code = 1
        probe.stop()
        probe.send("steps", probe.steps)
        os._exit(code)
    os.close(writing)
    return _Forked(pid, reading)


def sampled(count: int, samples: int) -> list[int]:
    """Return numbers from 1 to `count`, spread evenly, with the last one among them."""
    return sorted({count - round(i * (count - 1) / max(1, samples - 1)) for i in range(min(samples, count))})


def summary(error: Exception) -> str:
    """Return the class and the first line of an error."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


if __name__ == "__main__":
    # Import this module again under its full name, the one by which the tasks import it.
    sys.path[0] = str(Path(__file__).parents[2])
    from tests.support import kill_points

    kill_points.serve()
