"""The construction and attributes of artifacts before and after logging, compared with W&B."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

import artstore as wandb
from artstore import Api, Artifact, ArtifactTTL
from artstore.errors import ArtifactFinalizedError, ArtifactNotLoggedError, ArtifactStatusError
from tests.support.wandb_fixtures import entry_paths, log_version, new_draft

pytestmark = pytest.mark.usefixtures("workdir")


# Equal


def test_every_argument_of_wandb_is_accepted_in_its_order_and_by_its_name() -> None:
    by_order = Artifact("x", "t", "words", {"a": 1}, True, None, None)
    by_name = Artifact(
        name="x",
        type="t",
        description="words",
        metadata={"a": 1},
        incremental=True,
        use_as=None,
        storage_region="coreweave-us",
        digest_algorithm="XXH128",
    )
    for artifact in (by_order, by_name):
        assert (artifact.name, artifact.type, artifact.description) == ("x", "t", "words")
        assert (artifact.metadata, artifact.incremental, artifact.use_as) == ({"a": 1}, True, None)


def test_a_draft_has_its_attributes() -> None:
    artifact = new_draft(cat="meow")
    assert (artifact.id, artifact.name, artifact.source_name, artifact.type) == (None, "animals", "animals", "dataset")
    assert (artifact.state, artifact.is_draft(), artifact.size) == ("PENDING", True, 4)
    assert (artifact.description, artifact.metadata, artifact.distributed_id) == (None, {}, None)
    assert (artifact.incremental, artifact.use_as) == (False, None)
    assert len(artifact.manifest) == 1
    assert artifact.digest == new_draft(cat="meow").digest != new_draft(cat="purr").digest


LOGGED_ONLY: dict[str, Callable[[Artifact], object]] = {
    "entity": lambda artifact: artifact.entity,
    "project": lambda artifact: artifact.project,
    "qualified_name": lambda artifact: artifact.qualified_name,
    "version": lambda artifact: artifact.version,
    "collection": lambda artifact: artifact.collection,
    "source_entity": lambda artifact: artifact.source_entity,
    "source_project": lambda artifact: artifact.source_project,
    "source_qualified_name": lambda artifact: artifact.source_qualified_name,
    "source_version": lambda artifact: artifact.source_version,
    "source_collection": lambda artifact: artifact.source_collection,
    "source_artifact": lambda artifact: artifact.source_artifact,
    "linked_artifacts": lambda artifact: artifact.linked_artifacts,
    "ttl": lambda artifact: artifact.ttl,
    "aliases": lambda artifact: artifact.aliases,
    "tags": lambda artifact: artifact.tags,
    "file_count": lambda artifact: artifact.file_count,
    "created_at": lambda artifact: artifact.created_at,
    "updated_at": lambda artifact: artifact.updated_at,
    "history_step": lambda artifact: artifact.history_step,
    "wait": lambda artifact: artifact.wait(),
    "download": lambda artifact: artifact.download(),
    "checkout": lambda artifact: artifact.checkout(),
    "verify": lambda artifact: artifact.verify(),
    "file": lambda artifact: artifact.file(),
    "files": lambda artifact: artifact.files(),
    "new_draft": lambda artifact: artifact.new_draft(),
    "delete": lambda artifact: artifact.delete(),
    "unlink": lambda artifact: artifact.unlink(),
    "used_by": lambda artifact: artifact.used_by(),
    "logged_by": lambda artifact: artifact.logged_by(),
    "json_encode": lambda artifact: artifact.json_encode(),
    "get_entry": lambda artifact: artifact.get_entry("cat"),
}


@pytest.mark.parametrize("name", LOGGED_ONLY)
def test_attributes_of_versions_are_refused_on_a_draft(name: str) -> None:
    artifact = new_draft(cat="meow")
    with pytest.raises(ArtifactNotLoggedError, match=r"'Artifact\.\w+'") as caught:
        LOGGED_ONLY[name](artifact)
    assert isinstance(caught.value, ArtifactStatusError | AttributeError)
    assert isinstance(caught.value, wandb.Error)
    # W&B code asks `hasattr(artifact, "version")`.
    assert name in ("wait", *dir(Artifact))


@pytest.mark.parametrize("name", [name for name in LOGGED_ONLY if name != "unlink"])
def test_attributes_of_versions_are_available_right_after_logging(name: str) -> None:
    with wandb.init() as run:
        artifact = run.log_artifact(new_draft(cat="meow"), aliases=["best"])
        if name == "delete":
            with pytest.raises(wandb.CommError):
                artifact.delete()
        elif name == "verify":
            artifact.download()
            artifact.verify()
        else:
            LOGGED_ONLY[name](artifact)


CHANGES: dict[str, Callable[[Artifact], object]] = {
    "add_file": lambda artifact: artifact.add_file("file"),
    "add_dir": lambda artifact: artifact.add_dir("."),
    "new_file": lambda artifact: artifact.new_file("other"),
    "add_reference": lambda artifact: artifact.add_reference("s3://bucket/key"),
    "remove": lambda artifact: artifact.remove("cat"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changing_a_version_is_an_error(name: str) -> None:
    version = log_version()
    with pytest.raises(ArtifactFinalizedError, match=f"'Artifact.{name}' used on logged artifact. Can't modify"):
        CHANGES[name](version)
    drafted = new_draft(cat="meow")
    drafted.finalize()
    with pytest.raises(AttributeError, match="Can't modify finalized artifact"):
        CHANGES[name](drafted)
    assert entry_paths(drafted) == ["cat"]


def test_a_version_has_its_attributes() -> None:
    before = datetime.now().astimezone()
    artifact = log_version(project="zoo", files={"a/cat.txt": b"meow", "dog.txt": b"woof!"}, description="noises")
    assert (artifact.name, artifact.version, artifact.type) == ("animals:v0", "v0", "dataset")
    assert (artifact.source_name, artifact.source_version) == ("animals:v0", "v0")
    assert artifact.project == artifact.source_project == "zoo"
    assert artifact.qualified_name == artifact.source_qualified_name == f"{artifact.entity}/zoo/animals:v0"
    assert (artifact.size, artifact.file_count, artifact.description) == (9, 2, "noises")
    assert (artifact.state, artifact.is_draft(), artifact.is_link) == ("COMMITTED", False, False)
    assert isinstance(artifact.id, str)
    assert artifact.commit_hash
    assert artifact.history_step == 0
    assert before - timedelta(seconds=2) < datetime.fromisoformat(artifact.created_at) <= datetime.now().astimezone()
    assert (artifact.collection.name, artifact.source_collection.name) == ("animals", "animals")
    assert (artifact.source_artifact.name, artifact.linked_artifacts) == ("animals:v0", [])
    version = Api().artifact("zoo/animals:latest")
    assert (version.name, version.digest, version.size, version.id) == ("animals:v0", artifact.digest, 9, artifact.id)


def test_the_state_follows_an_artifact_until_it_is_deleted() -> None:
    artifact = new_draft(cat="meow")
    assert artifact.state == "PENDING"
    with wandb.init() as run:
        run.log_artifact(artifact).wait()
    assert artifact.state == "COMMITTED"
    artifact.delete(delete_aliases=True)
    assert artifact.state == "DELETED"


def test_an_inherited_ttl_is_known_after_logging() -> None:
    artifact = new_draft(cat="meow")
    artifact.ttl = ArtifactTTL.INHERIT
    with pytest.raises(ArtifactNotLoggedError):
        _ = artifact.ttl
    artifact.ttl = None
    assert artifact.ttl is None
    artifact.ttl = timedelta(days=30)
    assert artifact.ttl == timedelta(days=30)
    with wandb.init() as run:
        run.log_artifact(artifact)
    assert Api().artifact("animals").ttl == timedelta(days=30)
    assert log_version("forever").ttl is None


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(days=-1)])
def test_a_ttl_must_be_positive(ttl: timedelta) -> None:
    with pytest.raises(ValueError, match="Artifact TTL Duration has to be positive"):
        new_draft().ttl = ttl


def test_a_version_is_converted_to_json() -> None:
    artifact = log_version(project="zoo")
    encoded = json.loads(json.dumps(artifact.json_encode()))
    assert (encoded["_type"], encoded["version"], encoded["sequenceName"]) == ("artifactVersion", "v0", "animals")
    assert encoded["id"] == artifact.id


def test_an_incremental_artifact_adds_to_the_newest_version() -> None:
    log_version(files={"cat.txt": b"meow", "dog.txt": b"woof"})
    artifact = Artifact("animals", "dataset", incremental=True)
    with artifact.new_file("dog.txt", mode="w") as file:
        file.write("wuff")
    with artifact.new_file("rat.txt") as file:
        file.write("peep")
    with wandb.init() as run:
        run.log_artifact(artifact).wait()
    assert artifact.version == "v1"
    assert {path: entry.size for path, entry in artifact.manifest.entries.items()} == dict.fromkeys(
        ["cat.txt", "dog.txt", "rat.txt"], 4
    )


def test_a_new_draft_copies_entries_description_and_metadata_but_not_aliases() -> None:
    version = log_version(
        description="noises", metadata={"a": 1}, aliases=["best"], tags=["loud"], ttl=timedelta(days=1)
    )
    draft = version.new_draft()
    assert (draft.name, draft.type, draft.is_draft(), entry_paths(draft)) == ("animals", "dataset", True, ["cat.txt"])
    assert (draft.description, draft.metadata) == ("noises", {"a": 1})
    draft.remove("cat.txt")
    with draft.new_file("dog.txt") as file:
        file.write("woof")
    with wandb.init() as run:
        run.log_artifact(draft).wait()
    assert (draft.name, entry_paths(draft), entry_paths(version)) == ("animals:v1", ["dog.txt"], ["cat.txt"])
    assert (draft.aliases, draft.tags, draft.ttl) == (["latest"], [], None)


def test_a_new_draft_belongs_to_its_project() -> None:
    draft = log_version(project="zoo").new_draft()
    with wandb.init(project="farm") as run, pytest.raises(ValueError, match="can't be moved to"):
        run.log_artifact(draft)


def test_changes_right_after_logging_apply_to_the_version() -> None:
    with wandb.init() as run:
        artifact = run.log_artifact(new_draft(cat="meow"))
        artifact.metadata["loud"] = True
        artifact.description = "a cat"
        artifact.ttl = timedelta(days=1)
        artifact.aliases.append("best")
        artifact.tags.append("pet")
        artifact.save()
    version = Api().artifact("animals:best")
    assert (version.metadata, version.description, version.ttl) == ({"loud": True}, "a cat", timedelta(days=1))
    assert version.tags == ["pet"]


# Different on purpose


def test_a_draft_has_the_attributes_that_it_can_know() -> None:
    draft = new_draft(cat="meow")
    assert (draft.is_link, draft.url, draft.commit_hash) == (False, "", draft.digest)


def test_a_ttl_that_is_not_a_duration_is_a_type_error() -> None:
    wrong: Any = 5
    with pytest.raises(TypeError, match="a ttl is a timedelta"):
        new_draft().ttl = wrong


def test_a_digest_names_its_algorithm() -> None:
    artifact = log_version()
    algorithm, _, digits = artifact.digest.partition(":")
    assert algorithm == "blake3"
    assert len(bytes.fromhex(digits)) == 32
    entry = artifact.get_entry("cat.txt")
    assert entry.digest is not None
    assert entry.digest.startswith("blake3:")
