"""Files that are changed through memory maps, which does not always change their times, are read again."""

from __future__ import annotations

import mmap
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from artstore import Store
from artstore.catalog import stat_cache
from tests.support.files import commit_folder, write_files
from tests.support.programs import WITHOUT_RIGHTS, run_python

A_TICK = 0.2
A_COARSE_TICK = 2.1
SIZES = [4096, 200_000]


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk, and one on a file system in memory, where writes through a map never change a time."""
    if request.param == "disk":
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def stored(store: Store, source: Path) -> bytes:
    """Commit a folder with one file; return the content that is stored."""
    [entry] = store.entries(commit_folder(store, source))
    return b"".join(store.read(entry))


@pytest.mark.parametrize("size", SIZES)
def test_a_change_through_a_map_of_this_process_is_stored(store: Store, folder: Path, size: int) -> None:
    file = write_files(folder / "data", {"weights": bytes(size)}) / "weights"
    weights = np.memmap(file, np.uint8, "r+")
    for turn in range(4):
        weights[:] = turn
        time.sleep(A_TICK)
        assert stored(store, folder / "data") == bytes([turn]) * size


def test_files_in_memory_are_not_remembered(store: Store, tmp_path: Path) -> None:
    """A process that cannot be seen may have mapped them: nothing writes their pages back, so no time ever moves."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as in_memory:
        folders = [write_files(Path(place, "data"), {"weights": bytes(200_000)}) for place in (in_memory, tmp_path)]
        time.sleep(A_COARSE_TICK)
        for folder in folders:
            stored(store, folder)
        known = [stat_cache.cached(store.db.connection, str(folder)).stats.names for folder in folders]
    assert known == [[], ["weights"]]


WRITER = """
import mmap, sys
with open(sys.argv[1], "r+b") as file:
    weights = mmap.mmap(file.fileno(), 0)
weights[:] = bytes(len(weights))
print(flush=True)
for line in sys.stdin:
    weights[:] = bytes([int(line)]) * len(weights)
    print(flush=True)
"""


@contextmanager
def writer(file: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that has a file mapped, and fills it with each number that it is given."""
    program = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with program:
        assert program.stdout is not None and program.stdout.readline()
        yield program


def fill(program: subprocess.Popen[str], number: int) -> None:
    assert program.stdin is not None and program.stdout is not None
    program.stdin.write(f"{number}\n")
    program.stdin.flush()
    assert program.stdout.readline()


@pytest.mark.parametrize("size", SIZES)
def test_a_change_through_a_map_of_another_process_is_stored(store: Store, folder: Path, size: int) -> None:
    file = write_files(folder / "data", {"weights": bytes(size)}) / "weights"
    with writer(file) as program:
        for turn in range(4):
            fill(program, turn)
            time.sleep(A_TICK)
            assert stored(store, folder / "data") == bytes([turn]) * size


def test_a_file_that_is_mapped_to_be_read_is_remembered(store: Store, tmp_path: Path) -> None:
    file = write_files(tmp_path / "data", {"weights": bytes(5000)}) / "weights"
    time.sleep(A_TICK)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ):
        commit_folder(store, tmp_path / "data")
    known = stat_cache.cached(store.db.connection, str(tmp_path / "data"))
    assert (known.stats.names, known.stats.sizes.tolist()) == (["weights"], [5000])


ADD = """
import sys
from artstore import Store
with Store.open(sys.argv[1]) as store:
    draft = store.draft("animals", "dataset")
    store.add_dir(draft, sys.argv[2])
    [entry] = store.entries(store.commit(draft))
    print(b"".join(store.read(entry))[0])
"""


def test_a_new_file_is_read_again_while_there_are_processes_that_cannot_be_seen(store: Store, tmp_path: Path) -> None:
    """Root without rights may not see what the process with rights has mapped."""
    file = write_files(tmp_path / "data", {"weights": bytes(200_000)}) / "weights"
    store.close()
    with writer(file) as program:
        for turn in range(3):
            fill(program, turn)
            time.sleep(A_TICK)
            printed = run_python(ADD, store.path, tmp_path / "data", prefix=WITHOUT_RIGHTS)
            assert printed.strip() == str(turn)


@pytest.mark.parametrize("size", SIZES)
def test_a_download_finds_what_a_map_changed(store: Store, folder: Path, tmp_path: Path, size: int) -> None:
    version = commit_folder(store, write_files(tmp_path / "source", {"weights": bytes(size)}))
    root = folder / "root"
    store.get(version, root)
    for turn in range(3):
        weights = np.memmap(root / "weights", np.uint8, "r+")
        assert store.get(version, root) == (0, 1, 0)
        time.sleep(A_TICK)
        weights[:] = turn + 1
        assert store.get(version, root) == (1, 0, 0)
        assert (root / "weights").read_bytes() == bytes(size)
