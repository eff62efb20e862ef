"""Write the store that is kept on the shelf for the current schema: `python tests/support/shelf.py NAME`.

Each store is written once, by the release that its name tells, and never again: it shows that stores of that time open,
verify and migrate. `tests/store/test_shelf.py` knows what is in it.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

import artstore
from artstore import Store

SHELF = Path(__file__).resolve().parents[1] / "shelf"
LARGE = b"a line of a large file" * 4_000


def noise(size: int, seed: str) -> bytes:
    """Return bytes that are the same for the same size and seed."""
    return random.Random(f"{size} {seed}").randbytes(size)


def write(folder: Path) -> None:
    """Write a store with something in each table that a release may migrate."""
    store = str(folder)
    for i in range(3):
        config = {"lr": 0.1 * i}
        with artstore.init("p", id=f"run{i}", store=store, config=config, tags=["kept"], notes="on the shelf") as run:
            artifact = artstore.Artifact("animals", type="dataset", description=f"number {i}", metadata={"i": i})
            with artifact.new_file("small.bin", mode="wb") as file:
                file.write(noise(3_000, f"small {i}"))
            with artifact.new_file("large.bin", mode="wb") as file:
                file.write(LARGE + noise(1_000, f"end {i}"))
            artifact.add_reference("tracked://bucket/key", name="reference")
            run.log({"loss": 1.0 / (i + 1), "page": artstore.Html(f"<b>{i}</b>")})
            Path(run.dir, "notes.txt").write_bytes(noise(700, f"notes {i}"))
            run.log_artifact(artifact, aliases=[f"alias{i}"], tags=["tagged"]).wait()
            run.link_artifact(artifact, "portfolio", aliases=["linked"])
    with artstore.init(project="p", id="user", store=store) as run:
        run.use_artifact("animals:v1")
    with Store.open(folder) as opened:
        draft = opened.draft("waiting", "dataset", project="p")
        opened.add_bytes(draft, b"pending", "file")
        opened.upsert(draft, "night")
        draft = opened.draft("doomed", "dataset", project="p")
        opened.add_bytes(draft, noise(500, "doomed"), "file")
        opened.commit(draft)
        opened.delete(opened.version("p/doomed:v0"), delete_aliases=True)


def unpack(packed: Path, folder: Path) -> Path:
    """Unpack a store of the shelf into a new folder; return that."""
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder


def main(name: str) -> None:
    """Write the store, packed, next to this file."""
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        os.environ["ARTSTORE_SILENT"] = "true"
        write(Path(work, "store"))
        with closing(sqlite3.connect(Path(work, "store", "artstore.db"))) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
        with tarfile.open(SHELF / f"{name}.tar.xz", "x:xz") as packed:
            for part in ("artstore.db", "packs"):
                packed.add(Path(work, "store", part), part)


if __name__ == "__main__":
    main(sys.argv[1])
