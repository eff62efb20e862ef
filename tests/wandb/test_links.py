"""Links, registries and registered models, compared with W&B."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

import artstore as wandb
from artstore import Api, Store
from artstore.errors import InvalidName, NotFound
from tests.support.files import write_files
from tests.support.wandb_fixtures import log_version, new_draft

pytestmark = pytest.mark.usefixtures("workdir")

REGISTERED = "wandb-registry-model/classifier"


def names(listing: Any) -> list[str]:
    return [item.name for item in listing]


# Equal


def test_a_link_shows_a_version_under_another_name() -> None:
    source = log_version(project="zoo")
    linked = source.link(REGISTERED, aliases=["production"])
    assert (linked.is_link, source.is_link) == (True, False)
    assert (linked.name, linked.version, linked.project) == ("classifier:v0", "v0", "wandb-registry-model")
    assert linked.qualified_name.endswith("wandb-registry-model/classifier:v0")
    assert (linked.source_name, linked.source_version, linked.source_project) == ("animals:v0", "v0", "zoo")
    assert linked.source_qualified_name.endswith("zoo/animals:v0")
    assert (linked.collection.name, linked.source_collection.name) == ("classifier", "animals")
    assert sorted(linked.aliases) == ["latest", "production"]
    assert (linked.digest, linked.type, linked.id) == (source.digest, source.type, source.id)


def test_a_link_is_numbered_by_its_own_collection() -> None:
    for number in range(3):
        version = log_version(files={"cat.txt": str(number).encode()})
    version.link(REGISTERED)
    Api().artifact("animals:v0").link(REGISTERED)
    assert Api().artifact(f"{REGISTERED}:v0").source_name == "animals:v2"
    assert Api().artifact(f"{REGISTERED}:v1").source_name == "animals:v0"
    assert Api().artifact(f"{REGISTERED}:latest").version == "v1"


def test_a_linked_version_is_found_downloaded_and_used_by_the_name_of_the_link() -> None:
    log_version().link(REGISTERED, aliases=["production"])
    with wandb.init() as run:
        artifact = run.use_artifact(f"{REGISTERED}:production", type="dataset")
        root = artifact.download()
    assert Path(root, "cat.txt").read_text() == "meow"
    assert Path(root).name == "animals:v0"
    assert [used.source_name for used in Api().run(run.id).used_artifacts()] == ["animals:v0"]
    assert [user.id for user in Api().artifact("animals:v0").used_by()] == [run.id]


def test_a_version_knows_its_links_and_a_link_its_version() -> None:
    source = log_version()
    source.link(REGISTERED)
    source.link("wandb-registry-dataset/pets")
    assert names(source.linked_artifacts) == ["classifier:v0", "pets:v0"]
    linked = Api().artifact(REGISTERED)
    assert linked.linked_artifacts == []
    assert (linked.source_artifact.name, linked.source_artifact.is_link) == ("animals:v0", False)
    assert source.source_artifact is source


def test_linking_a_link_links_its_version() -> None:
    log_version().link(REGISTERED).link("wandb-registry-dataset/pets")
    assert Api().artifact("wandb-registry-dataset/pets").source_name == "animals:v0"
    assert len(Api().artifact("animals").linked_artifacts) == 2


def test_linking_again_only_sets_the_aliases() -> None:
    source = log_version()
    source.link(REGISTERED, aliases=["a"])
    again = source.link(REGISTERED, aliases="b")
    assert (again.version, sorted(again.aliases)) == ("v0", ["a", "b", "latest"])


def test_the_aliases_of_a_link_are_its_own() -> None:
    source = log_version(aliases=["best"])
    linked = source.link(REGISTERED, aliases=["production"])
    linked.aliases.append("staging")
    linked.aliases.remove("production")
    linked.save()
    assert sorted(Api().artifact(REGISTERED).aliases) == ["latest", "staging"]
    assert Api().artifact("animals").aliases == ["latest", "best"]


def test_editing_a_link_edits_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    linked = log_version().link(REGISTERED)
    linked.description = "new"
    linked.metadata = {"a": 1}
    linked.tags.append("good")
    linked.save()
    source = Api().artifact("animals")
    assert (source.description, source.metadata, source.tags) == ("new", {"a": 1}, ["good"])
    assert "is a link" in capsys.readouterr().err


def test_the_ttl_of_a_link_cannot_be_set() -> None:
    linked = log_version().link(REGISTERED)
    with pytest.raises(ValueError, match="Cannot set TTL for link artifact"):
        linked.ttl = None


def test_deleting_a_link_deletes_only_the_link(capsys: pytest.CaptureFixture[str]) -> None:
    linked = log_version().link(REGISTERED, aliases=["production"])
    linked.delete()
    assert not Api().artifact_exists(REGISTERED)
    assert Api().artifact_exists("animals:v0")
    assert "only the link is deleted" in capsys.readouterr().err


def test_only_a_link_can_be_unlinked() -> None:
    source = log_version()
    source.link(REGISTERED).unlink()
    assert not Api().artifact_exists(REGISTERED)
    with pytest.raises(ValueError, match="is not a link"):
        source.unlink()


def test_linking_a_draft_logs_it_first() -> None:
    linked = new_draft(cat="meow").link(REGISTERED)
    assert linked.source_name == "animals:v0"
    with wandb.init() as run:
        other = run.link_artifact(new_draft("other", cat="meow"), "wandb-registry-dataset/pets", aliases=["best"])
    assert (other.source_name, sorted(other.aliases)) == ("other:v0", ["best", "latest"])


def test_a_run_links_by_its_own_project_unless_told_otherwise() -> None:
    with wandb.init(project="zoo") as run:
        artifact = run.log_artifact(new_draft(cat="meow"))
        workdir = run.link_artifact(artifact=artifact, target_path="favourites")
        there = run.link_artifact(artifact, "someone/farm/favourites", ["best"])
    assert (workdir.project, there.project) == ("zoo", "farm")


def test_a_new_draft_of_a_link_is_logged_to_the_source_collection() -> None:
    linked = log_version(project="zoo").link(REGISTERED)
    draft = linked.new_draft()
    with draft.new_file("dog.txt") as file:
        file.write("woof")
    with wandb.init(project="zoo") as run:
        run.log_artifact(draft)
    assert draft.qualified_name.endswith("zoo/animals:v1")


def test_registries_list_their_links() -> None:
    log_version("cats").link(REGISTERED)
    log_version("dogs").link("wandb-registry-dataset/pets")
    assert names(Api().registries()) == ["dataset", "model"]
    registry = Api().registry("model")
    assert (registry.name, registry.full_name) == ("model", "wandb-registry-model")
    assert names(registry.collections()) == ["classifier"]
    assert names(registry.versions()) == ["classifier:v0"]
    collection = next(iter(registry.collections()))
    assert not collection.is_sequence()
    assert names(collection.artifacts()) == ["classifier:v0"]


def test_the_links_of_a_collection_are_listed_as_its_versions() -> None:
    for number in range(3):
        log_version(files={"cat.txt": str(number).encode()}).link(REGISTERED)
    listed = Api().artifacts("dataset", REGISTERED, order="version_index")
    assert [(link.version, link.source_version) for link in listed] == [("v0", "v0"), ("v1", "v1"), ("v2", "v2")]
    assert len(listed) == 3


# Equal: models


def test_a_model_is_logged_used_and_linked_by_its_path() -> None:
    write_files(Path("."), {"model.pt": b"weights"})
    with wandb.init(project="zoo") as run:
        run.log_model("model.pt", name="classifier", aliases=["best"])
        assert Path(run.use_model("classifier:best")).read_bytes() == b"weights"
        run.link_model(path="model.pt", registered_model_name="registered", name="other", aliases=["production"])
    assert Api().artifact("zoo/classifier:best").type == "model"
    linked = Api().artifact("model-registry/registered:production")
    assert (linked.source_name, linked.type) == ("other:v0", "model")


def test_a_model_of_several_files_is_used_as_a_folder() -> None:
    write_files(Path("model"), {"a": b"1", "b": b"2"})
    with wandb.init() as run:
        run.log_model("model", "classifier")
        root = Path(run.use_model("classifier"))
    assert sorted(path.name for path in root.iterdir()) == ["a", "b"]


def test_only_models_are_used_and_linked_as_models() -> None:
    log_version("data", "dataset")
    write_files(Path("."), {"model.pt": b"weights"})
    with wandb.init() as run:
        with pytest.raises(AssertionError, match="You can only use this method for 'model' artifacts"):
            run.use_model("data")
        with pytest.raises(AssertionError):
            run.link_model("model.pt", "a/b")
    assert list(Api().run(run.id).used_artifacts()) == []


# Different on purpose


def test_a_collection_holds_either_versions_or_links() -> None:
    source = log_version("cats")
    log_version("dogs")
    with pytest.raises(ValueError, match="dogs"):
        source.link("uncategorized/dogs")
    source.link(REGISTERED)
    with pytest.raises(ValueError, match="classifier"):
        log_version("classifier", project="wandb-registry-model")


def test_deleting_a_collection_of_links_lists_them_before_and_after() -> None:
    for content in (b"1", b"2"):
        log_version("cats", files={"a": content}).link(REGISTERED)
    project, name = REGISTERED.split("/")
    with Store.open(Path(".artstore")) as store:
        planned = store.delete_collection(name, project=project, dry_run=True)
        assert [(link.name, link.link and link.link.number) for link in planned.links] == [
            ("cats:v1", 1),
            ("cats:v0", 0),
        ]
        assert planned[:3] == ([], 0, 0)
        assert store.delete_collection(name, project=project) == planned
        assert list(store.versions(name, project=project)) == []
        assert len(list(store.versions("cats"))) == 2


def test_a_link_target_is_named_without_a_version() -> None:
    with pytest.raises(InvalidName):
        log_version().link("a/b/c/d")
    with pytest.raises(InvalidName):
        log_version().link(cast(Any, 3))


def test_links_of_a_deleted_version_are_gone() -> None:
    source = log_version()
    source.link(REGISTERED)
    source.delete(delete_aliases=True)
    with pytest.raises(NotFound):
        Api().artifact(REGISTERED)


def test_only_an_artifact_can_be_linked_not_a_name() -> None:
    log_version(project="zoo")
    name: Any = "animals:latest"
    with wandb.init(project="zoo") as run, pytest.raises(TypeError, match="instance of Artifact"):
        run.link_artifact(name, "registry")
