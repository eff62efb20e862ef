"""Check what must hold of a store whatever happened to it, by downloads, plain SQL and the bytes of its packs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from artstore.errors import NotFound
from artstore.store import Store
from tests.support.files import Tree, tree_of

HEADER = 16
"""The length of the header of a pack."""


def downloaded_tree(store: Store, name: str, root: Path) -> Tree:
    """Download a version into a new folder and read that."""
    assert not root.exists()
    store.get(name, root)
    return tree_of(root)


def check_store(
    folder: Path,
    scratch: Path,
    *,
    living: Mapping[str, Tree],
    possible: Mapping[str, Tree] | None = None,
    deleted: Iterable[str] = (),
    commit_again: Path | None = None,
) -> None:
    """Check everything that must hold after processes were killed.

    The versions are those in `living`, and any of those in `possible`; each is downloaded and compared. Version
    numbers have no gaps. One collection removes everything that was left behind: after it nothing is damaged, unknown
    or dead. Finally the folder `commit_again` is committed and read.
    """
    expected = {**living, **(possible or {})}
    with Store.open(folder) as store:
        names = living_versions(store)
        assert living.keys() <= names <= expected.keys(), f"{sorted(names)} live, expected {sorted(living)}"
        for number, name in enumerate(sorted(names)):
            tree = downloaded_tree(store, name, scratch / f"first-{number}")
            assert tree == expected[name], f"{name} has other content than was committed"
        for name in deleted:
            with pytest.raises(NotFound):
                store.get(name, scratch / "deleted")
        check_numbers(store)
        store.gc()
        check_clean(store)
        for number, name in enumerate(sorted(names)):
            tree = downloaded_tree(store, name, scratch / f"second-{number}")
            assert tree == expected[name], f"{name} has other content after a collection"
        if commit_again is not None:
            draft = store.draft("once-more", "dataset")
            store.add_dir(draft, commit_again)
            store.commit(draft)
            tree = downloaded_tree(store, "once-more:v0", scratch / "again")
            assert tree == tree_of(commit_again), "what was committed again has other content"
    check_no_locks(folder)


def living_versions(store: Store) -> set[str]:
    """Return the names of all versions that are not deleted."""
    return {version.name for collection in store.collections() for version in store.versions(collection.name)}


def check_numbers(store: Store) -> None:
    """Check that the version numbers of each collection begin at 0 and have no gaps."""
    for collection in store.collections():
        numbers = [version.number for version in store.versions(collection.name, deleted=True)]
        assert numbers == list(range(len(numbers)))[::-1], f"the numbers of {collection.name} are {numbers}"


def check_clean(store: Store) -> None:
    """Check that nothing is damaged or left to collect, and that the packs hold what the catalog says, and zeros."""
    findings = store.verify().findings
    assert findings == [], f"verify finds {findings}"
    collected = store.gc()
    assert collected == ([], 0, 0, 0, 0, 0), f"a second collection finds {collected}"
    for table in ("leases", "claims", "free"):
        rows = store.sql(f"select * from {table}")
        assert rows == [], f"{table} still has {rows}"
    known = {row["name"]: row for row in store.sql('select id, name, "end", live from packs')}
    on_disk = {path.stem for path in (store.path / "packs").iterdir()}
    assert on_disk == known.keys(), f"of the packs {sorted(on_disk)} the catalog knows {sorted(map(str, known))}"
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
    """Check that no lock file is left in a store that no process has open."""
    names = {path.name for path in (folder / "locks").iterdir()} - {"turn.lock", "clock"}
    assert names == set(), f"the locks {names} are left"


def check_folders_of_runs(folder: Path) -> None:
    """Check that no run of a store has a folder, as none has while no process has it open."""
    left = [path.name for path in (folder / "work").glob("*")]
    assert left == [], f"the folders {left} of runs are left"


def allocated_bytes(store: Store) -> int:
    """Return the space that the packs take on the disk, according to the file system."""
    return sum(path.stat().st_blocks * 512 for path in (store.path / "packs").iterdir())


def check_usage(store: Store) -> None:
    """Check that the store reports the space that its versions and packs take."""
    usage = store.usage()
    versions = [
        version
        for collection in store.collections()
        for version in store.versions(collection.name, project=collection.project)
    ]
    assert usage.allocated_bytes == allocated_bytes(store)
    assert usage.versions == len(versions)
    assert usage.version_bytes == sum(version.size for version in versions)
    assert sum(store.owned_bytes(version) for version in versions) == usage.content_bytes
    for version in versions:
        reclaimable = store.reclaimable_bytes(version)
        assert reclaimable <= usage.content_bytes
        assert store.delete(version, dry_run=True, delete_aliases=True).content == reclaimable
    content = {entry.digest: entry.size for version in versions for entry in store.entries(version) if entry.digest}
    assert usage.content_bytes <= sum(size or 0 for size in content.values())
    assert store.verify().ok
