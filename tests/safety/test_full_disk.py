"""On a full disk each verb fails with advice, no stored content is lost, and everything works once there is space.

The disks are real file systems of a few megabytes in memory; mounting them needs root.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

import artstore
from artstore import Store
from artstore.errors import DiskFull, StoreError
from tests.support.files import commit_folder, noise, snapshot, write_files
from tests.support.store_checks import check_clean

MB = 2**20
Disk: TypeAlias = Callable[..., Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Create disks with a number of bytes (and of inodes)."""
    mounted: list[Path] = []

    def make(size: int, names: int = 0) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        options = f"size={size},nr_inodes={names},mode=0755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "artstore-test", place], check=True)
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", "--lazy", place], check=True)


def free_bytes(disk: Path) -> int:
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


@contextmanager
def fill_disk(disk: Path, leaving: int = 0) -> Iterator[None]:
    """Fill the disk except for some bytes until the block ends."""
    filler = disk / f"filler{sum(path.name.startswith('filler') for path in disk.iterdir())}"
    size = free_bytes(disk) - leaving
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size // 4096 * 4096)
    try:
        yield
    finally:
        filler.unlink()


def write_one_large(source: Path) -> None:
    (source / "large").write_bytes(noise(6 * MB, 1))


def write_several_large(source: Path) -> None:
    for i in range(12):
        (source / f"{i}").write_bytes(noise(MB // 2, i))


def write_some_small(source: Path) -> None:
    for i in range(120):
        (source / f"{i}").write_bytes(noise(50_000, i))


def write_many_small(source: Path) -> None:
    """Enough files for worker processes to read and write them."""
    for i in range(3200):
        (source / f"{i}").write_bytes(noise(1900, i))


@pytest.fixture(
    params=[write_one_large, write_several_large, write_some_small, write_many_small],
    ids=lambda make: str(make.__name__),
)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with six megabytes, in files of different sizes."""
    (tmp_path / "source").mkdir()
    request.param(tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture
def small_folder(tmp_path: Path) -> Path:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "cat").write_bytes(noise(300_000))
    (tmp_path / "small" / "dog").write_bytes(b"woof")
    return tmp_path / "small"


def raises_disk_full() -> AbstractContextManager[pytest.ExceptionInfo[DiskFull]]:
    return pytest.raises(DiskFull, match=r"no space left while writing .*: free some, then run the same again")


def reads_back(store: Store, version: str, source: Path, out: Path) -> bool:
    store.get(version, out)
    return snapshot(out) == snapshot(source)


def test_content_too_large_for_the_disk_is_refused_and_harms_nothing(
    disk: Disk, source: Path, small_folder: Path, tmp_path: Path
) -> None:
    place = disk(4 * MB)
    with Store.init(place / "store") as store:
        commit_folder(store, small_folder)
        before, room = store.usage(), free_bytes(place)
        draft = store.draft("animals")
        with raises_disk_full() as caught:
            store.add_dir(draft, source)
        assert isinstance(caught.value, StoreError) and isinstance(caught.value, OSError)
        assert str(store.path) in str(caught.value)
        assert list(draft.under("")) == []
        assert reads_back(store, "animals:v0", small_folder, tmp_path / "out")
        store.drop(draft)
        assert free_bytes(place) > room - 200_000, "a dropped draft leaves its bytes on the disk"
        assert store.usage().allocated_bytes <= before.allocated_bytes + 8192
        assert [version.number for version in store.versions("animals")] == [0]
        assert store.verify().ok
        (small_folder / "rat").write_bytes(b"squeak")
        assert commit_folder(store, small_folder).number == 1


@pytest.mark.parametrize("again", ["in a new draft", "in the same draft"])
def test_the_same_works_once_there_is_space(
    disk: Disk, source: Path, small_folder: Path, tmp_path: Path, again: str
) -> None:
    place = disk(24 * MB)
    with Store.init(place / "store") as store:
        commit_folder(store, small_folder)
        draft = store.draft("animals")
        with fill_disk(place, leaving=3 * MB), raises_disk_full():
            store.add_dir(draft, source)
        if again == "in a new draft":
            store.drop(draft)
            draft = store.draft("animals")
        store.add_dir(draft, source)
        assert store.commit(draft).number == 1
        assert reads_back(store, "animals:v0", small_folder, tmp_path / "out0")
        assert reads_back(store, "animals:v1", source, tmp_path / "out1")
        assert store.verify().ok
        store.gc()
        assert store.usage().allocated_bytes < store.usage().content_bytes + 200_000


def test_content_added_before_the_disk_was_full_is_kept_or_reported_as_lost(
    disk: Disk, source: Path, small_folder: Path, tmp_path: Path
) -> None:
    place = disk(24 * MB)
    with Store.init(place / "store") as store:
        draft = store.draft("animals", "dataset")
        store.add_dir(draft, small_folder)
        with fill_disk(place, leaving=3 * MB), raises_disk_full():
            store.add_dir(draft, source, "more")
        try:
            version = store.commit(draft)
        except StoreError as error:
            assert "make a new draft and add again" in str(error)
            version = commit_folder(store, small_folder)
        assert reads_back(store, version.name, small_folder, tmp_path / "out")
        assert store.verify().ok


def test_a_commit_on_a_full_disk_changes_nothing(disk: Disk, small_folder: Path, tmp_path: Path) -> None:
    """Here it is SQLite that runs out of space."""
    place = disk(16 * MB)
    with Store.init(place / "store") as store:
        commit_folder(store, small_folder)
        before = store.events()
        draft = store.draft("animals", metadata={"notes": "x" * 3 * MB})
        store.add_dir(draft, small_folder)
        with fill_disk(place, leaving=MB):
            with raises_disk_full() as caught:
                store.commit(draft)
            assert "artstore.db" in str(caught.value)
            assert store.events() == before
            assert reads_back(store, "animals:v0", small_folder, tmp_path / "out")
        assert store.verify().ok
        assert store.commit(draft).number == 1
        assert store.version("animals:v1").metadata == draft.metadata
        assert store.verify().ok


def test_reading_needs_no_space_on_the_disk_of_the_store(disk: Disk, small_folder: Path, tmp_path: Path) -> None:
    place = disk(8 * MB)
    with Store.init(place / "store") as store:
        commit_folder(store, small_folder)
    with Store.open(place / "store") as store, fill_disk(place):
        assert free_bytes(place) == 0
        assert reads_back(store, "animals:v0", small_folder, tmp_path / "out")
        assert store.diff("animals:v0", "animals:v0").changed == []
        assert store.usage().versions == 1


KILLED = """
import os, sys
from artstore import Store
store = Store.open(sys.argv[1])
store.describe("animals:v0", description="before the disk was full")
os._exit(0)
"""


@pytest.mark.parametrize("before", ["closed", "killed"])
def test_a_full_disk_is_read_and_deleting_makes_room(
    disk: Disk, small_folder: Path, tmp_path: Path, before: str
) -> None:
    """The journal of a process that was killed is there and the memory that its readers share is not."""
    place = disk(8 * MB)
    with Store.init(place / "store") as store:
        commit_folder(store, small_folder)
        (small_folder / "large").write_bytes(noise(2 * MB))
        commit_folder(store, small_folder)
        (small_folder / "large").unlink()
    if before == "killed":
        subprocess.run([sys.executable, "-c", KILLED, place / "store"], check=True)
        (place / "store" / "artstore.db-shm").unlink()
    with fill_disk(place):
        assert free_bytes(place) == 0
        with Store.open(place / "store") as store:
            assert store.collections()[0].name == "animals"
            assert store.verify().ok
            assert store.usage().versions == 2
            assert reads_back(store, "animals:v0", small_folder, tmp_path / "out")
            assert store.gc().disk == 0
        with Store.open(place / "store") as store:
            assert store.delete("animals:v1", delete_aliases=True).disk > 1.9 * MB
            assert free_bytes(place) > 1.8 * MB
            assert store.verify().ok
        with fill_disk(place):
            assert free_bytes(place) == 0
            with Store.open(place / "store") as store:
                store.delete("animals:v0", delete_aliases=True)
                assert store.verify().ok
    with Store.open(place / "store") as store:
        store.gc()
        assert commit_folder(store, small_folder).number == 2
        assert reads_back(store, "animals:v2", small_folder, tmp_path / "again")
        assert store.verify().ok


def test_gc_frees_what_has_expired_on_a_full_disk(disk: Disk, small_folder: Path) -> None:
    place = disk(8 * MB)
    with Store.init(place / "store") as store:
        (small_folder / "large").write_bytes(noise(2 * MB))
        expired = commit_folder(store, small_folder)
        (small_folder / "large").unlink()
        commit_folder(store, small_folder)
        store.describe(expired, ttl=timedelta(seconds=1))
    time.sleep(1.1)
    with fill_disk(place):
        assert free_bytes(place) == 0
        with Store.open(place / "store") as store:
            collected = store.gc()
            assert [version.number for version in collected.expired] == [0]
            assert collected.disk > 1.9 * MB and free_bytes(place) > 1.8 * MB
            assert store.verify().ok
            assert [entry.path for entry in store.entries("animals:v1")] == ["cat", "dog"]


def test_versions_of_many_files_are_deleted_from_a_full_disk(disk: Disk, tmp_path: Path) -> None:
    """Deleting them changes most pages of the catalog."""
    place = disk(24 * MB)
    (tmp_path / "source").mkdir()
    with Store.init(place / "store") as store:
        for i in range(2):
            write_many_small(tmp_path / "source")
            (tmp_path / "source" / "0").write_bytes(noise(9_000, i))
            commit_folder(store, tmp_path / "source", f"animals{i}")
    with fill_disk(place), Store.open(place / "store") as store:
        store.delete("animals0:v0", delete_aliases=True)
        assert store.delete("animals1:v0", delete_aliases=True).content > 6_000_000
        assert free_bytes(place) > 4_000_000
        assert store.verify().ok


def test_the_space_for_deleting_is_kept_again_once_there_is_some(disk: Disk, small_folder: Path) -> None:
    place = disk(8 * MB)
    reserve = place / "store" / "artstore.db-reserve"
    with Store.init(place / "store") as store:
        commit_folder(store, small_folder)
        kept = reserve.stat().st_blocks
        assert kept > 0
        with fill_disk(place):
            store.delete("animals:v0", delete_aliases=True)
            assert not reserve.exists()
        store.gc()
        assert reserve.stat().st_blocks == kept
        with fill_disk(place):
            store.gc()
        assert not reserve.exists()
        commit_folder(store, small_folder)
        assert reserve.exists()


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_what_has_the_name_of_the_kept_space_stops_nothing(disk: Disk, small_folder: Path, kind: str) -> None:
    place = disk(8 * MB)
    with Store.init(place / "store") as store:
        reserve = place / "store" / "artstore.db-reserve"
        reserve.unlink()
        if kind == "link":
            (place / "victim").write_bytes(b"of another program")
            reserve.symlink_to(place / "victim")
        else:
            reserve.mkdir()
        commit_folder(store, small_folder)
        with fill_disk(place):
            assert store.versions("animals")
        store.delete("animals:v0", delete_aliases=True)
        store.gc()
    assert kind == "folder" or (place / "victim").read_bytes() == b"of another program"


def test_a_store_without_the_space_for_deleting_says_what_to_do(disk: Disk, small_folder: Path) -> None:
    """As an earlier artstore wrote it."""
    place = disk(8 * MB)
    with Store.init(place / "store") as store:
        commit_folder(store, small_folder)
    (place / "store" / "artstore.db-reserve").unlink()
    with fill_disk(place), Store.open(place / "store") as store:
        with raises_disk_full():
            store.delete("animals:v0", delete_aliases=True)
        assert store.verify().ok


def test_deleting_without_space_to_repack_frees_what_it_can(disk: Disk, tmp_path: Path) -> None:
    """Small holes are only freed by copying the living chunks around them."""
    place = disk(12 * MB)
    source = tmp_path / "source"
    source.mkdir()
    for i in range(4000):
        (source / f"{i:04}").write_bytes(noise(1500, i))
    with Store.init(place / "store") as store:
        commit_folder(store, source)
        draft = store.draft("animals", base="animals:v0")
        for i in range(0, 4000, 2):
            draft.remove(f"{i:04}")
            (source / f"{i:04}").unlink()
        store.commit(draft)
        with fill_disk(place, leaving=2 * MB):
            assert store.delete("animals:v0").content == 2000 * 1500
            assert reads_back(store, "animals:v1", source, tmp_path / "out")
            assert store.verify().ok
        assert [version.number for version in store.versions("animals")] == [1]
        store.gc()
        assert store.usage().allocated_bytes <= 2000 * 1500 * 1.05 + 65536
        assert reads_back(store, "animals:v1", source, tmp_path / "again")
        assert store.verify().ok


def test_a_download_that_filled_the_disk_continues_when_there_is_space(
    disk: Disk, source: Path, tmp_path: Path
) -> None:
    place = disk(24 * MB)
    with Store.init(tmp_path / "store") as store:
        version = commit_folder(store, source)
        with fill_disk(place, leaving=3 * MB):
            for root in (place / "new", place / "out"):
                (place / "out").mkdir(exist_ok=True)
                with pytest.raises(DiskFull, match=r"no space left while writing a download.*free some") as caught:
                    store.get(version, root)
                assert isinstance(caught.value, OSError)
            assert not [name for name in os.listdir(place) if "new" in name]
            whole = snapshot(source)
            for name, data in snapshot(place / "out").items():
                assert whole[name] == data, f"{name} is visible before it is complete"
        done = store.get(version, place / "out")
        assert done.written + done.kept == version.entries
        assert snapshot(place / "out") == snapshot(source)
        assert store.verify().ok


@pytest.mark.parametrize("verb", ["put", "get"])
def test_a_disk_without_inodes_is_full(disk: Disk, source: Path, small_folder: Path, tmp_path: Path, verb: str) -> None:
    """`df` shows free space, `df -i` no free inodes."""
    place = disk(24 * MB, names=40)
    taken = place / "taken"
    if verb == "put":
        with Store.init(place / "store") as store:
            commit_folder(store, small_folder)
            store.delete("animals:v0", delete_aliases=True)
            use_all_inodes(taken)
            with raises_disk_full():
                commit_folder(store, source)
            for path in taken.iterdir():
                path.unlink()
            commit_folder(store, source)
            assert store.verify().ok
    else:
        with Store.init(tmp_path / "store") as store:
            version = commit_folder(store, source)
            (place / "out").mkdir()
            use_all_inodes(taken)
            with raises_disk_full():
                store.get(version, place / "out")
            for path in taken.iterdir():
                path.unlink()
            if version.entries < 30:
                store.get(version, place / "out")
                assert snapshot(place / "out") == snapshot(source)


def use_all_inodes(folder: Path) -> None:
    """Create files until the disk has no inodes left."""
    folder.mkdir()
    for i in range(os.statvfs(folder).f_ffree):
        (folder / str(i)).touch()


@pytest.mark.parametrize("kib", [64, 300, 420, 580, 700])
def test_a_store_is_not_half_created_on_a_full_disk(disk: Disk, kib: int) -> None:
    place = disk(8 * MB)
    with fill_disk(place, leaving=kib * 1024), pytest.raises(StoreError, match="space"):
        Store.init(place / "store")
    with Store.init(place / "store") as store:
        assert store.collections() == []
        assert store.verify().findings == []


def test_a_backup_without_space_keeps_the_earlier_one(
    disk: Disk, source: Path, small_folder: Path, tmp_path: Path
) -> None:
    place = disk(24 * MB)
    with Store.init(tmp_path / "store") as store:
        commit_folder(store, small_folder)
        store.backup(place / "backup")
        commit_folder(store, source, "others")
        with fill_disk(place, leaving=3 * MB):
            with raises_disk_full() as caught:
                store.backup(place / "backup")
            assert str(place) in str(caught.value)
        with Store.open(place / "backup") as backup:
            assert reads_back(backup, "animals:v0", small_folder, tmp_path / "out")
            assert backup.verify().ok
        store.backup(place / "backup")
        with Store.open(place / "backup") as backup:
            assert reads_back(backup, "others:v0", source, tmp_path / "others")
            assert backup.verify().ok


def test_a_full_disk_keeps_no_file_of_a_run_from_being_stored_later(disk: Disk, tmp_path: Path) -> None:
    place = disk(8 * MB)
    with Store.init(place / "store") as store, fill_disk(place, leaving=256 * 1024):
        run = artstore.init(project="p", id="run", store=store.path)
        Path(run.dir, "small").write_bytes(b"small")
        with fill_disk(place):
            with pytest.raises(DiskFull):
                run.save(write_files(tmp_path / "large", {"file": noise(2 * MB)}) / "file", policy="now")
            with pytest.raises(DiskFull):
                run.finish()
            store.backup(tmp_path / "backup")
            with suppress(StoreError):
                store.gc()
    with Store.open(place / "store") as store:
        store.gc()
        assert [file.path for file in store.runs.files.find(store.runs.find("p/run", "p"))] == ["small"]
        check_clean(store)
