"""A store can be queried in plain SQL, with sqlite3 and sqlite-utils, through views that are part of the format."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from sqlite_utils import Database

import artstore
from artstore import Kind, Store
from artstore.core.draft import Draft
from artstore.core.manifest import Entry
from artstore.errors import StoreError

Ask: TypeAlias = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`animals` v0 to v7, each with a file of its number; `cat` changes in v5, `dog` goes in v6; v2 is deleted."""
    place = tmp_path_factory.mktemp("sql")
    source = place / "source"
    (source / "sub" / "empty").mkdir(parents=True)
    (source / "cat").write_bytes(b"meow")
    (source / "dog").write_bytes(b"woof woof")
    (source / "link").symlink_to("cat")
    (source / "sub" / "run").write_bytes(b"#!")
    (source / "sub" / "run").chmod(0o755)
    with Store.init(place / "store") as store:
        for i in range(8):
            (source / f"{i}.txt").write_bytes(b"number %d" % i)
            if i == 5:
                (source / "cat").write_bytes(b"purr")
            if i == 6:
                (source / "dog").unlink()
            draft = store.draft(
                "animals", "dataset", metadata={"i": i, "by": "Zoë"}, ttl=timedelta(days=i) if i else None
            )
            draft.description = f"the version number {i}"
            store.add_dir(draft, source)
            store.commit(draft, aliases=["best", "five"] if i == 5 else [], tags=["raw"] if i < 2 else [])
        other = store.draft("pets", "dataset", project="home")
        (source / "tom").write_bytes(b"meow")
        store.add_file(other, source / "tom")
        store.commit(other)
        store.delete("animals:v2")
    return place


@pytest.fixture
def store(original: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of the store for each test."""
    shutil.copytree(original, tmp_path, dirs_exist_ok=True, symlinks=True)
    with Store.open(tmp_path / "store") as store:
        yield store


def ask_with_sqlite3(store: Store) -> Ask:
    def ask(sql: str, **parameters: object) -> list[dict[str, Any]]:
        connection = sqlite3.connect(store.path / "artstore.db")
        try:
            cursor = connection.execute(sql, parameters)
            return [dict(zip([c[0] for c in cursor.description], row, strict=True)) for row in cursor]
        finally:
            connection.close()

    return ask


def ask_with_sqlite_utils(store: Store) -> Ask:
    def ask(sql: str, **parameters: object) -> list[dict[str, Any]]:
        database = Database(store.path / "artstore.db")
        try:
            return list(database.query(sql, parameters))
        finally:
            database.close()

    return ask


def ask_with_command(store: Store) -> Ask:
    def ask(sql: str, **parameters: object) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "sqlite_utils", "query", str(store.path / "artstore.db"), sql]
        for name, value in parameters.items():
            command += ["-p", name, str(value)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    return ask


def ask_with_store(store: Store) -> Ask:
    def ask(sql: str, **parameters: object) -> list[dict[str, Any]]:
        for name in parameters:
            sql = sql.replace(f":{name}", "?")
        return store.sql(sql, tuple(parameters.values()))

    return ask


@pytest.fixture(
    params=[ask_with_sqlite3, ask_with_sqlite_utils, ask_with_command, ask_with_store],
    ids=["sqlite3", "sqlite-utils", "command", "store"],
)
def ask(request: pytest.FixtureRequest, store: Store) -> Ask:
    bound: Ask = request.param(store)
    return bound


def test_which_versions_hold_this_digest(store: Store, ask: Ask) -> None:
    entry = store.entry("animals:v0", "cat")
    assert entry is not None
    rows = ask(
        """
        select distinct v.project, v.collection, v.version from artifact_entries as e
        join artifact_versions as v on v.version_id = e.version_id
        where e.digest = :digest and v.state = 'committed' order by v.project, v.number
        """,
        digest=entry.digest,
    )
    names = [f"{row['project']}/{row['collection']}:{row['version']}" for row in rows]
    assert names == ["home/pets:v0", *(f"uncategorized/animals:v{i}" for i in (0, 1, 3, 4))]


def test_what_changed_between_v3_and_v7(store: Store, ask: Ask) -> None:
    rows = ask(
        """
        with mine as (select * from artifact_entries where project = 'uncategorized' and collection = 'animals'),
        a as (select * from mine where version = 'v3'), b as (select * from mine where version = 'v7')
        select 'added' as change, b.path as path from b where b.path not in (select path from a)
        union all select 'removed', a.path from a where a.path not in (select path from b)
        union all select 'changed', b.path from a join b on a.path = b.path
        where (a.kind, a.digest, a.executable, a.target) is not (b.kind, b.digest, b.executable, b.target)
        order by 1, 2
        """
    )
    assert [(row["change"], row["path"]) for row in rows] == [
        *(("added", f"{i}.txt") for i in (4, 5, 6, 7)),
        ("changed", "cat"),
        ("removed", "dog"),
    ]
    diff = store.diff("animals:v3", "animals:v7")
    assert [e.path for e in diff.added] == [row["path"] for row in rows if row["change"] == "added"]
    assert [e.path for e in diff.removed] == [row["path"] for row in rows if row["change"] == "removed"]
    assert [e.path for _, e in diff.changed] == [row["path"] for row in rows if row["change"] == "changed"]


def test_versions_with_their_aliases_sizes_and_descriptions(store: Store, ask: Ask) -> None:
    rows = ask("select * from artifact_versions where project = 'uncategorized' order by number")
    assert [row["version"] for row in rows] == [f"v{i}" for i in range(8)]
    for row in rows:
        if row["number"] == 2:
            assert (row["state"], row["aliases"]) == ("deleted", "[]") and row["deleted_at"] > row["created_at"]
            continue
        version = store.version(f"animals:v{row['number']}")
        assert (row["digest"], row["entries"], row["size"]) == (version.digest, version.entries, version.size)
        assert (row["state"], row["type"], row["created_at"]) == ("committed", "dataset", version.created_at)
        assert sorted(json.loads(row["aliases"])) == sorted(version.aliases)
        assert tuple(json.loads(row["tags"])) == version.tags
        assert json.loads(row["metadata"]) == version.metadata and row["description"] == version.description
        assert row["ttl"] == (version.ttl.total_seconds() if version.ttl else None)
        assert row["deleted_at"] is None
    aliases = {row["version"]: sorted(json.loads(row["aliases"])) for row in rows}
    assert aliases["v5"] == ["best", "five"] and aliases["v7"] == ["latest"]


def test_the_entries_of_a_version_as_the_store_lists_them(store: Store, ask: Ask) -> None:
    for i in (0, 7):
        rows = ask(
            "select * from artifact_entries where collection = 'animals' and number = :number order by path", number=i
        )
        assert [
            Entry(
                row["path"],
                Kind[row["kind"].upper()],
                row["digest"],
                row["size"],
                bool(row["executable"]),
                row["target"],
            )
            for row in rows
        ] == list(store.entries(f"animals:v{i}"))


def test_sizes_by_folder_and_by_file_extension(store: Store, ask: Ask) -> None:
    rows = ask(
        """
        select case when path like '%.txt' then 'text' else 'other' end as what, count(*) as n, sum(size) as size
        from artifact_entries where collection = 'animals' and version = 'v7' and kind = 'file' group by 1 order by 1
        """
    )
    assert [(row["what"], row["n"], row["size"]) for row in rows] == [("other", 2, 6), ("text", 8, 64)]


def test_metadata_can_be_queried(store: Store, ask: Ask) -> None:
    query = """
        select version from artifact_versions
        where json_extract(metadata, '$.i') > cast(:i as integer) and state = 'committed' order by 1
    """
    assert [row["version"] for row in ask(query, i=4)] == ["v5", "v6", "v7"]


def test_references_are_entries_too(store: Store, ask: Ask) -> None:
    draft = store.draft("remote", "dataset")
    draft.add(Entry("x", Kind.REFERENCE, "md5:abc", 7, uri="s3://bucket/x", etag="abc", version_id="1"))
    draft.add(Entry("y", Kind.REFERENCE, uri="ftp://host/y"))
    store.commit(draft)
    rows = ask(
        "select path, kind, digest, size, uri, etag, object_version from artifact_entries where collection = 'remote'"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("x", "reference", "md5:abc", 7, "s3://bucket/x", "abc", "1"),
        ("y", "reference", None, None, "ftp://host/y", None, None),
    ]


def test_queries_work_while_a_draft_is_open(store: Store, ask: Ask, tmp_path: Path) -> None:
    draft: Draft = store.draft("animals")
    store.add_dir(draft, tmp_path / "source")
    assert ask("select count(*) as n from artifact_versions")[0]["n"] == 9
    store.drop(draft)


def test_reading_with_another_program_leaves_the_store_unchanged(store: Store) -> None:
    for by in (ask_with_sqlite3, ask_with_sqlite_utils, ask_with_command):
        by(store)("select count(*) as n from artifact_entries")
    draft = store.draft("animals", base="animals:v7")
    draft.remove("cat")
    assert store.commit(draft).number == 8
    assert store.verify().ok


# Store.sql


def test_queries_take_parameters(store: Store) -> None:
    assert store.sql(
        "select version from artifact_versions where number = ? and project = ?", (3, "uncategorized")
    ) == [{"version": "v3"}]
    assert store.sql("select 1 as a, null as b, 'x' as c, 1.5 as d") == [{"a": 1, "b": None, "c": "x", "d": 1.5}]
    assert store.sql("with n(i) as (select 1 union all select i + 1 from n where i < 3) select i from n") == [
        {"i": 1},
        {"i": 2},
        {"i": 3},
    ]
    assert {"path", "digest", "uri"} <= {row["name"] for row in store.sql("pragma table_info(artifact_entries)")}
    assert store.sql("select 1 where 0") == []


def test_columns_of_the_same_name_are_all_returned(store: Store) -> None:
    both = "artifact_versions as a, artifact_versions as b where (a.number, b.number) = (3, 7)"
    [row] = store.sql(f"select a.version, b.version from {both}")
    assert list(row.values()) == ["v3", "v7"]


WRITES = {
    "insert": "insert into projects (name) values ('x')",
    "update": "update versions set size = 0",
    "delete": "delete from versions",
    "delete returning": "delete from aliases returning name",
    "replace": "replace into projects (id, name) values (1, 'x')",
    "with": "with x as (select 1) delete from aliases",
    "create": "create table mine (x)",
    "create temp": "create temp table mine (x)",
    "drop view": "drop view artifact_versions",
    "alter": "alter table versions rename to gone",
    "index": "create index mine on versions (size)",
    "reindex": "reindex",
    "analyze": "analyze",
    "vacuum": "vacuum",
    "vacuum into": "vacuum into '{folder}/copy.db'",
    "attach": "attach '{folder}/other.db' as other",
    "begin": "begin immediate",
    "savepoint": "savepoint mine",
    "commit": "commit",
    "user_version": "pragma user_version = 99",
    "application_id": "pragma application_id = 1",
    "journal_mode": "pragma journal_mode = delete",
    "foreign_keys": "pragma foreign_keys = off",
    "query_only": "pragma query_only = off",
    "synchronous": "pragma synchronous = off",
    "writable_schema": "pragma writable_schema = on",
    "checkpoint": "pragma wal_checkpoint(truncate)",
    "extension": "select load_extension('x')",
    "two statements": "select 1; delete from versions",
    "not SQL": "which versions are there?",
    "unknown table": "select * from animals",
    "missing parameter": "select ?",
    "nothing": "",
}


@pytest.mark.parametrize("statement", WRITES)
def test_statements_that_write_are_refused(store: Store, tmp_path: Path, statement: str) -> None:
    before = sorted(path.name for path in tmp_path.rglob("*") if "-" not in path.name)
    version = store.version("animals")
    try:
        answer = store.sql(WRITES[statement].format(folder=tmp_path))
    except StoreError as error:
        assert "SQLite" in str(error) or "question" in str(error)
    else:
        assert statement in ("nothing", "checkpoint") and answer in ([], [{"busy": 0, "log": 0, "checkpointed": 0}])
    assert sorted(path.name for path in tmp_path.rglob("*") if "-" not in path.name) == before
    assert store.version("animals") == version
    # The connection is unchanged: it can write, enforces foreign keys, and is outside a transaction.
    store.describe("animals:v0", add_aliases=["after"])
    assert store.sql("pragma table_info(projects)")
    header = (store.path / "artstore.db").stat().st_size
    assert header and (store.path / "artstore.db-wal").exists()
    assert len(store.sql("select * from artifact_versions")) == 9
    assert store.verify().ok


def test_a_query_does_not_block_writers(store: Store) -> None:
    for _ in range(20):
        store.sql("select * from artifact_entries limit 1")
        store.describe("animals:v0", add_aliases=["first"])
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(StoreError):
            store.sql("select * from nothing")
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1


# Runs, links and events


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two runs: `train` logs a model, which is linked and used by `check`."""
    folder = tmp_path_factory.mktemp("trained") / "store"
    with artstore.init("zoo", id="train", store=str(folder), config={"lr": 0.1}) as run:
        for step in range(3):
            run.log({"loss": 1.0 - step / 4, "note": "text", "epoch": step})
        model = artstore.Artifact("fox", type="model")
        with model.new_file("weights") as file:
            file.write("weights")
        run.log_artifact(model).wait()
        run.link_artifact(model, "wandb-registry-model/foxes", aliases=["production"])
    with artstore.init("lab", id="check", store=str(folder), job_type="check") as run:
        run.use_artifact("zoo/fox:v0", use_as="candidate")
        report = artstore.Artifact("report", type="report")
        report.add_reference(artstore.Api(store=str(folder)).artifact("zoo/fox:v0").get_entry("weights"), "copy")
        run.log_artifact(report)
    with Store.open(folder) as store:
        yield store


def test_runs_and_the_numbers_they_logged(trained: Store) -> None:
    rows = trained.sql("select project, run, state, job_type, config, summary from artifact_runs order by run")
    assert [(row["project"], row["run"], row["state"], row["job_type"]) for row in rows] == [
        ("lab", "check", "finished", "check"),
        ("zoo", "train", "finished", None),
    ]
    assert json.loads(str(rows[1]["config"])) == {"lr": 0.1}
    assert json.loads(str(rows[1]["summary"]))["loss"] == 0.5
    values = trained.sql("select step, value from artifact_metrics where run = 'train' and metric = 'loss' order by 1")
    assert [tuple(row.values()) for row in values] == [(0, 1.0), (1, 0.75), (2, 0.5)]
    metrics = trained.sql("select distinct metric from artifact_metrics where seconds >= 0 order by 1")
    assert [row["metric"] for row in metrics] == ["epoch", "loss"]


def test_edges_are_those_of_lineage(trained: Store) -> None:
    rows = trained.sql("select kind, source, target, role from artifact_edges")
    lineage = trained.lineage("zoo/fox:v0")
    assert {tuple(row.values()) for row in rows} == {(e.kind, e.source, e.target, e.role) for e in lineage.edges}
    assert ("used", "zoo/fox:v0", "lab/check", "candidate") in {tuple(row.values()) for row in rows}
    assert {row["kind"] for row in rows} == {"used", "produced", "references"}


def test_links_and_who_moved_them(trained: Store) -> None:
    [link] = trained.sql("select * from artifact_links")
    assert (link["project"], link["collection"], link["version"]) == ("wandb-registry-model", "foxes", "v0")
    assert (link["source"], link["removed_at"]) == ("zoo/fox:v0", None)
    assert set(json.loads(str(link["aliases"]))) == {"production", "latest"}
    [event] = trained.sql("select subject, user, detail from artifact_events where kind = 'version-linked'")
    assert (event["subject"], event["user"]) == ("wandb-registry-model/foxes:v0", getpass.getuser())
    assert json.loads(str(event["detail"]))["aliases"] == ["production"]


def test_json_can_be_opened_into_rows(trained: Store) -> None:
    rows = trained.sql("select a.value from artifact_links as l, json_each(l.aliases) as a order by 1")
    assert [row["value"] for row in rows] == ["latest", "production"]
