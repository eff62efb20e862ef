"""A catalog whose rows hold any text, number or JSON: every read ends in an answer or in one of artstore's errors."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import artstore
from artstore.errors import ArtstoreError, Damaged
from artstore.store import Store
from tests.support.cli_runner import run
from tests.support.environment import clear_environment
from tests.support.shelf import write

DEEP = '{"a":' * 5000 + "1" + "}" * 5000
TEXTS = [
    *(
        "",
        "\0",
        "a\0b",
        "..",
        "../x",
        "/x",
        "a/b",
        "x" * 5000,
        "%00",
        "v0",
        "v9",
        "latest",
        "file",
        "null",
        "true",
        "0",
        "[]",
    ),
    *(
        "[1]",
        "{}",
        "{",
        '"x"',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"_type": "table-file"}',
        '["\\ud800"]',
        '{"\\ud800": 1}',
        DEEP,
    ),
    *(
        "2026-01-01",
        "0000-00-00T99:99:99.000000Z",
        "9" * 30,
        "blake3:",
        "blake3:00",
        "x:y",
        "s3://",
        "http://[",
        "\x1b[2J",
    ),
]
NUMBERS = [0, 1, -1, 2, 255, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, -(2**63)]
VERBS = [
    *(
        ["ls"],
        ["ls", "p/animals"],
        ["show", "p/animals:v0"],
        ["log", "p/animals"],
        ["runs"],
        ["du"],
        ["du", "p/animals"],
    ),
    *(["lineage", "p/animals:v1"], ["diff", "p/animals:v0", "p/animals:v1"], ["status", "p/animals:v0"], ["pending"]),
    *(
        ["alias", "p/animals:v0"],
        ["tag", "p/animals:v0"],
        ["verify"],
        ["gc", "--dry-run"],
        ["get", "p/animals:v1", "--root", "o"],
    ),
]


class Edit(NamedTuple):
    """A column of a table, and what each row of it becomes."""

    table: str
    column: str
    value: str | int | bytes | None


class Reader:
    """A store that is damaged, read in every way, and put back."""

    def __init__(self, whole: Path, folder: Path) -> None:
        self.whole = whole
        self.store = folder / "store"
        with closing(sqlite3.connect(whole / "artstore.db")) as connection:
            tables = [name for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")]
            rows = [(name, *row) for name in tables for row in connection.execute(f'pragma table_info("{name}")')]
        self.columns = [(table, column, kind) for table, _, column, kind, *_ in rows if not table.startswith("sqlite_")]

    def look(self, edit: Edit) -> list[str]:
        """Read a store in which every row of a column has a value; return what came out that should not have."""
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(self.whole, self.store)
        if not _apply(self.store, edit):
            return []
        wrong = []
        for verb in VERBS:
            try:
                result = run(*verb, "--store", str(self.store))
            except Exception as error:
                wrong.append(f"{edit!a:.200}: {verb}: {type(error).__name__}: {error!a:.200}")
            else:
                if result.exit_code not in (0, 1, 2):
                    wrong.append(f"{edit!a:.200}: {verb}: exit code {result.exit_code}")
        for name, read in LIBRARY.items():
            try:
                with Store.open(self.store) as store:
                    read(store)
            except ArtstoreError as error:
                str(error).encode()
            except Exception as error:
                wrong.append(f"{edit!a:.200}: {name}: {type(error).__name__}: {error!a:.200}")
        return wrong


def _apply(store: Path, edit: Edit) -> bool:
    """Make the edit; return whether the constraints of the tables allow it."""
    value = edit.value
    with closing(sqlite3.connect(store / "artstore.db", isolation_level=None)) as connection:
        connection.execute("pragma ignore_check_constraints = on")
        try:
            made = "cast(? as text)" if isinstance(value, bytes) else "?"
            changed = connection.execute(f'update "{edit.table}" set "{edit.column}" = {made}', (value,)).rowcount
        except sqlite3.Error:
            return False
        return changed > 0


def _read_runs(store: Store) -> None:
    for found in artstore.Api(store=store.path).runs("p"):
        str(found), found.config, found.summary, found.tags, found.state, found.metadata
        list(found.scan_history()), list(found.files()), list(found.logged_artifacts()), list(found.used_artifacts())


def _read_artifacts(store: Store) -> None:
    api = artstore.Api(store=store.path)
    for kind in api.artifact_types("p"):
        for collection in kind.collections():
            for artifact in collection.artifacts():
                str(artifact), artifact.metadata, artifact.aliases, artifact.tags, artifact.ttl, artifact.created_at
                artifact.logged_by(), artifact.used_by(), artifact.manifest.to_manifest_json()
                list(artifact.files())


def _read_pages(store: Store) -> None:
    store.browse.search("a"), store.browse.events(), store.browse.collections(), store.browse.newest_versions(3)
    list(store.events()), store.usage(), list(store.pages.all_versions("animals", project="p"))


LIBRARY: dict[str, Callable[[Store], Any]] = {
    "runs": _read_runs,
    "artifacts": _read_artifacts,
    "pages": _read_pages,
    "lineage": lambda store: store.lineage("p/animals:v1").to_prov(),
    "query": lambda store: list(store.sql("select * from artifact_versions")),
}


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A store of the current format with a run, versions, links and more, to be damaged."""
    clear_environment(monkeypatch)
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    write(tmp_path / "whole")
    yield Reader(tmp_path / "whole", inside)
    assert {path.name for path in tmp_path.iterdir()} <= {"whole", "a"}


@pytest.mark.parametrize("entries", [2**31, 2**53, -1])
def test_no_memory_is_claimed_by_the_word_of_a_row(entries: int, reader: Reader) -> None:
    """A list of files begins with room for as many as the listing says."""
    assert reader.look(Edit("versions", "entries", entries)) == []
    with Store.open(reader.store) as store, pytest.raises(Damaged, match="versions row 1"):
        list(artstore.Api(store=store.path).artifact("p/animals:v0").files())


@pytest.mark.parametrize(
    "count", [15, pytest.param(6_000, marks=[pytest.mark.torture, pytest.mark.timeout(7200)])], ids=["sampled", "many"]
)
def test_any_value_in_any_column_ends_in_an_answer_or_one_of_our_errors(reader: Reader, count: int) -> None:
    texts = st.sampled_from(TEXTS) | st.text(max_size=20) | st.sampled_from([b"\xff", b"caf\xe9", b"\xed\xa0\x80"])
    numbers = st.sampled_from(NUMBERS) | st.integers(-(2**63), 2**63 - 1)
    values = {"TEXT": texts, "INTEGER": numbers, "INT": numbers, "REAL": st.floats(), "BLOB": st.binary(max_size=40)}

    def edits(of: tuple[str, str, str]) -> st.SearchStrategy[Edit]:
        table, column, kind = of
        return st.builds(Edit, st.just(table), st.just(column), values.get(kind.upper(), texts | numbers) | st.none())

    @settings(
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=count,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(edit=st.sampled_from(reader.columns).flatmap(edits))
    def damage(edit: Edit) -> None:
        found.extend(reader.look(edit))

    found: list[str] = []
    damage()
    assert not found, "\n".join(found)
