"""Files of many chunks, several at the same time, are written whole or not at all, and report their progress."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from artstore import Store
from artstore.errors import Damaged
from artstore.runtime import platform
from artstore.runtime.progress import Silent
from benchmarks import stores
from tests.support.files import noise, tree_of, write_files

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Files scattered over the pack, since they share pieces; in more folders than a download keeps open."""
    base = noise(7 * MIB, "base")
    files = {"whole": base, "turned": base[4 * MIB :] + base[: 4 * MIB], "twice": base[: 2 * MIB] * 2}
    for i in range(70):
        start = i * MIB // 12
        files[f"folder {i}/part"] = (
            noise(90_000, f"head {i}") + base[start : start + MIB // 4] + noise(70_000, f"tail {i}")
        )
    return files


@pytest.fixture
def store(tmp_path: Path, files: dict[str, bytes]) -> Iterator[Store]:
    with Store.init(tmp_path / "store") as store:
        stores.log(store, "files", write_files(tmp_path / "source", files))
        yield store


class Steps(Silent):
    """Records the bytes that a download reports."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def advance(self, amount: int) -> None:
        self.steps.append(amount)


def test_files_are_restored_and_report_every_byte(store: Store, files: dict[str, bytes], tmp_path: Path) -> None:
    progress = Steps()
    assert store.get("files:v0", tmp_path / "root", progress=progress).written == len(files)
    assert tree_of(tmp_path / "root") == tree_of(tmp_path / "source")
    assert sum(progress.steps) == sum(map(len, files.values()))
    assert max(progress.steps) < len(files["whole"]), "a file of several spans reports nothing until its end"


def test_a_damaged_file_is_named_and_no_file_is_wrong(store: Store, tmp_path: Path) -> None:
    entry = store.entry("files:v0", "folder 30/part")
    assert entry is not None
    with store.db.reading() as connection:
        row = connection.execute(
            """
            select packs.name, chunks.offset from files join file_chunks on file_chunks.file = files.id
            join chunks on chunks.id = file_chunks.chunk join packs on packs.id = chunks.pack
            where files.digest = ? and file_chunks.position = 0
            """,
            (store.db.algorithm.parse(entry.digest or ""),),
        ).fetchone()
    with (tmp_path / "store" / "packs" / f"{row[0]}.pack").open("r+b") as pack:
        pack.seek(row[1] + 5)
        pack.write(b"spoilt")
    (tmp_path / "root").mkdir()
    with pytest.raises(Damaged, match=r"'folder 30/part' of \S*files:v0 is damaged"):
        store.get("files:v0", tmp_path / "root")
    written, true = tree_of(tmp_path / "root"), tree_of(tmp_path / "source")
    assert "folder 30/part" not in written
    assert written.items() <= true.items()


class Interrupting(Steps):
    """Presses Ctrl-C after a number of steps."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def advance(self, amount: int) -> None:
        super().advance(amount)
        if len([steps for steps in self.steps if steps]) == self._after:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_download_leaves_whole_files_and_can_be_continued(
    store: Store, files: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    with pytest.raises(KeyboardInterrupt):
        store.get("files:v0", tmp_path / "root", progress=Interrupting(after=20))
    written, true = tree_of(tmp_path / "root"), tree_of(tmp_path / "source")
    assert written.items() <= true.items()
    assert len(written) < len(true), "everything was written before the interrupt"
    result = store.get("files:v0", tmp_path / "root")
    assert result.written + result.kept == len(files)
    assert result.kept > 0
    assert tree_of(tmp_path / "root") == true


def test_an_interrupted_file_is_not_written_to_its_end(tmp_path: Path) -> None:
    size = 48 * MIB
    with Store.init(tmp_path / "store") as store:
        stores.log(store, "file", write_files(tmp_path / "source", {"file": noise(size, "file")}))
        progress = Interrupting(after=1)
        with pytest.raises(KeyboardInterrupt):
            store.get("file:v0", tmp_path / "root", progress=progress)
        assert sum(progress.steps) < size
        assert not tree_of(tmp_path / "root")


def test_files_appear_while_others_are_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many files as are written at the same time, and a Ctrl-C in the last: the others are complete."""
    monkeypatch.setattr(platform, "cores", lambda: 8)
    files = {str(number): noise(6 * MIB, number) for number in range(6)}
    with Store.init(tmp_path / "store") as store:
        stores.log(store, "files", write_files(tmp_path / "source", files))
        (tmp_path / "root").mkdir()
        with pytest.raises(KeyboardInterrupt):
            store.get("files:v0", tmp_path / "root", progress=Interrupting(after=11))
        written, true = tree_of(tmp_path / "root"), tree_of(tmp_path / "source")
        assert len(written) >= 3
        assert written.items() <= true.items()
