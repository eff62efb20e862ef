"""The datasets of the benchmarks: named folders of files, with the same bytes every time.

An edit replaces files and never writes into one, so that a folder of hard links can be edited separately.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from artstore.core.manifest import Entry, Kind

MEBI = 2**20
_PIECE = 16 * MEBI
_MEDIUM = 2 * MEBI
_FILES_PER_FOLDER = 1000


class Size(NamedTuple):
    """The sizes of all datasets, and how they are measured."""

    small_files: int
    """Files of about 4 KB."""
    medium_files: int
    """Files of 2 MiB."""
    large_bytes: int
    """Size of the one large file."""
    entries: int
    """Entries of the version with many entries."""
    versions: int
    """Versions among which a name is resolved."""
    runs: int
    """Runs in the lineage graph."""
    history: int
    """Versions committed one after the other."""
    objects: int
    """Objects in the referenced bucket."""
    commits: int
    """Commits of a few changes each, and commits of each concurrent writer."""
    writers: int
    rounds: int
    """How often each pair is timed."""
    pause: float
    """Seconds between changing files and reading them, so that no tool has to doubt their times."""
    rest: float
    """Seconds before each side of a timed pair, so that both find the machine in the same state."""
    many_files: int
    """Files of 1 KB, beside a tenth as many."""
    disk: float
    """The most disk space that everything takes, in bytes."""


TINY = Size(400, 3, 8 * MEBI, 2_000, 1_000, 50, 40, 400, 3, 2, 1, 0, 0, 4_000, 1e9)
SMALL = Size(30_000, 200, 1024 * MEBI, 1_000_000, 1_000_000, 10_000, 2_000, 2_000, 50, 8, 3, 1, 8, 1_000_000, 15e9)
GOALS = SMALL._replace(small_files=100_000, large_bytes=4096 * MEBI, disk=30e9)
"""The sizes that the goals P1 to P13 are stated for."""
FULL = GOALS._replace(medium_files=1000, history=10_000, objects=10_000, disk=45e9)
MILLION = GOALS._replace(disk=15e9)


class Dataset(NamedTuple):
    """A folder to create, and the changes for its next version."""

    name: str
    description: Callable[[Size], str]
    create: Callable[[Path, Size], Path]
    edit: Callable[[Path, int], None]
    """Changes a few files of a folder; another number makes another change."""
    restore: Callable[[Path, Size], None] = lambda folder, size: None
    """Gives a changed folder its original size again, if the change made it larger."""


def many_small(folder: Path, size: Size) -> Path:
    """Create files of about 4 KB, a thousand per folder."""
    draw = random.Random(1)
    for i in range(size.small_files):
        if i % _FILES_PER_FOLDER == 0:
            (folder / f"d{i // _FILES_PER_FOLDER:03d}").mkdir(parents=True)
        path = folder / f"d{i // _FILES_PER_FOLDER:03d}" / f"f{i % _FILES_PER_FOLDER:05d}.bin"
        path.write_bytes(draw.randbytes(draw.randint(3600, 4600)))
    return folder


def medium(folder: Path, size: Size) -> Path:
    """Create files of 2 MiB."""
    draw = random.Random(6)
    folder.mkdir(parents=True)
    for i in range(size.medium_files):
        (folder / f"f{i:05d}.bin").write_bytes(draw.randbytes(_MEDIUM))
    return folder


def one_large(folder: Path, size: Size) -> Path:
    """Create one file of random bytes."""
    large_file(folder, size.large_bytes)
    return folder


def large_file(folder: Path, count: int) -> Path:
    """Create a file of `count` random bytes in a new folder."""
    draw = random.Random(2)
    folder.mkdir(parents=True)
    with (folder / "one.bin").open("wb") as file:
        for start in range(0, count, _PIECE):
            file.write(draw.randbytes(min(_PIECE, count - start)))
    return folder / "one.bin"


def link_tree(source: Path, target: Path) -> Path:
    """Create the same files under other names: hard links, which cost nothing and keep their old times."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            other = target / path.relative_to(source)
            other.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, other)
    return target


def edit_small(folder: Path, number: int, share: float | None = None) -> None:
    """Replace the content of some small files: ten of them, or a share."""
    draw = random.Random(4_000 + number)
    paths = sorted(folder.rglob("*.bin"))
    chosen = draw.sample(paths, min(len(paths), 10)) if share is None else [p for p in paths if draw.random() < share]
    for path in chosen:
        _replace(path, iter([draw.randbytes(4096)]))


def edit_medium(folder: Path, number: int) -> None:
    """Replace the content of one of the files of 2 MiB."""
    _replace(min(folder.iterdir()), iter([random.Random(7_000 + number).randbytes(_MEDIUM)]))


def edit_large(folder: Path, number: int) -> None:
    """Insert 1 MiB into the one large file, each time at another place: first in the middle."""
    path = folder / "one.bin"
    part = number % 3 + 1
    place = path.stat().st_size * part // (part + 1)

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as old:
            for start in range(0, place, _PIECE):
                yield old.read(min(_PIECE, place - start))
            yield random.Random(3_000 + number).randbytes(MEBI)
            while piece := old.read(_PIECE):
                yield piece

    _replace(path, pieces())


def _replace(path: Path, content: Iterator[bytes]) -> None:
    # Written outside of the folder: creating and renaming must leave no trace in the measured folder.
    temporary = path.parent.parent / f".{path.name}.new"
    with temporary.open("wb") as file:
        file.writelines(content)
    temporary.replace(path)


MANY_SMALL = Dataset(
    "many_small",
    lambda size: f"{size.small_files:,} files of about 4 KB; 10 of them changed",
    many_small,
    edit_small,
)
MEDIUM = Dataset(
    "medium",
    lambda size: f"{size.medium_files:,} files of 2 MiB; 1 of them changed",
    medium,
    edit_medium,
)
ONE_LARGE = Dataset(
    "one_large",
    lambda size: f"one file of {size.large_bytes // MEBI:,} MiB; 1 MiB inserted in its middle",
    one_large,
    edit_large,
    lambda folder, size: os.truncate(folder / "one.bin", size.large_bytes),
)
DATASETS = {dataset.name: dataset for dataset in (ONE_LARGE, MEDIUM, MANY_SMALL)}
"""In this order, because the many small files are kept to the end: the largest need of disk space comes first."""


def many_entries(count: int, known: list[tuple[str | None, int | None]]) -> list[Entry]:
    """Return entries of files, a thousand per folder, whose contents are taken in turn from those of a store."""
    return [entry(i, *known[i % len(known)]) for i in range(count)]


def entry(number: int, digest: str | None, size: int | None) -> Entry:
    """Return one of many entries."""
    return Entry(f"dir{number // _FILES_PER_FOLDER:04d}/file_{number:07d}.bin", Kind.FILE, digest, size)
