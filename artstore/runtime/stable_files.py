"""Files that cannot change without a new time on them, which is what the stat cache relies on.

Three kinds of files can:

- One that was written within the current tick of the file system's clock: git calls it racily clean.
- One that a process has mapped into its memory to write to it. Its time moves with the first write to a page, and then
  not again until the kernel has written that page back. `/proc/PID/maps` names such files, for the processes that this
  one may see. If there are processes that it may not see, a file is stable once it is older than the interval of the
  kernel's write-back, in which every page is written.
- One in memory (tmpfs), where writes through a map never move its time.
"""

from __future__ import annotations

import os
import re
import time
from functools import cache
from typing import NamedTuple

from artstore.runtime import stat_columns
from artstore.runtime.source_file import Stat
from artstore.runtime.stat_columns import StatColumns

_TICK_NS = 100_000_000
_COARSE_TICK_NS = 2_000_000_000
_IN_MEMORY = {b"tmpfs", b"ramfs", b"devtmpfs", b"hugetlbfs"}
_WRITE_BACK_NS = 35_000_000_000
"""The interval of the kernel's write-back where it is not known: Linux's usual 30 and 5 seconds."""
_SHARED_WRITABLE = re.compile(rb" .w.s [0-9a-f]+ [0-9a-f:]+ ([1-9]\d*)")
_MOUNT = re.compile(rb"^\d+ \d+ (\d+):(\d+) .*? - (\S+)", re.MULTILINE)


class Maps(NamedTuple):
    """The files that were mapped for writing at one time."""

    taken_ns: int
    inodes: frozenset[int]
    """The inodes of the files. Devices are not compared: some file systems give others to maps than to files."""
    is_complete: bool
    """Whether the maps of every process were seen."""


_latest = Maps(0, frozenset(), True)
"""Serves files that are older than it, however old it is: a map that was made since moves their times at once."""


class StableFiles:
    """Decides which files are stable."""

    def __init__(self, clock_ns: int, device: int) -> None:
        """Take the time of a file system, and the device of that."""
        self._clock = clock_ns
        self._device = device & 0x7FFFFFFFFFFFFFFF
        self._maps = _latest
        self._in_memory = devices_in_memory()
        self._has_expected = False

    def expect(self, stat: Stat) -> None:
        """Prepare to judge a file. To be called before it is read."""
        self.expect_all(stat_columns.of_stats([""], [stat]))

    def expect_all(self, stats: StatColumns) -> None:
        """Prepare to judge files. To be called before they are read."""
        global _latest
        first, end = self._maps.taken_ns - _TICK_NS, self._clock - _TICK_NS
        if stats.last_change() >= first and any(first <= time < end for time in stats.changes()):
            _latest = now = _look()
            before = self._maps if self._has_expected else now
            # A file that was read since may have been written to through a map that was removed in the meantime.
            self._maps = Maps(now.taken_ns, before.inodes | now.inodes, before.is_complete and now.is_complete)
        self._has_expected = True

    def __contains__(self, stat: Stat) -> bool:
        """Whether any change of a file after it was read must change its times.

        File systems that count whole seconds, and those with a clock of their own, have a coarse tick.
        """
        is_coarse = stat.device != self._device or stat.mtime_ns % 1_000_000_000 == 0
        age = _COARSE_TICK_NS if is_coarse else _TICK_NS
        if not self._maps.is_complete:
            age = max(age, _write_back_ns())
        return (
            max(stat.mtime_ns, stat.ctime_ns) < min(self._clock, self._maps.taken_ns) - age
            and stat.inode not in self._maps.inodes
            and stat.device not in self._in_memory
        )

    def among(self, stats: StatColumns) -> list[int]:
        """Return the positions of the files that are stable."""
        every = range(stats.number)
        age = _COARSE_TICK_NS if self._maps.is_complete else max(_COARSE_TICK_NS, _write_back_ns())
        if (
            stats.last_change() < min(self._clock, self._maps.taken_ns) - age
            and self._maps.inodes.isdisjoint(stats.inodes)
            and self._in_memory.isdisjoint(stats.devices)
        ):
            return list(every)
        return [i for i in every if stats.stat(i) in self]


def _look() -> Maps:
    """Return what is mapped now."""
    started = time.time_ns()
    inodes: set[int] = set()
    is_complete = True
    try:
        processes = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        processes = []
    own_user = os.geteuid() if hasattr(os, "geteuid") else -1
    for process in processes:
        # The first process starts all others and does not work on data; inside a container root may not see its maps.
        is_first = process == "1"
        try:
            # Only root reads the maps of other users: they are not tried one by one.
            if own_user in (0, os.stat(f"/proc/{process}").st_uid):
                with open(f"/proc/{process}/maps", "rb") as maps:
                    inodes.update(map(int, _SHARED_WRITABLE.findall(maps.read())))
            else:
                is_complete = is_complete and is_first
        except PermissionError:
            is_complete = is_complete and is_first
        except (FileNotFoundError, ProcessLookupError):
            continue
    return Maps(started, frozenset(inodes), is_complete and "1" in processes)


def devices_in_memory() -> frozenset[int]:
    """Return the devices of the file systems that lie in memory."""
    try:
        with open("/proc/self/mountinfo", "rb") as mounts:
            found = _MOUNT.findall(mounts.read())
    except OSError:
        return frozenset()
    return frozenset(os.makedev(int(major), int(minor)) for major, minor, kind in found if kind in _IN_MEMORY)


@cache
def _write_back_ns() -> int:
    """Return how long a written page of a file stays in memory before the kernel writes it back, at most."""
    try:
        with (
            open("/proc/sys/vm/dirty_expire_centisecs") as expire,
            open("/proc/sys/vm/dirty_writeback_centisecs") as wake,
        ):
            age, interval = int(expire.read()), int(wake.read())
    except OSError:
        return _WRITE_BACK_NS
    # Without an interval the kernel never writes back by itself.
    return (age + interval) * 10_000_000 if interval else 1 << 62
