"""Stores as benchmarks need them: a folder logged, and catalogs that would take hours to fill by logging."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

from artstore import Store, Version
from artstore.core.draft import Draft
from benchmarks import shapes


def log(store: Store, name: str, folder: Path) -> Version:
    """Put a folder as the next version of a collection."""
    draft = store.draft(name, "dataset")
    store.add_dir(draft, folder)
    return store.commit(draft)


def catalog_bytes(store: Store) -> int:
    """What the database's pages take, those that its log still holds included; the log itself comes and goes."""
    with store.db.reading() as connection:
        pages, free, size = (
            int(connection.execute(f"pragma {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


class Contents(NamedTuple):
    """Some small files that a store has, for versions whose entries are made up from them."""

    folder: Path
    known: list[tuple[str | None, int | None]]


def contents(store: Store, folder: Path, count: int = 600, *, made_up: int = 0) -> Contents:
    """Make some small files and log them; and tell the catalog of so many more that are nowhere."""
    folder.mkdir(parents=True)
    for i in range(count):
        (folder / str(i)).write_text(f"content {i}")
    version = log(store, "contents", folder)
    digests = [store.db.algorithm.raw(b"made up %d" % i) for i in range(made_up)]
    with store.db.writing() as connection:
        connection.executemany("insert into files (digest, size) values (?, 4096)", ((each,) for each in digests))
    known = [(entry.digest, entry.size) for entry in store.entries(version)]
    return Contents(folder, [*known, *((store.db.algorithm.text(each), 4096) for each in digests)])


def with_entries(store: Store, name: str, count: int, of: Contents) -> Draft:
    """A draft with so many made-up entries."""
    draft = store.draft(name, "dataset")
    draft.fill_new_folder(shapes.many_entries(count, of.known))
    # The draft now holds the content that its other entries name.
    store.add_dir(draft, of.folder, "contents")
    return draft


def with_changes(store: Store, name: str, count: int, of: Contents, draw: random.Random, changes: int = 10) -> Draft:
    """A draft on top of the newest version of a collection, with a few of its made-up entries changed."""
    draft = store.draft(name, base=f"{name}:latest")
    for i in draw.sample(range(count), changes):
        draft.add(shapes.entry(i, *draw.choice(of.known)), overwrite=True)
    return draft


def many_versions(store: Store, name: str, count: int) -> None:
    """Give a collection so many versions more, all equal to its first."""
    first = store.version(f"{name}:v0")
    with store.db.writing() as connection:
        connection.execute(
            """
            with recursive numbers (n) as (values (1) union all select n + 1 from numbers where n < ?)
            insert into versions (collection, number, digest, manifest, entries, size, created_at)
            select collection, n, digest, manifest, entries, size, created_at from versions, numbers where id = ?
            """,
            (count, first.id),
        )


def many_runs(store: Store, count: int) -> None:
    """Runs in a row, each of which used the newest version of `data` and one far back, and produced the next.

    Every tenth used v0 too, so that v0 has many neighbours.
    """
    draft = store.draft("data", "dataset")
    store.add_bytes(draft, b"data", "data")
    store.commit(draft)
    many_versions(store, "data", count)
    with store.db.writing() as connection:
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
            join versions as before on before.collection = made.collection
                and before.number in (made.number - 1, made.number - 7, iif(made.number % 10 = 0, 0, -1))
            """
        )
