"""Describe the machine of a measurement, without its name or any path."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from artstore import __version__

_LIBRARIES = ("blake3", "pyfastcdc", "fsspec", "numpy", "pyarrow", "moto")


def facts(folder: Path) -> dict[str, str]:
    """Return the machine, the software versions, and the file system of a folder."""
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d, %H:%M UTC"),
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "disk": _disk(folder),
        "kernel": f"{platform.system()} {platform.release()}",
        "artstore": __version__,
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _disk(folder: Path) -> str:
    """Return the file system of a folder and the kind of disk, as far as the kernel knows them."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    above = [folder.resolve(), *folder.resolve().parents]
    _, file_system = max(
        ((len(fields[1]), fields[2]) for fields in mounts if Path(fields[1]) in above), default=(0, "unknown")
    )
    device = os.stat(folder).st_dev
    block = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve()
    # A partition has no queue; its disk has one.
    for device_folder in (block, block.parent):
        rotates = device_folder / "queue" / "rotational"
        if rotates.exists():
            if device_folder.name.startswith(("vd", "xvd")):
                return f"{file_system} on a virtual disk"
            return f"{file_system} on a {'rotating' if rotates.read_text().strip() == '1' else 'solid-state'} disk"
    return file_system
