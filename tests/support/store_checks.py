"""What must hold of a store whatever happened to it, found out by downloads, plain SQL and the bytes of its packs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from artstore.errors import NotFound
from artstore.store import Store
from tests.support.files import Tree, tree_of

HEADER = 16


def tree_in(store: Store, name: str, root: Path) -> Tree:
    """Read a version by downloading it into a folder that is not there yet."""
    assert not root.exists()
    store.get(name, root)
    return tree_of(root)


def check(
    folder: Path,
    scratch: Path,
    *,
    living: Mapping[str, Tree],
    perhaps: Mapping[str, Tree] | None = None,
    gone: Iterable[str] = (),
    put: Path | None = None,
) -> None:
    """Check everything that must hold after processes were killed.

    `living` and only those versions live, but for those that live `perhaps`; each is read and compared. The numbers
    have no holes; what was left behind is found by one collection; after it nothing is damaged, unknown or dead. At
    last `put` is logged and read.
    """
    possible = {**living, **(perhaps or {})}
    with Store.open(folder) as store:
        found = living_versions(store)
        assert living.keys() <= found <= possible.keys(), f"{sorted(found)} live, and {sorted(living)} have to"
        for number, name in enumerate(sorted(found)):
            assert tree_in(store, name, scratch / f"first-{number}") == possible[name], f"{name} is not what it was"
        for name in gone:
            with pytest.raises(NotFound):
                store.get(name, scratch / "gone")
        check_numbers(store)
        store.gc()
        check_clean(store)
        for number, name in enumerate(sorted(found)):
            assert tree_in(store, name, scratch / f"second-{number}") == possible[name], f"{name} is not what it was"
        if put is not None:
            draft = store.draft("once-more", "dataset")
            store.add_dir(draft, put)
            store.commit(draft)
            assert tree_in(store, "once-more:v0", scratch / "put") == tree_of(put), "what was put again is wrong"
    check_no_locks(folder)


def living_versions(store: Store) -> set[str]:
    return {version.name for found in store.collections() for version in store.versions(found.name)}


def check_numbers(store: Store) -> None:
    """The numbers of each collection begin at 0 and have no holes."""
    for collection in store.collections():
        numbers = [version.number for version in store.versions(collection.name, deleted=True)]
        assert numbers == list(range(len(numbers)))[::-1], f"the numbers of {collection.name} are {numbers}"


def check_clean(store: Store) -> None:
    """Nothing is damaged, nothing is left to collect, and the packs hold what the catalog says, and zeros."""
    found = store.verify().findings
    assert found == [], f"verify finds {found}"
    again = store.gc()
    assert again == ([], 0, 0, 0, 0), f"a second collection finds {again}"
    for table in ("leases", "claims", "free"):
        left = store.sql(f"select * from {table}")
        assert left == [], f"{table} is left with {left}"
    known = {row["name"]: row for row in store.sql('select id, name, "end", live from packs')}
    there = {path.stem for path in (store.path / "packs").iterdir()}
    assert there == known.keys(), f"of the packs {sorted(there)} the catalog knows {sorted(map(str, known))}"
    for name, row in known.items():
        data = (store.path / "packs" / f"{name}.pack").read_bytes()
        assert len(data) == row["end"], f"{name} is {len(data)} long, and published up to {row['end']}"
        query = "select offset, offset + length as last from chunks where pack = ? order by offset"
        at = HEADER
        chunks = [(int(str(chunk["offset"])), int(str(chunk["last"]))) for chunk in store.sql(query, (row["id"],))]
        for first, last in [*chunks, (len(data), len(data))]:
            assert first >= at, f"chunks of {name} overlap at {first}"
            assert data[at:first].count(0) == first - at, f"{name} has bytes in the dead range from {at} to {first}"
            at = last


def check_no_locks(folder: Path) -> None:
    """No lock file is left once nobody has the store open."""
    left = {path.name for path in (folder / "locks").iterdir()} - {"turn.lock", "clock"}
    assert left == set(), f"the locks {left} are left"


def packed(store: Store) -> int:
    """What the packs take on the disk, asked of the file system."""
    return sum(path.stat().st_blocks * 512 for path in (store.path / "packs").iterdir())


def check_usage(store: Store) -> None:
    """What the store reports about its space is what is on the disk."""
    usage = store.usage()
    every = [version for each in store.collections() for version in store.versions(each.name, project=each.project)]
    assert usage.allocated_bytes == packed(store)
    assert usage.versions == len(every)
    assert usage.version_bytes == sum(version.size for version in every)
    assert sum(store.owned_bytes(version) for version in every) == usage.content_bytes
    assert all(store.reclaimable_bytes(version) <= usage.content_bytes for version in every)
    assert all(store.delete(v, dry_run=True, delete_aliases=True).content == store.reclaimable_bytes(v) for v in every)
    content = {e.digest: e.size for v in every for e in store.entries(v) if e.digest}
    assert usage.content_bytes <= sum(size or 0 for size in content.values())
    assert store.verify().ok
