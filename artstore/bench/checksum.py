"""Measure checksums on this machine: by algorithm, number of threads, file size and method of reading.

The files are created in a temporary folder, which is always removed. They have just been written,
so they are read from memory: this measures the processor and the system calls. Plain reading, measured next to each
algorithm, shows the share of the system calls. All threads work for a fixed time, and the bytes that they process are
counted.
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

from artstore.bench.hashes import HASHES, HasherFactory
from artstore.core import digests
from artstore.ingest import small_files
from artstore.runtime import platform
from artstore.runtime.progress import SILENT, Progress, step
from artstore.runtime.threads import ThreadPool
from artstore.storage import chunking

BUFFER, MMAP, STORE = "buffer", "mmap", "store"
METHODS = (BUFFER, MMAP, STORE)
READING = "reading"
"""The name of reading without a checksum."""
SIZES = (4 << 10, 1 << 20, 256 << 20)
_WINDOW = 1 << 20
_STORE_WINDOW = 8 << 20
_SET_BYTES = 32 << 20
_SET_FILES = 1000
_SEED_BYTES = 8 << 20
_ROUNDS = 3
"""How often each measurement is repeated. The best result counts: other programs can only slow it down."""


@dataclass(frozen=True)
class Measurement:
    """One combination to measure, and its result."""

    algorithm: str
    """A name of `hashes.HASHES`, or `reading`."""
    method: str
    """`buffer`: read into a reused buffer; `mmap`; `store`: what the store does when it adds a file."""
    size: int
    """The size of each file in bytes."""
    threads: int
    processed: int = 0
    """Bytes processed."""
    seconds: float = 0.0

    @property
    def bytes_per_second(self) -> float:
        """The speed of all threads together."""
        return self.processed / self.seconds if self.seconds else 0.0


def default_threads() -> list[int]:
    """Return one thread, and as many as there are cores."""
    return sorted({1, platform.cores()})


def plan(sizes: Sequence[int], threads: Sequence[int]) -> list[Measurement]:
    """Return all combinations to measure: the store has two algorithms, and plain reading has one method."""
    return [
        Measurement(algorithm, method, size, count)
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
) -> list[Measurement]:
    """Measure everything in about `seconds` seconds, on temporary files in a folder.

    Raises `MissingLibrary` before a file is created, and `StoreError` or `DiskFull` if the files cannot be created.
    """
    planned = plan(sizes, threads or default_threads())
    factories = {name: hash.load() for name, hash in HASHES.items()}
    best = dict(enumerate(planned))
    with (
        platform.translate_os_errors(str(folder)),
        TemporaryDirectory(prefix=".artstore-bench-", dir=folder) as scratch,
    ):
        files = {size: _make_files(Path(scratch), size) for size in dict.fromkeys(sizes)}
        share = seconds / len(planned) / _ROUNDS
        with step(progress, "measuring checksums", _ROUNDS * len(planned), "measurements"):
            for _ in range(_ROUNDS):
                for index, measurement in enumerate(planned):
                    workload = _workload(measurement, factories.get(measurement.algorithm))
                    result = _run(measurement, files[measurement.size], workload, share)
                    best[index] = max(best[index], result, key=lambda candidate: candidate.bytes_per_second)
                    progress.advance(1)
    return list(best.values())


def _make_files(folder: Path, size: int) -> list[str]:
    """Create files of one size with random content: several for the threads to share, or one large file."""
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


Workload = Callable[[str, "_Worker"], None]
"""Reads one file and reports the bytes to its worker, until the file ends or the time is over."""


class _Worker:
    """One thread of a measurement."""

    def __init__(self, over: threading.Event) -> None:
        self.over = over
        self.processed = 0
        self.buffer = memoryview(bytearray(_WINDOW))

    def advance(self, amount: int) -> None:
        """Count more bytes as processed."""
        self.processed += amount


def _run(measurement: Measurement, files: list[str], workload: Workload, seconds: float) -> Measurement:
    over = threading.Event()
    workers = [_Worker(over) for _ in range(measurement.threads)]

    def work(number: int) -> None:
        # Each thread starts at another file, so that they do not all read the same one.
        begin = number * len(files) // measurement.threads
        for path in itertools.cycle(files[begin:] + files[:begin]):
            workload(path, workers[number])
            if over.is_set():
                return

    with ThreadPool(measurement.threads, "artstore-bench") as pool:
        begun = time.perf_counter()
        try:
            futures = [pool.submit(work, number) for number in range(measurement.threads)]
            # On a busy machine a thread may start only after the time is over; it counts all the same.
            while (
                time.perf_counter() < begun + seconds or not all(worker.processed for worker in workers)
            ) and not any(future.done() for future in futures):
                time.sleep(min(0.05, max(0.001, begun + seconds - time.perf_counter())))
        finally:
            over.set()
        for future in futures:
            future.result()
        return replace(
            measurement, processed=sum(worker.processed for worker in workers), seconds=time.perf_counter() - begun
        )


def _workload(measurement: Measurement, factory: HasherFactory | None) -> Workload:
    if measurement.method == STORE:
        return (
            _store_small(measurement.algorithm)
            if measurement.size <= chunking.WHOLE
            else _store_large(digests.algorithm(measurement.algorithm), measurement.size)
        )
    return _mapped(factory) if measurement.method == MMAP else _buffered(factory)


def _buffered(factory: HasherFactory | None) -> Workload:
    def workload(path: str, worker: _Worker) -> None:
        hasher = factory() if factory else None
        with _opened(path) as descriptor:
            offset = 0
            while not worker.over.is_set() and (count := platform.read_into(descriptor, worker.buffer, offset)):
                if hasher:
                    hasher.update(worker.buffer[:count])
                worker.advance(count)
                offset += count
        if hasher:
            hasher.digest()

    return workload


def _mapped(factory: HasherFactory | None) -> Workload:
    assert factory is not None

    def workload(path: str, worker: _Worker) -> None:
        hasher = factory()
        with (
            _opened(path) as descriptor,
            mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            for begin in range(0, len(view), _WINDOW):
                if worker.over.is_set():
                    break
                with view[begin : begin + _WINDOW] as window:
                    hasher.update(window)
                    worker.advance(len(window))
        hasher.digest()

    return workload


def _store_small(algorithm: str) -> Workload:
    raw = digests.algorithm(algorithm).raw

    def workload(path: str, worker: _Worker) -> None:
        read = small_files.read_file(path)
        if isinstance(read, small_files.SmallFile):
            raw(read.data)
            worker.advance(len(read.data))

    return workload


def _store_large(algorithm: digests.Algorithm, size: int) -> Workload:
    """Cut by content; hash each chunk and the whole file, as docs/format.md specifies."""
    room = min(_STORE_WINDOW, size + chunking.LARGEST + 4096)

    def workload(path: str, worker: _Worker) -> None:
        cutter, whole = chunking.Cutter(), algorithm.hasher()
        buffer, kept, offset = memoryview(bytearray(room)), 0, 0
        with _opened(path) as descriptor:
            while not worker.over.is_set():
                count = platform.read_into(descriptor, buffer[kept:], offset)
                window = buffer[: kept + count]
                cut = 0
                for length in cutter.lengths(window, last=not count):
                    algorithm.raw(window[cut : cut + length])
                    cut += length
                whole.update(window[:cut])
                worker.advance(count)
                offset += count
                if not count:
                    break
                kept = len(window) - cut
                buffer[:kept] = bytes(window[cut:])
        whole.digest()

    return workload


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
