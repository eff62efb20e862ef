"""Aliases, tags, ttl, description and metadata of versions, their deletion, and collections, compared with W&B."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import artstore as wandb
from artstore import Api, Artifact, ArtifactTTL
from artstore.errors import InvalidName, WrongType
from tests.support.wandb_fixtures import log_version

pytestmark = pytest.mark.usefixtures("workdir")


def find_version(name: str = "animals:latest") -> Artifact:
    return Api().artifact(name)


def two_versions(**first: Any) -> None:
    log_version(files={"cat.txt": b"1"}, **first)
    log_version(files={"cat.txt": b"2"})


# Equal: aliases


def test_aliases_are_a_list_that_is_saved_by_save() -> None:
    artifact = log_version(aliases=["a", "b"])
    artifact.aliases.append("c")
    artifact.aliases.remove("a")
    assert find_version().aliases == ["latest", "a", "b"]
    artifact.save()
    assert sorted(find_version().aliases) == sorted(artifact.aliases) == ["b", "c", "latest"]


def test_all_aliases_can_be_replaced() -> None:
    log_version(aliases=["a"])
    log_version(files={"cat.txt": b"purr"})
    first = find_version("animals:a")
    first.aliases = ["x", "y"]
    first.save()
    assert find_version("animals:v0").aliases == ["x", "y"]


def test_an_alias_moves_from_version_to_version() -> None:
    two_versions(aliases=["best"])
    assert find_version("animals:best").version == "v0"
    newer = find_version("animals:v1")
    newer.aliases.append("best")
    newer.save()
    assert find_version("animals:best").version == "v1"
    assert find_version("animals:v0").aliases == []


def test_an_alias_given_to_log_artifact_moves() -> None:
    two_versions(aliases=["best"])
    log_version(files={"cat.txt": b"3"}, aliases=["best"])
    assert [find_version(f"animals:v{number}").aliases for number in range(3)] == [[], [], ["latest", "best"]]


def test_the_index_of_a_version_is_not_among_its_aliases() -> None:
    assert log_version().aliases == ["latest"]


# Equal: tags, description, metadata, ttl


def test_tags_are_a_list_that_is_saved_by_save() -> None:
    artifact = log_version(tags=["a", "b"])
    artifact.tags.append("c")
    artifact.tags.remove("a")
    artifact.save()
    assert find_version().tags == ["b", "c"]
    artifact.tags = ["only"]
    artifact.save()
    assert find_version().tags == ["only"]


def test_an_invalid_tag_is_refused_by_save() -> None:
    artifact = log_version()
    artifact.tags.append("a/b")
    artifact.metadata["x"] = 1
    with pytest.raises(ValueError, match="Invalid tag"):
        artifact.save()
    assert (find_version().tags, find_version().metadata) == ([], {})


def test_description_and_metadata_of_a_version_are_saved_by_save() -> None:
    artifact = log_version(description="one", metadata={"a": 1, "deep": {"b": 2}})
    artifact.description = "two"
    artifact.metadata["deep"]["b"] = 3
    artifact.metadata["new"] = [1]
    assert (find_version().description, find_version().metadata) == ("one", {"a": 1, "deep": {"b": 2}})
    artifact.save()
    assert (find_version().description, find_version().metadata) == ("two", {"a": 1, "deep": {"b": 3}, "new": [1]})
    artifact.metadata = {"only": True}
    artifact.description = ""
    artifact.save()
    assert (find_version().description, find_version().metadata) == ("", {"only": True})
    assert find_version().version == "v0"


def test_saving_changes_only_what_was_changed() -> None:
    artifact = log_version(description="one", aliases=["a"], tags=["t"])
    other = find_version()
    other.description = "two"
    other.aliases.append("b")
    other.save()
    artifact.tags.append("u")
    artifact.save()
    assert (find_version().tags, sorted(find_version().aliases)) == (["t", "u"], ["a", "b", "latest"])


def test_a_ttl_is_set_removed_and_inherited() -> None:
    artifact = log_version(ttl=timedelta(days=30))
    assert find_version().ttl == timedelta(days=30)
    artifact.ttl = timedelta(hours=1)
    artifact.save()
    assert find_version().ttl == timedelta(hours=1)
    artifact.ttl = None
    artifact.save()
    assert find_version().ttl is None
    artifact.ttl = ArtifactTTL.INHERIT
    artifact.save()
    assert find_version().ttl is None


# Equal: delete


def test_a_version_without_aliases_is_deleted() -> None:
    two_versions()
    find_version("animals:v0").delete()
    assert [artifact.version for artifact in Api().artifacts("dataset", "animals")] == ["v1"]
    assert not Api().artifact_exists("animals:v0")
    assert Api().artifact_exists("animals:v1")


@pytest.mark.parametrize("alias", ["best", "latest"])
def test_a_version_with_aliases_is_deleted_only_with_delete_aliases(alias: str) -> None:
    two_versions(aliases=["best"])
    artifact = find_version(f"animals:{alias}")
    with pytest.raises(wandb.CommError, match=alias):
        artifact.delete()
    assert Api().artifact_exists(artifact.name)
    artifact.delete(delete_aliases=True)
    assert not Api().artifact_exists(artifact.name)


def test_latest_falls_back_to_the_newest_living_version() -> None:
    two_versions()
    find_version().delete(delete_aliases=True)
    assert find_version().version == "v0"
    assert find_version().aliases == ["latest"]


def test_the_number_of_a_deleted_version_is_not_reused() -> None:
    two_versions()
    find_version().delete(delete_aliases=True)
    assert log_version(files={"cat.txt": b"3"}).version == "v2"


def test_a_deleted_version_can_be_neither_used_nor_downloaded() -> None:
    two_versions()
    artifact = find_version("animals:v0")
    artifact.delete()
    with pytest.raises(wandb.CommError, match="deleted"):
        artifact.download()
    with wandb.init() as run, pytest.raises(wandb.CommError, match="deleted"):
        run.use_artifact("animals:v0")
    with wandb.init() as run, pytest.raises(wandb.CommError, match="deleted"):
        run.use_artifact(artifact)


def test_versions_can_be_deleted_while_they_are_listed() -> None:
    for number in range(7):
        log_version(files={"cat.txt": str(number).encode()})
    for artifact in Api().artifacts("dataset", "animals", per_page=2):
        if not artifact.aliases:
            artifact.delete()
    assert [artifact.version for artifact in Api().artifacts("dataset", "animals")] == ["v6"]


# Equal: collections


def test_a_collection_is_renamed_described_and_tagged_by_save() -> None:
    log_version(project="zoo")
    collection = Api().artifact_collection("dataset", "zoo/animals")
    collection.name, collection.description = "pets", "those at home"
    collection.tags.append("cute")
    collection.save()
    again = Api({"project": "zoo"}).artifact_collection("dataset", "pets")
    assert (again.name, again.description, again.tags, again.type) == ("pets", "those at home", ["cute"], "dataset")
    assert Api().artifact("zoo/pets:latest").name == "pets:v0"
    assert not Api().artifact_exists("zoo/animals")


def test_a_collection_knows_its_versions_and_their_aliases() -> None:
    two_versions(aliases=["best"])
    collection = find_version().collection
    assert (collection.name, collection.project, collection.type) == ("animals", "uncategorized", "dataset")
    assert collection.is_sequence()
    assert sorted(collection.aliases) == ["best", "latest"]
    assert [artifact.version for artifact in collection.artifacts()] == ["v1", "v0"]
    assert collection.created_at <= collection.updated_at


def test_deleting_a_collection_deletes_all_its_versions() -> None:
    two_versions(aliases=["best"])
    Api().artifact_collection("dataset", "animals").delete()
    assert not Api().artifact_exists("animals:best")
    assert not Api().artifact_exists("animals")


# Different on purpose


def test_latest_cannot_be_set_or_removed() -> None:
    two_versions()
    older = find_version("animals:v0")
    with pytest.raises(InvalidName, match="latest"):
        older.aliases = ["latest"]
    older.aliases.append("latest")
    with pytest.raises(InvalidName, match="latest"):
        older.save()
    newest = find_version()
    newest.aliases = ["best"]
    newest.save()
    assert sorted(find_version().aliases) == ["best", "latest"]


def test_save_is_all_or_nothing() -> None:
    artifact = log_version()
    artifact.description = "new"
    artifact.aliases.append("v7")
    with pytest.raises(InvalidName, match="v7"):
        artifact.save()
    assert find_version().description is None


def test_a_referenced_version_is_deleted_only_by_force() -> None:
    data = log_version("data")
    model = Artifact("model", "model")
    model.add_reference(data)
    with wandb.init() as run:
        run.log_artifact(model)
    with pytest.raises(wandb.CommError, match="model"):
        data.delete(delete_aliases=True)
    data.delete(delete_aliases=True, force=True)
    assert Api().artifact("model").version == "v0"


def test_a_collection_is_renamed_only_to_a_valid_name() -> None:
    collection = log_version().collection
    with pytest.raises(ValueError, match="Artifact name may only contain"):
        collection.name = "two words"


def test_a_deleted_collection_keeps_its_name_and_numbering() -> None:
    log_version().collection.delete()
    assert log_version(files={"cat.txt": b"purr"}).version == "v1"


def test_a_deleted_collection_is_not_listed_and_takes_another_type() -> None:
    log_version("plants")
    collection = log_version().collection
    assert Api().artifact_collection_exists("animals", "dataset")
    collection.delete()
    assert not Api().artifact_collection_exists("animals", "dataset")
    listed = Api().artifact_collections("uncategorized", "dataset")
    assert [each.name for each in listed] == ["plants"] and len(listed) == 1
    again = log_version("animals", "model")
    assert (again.version, again.type, again.collection.type) == ("v1", "model", "model")
    with pytest.raises(WrongType):
        log_version("animals", "dataset")
    with wandb.init(group="night") as run:
        run.upsert_artifact(Artifact("waiting", "dataset")).wait()
        with pytest.raises(ValueError, match="already exists with type 'dataset'"):
            run.upsert_artifact(Artifact("waiting", "model")).wait()
    assert Api().store.verify().findings == []
