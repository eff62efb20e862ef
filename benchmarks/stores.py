"""Fill stores for benchmarks: log a folder, or fill catalogs that would take hours to fill by logging."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

from artstore import Store, Version
from artstore.core.draft import Draft
from benchmarks import datasets


def log(store: Store, name: str, folder: Path) -> Version:
    """Log a folder as the next version of a collection."""
    draft = store.draft(name, "dataset")
    store.add_dir(draft, folder)
    return store.commit(draft)


def catalog_bytes(store: Store) -> int:
    """Return the bytes of the database's pages in use, including pages still in its log; the log varies in size."""
    with store.db.reading() as connection:
        pages, free, size = (
            int(connection.execute(f"pragma {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


class Contents(NamedTuple):
    """Small files that a store has, for versions with invented entries."""

    folder: Path
    known: list[tuple[str | None, int | None]]


def contents(store: Store, folder: Path, count: int = 600, *, invented: int = 0) -> Contents:
    """Create and log small files, and add `invented` more to the catalog that are not stored."""
    folder.mkdir(parents=True)
    for i in range(count):
        (folder / str(i)).write_text(f"content {i}")
    version = log(store, "contents", folder)
    digests = [store.db.algorithm.raw(b"made up %d" % i) for i in range(invented)]
    with store.db.writing() as connection:
        connection.executemany("insert into files (digest, size) values (?, 4096)", ((digest,) for digest in digests))
    known = [(entry.digest, entry.size) for entry in store.entries(version)]
    return Contents(folder, [*known, *((store.db.algorithm.text(digest), 4096) for digest in digests)])


def with_entries(store: Store, name: str, count: int, contents: Contents) -> Draft:
    """Return a draft with `count` invented entries."""
    draft = store.draft(name, "dataset")
    draft.fill_new_folder(datasets.many_entries(count, contents.known))
    # Adding these files claims the content that the other entries name.
    store.add_dir(draft, contents.folder, "contents")
    return draft


def with_changes(
    store: Store, name: str, count: int, contents: Contents, draw: random.Random, changes: int = 10
) -> Draft:
    """Return a draft based on the newest version of a collection, with a few of its invented entries changed."""
    draft = store.draft(name, base=f"{name}:latest")
    for i in draw.sample(range(count), changes):
        draft.add(datasets.entry(i, *draw.choice(contents.known)), overwrite=True)
    return draft


def many_versions(store: Store, name: str, count: int) -> None:
    """Add `count` versions to a collection, all equal to its first."""
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
    """Add a chain of runs, each of which used the newest version of `data` and an older one, and produced the next.

    Every tenth run used v0, too, so that v0 has many neighbours.
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
