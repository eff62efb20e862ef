"""A download into a folder that does not exist makes the whole folder at once, or leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from artstore.core.digests import algorithm
from artstore.core.manifest import Entry, Kind, file_segment_digest, segment_digest
from artstore.errors import Damaged
from artstore.runtime.progress import Silent
from artstore.store import Store
from tests.support import child_tasks
from tests.support.files import commit_folder, noise, store_with_versions, tree_of, write_files
from tests.support.kill_points import TaskRunner, sampled


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Files of every kind, in segments with and without files that are not plain."""
    files = {f"many/{i % 7}/{i:04}": noise(100, i) for i in range(700)}
    source = write_files(
        tmp_path / "source", {**files, "large": noise(300_000, "l"), "run": b"#!", "empty": b"", "many/none": b""}
    )
    (source / "run").chmod(0o755)
    (source / "link").symlink_to("many")
    (source / "hollow").mkdir()
    return source


@pytest.fixture
def store(source: Path, tmp_path: Path) -> Iterator[Store]:
    with Store.open(store_with_versions(tmp_path / "store", animals=source)) as store:
        yield store


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder that downloads make their folders in."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_a_new_folder_has_everything_and_is_known_afterwards(store: Store, source: Path, out: Path) -> None:
    root = out / "below" / "root"
    written = store.get("animals:v0", root)
    assert tree_of(root) == tree_of(source)
    assert os.access(root / "run", os.X_OK)
    assert (root / "hollow").is_dir()
    assert os.listdir(out / "below") == ["root"]
    again = store.get("animals:v0", root)
    assert (again.written, again.kept) == (0, written.written)


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_neighbours_in_a_pack_that_are_read_together_come_out_apart(
    compression: Literal["zstd"] | None, tmp_path: Path, out: Path
) -> None:
    contents = [noise(20_000, 1), b"word " * 4000, b"", b"x", noise(64 * 1024, 2), *(noise(9_000, i) for i in range(9))]
    files = {f"{i:03}": contents[i * 5 % len(contents)] for i in range(3 * len(contents))}
    source = write_files(tmp_path / "small", files)
    with Store.init(tmp_path / "other", compression=compression) as store:
        commit_folder(store, source, "small")
        store.get("small", out / "root")
    assert tree_of(out / "root") == tree_of(source)


@pytest.mark.parametrize("prefix", ["many", "many/3", "many/3/0003", "run"])
def test_a_prefix_selects_the_same_as_in_a_folder_that_is_there(store: Store, out: Path, prefix: str) -> None:
    (out / "there").mkdir()
    assert store.get("animals:v0", out / "new", path_prefix=prefix) == store.get(
        "animals:v0", out / "there", path_prefix=prefix
    )
    assert tree_of(out / "new") == tree_of(out / "there") != {}


class Interrupting(Silent):
    """Presses Ctrl-C at the first report."""

    def advance(self, amount: int) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interrupted_download_leaves_nothing(store: Store, out: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        store.get("animals:v0", out / "root", progress=Interrupting())
    assert os.listdir(out) == []


def test_a_damaged_file_leaves_nothing(store: Store, out: Path) -> None:
    for pack in (store.path / "packs").glob("*.pack"):
        content = bytearray(pack.read_bytes())
        position = content.find(noise(100, 5))
        if position >= 0:
            content[position] ^= 1
            pack.write_bytes(content)
    with pytest.raises(Damaged, match="many/5/0005"):
        store.get("animals:v0", out / "root")
    assert os.listdir(out) == []


def test_a_killed_download_makes_the_folder_or_none_and_the_next_one_cleans_up(
    runner: TaskRunner, store: Store, source: Path, out: Path, every_step: bool
) -> None:
    arguments: dict[str, Any] = {"store": store.path, "name": "animals:v0"}
    steps = runner.complete(child_tasks.get, **arguments, root=out / "first").steps
    whole, abandoned = tree_of(source), 0
    for at in range(1, len(steps) + 1) if every_step else sampled(len(steps), 10):
        root = out / f"{at}"
        assert runner.run(child_tasks.get, **arguments, root=root, kill_at=at).state == "killed"
        assert not root.exists() or tree_of(root) == whole
        abandoned += any(name.startswith(f".{at}-") for name in os.listdir(out))
        shutil.rmtree(root, ignore_errors=True)
        store.get("animals:v0", root)
        assert tree_of(root) == whole
        shutil.rmtree(root)
    assert abandoned > 3
    assert "rename" in steps
    assert [name for name in os.listdir(out) if name.startswith(".")] == []


def test_two_downloads_to_one_new_place_do_not_disturb_each_other(
    runner: TaskRunner, store: Store, source: Path, out: Path
) -> None:
    arguments: dict[str, Any] = {"store": store.path, "name": "animals:v0"}
    steps = runner.complete(child_tasks.get, **arguments, root=out / "first").steps
    middle = runner.start(child_tasks.get, **arguments, root=out / "root", pause_at=[len(steps) // 2])
    assert middle.wait().state == "paused"
    store.get("animals:v0", out / "root")
    (out / "root" / "mine").write_bytes(b"mine")
    assert middle.resume().state == "done"
    assert tree_of(out / "root") == {**tree_of(source), **tree_of(write_files(out / "other", {"mine": b"mine"}))}
    assert sorted(os.listdir(out)) == ["first", "other", "root"]


@pytest.mark.parametrize("executables", [None, (False, False), (False, True), (True, True)])
def test_columns_have_the_digest_of_their_entries(executables: tuple[bool, bool] | None) -> None:
    blake3 = algorithm("blake3")
    columns = (("a", "ä/b"), (0, 2**40), executables or (False, False))
    entries = [
        Entry(path, Kind.FILE, blake3.digest(path.encode()), size, flag)
        for path, size, flag in zip(*columns, strict=True)
    ]
    paths, _, digests, sizes = zip(*(entry[:4] for entry in entries), strict=True)
    encoded = [path.encode() for path in paths]
    assert file_segment_digest(blake3, encoded, digests, sizes, executables) == segment_digest(blake3, entries)
