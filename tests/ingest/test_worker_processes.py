"""Small files that worker processes read and write: each content is stored once, whatever else has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from artstore import Store
from artstore.ingest import files, small_files, walk
from artstore.runtime import processes, source_file, stat_columns
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


def test_a_file_that_changed_after_the_walk_is_read_as_it_is_now(tmp_path: Path) -> None:
    """Another size, other times and another inode are each noticed, and what is not a file any more is not read."""
    folder = write_files(
        tmp_path / "source", {name: name.encode() for name in ("grown", "new", "pipe", "same", "gone")}
    )
    [walked] = walk.Walk(folder, None).run("")
    seen = stat_columns.of_statuses(walked.names, walked.statuses)
    (folder / "grown").write_bytes(b"grown since")
    for name in ("new", "pipe", "gone"):
        (folder / name).unlink()
    os.mkfifo(folder / "pipe")
    (folder / "other").write_bytes(b"NEW")
    status = walked.statuses[walked.names.index("new")]
    os.utime(folder / "other", ns=(status.st_atime_ns, status.st_mtime_ns))
    (folder / "other").rename(folder / "new")
    read = small_files.read_small([small_files.FilesToRead(str(folder), seen)], "blake3")
    names = [name for i, name in enumerate(walked.names) if i not in read.problems]
    assert dict(zip(names, read.contents, strict=True)) == {"grown": b"grown since", "new": b"NEW", "same": b"same"}
    assert {walked.names[i]: problem.reason for i, problem in read.problems.items()} == {
        "gone": "No such file or directory",
        "pipe": "it is not a regular file",
    }
    now = {walked.names[i]: stat for i, (stat, _) in read.changed.items()}
    assert now == {name: source_file.stat_of((folder / name).stat()) for name in ("grown", "new")}


def test_names_and_modes_of_many_files_are_kept(source: Path, tmp_path: Path) -> None:
    odd = ['"quoted"', "back\\slash", "line\nbreak", "\x01", "é", "😀", "[1]", "null", "\u2028"]
    contents = {f"{name}/{i}": f"{name}{i}".encode() for i in range(40) for name in odd}
    write_files(source, contents)
    (source / "é" / "7").chmod(0o755)
    with Store.init(tmp_path / "store") as store:
        version = commit_folder(store, source)
        stored = {entry.path: entry for entry in store.entries(version)}
        assert stored.keys() == read_files(source).keys()
        assert {path for path, entry in stored.items() if entry.executable} == {"1/001", "é/7"}
        assert all(b"".join(store.read(stored[path])) == content for path, content in contents.items())
        assert store.verify().findings == []
