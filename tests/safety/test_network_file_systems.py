"""A store is refused on network file systems, where SQLite can lose data; source and target folders may be there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from artstore import Store
from artstore.errors import NetworkFileSystem, StoreError
from artstore.runtime import platform
from tests.support.files import commit_folder, noise, snapshot


@pytest.fixture
def behind(tmp_path: Path) -> Path:
    """The local folder behind the mounted one."""
    (tmp_path / "behind").mkdir()
    return tmp_path / "behind"


@pytest.fixture
def mounted(tmp_path: Path, behind: Path) -> Iterator[Path]:
    """A folder on a user-space file system (bindfs), like sshfs, s3fs and many cluster file systems."""
    place = tmp_path / "a mounted folder"
    place.mkdir()
    subprocess.run(["bindfs", "--no-allow-other", behind, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["fusermount", "-u", place], check=True)


def test_the_kind_of_file_system_is_detected_for_any_path(mounted: Path, tmp_path: Path) -> None:
    assert platform.network_file_system(tmp_path) is None
    assert platform.network_file_system(mounted.parent / "a mounted folder or not") is None
    kind = platform.network_file_system(mounted)
    assert kind is not None and kind.startswith("fuse")
    assert platform.network_file_system(mounted / "deep" / "er") == kind


def path_directly(mounted: Path) -> Path:
    return mounted


def path_below(mounted: Path) -> Path:
    return mounted / "deep" / "er"


def path_through_a_link(mounted: Path) -> Path:
    link = mounted.parent / "link"
    link.symlink_to(mounted)
    return link / "store"


def path_through_dots(mounted: Path) -> Path:
    return mounted.parent / "behind" / ".." / mounted.name / "store"


@pytest.mark.parametrize(
    "way", [path_directly, path_below, path_through_a_link, path_through_dots], ids=lambda way: str(way.__name__)
)
def test_a_new_store_is_refused(mounted: Path, behind: Path, way: Callable[[Path], Path]) -> None:
    place = way(mounted)
    with pytest.raises(NetworkFileSystem) as caught:
        Store.init(place)
    message = str(caught.value)
    assert isinstance(caught.value, StoreError)
    assert str(place) in message and "(fuse" in message and "put the store on a local disk" in message
    assert [path for path in behind.rglob("*") if path.is_file()] == []


def test_a_refused_store_leaves_no_files(mounted: Path, behind: Path) -> None:
    with pytest.raises(NetworkFileSystem):
        Store.init(mounted / "store")
    assert list(behind.iterdir()) == []


@pytest.mark.parametrize("verb", [Store.open, Store.init], ids=["open", "init"])
def test_an_existing_store_is_not_opened(mounted: Path, behind: Path, verb: Callable[[Path], Store]) -> None:
    with Store.init(behind / "store"):
        pass
    before = snapshot(behind)
    with pytest.raises(
        NetworkFileSystem, match=r"network or user-space file system \(fuse.*put the store on a local disk"
    ):
        verb(mounted / "store")
    assert snapshot(behind) == before
    with Store.open(behind / "store") as store:
        assert store.collections() == []


def test_folders_are_added_and_written(mounted: Path, behind: Path, tmp_path: Path) -> None:
    source = mounted / "source"
    (source / "empty").mkdir(parents=True)
    (source / "cat").write_bytes(b"meow")
    (source / "large").write_bytes(noise(300_000))
    (source / "run").write_bytes(b"#!")
    (source / "run").chmod(0o755)
    (source / "link").symlink_to("cat")
    with Store.init(tmp_path / "store") as store:
        version = commit_folder(store, source)
        assert commit_folder(store, source) == version
        out = mounted / "out"
        assert store.get(version, out) == (4, 0, 0)
        assert snapshot(behind / "out") == snapshot(behind / "source")
        assert os.access(out / "run", os.X_OK)
        assert store.get(version, out) == (0, 4, 0)
        (out / "cat").write_bytes(b"MEOW")
        (out / "large").unlink()
        assert store.get(version, out) == (2, 2, 0)
        assert snapshot(behind / "out") == snapshot(behind / "source")
        (source / "cat").write_bytes(b"MEOW")
        assert [old.path for old, _ in store.diff(version, commit_folder(store, source)).changed] == ["cat"]


def test_a_backup_can_be_stored_and_restored(mounted: Path, tmp_path: Path) -> None:
    """The error advises to copy it with `artstore backup`."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "cat").write_bytes(b"meow")
    with Store.init(tmp_path / "store") as store:
        commit_folder(store, source)
        store.backup(mounted / "backup")
        (source / "cat").write_bytes(b"MEOW")
        commit_folder(store, source)
        store.backup(mounted / "backup")
    shutil.copytree(mounted / "backup", tmp_path / "restored")
    with Store.open(tmp_path / "restored") as restored:
        assert restored.verify().ok
        restored.get("animals:v1", tmp_path / "out")
        assert (tmp_path / "out" / "cat").read_bytes() == b"MEOW"
