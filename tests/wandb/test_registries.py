"""Registries as W&B's Api has them: their fields, the types that they accept, and their listings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest

import artstore as wandb
from artstore import Api, Store
from artstore.errors import InvalidInput, InvalidName, NotFound, ProtectedAlias, WrongType
from artstore.tracking.artifact import Artifact
from artstore.tracking.registry import Registry
from tests.support.wandb_fixtures import log_version

pytestmark = pytest.mark.usefixtures("workdir")


def make(name: str = "Models", **fields: Any) -> Registry:
    log_version("first", "model")
    return Api().create_registry(name, visibility="restricted", organization="lab", **fields)


def names(found: Iterable[Any]) -> list[str]:
    return [each.name for each in found]


def test_a_registry_is_created_with_its_fields_and_found_in_any_case() -> None:
    made = make(description="in use", artifact_types=["model"])
    found = Api().registry("mOdElS", organization="lab")
    for registry in (made, found):
        assert (registry.name, registry.full_name) == ("Models", "wandb-registry-Models")
        assert (registry.entity, registry.organization) == ("local", "local")
        assert (registry.description, registry.visibility) == ("in use", "restricted")
        assert (registry.artifact_types, registry.allow_all_artifact_types) == (["model"], False)
        assert re.fullmatch(r"20\d\d-.*Z", registry.created_at) and registry.updated_at >= registry.created_at
        assert registry.path == ["local", "wandb-registry-Models"]
    assert made.id == found.id
    with pytest.raises(InvalidInput, match="'MODELS' already exists: please use a different name"):
        Api().create_registry("MODELS", "organization")
    with pytest.raises(InvalidInput, match="no visibility 'public': use organization or restricted"):
        Api().create_registry("data", "public")
    with pytest.raises(NotFound, match=r"no registry 'data': artstore.Api\(\).create_registry makes one"):
        Api().registry("data")


def test_a_registry_takes_links_of_the_types_that_it_accepts() -> None:
    registry = make(artifact_types=["model"])
    dataset = log_version("pets", "dataset")
    with pytest.raises(WrongType, match="does not accept artifacts of type 'dataset'"):
        dataset.link("wandb-registry-models/Pets in Use")
    registry.artifact_types.append("dataset")
    registry.save()
    assert dataset.link("wandb-registry-models/Pets in Use").project == "wandb-registry-Models"
    registry.artifact_types.remove("model")
    with pytest.raises(InvalidInput, match="types that were saved cannot be removed: add model again"):
        registry.save()
    registry.load()
    assert registry.artifact_types == ["model", "dataset"]


def test_a_registry_that_accepts_all_types_lists_those_that_it_has() -> None:
    log_version("pets", "dataset").link("wandb-registry-data/pets")
    registry = Api().registry("data")
    assert registry.allow_all_artifact_types and registry.artifact_types == ["dataset"]
    assert registry.created_at == Api().artifact_collection("dataset", "wandb-registry-data/pets").created_at
    registry.artifact_types.append("model")
    with pytest.raises(InvalidInput, match="Set it to False first"):
        registry.save()
    registry.allow_all_artifact_types = False
    registry.save()
    assert Api().registry("data").artifact_types == ["dataset", "model"]
    registry.allow_all_artifact_types = True
    registry.save()
    assert Api().registry("data").allow_all_artifact_types


def test_a_registry_is_renamed_and_described() -> None:
    registry = make(artifact_types=["model"])
    Api().create_registry("other", "organization")
    registry.name, registry.description, registry.visibility = "Best Models", "new", "organization"
    registry.save()
    link = log_version("m", "model").link("wandb-registry-best models/m")
    assert link.qualified_name == "local/wandb-registry-Best Models/m:v0"
    found = Api().registry("best models")
    assert (found.description, found.visibility, found.artifact_types) == ("new", "organization", ["model"])
    found.name = "Other"
    with pytest.raises(InvalidInput, match="'Other' already exists: choose another name"):
        found.save()
    found.load()
    found.name = "BEST models"
    found.save()
    assert names(Api().registries()) == ["BEST models", "other"]


def test_deleting_a_registry_removes_its_links_and_keeps_the_versions() -> None:
    registry = make()
    link = log_version("m", "model").link("wandb-registry-Models/m", aliases=["production"])
    link.collection.protected_aliases = ["production"]
    collection = link.collection
    collection.protected_aliases = ["production"]
    collection.save()
    with pytest.raises(ProtectedAlias):
        registry.delete()
    registry.delete(force=True)
    assert list(Api().registries()) == [] and "wandb-registry-Models" not in names(Api().projects())
    assert Api().artifact("m:v0").linked_artifacts == []
    assert names(Api().create_registry("models", "organization").collections()) == []
    with wandb.init(project="wandb-registry-models"):
        pass
    with pytest.raises(InvalidInput, match="has runs: delete these first"):
        Api().registry("models").delete()
    assert Api().store.verify().findings == []


def test_a_run_in_the_project_of_a_registry_makes_no_second_one() -> None:
    log_version("fox", "model").link("wandb-registry-Models/chosen", ["production"])
    with wandb.init(project="wandb-registry-MODELS", id="in-it") as run:
        assert run.project == "wandb-registry-Models"
    with wandb.init(project="wandb-registry-models", id="in-it", resume="must") as again:
        assert again.resumed
    log_version("fox", "model", {"fox.txt": b"second"}).link("wandb-registry-MODELS/chosen", ["staging"])
    with Store.open(".artstore") as store:
        assert [registry.project for registry in store.registries.find_all()] == ["wandb-registry-Models"]
        assert [version.number for version in store.versions("chosen", project="wandb-registry-models")] == [1, 0]


def test_other_projects_are_not_changed_as_registries() -> None:
    log_version("fox", "model")
    with Store.open(".artstore") as store:
        before = store.projects()
        for change in (
            lambda: store.registries.edit(before[0], new_project="wandb-registry-models"),
            lambda: store.registries.create("models"),
            lambda: store.registries.delete(before[0]),
            lambda: store.registries.get("wandb-registry-"),
        ):
            with pytest.raises(InvalidName, match="begins with 'wandb-registry-'"):
                change()
        assert store.projects() == before


def test_listings_have_an_order_a_start_and_a_size_of_pages() -> None:
    for place, name in (("a", "x"), ("a", "b"), ("a", "c"), ("B", "x")):
        for size in (5, 3) if name == "x" else (4,):
            log_version(f"{place}-{name}", files={"f": b"." * size}).link(f"wandb-registry-{place}/{name}")
    registry = Api().registry("a")
    assert names(registry.collections()) == ["b", "c", "x"]
    assert names(registry.collections(order="-name", per_page=2)) == ["x", "c", "b"]
    assert names(registry.collections(order="created_at")) == ["x", "b", "c"]
    assert names(registry.collections(order="-updated_at", start="c")) == ["b", "x"]
    assert names(registry.versions(order="+linked_at")) == ["x:v0", "x:v1", "b:v0", "c:v0"]
    assert names(registry.versions(order="-artifact_size")) == ["x:v0", "b:v0", "c:v0", "x:v1"]
    pages = registry.versions(order="created_at", per_page=1)
    first = next(pages)
    assert first.name == "x:v0" and pages.cursor == first.qualified_name
    assert names(registry.versions(order="created_at", start=pages.cursor)) == ["x:v1", "b:v0", "c:v0"]
    assert names(Api().registries(order="-created_at")) == ["B", "a"]
    assert names(Api().registries(start="wandb-registry-B")) == ["a"]
    assert names(Api().artifact_type("dataset").collections(order="-created_at", filters={"name": {"$ne": "a-c"}}))[
        0
    ] == ("B-x")
    with pytest.raises(InvalidInput, match="cannot order versions by 'size': use created_at, linked_at, artifact_size"):
        registry.versions(order="size")


def test_the_type_of_a_collection_is_changed() -> None:
    version = log_version("pets", "dataset")
    collection = Api().artifact_collection("dataset", "pets")
    link = version.link("shown/pets")
    with pytest.raises(InvalidInput, match="as shown/pets:v0 shows one of its versions: unlink that first"):
        collection.change_type("raw-data")
    with pytest.raises(InvalidInput, match="only be changed if the artifact collection is a sequence"):
        link.collection.type = "raw-data"
    link.unlink()
    collection.load()
    collection.type = "raw-data"
    collection.save()
    assert Api().artifact("pets:v0").type == "raw-data"
    assert log_version("pets", "raw-data", {"dog.txt": b"woof"}).version == "v1"
    with pytest.raises(WrongType), wandb.init() as run:
        run.log_artifact(Artifact("pets", "dataset"))
    for reserved in ("job", "wandb-history"):
        with pytest.raises(ValueError, match="reserved for internal use"):
            collection.change_type(reserved)
    events = [event.detail for event in Api().store.events() if event.kind == "collection-described"]
    assert [event["type"] for event in events if "type" in event] == ["raw-data"]


def test_a_version_knows_the_step_at_which_it_was_logged() -> None:
    with wandb.init() as run:
        before = run.log_artifact(Artifact("before", "dataset")).wait()
        for step in range(3):
            run.log({"loss": 1 / (step + 1)})
        after = run.log_artifact(Artifact("after", "dataset")).wait()
        run.log({"loss": 0})
    assert (before.history_step, after.history_step) == (0, 2)
    found = Api().artifact("after:v0")
    assert found.history_step == 2
    producer = found.logged_by()
    assert producer is not None
    rows = producer.scan_history(min_step=found.history_step, max_step=found.history_step + 1)
    assert [row["loss"] for row in rows] == [1 / 3]
    with Store.open(run.store.path) as store:
        store.commit(store.draft("alone", "dataset"))
    assert Api().artifact("alone:v0").history_step is None


def test_registries_are_searched_for_collections_and_these_for_versions() -> None:
    make(description="in use")
    for number, name in enumerate(("first", "second", "third")):
        registry = "Models" if number < 2 else "Data"
        version = log_version(name, "model", metadata={"acc": number / 10})
        version.link(f"wandb-registry-{registry}/{name} coll", aliases=["prod"] if number else None)
    tagged = Api().artifact_collection("model", "wandb-registry-Models/second coll")
    tagged.tags, tagged.description = ["vision"], "sees cats"
    tagged.save()
    every = Api().registries()
    assert names(every) == ["Data", "Models"] and len(every.collections()) == 3
    assert names(every.collections()) == ["third coll", "first coll", "second coll"]
    assert names(every.collections(order="name", per_page=1)) == ["first coll", "second coll", "third coll"]
    assert names(every.versions(filter={"alias": "prod"})) == ["third coll:v0", "second coll:v0"]
    models = Api().registries(filter={"description": {"$contains": "in u"}, "created_at": {"$gt": "2020-01-01"}})
    assert names(models) == ["Models"]
    found = models.collections(filter={"$or": [{"tag": "vision"}, {"description": {"$contains": "dogs"}}]})
    assert names(found) == ["second coll"] and names(found.versions()) == ["second coll:v0"]
    better = models.collections(filter={"name": {"$regex": "coll"}}).versions(filter={"metadata.acc": {"$gt": 0.05}})
    assert names(better) == ["second coll:v0"]
    by_time = models.collections().versions(order="-linked_at")
    assert names(by_time) == ["second coll:v0", "first coll:v0"]
    with pytest.raises(InvalidInput, match="takes a string"):
        Api().registries(filter={"name": {"$contains": 5}})
