"""What deeds are made of: how one is described, and the stores and files that they begin with."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from artstore import cli
from artstore.cli import alias, backup, gc, get, init, pending, put, ref, repair, restore, rm, tag, verify  # noqa: F401

Done = Callable[[], None]


class Deed(NamedTuple):
    """A deed, and what it leaves behind beside the store."""

    prepare: Callable[[Path], None]
    do: Callable[[Path, Done], None]
    stores: tuple[str, ...] = ("store",)
    """The folders that are stores before or after it."""
    built: tuple[str, ...] = ()
    """The folders that appear whole or not at all."""
    filled: tuple[str, ...] = ()
    """The folders whose files change one by one, each as a whole."""
    first: tuple[str, ...] = ()
    """The beginnings of the names of what a step changes first, one after another, before everything else."""
    mend: Callable[[Path], None] | None = None
    """What makes the store right if the deed was killed: it is damaged or gone until the deed has ended."""


def noise(size: int, seed: object) -> bytes:
    """Return bytes that are the same for the same size and seed."""
    return random.Random(f"{size} {seed}").randbytes(size)


def write(folder: Path, **files: bytes) -> Path:
    """Write files into a folder; `__` in a name is a slash."""
    for name, data in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def command(*words: object, code: int = 0) -> None:
    """Run the command line in this process; it must end with this exit code."""
    sys.argv = ["artstore", *map(str, words)]
    try:
        cli.main()
    except SystemExit as ended:
        if (ended.code or 0) != code:
            raise RuntimeError(f"artstore {' '.join(map(str, words))} ended with {ended.code}") from None


def sources(base: Path) -> None:
    """Write the folders whose files stocked stores have."""
    write(base / "old", a=noise(5000, 1), b__c=noise(300_000, 2), d=b"", e=noise(200_000, 3))
    write(base / "new", a=noise(5000, 4), b__c=noise(300_000, 2), f=noise(150_000, 5))
    write(base / "small", **{f"{i}": noise(3000, f"small {i}") for i in range(40)})


def stocked(base: Path) -> None:
    """Make a store with some versions that share content, and the folders that they came from."""
    sources(base)
    (base / "old" / "link").symlink_to("a")
    command("put", "old", "--name", "animals", "--type", "dataset", "--alias", "best", "--store", "store")
    command("put", "new", "--name", "animals", "--store", "store")
    command("put", "small", "--name", "small", "--type", "dataset", "--store", "store")
    command("put", "new/f", "--name", "kept", "--type", "model", "--tag", "tagged", "--store", "store")
