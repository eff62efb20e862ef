"""Lookups and listings of the Api, compared with W&B."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import artstore as wandb
from artstore import Api, Store
from artstore.errors import InvalidInput, NoStore
from tests.support.wandb_fixtures import log_version

pytestmark = pytest.mark.usefixtures("workdir")


def versions(count: int, name: str = "animals", **more: Any) -> None:
    for number in range(count):
        log_version(name, files={"cat.txt": str(number).encode()}, **more)


# Equal: finding


def test_an_artifact_is_found_by_its_name_and_checked_for_its_type() -> None:
    versions(2)
    assert Api().artifact("animals").name == "animals:v1"
    assert Api().artifact(name="animals:v0", type="dataset").version == "v0"
    with pytest.raises(wandb.CommError, match="type 'model' specified but animals:v1 is of type 'dataset'"):
        Api().artifact("animals:latest", type="model")


@pytest.mark.parametrize("kind", [wandb.CommError, wandb.errors.CommError, wandb.Error])
@pytest.mark.parametrize("name", ["cats", "animals:v9", "animals:best", "zoo/animals"])
def test_a_missing_artifact_is_a_comm_error(name: str, kind: type[Exception]) -> None:
    log_version()
    with pytest.raises(kind):
        Api().artifact(name)


def test_existence_is_checked_without_an_error() -> None:
    log_version()
    assert Api().artifact_exists("animals")
    assert Api().artifact_exists("animals:v0", type="dataset")
    assert not Api().artifact_exists("animals:v0", type="model")
    assert not Api().artifact_exists("cats:v0")
    assert Api().artifact_collection_exists(name="animals", type="dataset")
    assert not Api().artifact_collection_exists("animals", "model")
    assert not Api().artifact_collection_exists("cats", "dataset")


def test_the_project_comes_from_overrides_or_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    log_version(project="zoo")
    assert Api(overrides={"entity": "someone", "project": "zoo"}, timeout=30).artifact("animals").project == "zoo"
    assert not Api().artifact_exists("animals")
    monkeypatch.setenv("WANDB_PROJECT", "zoo")
    assert Api().artifact("animals").project == "zoo"


# Equal: versions


def test_versions_are_listed_newest_first_and_in_other_orders() -> None:
    versions(4)
    artifacts = Api().artifacts("dataset", "animals")
    assert [artifact.version for artifact in artifacts] == ["v3", "v2", "v1", "v0"]
    for order in ("version_index", "+version_index", "createdAt", "+created_at"):
        assert [artifact.version for artifact in Api().artifacts("dataset", "animals", order=order)] == [
            "v0",
            "v1",
            "v2",
            "v3",
        ]
    for order in ("-version_index", "-createdAt"):
        assert next(Api().artifacts("dataset", "animals", order=order)).version == "v3"


def test_versions_are_listed_by_type_and_name_as_keywords() -> None:
    versions(1, project="zoo")
    assert len(Api().artifacts(type_name="dataset", name="zoo/animals", per_page=10)) == 1
    assert len(Api().artifact_versions("dataset", "someone/zoo/animals")) == 1


@pytest.mark.parametrize(("type", "name"), [("model", "animals"), ("dataset", "cats")])
def test_versions_of_a_missing_collection_are_a_comm_error(type: str, name: str) -> None:
    log_version()
    with pytest.raises(wandb.CommError):
        list(Api().artifacts(type, name))


def test_versions_are_filtered_by_tags() -> None:
    log_version(files={"cat.txt": b"0"}, tags=["a", "b"])
    log_version(files={"cat.txt": b"1"}, tags=["a"])
    log_version(files={"cat.txt": b"2"})
    assert [artifact.version for artifact in Api().artifacts("dataset", "animals", tags=["a"])] == ["v1", "v0"]
    assert [artifact.version for artifact in Api().artifacts("dataset", "animals", tags=["a", "b"])] == ["v0"]
    assert list(Api().artifacts("dataset", "animals", tags="c")) == []


def test_a_listing_is_iterated_counted_indexed_and_sliced() -> None:
    versions(5)
    artifacts = Api().artifacts("dataset", "animals", per_page=2)
    assert len(artifacts) == 5
    assert artifacts[0].version == "v4"
    assert artifacts[3].version == "v1"
    assert [artifact.version for artifact in artifacts[1:3]] == ["v3", "v2"]
    assert (
        [artifact.version for artifact in artifacts]
        == [artifact.version for artifact in artifacts]
        == ["v4", "v3", "v2", "v1", "v0"]
    )
    with pytest.raises(IndexError):
        artifacts[5]
    walked = Api().artifacts("dataset", "animals", per_page=2)
    assert [next(walked).version for _ in range(5)] == ["v4", "v3", "v2", "v1", "v0"]
    with pytest.raises(StopIteration):
        next(walked)


def test_a_listing_continues_where_another_one_ended() -> None:
    versions(5)
    first = Api().artifacts("dataset", "animals", per_page=2)
    assert [next(first).version, next(first).version] == ["v4", "v3"]
    rest = Api().artifacts("dataset", "animals", per_page=2, start=first.cursor)
    assert [artifact.version for artifact in rest] == ["v2", "v1", "v0"]


# Equal: types and collections


def test_types_lead_to_collections_and_versions() -> None:
    log_version("cats", project="zoo")
    log_version("dogs", project="zoo")
    log_version("classifier", "model", project="zoo")
    walked = [
        (type.name, collection.name, version.version)
        for type in Api().artifact_types("zoo")
        for collection in type.collections()
        for version in collection.artifacts()
    ]
    assert walked == [("dataset", "cats", "v0"), ("dataset", "dogs", "v0"), ("model", "classifier", "v0")]
    assert Api().artifact_type("dataset", "someone/zoo").collection("dogs").name == "dogs"
    with pytest.raises(wandb.CommError):
        Api().artifact_type("dataset", "zoo").collection("classifier")
    with pytest.raises(wandb.CommError):
        Api().artifact_type("image", "zoo")


def test_collections_are_listed_by_project_and_type() -> None:
    log_version("cats", project="zoo")
    log_version("dogs", project="zoo")
    log_version("classifier", "model", project="zoo")
    listed = Api().artifact_collections(project_name="someone/zoo", type_name="dataset", per_page=1)
    assert [collection.name for collection in listed] == ["cats", "dogs"]
    assert len(listed) == 2
    assert Api().artifact_collection("model", "zoo/classifier").type == "model"
    with pytest.raises(wandb.CommError):
        Api().artifact_collection("dataset", "zoo/classifier")


def test_projects_are_listed() -> None:
    log_version(project="zoo")
    wandb.init(project="farm").finish()
    assert {project.name for project in Api().projects()} >= {"zoo", "farm"}


# Equal: runs


def test_runs_are_listed_and_found() -> None:
    first = wandb.init(project="zoo", name="one", config={"a": 1}, group="g", job_type="train", tags=["t"], notes="n")
    first.log({"loss": 0.5})
    first.finish()
    second = wandb.init(project="zoo", id="second")
    assert [run.id for run in Api().runs("someone/zoo")] == [first.id, "second"]
    assert [run.id for run in Api().runs("zoo", order="-created_at")] == ["second", first.id]
    assert Api().runs(path="zoo")[1].state == "running"
    second.finish(exit_code=3)
    for path in ("someone/zoo/second", "zoo/second", "/zoo/second", "zoo/runs/second"):
        assert Api().run(path).state == "failed"
    stored = Api().run(f"zoo/{first.id}")
    assert (stored.name, stored.config, stored.group, stored.job_type) == ("one", {"a": 1}, "g", "train")
    assert (stored.tags, stored.notes, stored.summary["loss"], stored.state) == (["t"], "n", 0.5, "finished")
    assert stored.path == [stored.entity, "zoo", first.id]
    with pytest.raises(wandb.CommError, match="Could not find run"):
        Api().run("zoo/third")


def test_a_run_lists_what_it_used_and_logged() -> None:
    log_version("cats")
    with wandb.init() as run:
        run.use_artifact("cats:latest")
        run.log_artifact(wandb.Artifact("dogs", "dataset"))
        run.log_artifact(wandb.Artifact("rats", "dataset"))
    stored = Api().run(run.id)
    assert [artifact.name for artifact in stored.used_artifacts()] == ["cats:v0"]
    assert [artifact.name for artifact in stored.logged_artifacts(per_page=1)] == ["dogs:v0", "rats:v0"]
    assert len(stored.logged_artifacts()) == 2


def test_an_artifact_is_added_to_a_finished_run() -> None:
    cats, dogs = log_version("cats"), log_version("dogs")
    with wandb.init() as run:
        pass
    stored = Api().run(run.id)
    stored.use_artifact(cats)
    stored.log_artifact(dogs, aliases=["best"], tags=["t"])
    assert [artifact.name for artifact in stored.used_artifacts()] == ["cats:v0"]
    assert [artifact.name for artifact in stored.logged_artifacts()] == ["dogs:v0"]
    assert Api().artifact("dogs:best").tags == ["t"]
    with pytest.raises(ValueError, match="Only existing artifacts are accepted by this api"):
        stored.log_artifact(wandb.Artifact("rats", "dataset"))


def test_a_use_added_to_a_finished_run_is_recorded_like_one_in_a_run(tmp_path: Path) -> None:
    cats, dogs = log_version("cats"), log_version("dogs")
    with wandb.init() as run:
        run.use_artifact(cats, use_as="training")
    with wandb.init() as other:
        pass
    Api().run(other.id).use_artifact(cats, use_as="training")
    first, second = (event.detail for event in Api().store.events() if event.kind == "version-used")
    assert first == {"run": run.path, "role": "training"} and second == {"run": other.path, "role": "training"}
    dogs.delete(delete_aliases=True)
    with pytest.raises(wandb.CommError, match="dogs:v0 was deleted"):
        Api().run(other.id).use_artifact(dogs)
    with Store.init(tmp_path / "other") as elsewhere:
        draft = elsewhere.draft("rats", type="dataset")
        elsewhere.commit(draft)
    with pytest.raises(ValueError, match=r"is in the store .*other, and this run logs to"):
        Api().run(other.id).use_artifact(Api(store=tmp_path / "other").artifact("rats"))


def test_the_history_of_a_run_is_read_back() -> None:
    with wandb.init() as run:
        for step in range(10):
            run.log({"loss": 1 / (step + 1), "odd": step} if step % 2 else {"loss": 1 / (step + 1)})
    stored = Api().run(run.id)
    rows = list(stored.scan_history())
    assert [row["_step"] for row in rows] == list(range(10))
    assert {"loss", "_step", "_timestamp", "_runtime"} <= set(rows[0])
    assert [row["odd"] for row in stored.scan_history(keys=["odd"])] == [1, 3, 5, 7, 9]
    assert [row["_step"] for row in stored.scan_history(min_step=3, max_step=6)] == [3, 4, 5]
    assert len(stored.history(samples=3, pandas=False)) == 3
    assert [row["odd"] for row in stored.history(keys=["odd"], pandas=False)] == [1, 3, 5, 7, 9]
    assert stored.lastHistoryStep == 9


# Different on purpose


def test_an_api_can_be_created_before_the_store() -> None:
    api = Api()
    assert "Api" in repr(api)
    with pytest.raises(NoStore, match="no store here"):
        api.artifact("animals")
    assert not Path(".artstore").exists()
    log_version()
    assert api.artifact("animals").version == "v0"
    with pytest.raises(NoStore, match="nowhere"):
        Api(store="nowhere")


def test_counts_equal_listings_also_with_tags() -> None:
    log_version(files={"cat.txt": b"0"}, tags=["a"])
    log_version(files={"cat.txt": b"1"})
    assert len(Api().artifacts("dataset", "animals", tags=["a"])) == 1


def test_an_invalid_order_is_refused() -> None:
    log_version()
    with pytest.raises(ValueError, match="cannot order versions by 'size'"):
        Api().artifacts("dataset", "animals", order="size")
    with pytest.raises(ValueError, match="cannot order collections by 'size'"):
        Api().artifact_collections("uncategorized", "dataset", order="size")
    with pytest.raises(ValueError, match="runs have no field 'loss'"):
        Api().runs(order="loss")


def test_filters_of_all_listings_find_the_expected_items() -> None:
    log_version().link("wandb-registry-model/x", aliases=["live"])
    assert len(Api().runs(filters={"state": "finished"})) == 1
    assert [item.name for item in Api().registries(filter={"name": "model"})] == ["model"]
    assert [item.name for item in Api().registry("model").collections(filter={"name": {"$regex": "^x"}})] == ["x"]
    assert [item.name for item in Api().registry("model").versions(filter={"alias": "live"})] == ["x:v0"]
    assert list(Api().registry("model").versions(filter={"tag": "none"})) == []


def test_the_histories_of_several_runs_are_read_together() -> None:
    for number in range(2):
        with wandb.init(project="zoo", name=f"n{number}", config={"lr": number}) as run:
            for step in range(3):
                run.log({"loss": step + number, **({"rare": 1} if step == 2 else {})})
    runs = Api().runs("zoo")
    rows = runs.histories(keys=["loss"])
    assert [(row["_step"], row["loss"]) for row in rows] == [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 3)]
    assert [row["run_id"] for row in rows] == [each.id for each in runs for _ in range(3)]
    for format in ("pandas", "polars"):
        frame = runs.histories(samples=2, keys=["loss"], format=format)
        assert (frame.shape, list(frame.columns)) == ((4, 3), ["_step", "loss", "run_id"])
        assert "rare" in list(runs.histories(format=format).columns)
    assert runs.histories(stream="system") == [] and runs[0].history(stream="system", pandas=False) == []
    with pytest.raises(InvalidInput, match="Invalid format: csv"):
        runs.histories(format="csv")
    # W&B's page about exports does this.
    assert [each.summary._json_dict["loss"] for each in runs] == [2, 3]
