"""The data that is measured on: named shapes, the same bytes every time."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import NamedTuple


class Size(NamedTuple):
    """How much of everything: files of 4 KB, bytes of the one large file, and entries of the large version."""

    small_files: int
    large_bytes: int
    entries: int


SMALL = Size(10_000, 256 * 2**20, 100_000)
FULL = Size(100_000, 4 * 2**30, 1_000_000)
_PIECE = 16 * 2**20


def many_small(folder: Path, size: Size) -> Path:
    """Files of about 4 KB, a thousand to a folder."""
    draw = random.Random(1)
    for i in range(size.small_files):
        if i % 1000 == 0:
            (folder / f"d{i // 1000:03d}").mkdir(parents=True)
        (folder / f"d{i // 1000:03d}" / f"f{i % 1000:05d}.bin").write_bytes(draw.randbytes(draw.randint(3600, 4600)))
    return folder


def one_large(folder: Path, size: Size) -> Path:
    """One file of random bytes."""
    draw = random.Random(2)
    folder.mkdir()
    with (folder / "one.bin").open("wb") as file:
        for _ in range(size.large_bytes // _PIECE):
            file.write(draw.randbytes(_PIECE))
    return folder


def edited_large(source: Path, folder: Path) -> Path:
    """The one large file with 1 MiB inserted in the middle."""
    folder.mkdir()
    half = (source / "one.bin").stat().st_size // 2
    with (source / "one.bin").open("rb") as old, (folder / "one.bin").open("wb") as new:
        for start in range(0, half, _PIECE):
            new.write(old.read(min(_PIECE, half - start)))
        new.write(random.Random(3).randbytes(2**20))
        while piece := old.read(_PIECE):
            new.write(piece)
    return folder


def edited_small(source: Path, folder: Path, share: float) -> Path:
    """The small files, linked, a share of them with other content."""
    draw = random.Random(4)
    for path in sorted(source.rglob("*.bin")):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if draw.random() < share:
            target.write_bytes(draw.randbytes(4096))
        else:
            os.link(path, target)
    return folder
