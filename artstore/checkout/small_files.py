"""Write small files: those of one chunk, in batches, in worker processes where there are many.

Workers import this module, so it takes and returns plain data and imports as little as possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from artstore.checkout.target_folder import TargetFolder, write_all
from artstore.core import digests
from artstore.runtime.source_file import Stat
from artstore.storage.packs import Packs, Place


class SmallFileToWrite(NamedTuple):
    """A file of one chunk to write, or an empty one, which has no place in a pack."""

    folder: str
    name: str
    executable: bool
    digest: bytes
    place: Place | None


def write_small_files(files: Sequence[SmallFileToWrite], root: Path, store: Path, algorithm: str) -> list[Stat | None]:
    """Write files below a root; return the stat of each, or None where its place holds other bytes."""
    raw = digests.algorithm(algorithm).raw
    packs, target = Packs(store), TargetFolder(root, store)
    try:
        return [_write(file, packs, target, raw) for file in files]
    finally:
        packs.close()
        target.close()


def _write(file: SmallFileToWrite, packs: Packs, target: TargetFolder, raw: digests.Raw) -> Stat | None:
    data = b"" if file.place is None else packs.read(file.place)
    if raw(data) != file.digest:
        return None
    with target.new_file(file.folder, file.name, executable=file.executable) as new:
        write_all(new.descriptor, data)
    return new.stat
