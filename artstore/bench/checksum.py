"""How fast checksums are on this machine: by algorithm, threads, size of the files, and the way these are read.

The files are made for it, in a folder that is gone when it ends, however it ends. They have just been written, so
reading them is reading memory: what is measured is the processor and the calls, and the bare reading beside each
algorithm tells how much of the time that is. All threads do the same for a fixed time, and what they got done counts.
"""

from __future__ import annotations

import itertools
import mmap
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from artstore.bench.hashes import HASHES, Start
from artstore.core import digests
from artstore.ingest import small_files
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.threads import ThreadPool
from artstore.storage import chunking

BUFFER, MMAP, STORE = "buffer", "mmap", "store"
METHODS = (BUFFER, MMAP, STORE)
READING = "reading"
"""The name of reading without any checksum."""
SIZES = (4 << 10, 1 << 20, 256 << 20)
_WINDOW = 1 << 20
_STORE_WINDOW = 8 << 20
_SET_BYTES = 32 << 20
_SET_FILES = 1000
_SEED_BYTES = 8 << 20
_ROUNDS = 3
"""How often each thing is measured. The best counts: what else a machine does can only slow it down."""


@dataclass(frozen=True)
class Cell:
    """One thing that is measured, and what came of it."""

    algorithm: str
    """A name of `hashes.HASHES`, or `reading`."""
    method: str
    """`buffer`: read into memory that is used again; `mmap`; `store`: what the store does to take a file in."""
    size: int
    """The size of each file in bytes."""
    threads: int
    done: int = 0
    """Bytes that went through."""
    seconds: float = 0.0

    @property
    def bytes_per_second(self) -> float:
        """The speed of all threads together."""
        return self.done / self.seconds if self.seconds else 0.0


def default_threads() -> list[int]:
    """One thread, and as many as there are cores."""
    return sorted({1, platform.cores()})


def cells(sizes: Sequence[int], threads: Sequence[int]) -> list[Cell]:
    """Everything there is to measure: the store knows two algorithms, and bare reading is done in one way."""
    return [
        Cell(algorithm, method, size, count)
        for size in sizes
        for count in threads
        for algorithm in (READING, *HASHES)
        for method in METHODS
        if (algorithm != READING or method == BUFFER) and (method != STORE or algorithm in ("blake3", "sha256"))
    ]


def measure(
    folder: Path,
    *,
    sizes: Sequence[int] = SIZES,
    threads: Sequence[int] | None = None,
    seconds: float = 10.0,
    progress: Progress = SILENT,
) -> list[Cell]:
    """Measure everything within about so many seconds, on files made below a folder for that time.

    Raises `MissingLibrary` before anything is made, `StoreError` or `DiskFull` if the files cannot be.
    """
    planned = cells(sizes, threads or default_threads())
    starts = {name: each.start() for name, each in HASHES.items()}
    best = dict(enumerate(planned))
    with (
        platform.translate_os_errors(str(folder)),
        TemporaryDirectory(prefix=".artstore-bench-", dir=folder) as scratch,
    ):
        files = {size: _make_files(Path(scratch), size) for size in dict.fromkeys(sizes)}
        turn = seconds / len(planned) / _ROUNDS
        with step(progress, "measuring checksums", _ROUNDS * len(planned), "measurements"):
            for _ in range(_ROUNDS):
                for index, cell in enumerate(planned):
                    deed = _deed(cell, starts.get(cell.algorithm))
                    found = _run(cell, files[cell.size], deed, turn)
                    best[index] = max(best[index], found, key=lambda each: each.bytes_per_second)
                    progress.advance(1)
    return list(best.values())


def _make_files(folder: Path, size: int) -> list[str]:
    """Files of one size with random content: some for the threads to share, or one if it is large."""
    seed = memoryview(os.urandom(min(size, _SEED_BYTES)))
    paths = []
    for number in range(min(_SET_FILES, max(1, _SET_BYTES // size))):
        path = folder / f"{size}-{number}"
        with path.open("wb", buffering=0) as file:
            for start in range(0, size, len(seed)):
                _write(file.fileno(), seed[: size - start])
        paths.append(str(path))
    return paths


def _write(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


Deed = Callable[[str, "_Turn"], None]
"""Goes through one file, telling its turn of the bytes, until it ends or the turn is over."""


class _Turn:
    """One thread's share of a measurement."""

    def __init__(self, over: threading.Event) -> None:
        self.over = over
        self.done = 0
        self.buffer = memoryview(bytearray(_WINDOW))

    def advance(self, amount: int) -> None:
        """So many bytes more went through."""
        self.done += amount


def _run(cell: Cell, files: list[str], deed: Deed, seconds: float) -> Cell:
    over = threading.Event()
    turns = [_Turn(over) for _ in range(cell.threads)]

    def work(number: int) -> None:
        # Each begins at another file, so that they do not follow each other through one.
        begin = number * len(files) // cell.threads
        for path in itertools.cycle(files[begin:] + files[:begin]):
            deed(path, turns[number])
            if over.is_set():
                return

    with ThreadPool(cell.threads, "artstore-bench") as pool:
        begun = time.perf_counter()
        try:
            futures = [pool.submit(work, number) for number in range(cell.threads)]
            # On a machine that is busy, a thread may begin when the time is over, and counts all the same.
            while (time.perf_counter() < begun + seconds or not all(turn.done for turn in turns)) and not any(
                future.done() for future in futures
            ):
                time.sleep(min(0.05, max(0.001, begun + seconds - time.perf_counter())))
        finally:
            over.set()
        for future in futures:
            future.result()
        return replace(cell, done=sum(turn.done for turn in turns), seconds=time.perf_counter() - begun)


def _deed(cell: Cell, start: Start | None) -> Deed:
    if cell.method == STORE:
        return (
            _small_as_the_store(cell.algorithm)
            if cell.size <= chunking.WHOLE
            else _large_as_the_store(digests.algorithm(cell.algorithm), cell.size)
        )
    return _mapped(start) if cell.method == MMAP else _buffered(start)


def _buffered(start: Start | None) -> Deed:
    def deed(path: str, turn: _Turn) -> None:
        running = start() if start else None
        with _opened(path) as descriptor:
            start_at = 0
            while not turn.over.is_set() and (count := platform.read_into(descriptor, turn.buffer, start_at)):
                if running:
                    running.update(turn.buffer[:count])
                turn.advance(count)
                start_at += count
        if running:
            running.digest()

    return deed


def _mapped(start: Start | None) -> Deed:
    assert start is not None

    def deed(path: str, turn: _Turn) -> None:
        running = start()
        with (
            _opened(path) as descriptor,
            mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            for begin in range(0, len(view), _WINDOW):
                if turn.over.is_set():
                    break
                with view[begin : begin + _WINDOW] as window:
                    running.update(window)
                    turn.advance(len(window))
        running.digest()

    return deed


def _small_as_the_store(algorithm: str) -> Deed:
    def deed(path: str, turn: _Turn) -> None:
        for read in small_files.read_small([path], algorithm):
            turn.advance(len(read.data) if isinstance(read, small_files.SmallFile) else 0)

    return deed


def _large_as_the_store(algorithm: digests.Algorithm, size: int) -> Deed:
    """Cut by content; hash each chunk and the whole, as docs/format.md names them."""
    room = min(_STORE_WINDOW, size + chunking.LARGEST + 4096)

    def deed(path: str, turn: _Turn) -> None:
        cutter, whole = chunking.Cutter(), algorithm.hasher()
        buffer, kept, done = memoryview(bytearray(room)), 0, 0
        with _opened(path) as descriptor:
            while not turn.over.is_set():
                count = platform.read_into(descriptor, buffer[kept:], done)
                window = buffer[: kept + count]
                cut = 0
                for length in cutter.lengths(window, last=not count):
                    algorithm.raw(window[cut : cut + length])
                    cut += length
                whole.update(window[:cut])
                turn.advance(count)
                done += count
                if not count:
                    break
                kept = len(window) - cut
                buffer[:kept] = bytes(window[cut:])
        whole.digest()

    return deed


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
