"""Small files that worker processes read and write: each content is stored once, whatever else has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from artstore import Store
from artstore.ingest import files
from artstore.runtime import processes
from tests.support.files import commit_folder, noise, read_files, write_files


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that workers read: some contents are in several files, some files empty or executable."""
    monkeypatch.setattr(files, "_BATCH_FILES", 16)
    monkeypatch.setattr(processes, "_WHILE_STARTING", 0)
    monkeypatch.setattr("artstore.runtime.platform.cores", lambda: 2)
    contents = {f"{i % 7}/{i:03}": noise(100, i % 200) if i % 37 else b"" for i in range(300)}
    folder = write_files(tmp_path / "source", contents)
    (folder / "1" / "001").chmod(0o755)
    return folder


def check(store: Store, folder: Path, tmp_path: Path) -> None:
    """Check that everything is stored, each content once, and that the packs have nothing else."""
    version = store.version("animals:latest")
    store.get(version, tmp_path / "out")
    assert read_files(tmp_path / "out") == read_files(folder)
    assert (tmp_path / "out" / "1" / "001").stat().st_mode & 0o100
    distinct = {content for content in read_files(folder).values() if content}
    assert store.sql("select count(*) as chunks from chunks") == [{"chunks": len(distinct)}]
    assert store.verify().findings == []
    query = "select sum(live) as live, sum(saved) as saved from packs"
    assert store.sql(query)[0] == store.sql("select sum(length) as live, sum(size - length) as saved from chunks")[0]


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_each_content_is_stored_once(source: Path, compression: str | None, tmp_path: Path) -> None:
    with Store.init(tmp_path / "store", compression=compression) as store:
        commit_folder(store, write_files(tmp_path / "before", {"same": noise(100, 5)}), "before")
        commit_folder(store, source)
        check(store, source, tmp_path)


def test_what_another_draft_stores_meanwhile_is_stored_once(source: Path, tmp_path: Path) -> None:
    with Store.init(tmp_path / "store") as store:
        draft = store.draft("animals", "dataset")
        store.add_dir(draft, source)
        commit_folder(store, write_files(tmp_path / "other", {"same": noise(100, 5), "more": noise(100, 150)}), "other")
        store.commit(draft)
        check(store, source, tmp_path)
