"""Time, processor seconds, memory and disk: of a function here, and of a command with all its children."""

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

_LOOKS_SECONDS = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


class CommandFailed(Exception):
    """A measured command ended with a status other than 0; says what it printed."""


class Cost(NamedTuple):
    """What a command took."""

    seconds: float
    cpu_seconds: float
    """Of it and all its children."""
    peak_bytes: int
    """The most memory that it and its children held at once, without the pages of mapped files."""


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best(work: Callable[[], object], times: int = 3) -> float:
    """The least seconds of several times."""
    return min(timed(work) for _ in range(times))


class Pair(NamedTuple):
    """Seconds of two things that were timed beside each other."""

    ours: float
    anchor: float

    @property
    def ratio(self) -> float:
        """How many times as long as the anchor."""
        return self.ours / self.anchor


def median_pair(pairs: Sequence[Pair]) -> Pair:
    """The pair whose ratio is the median: what disturbs the machine for seconds disturbs both sides of a pair."""
    return sorted(pairs, key=lambda pair: pair.ratio)[len(pairs) // 2]


def least_pair(pairs: Sequence[Pair]) -> Pair:
    """The least seconds of each side, for work that is short and can be done again in place."""
    return Pair(min(pair.ours for pair in pairs), min(pair.anchor for pair in pairs))


def pair(ours: Callable[[], object], anchor: Callable[[], object], before: Callable[[], object]) -> Pair:
    """Time two things one after the other, the anchor first; `before` is called before each."""
    before()
    other = timed(anchor)
    before()
    return Pair(timed(ours), other)


def beside(
    ours: Callable[[int], object],
    anchor: Callable[[int], object],
    rounds: int,
    before: Callable[[], object] = lambda: None,
) -> list[Pair]:
    """Time two things in turn, several rounds. They are told the round."""
    return [pair(partial(ours, number), partial(anchor, number), before) for number in range(rounds)]


def median(work: Callable[[], float], times: int) -> float:
    """The median of what something measures several times."""
    return statistics.median(work() for _ in range(times))


def warm(path: Path) -> None:
    """Read a file, or the files of a folder, so that their content is in memory."""
    for each in [path] if path.is_file() else path.rglob("*"):
        if each.is_file():
            with each.open("rb") as file:
                while file.read(2**23):
                    pass


def quiet(rest: float) -> None:
    """Have everything put on the disk that waits for it, and let some seconds pass.

    A virtual machine gives memory that it does not use back to its host within seconds, and is given other slowly.
    After a rest everybody finds it so; without, whoever comes next after a removal writes several times as fast.
    """
    os.sync()
    time.sleep(rest)


def ready(source: Path, rest: float) -> None:
    """Prepare for timing what reads a source: it is in memory, and all is quiet."""
    warm(source)
    quiet(rest)


def copy(source: Path, target: Path, *, durable: bool = False) -> None:
    """`cp -r`, and `fsync` of each file where that is asked for."""
    subprocess.run(["cp", "-r", source, target], check=True)
    for path in target.rglob("*") if durable else ():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def scan(folder: Path | str) -> None:
    """A bare scandir and stat of a folder and those in it."""
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                scan(entry.path)
            else:
                entry.stat(follow_symlinks=False)


def remove(path: Path) -> None:
    """Remove a folder of few files. Not for many: the next folder would take many times as long to fill."""
    shutil.rmtree(path)


def disk_bytes(*paths: Path) -> int:
    """The blocks that files take on the disk, those of folders included; a file with several names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for path in paths:
        for each in [path, *path.rglob("*")] if path.exists() else []:
            status = each.lstat()
            seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


def command(arguments: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command and tell what it took. Raises `CommandFailed`, which quotes the end of what it printed."""
    # Not a pipe: a child may inherit it and stay, and what counts is the end of the command.
    with tempfile.TemporaryFile() as printed:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(each) for each in arguments],
            cwd=cwd,
            env=None if env is None else {**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        watch = _Watch(process.pid)
        watch.start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        watch.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            printed.seek(max(0, printed.tell() - 2000))
            said = printed.read().decode(errors="replace")
            raise CommandFailed(f"{' '.join(map(str, arguments))[:300]} ended with {process.returncode}:\n{said}")
    return Cost(seconds, max(used.ru_utime + used.ru_stime, watch.cpu_seconds), watch.peak_bytes)


class _Watch(threading.Thread):
    """Looks at a process and its children again and again.

    A child that was seen once is followed, also when its parent ends; one that lives shorter than the pause between
    two looks is missed, as far as its parent does not wait for it.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._cpu = {pid: 0.0}
        self._ended = threading.Event()

    @property
    def cpu_seconds(self) -> float:
        """What was seen of each process, summed."""
        return sum(self._cpu.values())

    def run(self) -> None:
        while not self._ended.wait(_LOOKS_SECONDS):
            self.peak_bytes = max(self.peak_bytes, self._look())

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _look(self) -> int:
        total = 0
        waiting, looked = list(self._cpu), set()
        while waiting:
            pid = waiting.pop()
            if pid in looked:
                continue
            looked.add(pid)
            try:
                total += _memory(pid)
                self._cpu[pid] = max(self._cpu.get(pid, 0.0), _cpu(pid))
                waiting += _children(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return total


def _memory(pid: int) -> int:
    """What a process holds for itself, in bytes: neither its program nor the files that it maps."""
    kilobytes = 0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("RssAnon:", "RssShmem:")):
            kilobytes += int(line.split()[1])
    return kilobytes * 1024


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found
