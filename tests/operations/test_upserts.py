"""Upserts: many runs add to one pending version and one finishes it; a conflicting upsert is refused whole."""

from __future__ import annotations

from pathlib import Path

import pytest

import artstore
from artstore import Api, Artifact, Store
from artstore.catalog import pending, runs
from artstore.catalog.connection import Connection
from artstore.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    InvalidInput,
    InvalidName,
    NotFound,
    PathConflict,
    StillNeeded,
    WrongType,
)
from tests.support.counted_work import sqlite_steps
from tests.support.files import noise, write_files
from tests.support.store_checks import check_clean
from tests.support.wandb_fixtures import entry_paths, log_version, new_draft

pytestmark = pytest.mark.usefixtures("workdir")


def upserted(name: str = "animals", group: str = "night", id: str | None = None, **files: bytes | str) -> Artifact:
    with artstore.init(group=group, id=id) as run:
        return run.upsert_artifact(new_draft(name, "dataset", **files)).wait()


def finish(name: str = "animals", group: str = "night", id: str | None = None, **files: bytes | str) -> Artifact:
    with artstore.init(group=group, id=id) as run:
        return run.finish_artifact(new_draft(name, "dataset", **files)).wait()


def store() -> Store:
    return Api().store


# One version of many runs


def test_upserts_of_a_group_become_one_version() -> None:
    upserted(cat="meow")
    upserted(dog="woof")
    version = finish(rat="squeak")
    assert (version.name, version.state) == ("animals:v0", "COMMITTED")
    assert entry_paths(version) == ["cat", "dog", "rat"]
    assert Path(version.download(), "dog").read_text() == "woof"
    assert Api().pending() == []
    check_clean(store())


def test_the_next_upsert_after_a_finish_begins_another_version() -> None:
    upserted(cat="meow")
    finish()
    upserted(dog="woof")
    assert entry_paths(finish()) == ["dog"]
    assert [version.version for version in Api().artifacts("dataset", "animals")] == ["v1", "v0"]


def test_groups_and_distributed_ids_are_separate() -> None:
    upserted(cat="meow", group="one")
    with artstore.init(group="one") as run:
        run.upsert_artifact(new_draft(dog="woof"), distributed_id="two").wait()
    assert sorted((pending.distributed_id, pending.entries) for pending in Api().pending("animals")) == [
        ("one", 1),
        ("two", 1),
    ]
    assert entry_paths(finish(group="two")) == ["dog"]
    assert entry_paths(finish(group="one")) == ["cat"]


def test_a_run_without_a_group_needs_a_distributed_id() -> None:
    with artstore.init() as run:
        with pytest.raises(TypeError, match="Cannot upsert artifact unless run is in a group or distributed_id"):
            run.upsert_artifact(new_draft())
        with pytest.raises(TypeError, match="Cannot finish artifact unless run is in a group or distributed_id"):
            run.finish_artifact(new_draft())
        with pytest.raises(InvalidName):
            run.upsert_artifact(new_draft(), distributed_id="")
        artifact = run.upsert_artifact(new_draft(cat="meow"), distributed_id="x")
        assert artifact.distributed_id == "x"


def test_the_functions_of_the_package_are_those_of_the_run() -> None:
    artstore.init(group="night")
    artstore.upsert_artifact(new_draft(cat="meow"))
    artifact = artstore.finish_artifact(new_draft())
    assert artifact.wait().version == "v0"


def test_files_and_folders_are_upserted_by_path() -> None:
    write_files(Path("images"), {"cat.png": b"cat", "dog.png": b"dog"})
    with artstore.init(group="night") as run:
        run.upsert_artifact("images", name="animals", type="dataset")
        run.finish_artifact("images/cat.png", name="animals", type="dataset", aliases=["best"])
    assert entry_paths(Api().artifact("animals:best")) == ["cat.png", "dog.png"]


def test_an_upserted_artifact_can_be_finished() -> None:
    with artstore.init(group="night") as run:
        artifact = run.upsert_artifact(new_draft(cat="meow"))
        run.upsert_artifact(new_draft(dog="woof"))
        assert run.finish_artifact(artifact).wait().name == "animals:v0"
    assert entry_paths(artifact) == ["cat", "dog"]


def test_every_run_that_upserted_is_a_producer_and_the_first_one_logged_it() -> None:
    for id in ("first", "second"):
        upserted(id=id, **{id: id})
    version = finish(id="last")
    logged_by = version.logged_by()
    assert logged_by is not None
    assert logged_by.id == "first"
    assert [(edge.kind, edge.source, edge.target) for edge in version.lineage().edges] == [
        ("produced", f"uncategorized/{id}", "uncategorized/animals:v0") for id in ("first", "second", "last")
    ]
    assert [artifact.name for artifact in Api().run("second").logged_artifacts()] == ["animals:v0"]


def test_a_result_equal_to_the_newest_version_is_that_version() -> None:
    log_version(files={"cat": b"meow"})
    upserted(id="late", cat="meow")
    version = finish()
    assert version.name == "animals:v0"
    assert [artifact.name for artifact in Api().run("late").logged_artifacts()] == ["animals:v0"]
    check_clean(store())


# Pending versions


def test_a_finished_and_deleted_version_takes_no_alias() -> None:
    artifact = upserted(cat="meow")
    assert artifact._upserted is not None
    finish()
    log_version(files={"cat": b"purr"})
    Api().artifact("animals:v0").delete()
    with pytest.raises(NotFound, match="was deleted"):
        store().finish(artifact._upserted, aliases=["best"])
    assert store().sql("select * from aliases") == []


def test_an_upserted_artifact_is_pending_until_it_is_finished() -> None:
    artifact = upserted(cat="meow")
    assert (artifact.state, artifact.name, artifact.is_draft()) == ("PENDING", "animals", False)
    with pytest.raises(ArtifactNotLoggedError, match="finish_artifact"):
        artifact.version  # noqa: B018
    with pytest.raises(NotFound):
        Api().artifact("animals:latest")
    finish()
    assert (artifact.state, artifact.name) == ("COMMITTED", "animals:v0")


def test_an_artifact_is_upserted_once_and_cannot_be_logged_as_well() -> None:
    with artstore.init(group="night") as run:
        artifact = run.upsert_artifact(new_draft(cat="meow")).wait()
        with pytest.raises(ArtifactFinalizedError):
            run.upsert_artifact(artifact)
        with pytest.raises(ArtifactNotLoggedError, match="finish_artifact"):
            run.log_artifact(artifact)
        with pytest.raises(ArtifactFinalizedError):
            run.upsert_artifact(run.log_artifact(new_draft("other")).wait())
        under_way = run.upsert_artifact(new_draft(dog="woof"))
        with pytest.raises(ArtifactNotLoggedError, match="finish_artifact"):
            run.log_artifact(under_way)
    assert [version.name for version in store().versions("other")] == ["other:v0"]
    assert Api().artifact_exists("animals:latest") is False


def test_finishing_without_a_pending_version_creates_none() -> None:
    upserted(cat="meow")
    finish()
    with artstore.init(group="night") as run:
        with pytest.raises(NotFound, match=r"nothing is pending in uncategorized/animals.*animals:v0"):
            run.finish_artifact(new_draft()).wait()
        assert run.finish_artifact(new_draft(dog="woof")).wait().version == "v1"


def test_pending_versions_are_listed_with_their_runs_and_can_be_dropped() -> None:
    upserted(id="a", cat=noise(200_000, "cat"))
    upserted(id="b", dog=noise(100_000, "dog"))
    (pending,) = Api().pending()
    assert (pending.qualified_name, pending.distributed_id, pending.type) == (
        "uncategorized/animals",
        "night",
        "dataset",
    )
    assert (pending.entries, pending.size, pending.upserts) == (2, 300_000, 2)
    assert pending.runs == ("uncategorized/a", "uncategorized/b")
    assert store().usage().pending_bytes == 300_000
    assert store().drop_pending(pending, dry_run=True).content == 300_000
    assert store().drop_pending(pending).content == 300_000
    assert Api().pending() == []
    assert store().usage().content_bytes == 0
    with pytest.raises(NotFound, match="finished or dropped"):
        store().drop_pending(pending)
    with pytest.raises(NotFound, match="finished or dropped"):
        store().finish(pending)
    check_clean(store())


def test_a_pending_version_keeps_its_content_while_others_are_deleted_and_collected() -> None:
    shared = noise(300_000, "shared")
    log_version("other", files={"shared": shared})
    upserted(mine=shared)
    assert Api().artifact("other").reclaimable_bytes == 0
    assert [share.reclaimable for share in store().shares([store().version("other")]).values()] == [0]
    assert store().delete("other:v0", delete_aliases=True, dry_run=True).content == 0
    assert store().delete("other:v0", delete_aliases=True).content == 0
    store().gc()
    assert store().verify().findings == []
    assert Path(finish().download(), "mine").read_bytes() == shared


def test_a_backup_includes_pending_versions() -> None:
    upserted(cat="meow")
    store().backup("backup")
    with Store.open("backup") as copy:
        version = copy.finish(copy.pending()[0])
        assert b"".join(copy.read(next(copy.entries(version)))) == b"meow"


def test_damage_of_pending_versions_is_found() -> None:
    upserted(cat=noise(1000, "cat"))
    (pack,) = Path(".artstore/packs").glob("*.pack")
    damaged = bytearray(pack.read_bytes())
    damaged[100] ^= 1
    pack.write_bytes(damaged)
    (finding,) = store().verify().findings
    assert [(harm.version, harm.path) for harm in finding.harms] == [("uncategorized/animals (pending)", "cat")]


# Conflicts


def conflict_message(files: dict[str, bytes | str]) -> str:
    """Upsert files that conflict with the file `cat` of the run `first`; return the message."""
    with artstore.init(group="night", id="second", reinit=True) as run, pytest.raises(PathConflict) as caught:
        run.upsert_artifact(new_draft("animals", "dataset", **files)).wait()
    return str(caught.value)


@pytest.mark.parametrize("path", ["cat", "cat/tail"])
def test_a_conflict_names_both_runs_and_the_path_and_stores_nothing(path: str) -> None:
    upserted(id="first", cat="meow", **{"dir/file": "x"})
    before = store().sql("select * from pending_entries"), store().usage().content_bytes
    message = conflict_message({path: noise(100_000, path), "new": noise(100_000, "new")})
    assert "uncategorized/first" in message
    assert "uncategorized/second" in message
    assert repr(path) in message
    assert (store().sql("select * from pending_entries"), store().usage().content_bytes) == before
    check_clean(store())
    assert entry_paths(finish()) == ["cat", "dir/file"]


def test_a_file_where_another_run_has_a_folder_is_a_conflict() -> None:
    upserted(id="first", **{"dir/file": "x"})
    assert "'dir'" in conflict_message({"dir": "y"})


def test_a_run_with_an_unnoticed_conflict_fails() -> None:
    upserted(cat="meow")
    with pytest.raises(PathConflict), artstore.init(group="night", id="second") as run:
        run.upsert_artifact(new_draft(cat="purr"))
    assert Api().run("second").state == "failed"


def test_the_same_content_at_the_same_path_is_not_a_conflict() -> None:
    upserted(cat="meow")
    upserted(cat="meow", dog="woof")
    (pending,) = Api().pending()
    assert (pending.entries, pending.size, pending.upserts) == (2, 8, 2)
    assert entry_paths(finish()) == ["cat", "dog"]


def test_empty_folders_are_replaced_by_their_entries() -> None:
    for filled in (False, True):
        folder = Path("filled" if filled else "empty")
        (folder / "sub").mkdir(parents=True)
        if filled:
            (folder / "sub" / "file").write_text("x")
    for source in ("empty", "filled", "empty"):
        with artstore.init(group="night") as run:
            run.upsert_artifact(source, name="animals", type="dataset").wait()
    (pending,) = Api().pending()
    assert pending.entries == 1
    assert entry_paths(finish()) == ["sub/file"]


def test_a_collection_keeps_its_type() -> None:
    upserted(cat="meow")
    with artstore.init(group="night") as run, pytest.raises(WrongType):
        run.upsert_artifact(new_draft(type="model", dog="woof"))


@pytest.mark.parametrize("incremental", [True, False])
def test_a_draft_with_a_base_cannot_be_upserted(incremental: bool) -> None:
    version = log_version()
    artifact = Artifact("animals", "dataset", incremental=True) if incremental else version.new_draft()
    with artstore.init(group="night") as run, pytest.raises(InvalidInput, match="log_artifact"):
        run.upsert_artifact(artifact)


# Metadata, references and dependencies


def test_the_last_metadata_counts_and_omitted_arguments_change_nothing() -> None:
    for arguments in ({"metadata": {"a": 1}, "description": "one"}, {"metadata": {"b": 2}}, {}):
        artifact = Artifact("animals", "dataset", **arguments)
        with artstore.init(group="night") as run:
            run.upsert_artifact(artifact, aliases=[f"alias-{len(arguments)}"]).wait()
    version = finish()
    assert (version.metadata, version.description) == ({"b": 2}, "one")
    assert sorted(version.aliases) == ["alias-0", "alias-1", "alias-2", "latest"]


def test_references_and_dependencies_are_kept() -> None:
    Path("outside.txt").write_text("outside")
    base = log_version("base")
    artifact = Artifact("animals", "dataset")
    artifact.add_reference(Path("outside.txt").absolute().as_uri())
    artifact.add_reference(base)
    artifact.add_reference(base.get_entry("cat.txt"), name="cat")
    with artstore.init(group="night") as run:
        run.upsert_artifact(artifact)
    with pytest.raises(StillNeeded, match=r"animals \(pending\)"):
        base.delete(delete_aliases=True)
    store().gc()
    version = finish()
    assert [dependency.name for dependency in version.dependencies()] == ["base:v0"]
    assert entry_paths(version) == ["cat", "outside.txt"]
    assert Path(version.download(), "outside.txt").read_text() == "outside"
    assert store().verify().findings == []


def test_a_version_with_a_deleted_dependency_can_be_finished() -> None:
    base = log_version("base")
    artifact = Artifact("animals", "dataset")
    artifact.add_reference(base)
    with artstore.init(group="night") as run:
        run.upsert_artifact(artifact)
    base.delete(delete_aliases=True, force=True)
    version = finish()
    assert [(dependency.name, dependency.state) for dependency in version.dependencies()] == [("base:v0", "DELETED")]
    assert store().verify().findings == []


def test_dependencies_of_pending_versions_are_not_pruned_and_do_not_expire() -> None:
    base = log_version("base")
    log_version("base", files={"cat.txt": b"other"})
    artifact = Artifact("animals", "dataset")
    artifact.add_reference(base)
    with artstore.init(group="night") as run:
        run.upsert_artifact(artifact)
    assert store().prune("base", keep_last=1).versions == []


def test_dropping_releases_references_and_dependencies() -> None:
    Path("outside.txt").write_text("outside")
    base = log_version("base")
    artifact = Artifact("animals", "dataset")
    artifact.add_reference(Path("outside.txt").absolute().as_uri())
    artifact.add_reference(base)
    with artstore.init(group="night") as run:
        run.upsert_artifact(artifact)
    store().drop_pending(Api().pending()[0])
    assert store().sql("select * from refs") == []
    base.delete(delete_aliases=True)
    check_clean(store())


def test_events_record_upsert_finish_and_drop() -> None:
    upserted(cat="meow")
    finish()
    upserted(dog="woof")
    store().drop_pending(Api().pending()[0])
    kinds = [event.kind for event in store().events()]
    assert [kind for kind in kinds if kind.startswith(("artifact-", "pending-", "version-"))] == [
        "artifact-upserted",
        "artifact-upserted",
        "version-committed",
        "artifact-finished",
        "artifact-upserted",
        "pending-dropped",
    ]


def insert_run(connection: Connection, uid: str) -> int:
    """Insert a run into the catalog."""
    fields = {"name": uid, "job_type": None, "group": "night", "notes": None, "process_lock": ""}
    return runs.insert(connection, "zoo", uid, **fields, tags=[], config={}, environment={})  # type: ignore[arg-type]


def test_the_cost_of_an_upsert_does_not_grow_with_the_pending_version() -> None:
    opened = Store.init("store")

    def upsert(paths: list[str]) -> int:
        draft = opened.draft("animals", "dataset")
        for path in paths:
            opened.add_bytes(draft, path.encode(), path)
        return opened.upsert(draft, "night")

    number = upsert(["first"])
    few = sqlite_steps(opened, lambda: upsert(["a/b/c"]))
    upsert([f"{i % 50}/{i}" for i in range(5000)])
    with opened.db.writing() as connection:
        for i in range(1000):
            run = insert_run(connection, f"run-{i}")
            pending.note_upsert(
                connection, number, run=run, aliases=[f"alias-{i}"], prefixes=[f"s3://{i}/"], dependencies=[]
            )
    assert sqlite_steps(opened, lambda: upsert(["x/y/z"])) < 2 * few
    opened.close()
