"""A download never writes outside its root, whatever the manifest says and whatever is or happens in the root."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from artstore.core.manifest import Entry, Kind
from artstore.errors import ArtstoreError, UnsafeRoot
from artstore.store import Store
from tests.support import child_tasks
from tests.support.files import Tree, noise, tree_of, write_files
from tests.support.kill_points import TaskRunner

LARGE = noise(300_000, "large")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Files next to the root that a download could harm."""
    return write_files(tmp_path / "outside", {"x": b"precious", "large": b"precious too", "d/x": b"precious as well"})


def tree_around(tmp_path: Path) -> dict[str, tuple[int, bytes | str]]:
    """Return everything outside the root and the store: modes, contents and links."""
    tree: dict[str, tuple[int, bytes | str]] = {}
    for folder, folders, files in os.walk(tmp_path):
        if Path(folder) == tmp_path:
            folders[:] = [name for name in folders if name not in ("root", "store", "source")]
        for name in folders + files:
            path = Path(folder, name)
            status = path.lstat()
            held = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
            tree[str(path.relative_to(tmp_path))] = (stat.S_IFMT(status.st_mode), held)
    return tree


def forged_store(tmp_path: Path, *changes: Entry) -> Store:
    """Create a store with a version whose entries passed no name check and whose digests are right."""
    store = Store.init(tmp_path / "store")
    draft = store.draft("evil", "dataset")
    source = write_files(tmp_path / "source", {"x": b"evil", "large": LARGE})
    entries = {path: store.add_file(draft, source / path) for path in ("x", "large")}
    draft.changes.clear()
    for change in changes:
        like = entries["large" if change.path.endswith("large") else "x"]
        entry = like._replace(path=change.path) if change.kind == Kind.FILE else change
        draft.changes[change.path] = entry
    store.commit(draft)
    return store


EVIL = {
    "up": "../x",
    "up-large": "../large",
    "up-from-below": "d/../../x",
    "up-into-a-neighbour": "../outside/x",
    "the-parent": "..",
    "itself": ".",
    "a-folder-up": "../new/x",
    "absolute": "/outside/x",
    "windows": "a\\..\\..\\x",
    "windows-absolute": "\\x",
    "dot": "./x",
    "doubled": "d//x",
    "dots-between": "d/./x",
    "trailing": "d/",
    "nul": "a\0b",
    "empty": "",
}


@pytest.mark.parametrize("kind", [Kind.FILE, Kind.FOLDER, Kind.LINK], ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("path", EVIL.values(), ids=list(EVIL))
def test_a_manifest_with_paths_that_leave_the_root_is_refused(
    path: str, kind: Kind, outside: Path, tmp_path: Path
) -> None:
    path = f"{tmp_path}{path}" if path.startswith("/") else path
    with forged_store(tmp_path, Entry(path, kind, target="x" if kind == Kind.LINK else None)) as store:
        before = tree_around(tmp_path)
        with pytest.raises(ArtstoreError):
            store.get("evil:v0", tmp_path / "root")
        assert tree_around(tmp_path) == before
        assert not (tmp_path / "root").exists() or tree_of(tmp_path / "root") == {}


@pytest.mark.parametrize(
    "target", ["..", "../outside", "d/../../outside", "/etc", "d/../..", "..\\outside", "", "./.", "d/", "a\0b"]
)
def test_a_link_that_leaves_the_root_is_refused(target: str, outside: Path, tmp_path: Path) -> None:
    with forged_store(tmp_path, Entry("link", Kind.LINK, target=target)) as store:
        before = tree_around(tmp_path)
        with pytest.raises(ArtstoreError):
            store.get("evil:v0", tmp_path / "root")
        assert tree_around(tmp_path) == before
        assert not (tmp_path / "root" / "link").is_symlink()


def test_links_that_leave_the_root_together_are_refused(outside: Path, tmp_path: Path) -> None:
    """Each target alone stays inside; followed, the second link is the folder above the root."""
    changes = [Entry("d/here", Kind.LINK, target=".."), Entry("d/out", Kind.LINK, target="here/../outside")]
    with forged_store(tmp_path, *changes) as store:
        with pytest.raises(ArtstoreError):
            store.get("evil:v0", tmp_path / "root")
        leads = {path: path.resolve() for path in (tmp_path / "root").rglob("*") if path.is_symlink()}
        assert all(target.is_relative_to(tmp_path / "root") for target in leads.values()), leads


def test_nothing_is_written_below_a_link_of_the_same_manifest(outside: Path, tmp_path: Path) -> None:
    """The link may come from an earlier download, whose manifest had it."""
    with forged_store(tmp_path, Entry("link", Kind.LINK, target="d"), Entry("link/x", Kind.FILE)) as store:
        (tmp_path / "root" / "d").mkdir(parents=True)
        for _ in range(2):
            with pytest.raises(ArtstoreError):
                store.get("evil:v0", tmp_path / "root")
        assert list((tmp_path / "root" / "d").iterdir()) == []


def test_two_spellings_of_one_path_are_not_merged(tmp_path: Path) -> None:
    """A file and a folder of one name cannot both be created: one is refused, not dropped silently."""
    with (
        forged_store(tmp_path, Entry("x", Kind.FILE), Entry("x/x", Kind.FILE)) as store,
        pytest.raises(ArtstoreError),
    ):
        store.get("evil:v0", tmp_path / "root")


# Existing files in the root


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    source = write_files(tmp_path / "source", {"x": b"new", "large": LARGE, "d/x": b"new below", "d/e/large": LARGE})
    with Store.init(tmp_path / "store") as store:
        draft = store.draft("animals", "dataset")
        store.add_dir(draft, source)
        store.commit(draft)
        yield store


def test_a_linked_folder_inside_the_root_is_not_followed(store: Store, outside: Path, tmp_path: Path) -> None:
    for linked in ("d", "d/e"):
        root = tmp_path / "root"
        shutil.rmtree(root, ignore_errors=True)
        (root / linked).parent.mkdir(parents=True)
        (root / linked).symlink_to(outside)
        before = tree_around(tmp_path)
        with pytest.raises(UnsafeRoot, match=linked):
            store.get("animals:v0", root)
        assert tree_around(tmp_path) == before


@pytest.mark.parametrize("path", ["x", "large", "d/x"])
@pytest.mark.parametrize("dangling", [False, True], ids=["to-a-file", "to-nothing"])
def test_a_link_in_place_of_a_file_is_replaced(
    path: str, dangling: bool, store: Store, outside: Path, tmp_path: Path
) -> None:
    root = write_files(tmp_path / "root", {"d/mine": b"mine"})
    (root / path).symlink_to(outside / ("nothing" if dangling else "x"))
    before = tree_around(tmp_path)
    store.get("animals:v0", root)
    assert tree_around(tmp_path) == before
    assert not (root / path).is_symlink()
    assert {path: digest for path, digest in tree_of(root).items() if path != "d/mine"} == tree_of(tmp_path / "source")


@pytest.mark.parametrize("path", ["x", "large"])
def test_a_link_to_the_right_content_is_replaced_too(path: str, store: Store, outside: Path, tmp_path: Path) -> None:
    """Otherwise a program that writes to the file later would write outside."""
    shutil.copy(tmp_path / "source" / path, outside / path)
    root = write_files(tmp_path / "root", {})
    (root / path).symlink_to(outside / path)
    store.get("animals:v0", root)
    assert not (root / path).is_symlink()


@pytest.mark.parametrize("path", ["x", "large"])
def test_a_hard_link_to_a_file_outside_is_not_written_through(
    path: str, store: Store, outside: Path, tmp_path: Path
) -> None:
    root = write_files(tmp_path / "root", {})
    os.link(outside / path, root / path)
    before = tree_around(tmp_path)
    store.get("animals:v0", root)
    assert tree_around(tmp_path) == before
    assert tree_of(root) == tree_of(tmp_path / "source")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("path", ["x", "large", "d/x"])
def test_a_pipe_in_place_of_a_file_does_not_block(path: str, store: Store, tmp_path: Path) -> None:
    root = write_files(tmp_path / "root", {"d/mine": b"mine"})
    os.mkfifo(root / path)
    store.get("animals:v0", root)
    assert (root / path).read_bytes() == (tmp_path / "source" / path).read_bytes()


@pytest.mark.parametrize("path", ["x", "large", "d/x"])
def test_a_folder_in_place_of_a_file_is_not_changed(path: str, store: Store, tmp_path: Path) -> None:
    root = write_files(tmp_path / "root", {f"{path}/mine": b"mine"})
    with pytest.raises(UnsafeRoot, match=path):
        store.get("animals:v0", root)
    assert (root / path / "mine").read_bytes() == b"mine"


@pytest.mark.parametrize("path", ["d", "d/e"])
def test_a_file_in_place_of_a_folder_is_not_changed(path: str, store: Store, tmp_path: Path) -> None:
    root = write_files(tmp_path / "root", {path: b"mine"})
    with pytest.raises(UnsafeRoot, match=path):
        store.get("animals:v0", root)
    assert (root / path).read_bytes() == b"mine"


# Changes during the download


def replace_by_link(path: Path, outside: Path) -> None:
    shutil.rmtree(path)
    path.symlink_to(outside)


def move_and_link(path: Path, outside: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(outside)


def replace_file_by_link(path: Path, outside: Path) -> None:
    (path / "x").unlink(missing_ok=True)
    (path / "x").symlink_to(outside / "x")


@pytest.mark.parametrize("swap", [replace_by_link, move_and_link, replace_file_by_link], ids=lambda swap: swap.__name__)
def test_a_folder_that_becomes_a_link_during_the_download_is_not_followed(
    swap: Callable[[Path, Path], None], runner: TaskRunner, store: Store, outside: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    old = {"d/x": b"old below", "d/e/large": b"old"}
    arguments: dict[str, Any] = {"store": store.path, "name": "animals:v0", "root": root}
    new: Tree = tree_of(tmp_path / "source")
    steps = runner.complete(child_tasks.get, **arguments).steps
    before = tree_around(tmp_path)
    written = [i + 1 for i, step in enumerate(steps) if step in ("open", "mkdir", "link", "rename")]
    for at in written[-16:]:
        shutil.rmtree(root)
        write_files(root, old)
        child = runner.start(child_tasks.get, **arguments, pause_at=[at])
        assert child.wait().state == "paused"
        swap(root / "d", outside)
        outcome = child.resume()
        assert outcome.state == "done" or outcome.error_line.startswith(("artstore.errors.", "FileNotFoundError")), (
            outcome.error
        )
        assert tree_around(tmp_path) == before, f"paused before step {at} ({steps[at - 1]})"
        for path, digest in tree_of(root).items():
            if not (root / path).is_symlink() and "moved" not in path:
                assert digest == new[path] or (root / path).read_bytes() == old.get(path)
