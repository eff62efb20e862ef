"""Measure time, processor time, memory and disk space of a function, or of a command with all its children."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

_INTERVAL = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


class CommandFailed(Exception):
    """A measured command failed; the message has its output."""


class Cost(NamedTuple):
    """The cost of a command."""

    seconds: float
    cpu_seconds: float
    """Of the command and all its children."""
    peak_bytes: int
    """The peak memory of the command and its children together, without mapped files."""
    largest_bytes: int = 0
    """The peak memory of the largest one of these processes, with mapped files."""


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a function takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best(work: Callable[[], object], times: int = 3) -> float:
    """Return the least seconds of several calls."""
    return min(timed(work) for _ in range(times))


class Spent(NamedTuple):
    """The time that a function took."""

    seconds: float
    cpu_seconds: float
    """Of this process and all its children: it depends less on what else the machine does."""


def spent(work: Callable[[], object]) -> Spent:
    """Return the seconds and the processor time that a function takes."""
    before, start = _cpu_so_far(), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return Spent(seconds, _cpu_so_far() - before)


def _cpu_so_far() -> float:
    """Return the processor time of this process and its children, those that ended and those that still work."""
    total, waiting = sum(os.times()[:4]), _children(os.getpid())
    while waiting:
        pid = waiting.pop()
        try:
            total += cpu(pid, with_ended=True)
            waiting += _children(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


class Pair(NamedTuple):
    """The time of artstore and of what it is compared with, measured one after the other."""

    ours: Spent
    anchor: Spent

    @property
    def ratio(self) -> float:
        """The seconds of artstore as a multiple of the anchor's."""
        return self.ours.seconds / self.anchor.seconds


def median_pair(pairs: Sequence[Pair]) -> Pair:
    """Return the pair with the median ratio: a disturbance of seconds affects both sides of a pair."""
    return sorted(pairs, key=lambda pair: pair.ratio)[len(pairs) // 2]


def fastest_pair(pairs: Sequence[Pair]) -> Pair:
    """Return the fastest of each side, for short work that can be repeated in place."""
    return Pair(min(pair.ours for pair in pairs), min(pair.anchor for pair in pairs))


def pair(ours: Callable[[], object], anchor: Callable[[], object], before: Callable[[], object]) -> Pair:
    """Time two functions, first the anchor; `before` is called before each."""
    before()
    of_anchor = spent(anchor)
    before()
    return Pair(spent(ours), of_anchor)


def paired_rounds(
    ours: Callable[[int], object],
    anchor: Callable[[int], object],
    rounds: int,
    before: Callable[[], object] = lambda: None,
) -> list[Pair]:
    """Time two functions in turn, for several rounds; they get the number of the round."""
    return [pair(partial(ours, number), partial(anchor, number), before) for number in range(rounds)]


def median(work: Callable[[], float], times: int) -> float:
    """Return the median of several measurements."""
    return statistics.median(work() for _ in range(times))


def warm(path: Path) -> None:
    """Read a file, or the files of a folder, into the page cache."""
    for member in [path] if path.is_file() else path.rglob("*"):
        if member.is_file():
            with member.open("rb") as file:
                while file.read(2**23):
                    pass


def quiet(rest: float) -> None:
    """Write all cached data to the disk, then wait some seconds.

    A virtual machine returns unused memory to its host within seconds and gets it back slowly. After a rest, every
    measurement finds that state; without one, the first program after a removal writes several times as fast.
    """
    os.sync()
    time.sleep(rest)


def ready(source: Path, rest: float) -> None:
    """Prepare for timing a program that reads a source: read it into memory, then `quiet`."""
    warm(source)
    quiet(rest)


def copy(source: Path, target: Path, *, durable: bool = False) -> None:
    """Run `cp -r`; if `durable`, also `fsync` each file."""
    subprocess.run(["cp", "-r", source, target], check=True)
    for path in target.rglob("*") if durable else ():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def scan(folder: Path | str) -> None:
    """Call scandir and stat for everything in a folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                scan(entry.path)
            else:
                entry.stat(follow_symlinks=False)


def remove(path: Path) -> None:
    """Remove a folder of few files. After removing many, filling the next folder would take many times as long."""
    shutil.rmtree(path)


def disk_bytes(*paths: Path) -> int:
    """Return the disk space of files and folders; a file with several names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for path in paths:
        for member in [path, *path.rglob("*")] if path.exists() else []:
            status = member.lstat()
            seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


def run(arguments: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command and return its cost. Raises `CommandFailed` with the end of its output."""
    # Not a pipe: a child that outlives the command may inherit it, and only the command counts.
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            cwd=cwd,
            env=None if env is None else {**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        watcher = _Watcher(process.pid)
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        watcher.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(max(0, output.tell() - 2000))
            text = output.read().decode(errors="replace")
            raise CommandFailed(f"{' '.join(map(str, arguments))[:300]} ended with {process.returncode}:\n{text}")
    return Cost(
        seconds, max(used.ru_utime + used.ru_stime, watcher.cpu_seconds), watcher.peak_bytes, used.ru_maxrss * 1024
    )


class _Watcher(threading.Thread):
    """Observes a process and its children at short intervals.

    A child that was seen once is followed even after its parent ends. A child that lives shorter than the interval is
    missed, unless its parent waits for it.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._cpu = {pid: 0.0}
        self._ended = threading.Event()

    @property
    def cpu_seconds(self) -> float:
        """The sum over all observed processes."""
        return sum(self._cpu.values())

    def run(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self.peak_bytes = max(self.peak_bytes, self._observe())

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _observe(self) -> int:
        total = 0
        waiting, observed = list(self._cpu), set()
        while waiting:
            pid = waiting.pop()
            if pid in observed:
                continue
            observed.add(pid)
            try:
                total += _memory(pid)
                self._cpu[pid] = max(self._cpu.get(pid, 0.0), cpu(pid))
                waiting += _children(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return total


def _memory(pid: int) -> int:
    """Return the private memory of a process in bytes, without its program and mapped files."""
    kilobytes = 0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("RssAnon:", "RssShmem:")):
            kilobytes += int(line.split()[1])
    return kilobytes * 1024


def cpu(pid: int, *, with_ended: bool = False) -> float:
    """Return the processor time of a process, without its children or with those of them that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if with_ended else 13])) / _TICKS


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        children += map(int, (task / "children").read_text().split())
    return children
