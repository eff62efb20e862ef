"""The data that is measured on: named shapes, the same bytes every time."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import NamedTuple

from artstore import Store


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


def many_runs(store: Store, count: int) -> None:
    """Runs in a row, each of which used the newest version of `data` and one far back, and produced the next.

    Every tenth used v0 too, so that v0 has many neighbours.
    """
    draft = store.draft("data", "dataset")
    store.add_bytes(draft, b"data", "data")
    store.commit(draft)
    with store.db.writing() as connection:
        connection.execute(
            """
            with recursive numbers (n) as (values (1) union all select n + 1 from numbers where n < ?)
            insert into versions (collection, number, digest, manifest, entries, size, created_at)
            select collection, n, digest, manifest, entries, size, created_at from versions, numbers
            """,
            (count,),
        )
        connection.execute(
            """
            insert into runs (id, project, uid, name, job_type, state, started_at)
            select v.id, c.project, 'run' || v.number, 'run', 'grow', 'finished', v.created_at
            from versions as v join collections as c on c.id = v.collection where v.number > 0 order by v.number
            """
        )
        connection.execute("insert into products (run, version, at) select id, id, started_at from runs")
        connection.execute(
            """
            insert or ignore into uses (run, version, at)
            select runs.id, before.id, runs.started_at from runs join versions as made on made.id = runs.id
            join versions as before
                on before.number in (made.number - 1, made.number - 7, iif(made.number % 10 = 0, 0, -1))
            """
        )
