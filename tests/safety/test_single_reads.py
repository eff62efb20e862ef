"""Reads of single files check the entry by the digests above it: a changed row never serves another file's bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import artstore
from artstore.errors import Damaged
from artstore.store import Store
from tests.support.cli_runner import run

ROWS = {
    "an entry names another file": """
        update entries set file = (select file from entries where path = 'test.csv') where path = 'train.csv';
        update entries set file = (select file from entries where path = 'two.table.json') where path = 'one.table.json'
    """,
    "a path is another one": """
        update entries set path = 'train.csw' where path = 'train.csv';
        update entries set path = 'train.csv' where path = 'test.csv';
        update entries set path = 'one.table.jsoo' where path = 'one.table.json';
        update entries set path = 'one.table.json' where path = 'two.table.json'
    """,
    "a group contains another segment": """
        update group_segments set segment = (select max(id) from segments)
        where segment = (select min(id) from segments)
    """,
    "a version lists another group": """
        update version_groups set segment_group = (select max(id) from segment_groups)
        where version = (select min(id) from versions)
    """,
}


def log(files: dict[str, str], tables: dict[str, int]) -> None:
    with artstore.init(project="p") as run:
        artifact = artstore.Artifact("n", type="dataset")
        for name, text in files.items():
            with artifact.new_file(name) as file:
                file.write(text)
        for name, cell in tables.items():
            artifact.add(artstore.Table(columns=["x"], data=[[cell]]), name)
        run.log_artifact(artifact).wait()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with two versions, whose files have the same names and other content."""
    monkeypatch.setenv("ARTSTORE_DIR", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    log({"train.csv": "train", "test.csv": "test"}, {"one": 1, "two": 2})
    log({"train.csv": "later", "test.csv": "later too"}, {"one": 3, "two": 4})
    return tmp_path / "store"


FILES = {
    "a size is another one": "update files set size = 77",
    "a digest is another one": "update files set digest = zeroblob(32) where id = (select min(file) from entries)",
    "files became executable": "update entries set executable = 1",
}


@pytest.mark.parametrize("rows", [*ROWS.values(), *FILES.values()], ids=[*ROWS, *FILES])
def test_a_changed_row_is_refused_by_every_read_of_a_single_file(rows: str, folder: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        connection.executescript(rows)
    artifact = artstore.Api().artifact("p/n:v0")
    with Store.open(folder) as store:
        for read in (
            lambda: store.entry("p/n:v0", "train.csv"),
            lambda: store.get("p/n:v0", tmp_path / "out", path_prefix="train.csv"),
            lambda: artifact.get("one"),
            lambda: artifact.get_table("one"),
            lambda: artifact.get_entry("train.csv"),
            lambda: artifact.get_path("train.csv").download(str(tmp_path / "out")),
            lambda: artifact.download(root=str(tmp_path / "out")),
            lambda: artifact.manifest.entries,
            lambda: artifact.checkout(str(tmp_path / "out")),
        ):
            with pytest.raises(Damaged, match="artstore verify"):
                read()
        assert not (tmp_path / "out").exists()
        report = store.verify()
        assert "p/n:v0" in " ".join([*report.harmed, *(finding.what for finding in report.findings)])


@pytest.mark.parametrize("rows", [*ROWS.values(), *FILES.values()], ids=[*ROWS, *FILES])
def test_a_changed_row_is_refused_by_listings(rows: str, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        connection.executescript(rows)
    with Store.open(folder) as store:
        version = store.version("p/n:v0")
        listings: list[Callable[[], object]] = [
            lambda: list(store.entries(version)),
            lambda: store.pages.entries(version, None, 2),
            lambda: artstore.Api(store=folder).artifact("p/n:v0").manifest.entries,
            lambda: list(artstore.Api(store=folder).artifact("p/n:v0").files()),
        ]
        for listing in listings:
            with pytest.raises(Damaged, match="row"):
                listing()
    result = run("ls", "p/n:v0", "--store", str(folder))
    assert (result.exit_code, " row " in result.stderr) == (2, True)


def test_a_changed_row_does_not_become_the_content_of_the_next_version(folder: Path) -> None:
    """A version that is made from a base is cut again from the rows of the base."""
    with closing(sqlite3.connect(folder / "artstore.db")) as connection, connection:
        connection.executescript(ROWS["an entry names another file"])
    with Store.open(folder) as store:
        draft = store.draft("n", base="p/n:v0", project="p")
        store.add_bytes(draft, b"new", "new")
        with pytest.raises(Damaged, match="artstore verify"):
            store.commit(draft)
