"""Trace a paused child process with strace: record its system calls, or kill it before one of them."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CHANGES = (
    *("write", "writev", "pwrite64", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat"),
    *("mkdir", "mkdirat", "rmdir", "fsync", "fdatasync", "copy_file_range", "sendfile"),
)
"""The calls that change files or make them durable."""
OTHERS = "open", "openat", "creat", "close", "lseek", "dup", "dup2", "dup3", "clone", "clone3", "fork", "vfork"
"""The calls that decide what the others change."""
DEADLY = (*CHANGES, "openat", "close", "flock", "fcntl", "read", "pread64", "newfstatat")
"""The calls before which processes are killed."""


@contextmanager
def traced(pid: int, *options: str, calls: Sequence[str]) -> Iterator[None]:
    """Trace a process and the processes and threads that it starts, while the block lasts."""
    wanted = f"trace={','.join(calls)}"
    command = ["strace", "-f", "-p", str(pid), "-q", "-a", "1", "-e", wanted, "-e", "signal=none", *options]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 30
        while f"TracerPid:\t{tracer.pid}" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8"):
            if tracer.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"strace does not trace: {tracer.stderr.read() if tracer.stderr else ''}")
            time.sleep(0.0005)
        yield
        tracer.wait(60)
    finally:
        if tracer.poll() is None:
            tracer.terminate()
            tracer.wait(10)
        assert tracer.stderr is not None
        tracer.stderr.close()


def counted(trace: Path) -> dict[str, int]:
    """Return how often the busiest thread made each call, according to a trace."""
    counts: Counter[tuple[str, str]] = Counter()
    with trace.open(encoding="latin-1") as lines:
        for line in lines:
            thread, _, rest = line.partition(" ")
            call = rest.lstrip().partition("(")[0]
            if call.isidentifier():
                counts[thread, call] += 1
    most: dict[str, int] = {}
    for (_, call), count in counts.items():
        most[call] = max(count, most.get(call, 0))
    return most


def killing(call: str, number: int) -> str:
    """Return the option that kills a process before a thread makes a call for the n-th time."""
    return f"--inject={call}:signal=KILL:when={number}"


def is_there(pid: int) -> bool:
    """Return whether a process exists."""
    return os.path.exists(f"/proc/{pid}")
