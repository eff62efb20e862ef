"""Logging, waiting, saving and using artifacts, compared with W&B."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

import pytest

import artstore as wandb
from artstore import Api, Artifact
from artstore.errors import ArtifactFinalizedError, ArtifactNotLoggedError, NotFound, WaitTimeoutError
from tests.support.files import write_files
from tests.support.wandb_fixtures import entry_paths, log_version, new_draft

pytestmark = pytest.mark.usefixtures("workdir")


def commits_held(run: wandb.Run) -> threading.Event:
    """Keep a run from committing anything until the event is set."""
    event = threading.Event()
    run._background.submit(event.wait)
    return event


# Equal: log_artifact


def test_log_artifact_and_wait_return_the_artifact() -> None:
    artifact = new_draft(cat="meow")
    with wandb.init() as run:
        event = commits_held(run)
        assert run.log_artifact(artifact) is artifact
        assert (artifact.is_draft(), artifact.state, artifact.name) == (False, "PENDING", "animals")
        event.set()
        assert artifact.wait() is artifact
        assert artifact.wait(timeout=1).name == "animals:v0"


def test_a_timeout_of_wait_is_an_error_and_the_artifact_is_still_logged() -> None:
    artifact = new_draft(cat="meow")
    with wandb.init() as run:
        event = commits_held(run)
        run.log_artifact(artifact)
        with pytest.raises(WaitTimeoutError) as caught:
            artifact.wait(timeout=0.01)
        event.set()
    assert isinstance(caught.value, wandb.Error)
    assert isinstance(caught.value, TimeoutError)
    assert Api().artifact("animals").version == "v0"


def test_wait_needs_a_logged_artifact() -> None:
    with pytest.raises(ArtifactNotLoggedError, match=r"'Artifact.wait' used prior to logging"):
        new_draft().wait()


def test_the_default_name_of_a_logged_file_is_made_of_the_run_and_the_file() -> None:
    write_files(Path("."), {"model.pt": b"weights"})
    with wandb.init() as run:
        artifact = run.log_artifact("model.pt")
        given = run.log_artifact(Path("model.pt"), name="classifier", type="model", aliases=["best"], tags=["big"])
    assert (artifact.name, artifact.type) == (f"run-{run.id}-model.pt:v0", "unspecified")
    assert (given.name, given.type, given.aliases, given.tags) == (
        "classifier:v0",
        "model",
        ["latest", "best"],
        ["big"],
    )
    assert entry_paths(given) == ["model.pt"]


def test_a_folder_is_logged_with_its_files() -> None:
    write_files(Path("data"), {"a": b"1", "b/c": b"2"})
    with wandb.init() as run:
        artifact = run.log_artifact("data", type="dataset")
    assert artifact.name == f"run-{run.id}-data:v0"
    assert entry_paths(artifact) == ["a", "b/c"]


def test_invalid_arguments_raise_the_errors_of_wandb() -> None:
    with wandb.init() as run:
        with pytest.raises(ValueError, match="path must be a file, directory or external reference"):
            run.log_artifact("nowhere")
        with pytest.raises(TypeError, match="You must pass an instance of Artifact"):
            run.log_artifact(cast(Any, 3))
        with pytest.raises(TypeError):
            run.log_artifact(cast(Any, ["a", "b"]))


def test_a_logged_artifact_is_finalized_immediately() -> None:
    artifact = new_draft(cat="meow")
    with wandb.init() as run:
        commits_held(run).set()
        run.log_artifact(artifact)
        with pytest.raises(ArtifactFinalizedError):
            artifact.new_file("dog")


def test_logging_a_version_again_sets_aliases_and_tags_on_it() -> None:
    with wandb.init() as first:
        artifact = first.log_artifact(new_draft(cat="meow"))
    with wandb.init() as second:
        second.log_artifact(artifact, aliases=["best"], tags=["loud"]).wait()
    version = Api().artifact("animals:best")
    assert (version.version, version.tags) == ("v0", ["loud"])
    assert len(Api().artifacts("dataset", "animals")) == 1
    assert [used.id for used in Api().run(second.id).logged_artifacts()] == [version.id]
    by = version.logged_by()
    assert by is not None
    assert by.id == first.id


def test_another_type_for_the_name_is_refused_at_the_call() -> None:
    log_version("animals", "dataset")
    with wandb.init() as run, pytest.raises(ValueError, match=r"animals.*dataset"):
        run.log_artifact(new_draft("animals", "model"))
    assert Api().artifact("animals").version == "v0"


def test_content_equal_to_the_newest_version_makes_no_new_one() -> None:
    first = log_version(files={"cat.txt": b"meow"})
    assert log_version(files={"cat.txt": b"meow"}, aliases=["again"]).id == first.id
    assert Api().artifact("animals:again").version == "v0"


def test_an_artifact_that_is_logged_twice_is_one_version() -> None:
    artifact = new_draft(cat="meow")
    with wandb.init() as run:
        run.log_artifact(artifact)
        run.log_artifact(artifact, aliases=["again"])
    assert (artifact.version, artifact.aliases) == ("v0", ["latest", "again"])


def test_an_artifact_is_logged_to_the_store_of_the_run() -> None:
    artifact = new_draft(cat="meow")
    with wandb.init(store="other") as run:
        run.log_artifact(artifact)
    assert Path(Api(store="other").artifact("animals").file()).read_text() == "meow"
    assert not Api().artifact_exists("animals")


# Equal: save


def test_saving_a_draft_logs_it_with_the_open_run() -> None:
    artifact = new_draft(cat="meow")
    with wandb.init(job_type="train") as run:
        artifact.save()
        assert artifact.wait().version == "v0"
    by = artifact.logged_by()
    assert by is not None
    assert (by.id, by.job_type) == (run.id, "train")


def test_saving_a_draft_without_a_run_logs_it_with_one_of_its_own() -> None:
    artifact = new_draft(cat="meow")
    artifact.save(project="zoo")
    assert artifact.qualified_name.endswith("zoo/animals:v0")
    by = artifact.logged_by()
    assert by is not None
    assert (by.job_type, by.project, by.state) == ("auto", "zoo", "finished")
    assert wandb.run is None


# Equal: use_artifact


def test_use_artifact_returns_the_artifact_and_records_it_once() -> None:
    log_version(aliases=["best"])
    with wandb.init() as run:
        artifact = run.use_artifact("animals:best")
        run.use_artifact("animals:v0", type="dataset")
        run.use_artifact(artifact)
    assert (artifact.name, artifact.state) == ("animals:v0", "COMMITTED")
    assert [used.name for used in Api().run(run.id).used_artifacts()] == ["animals:v0"]
    assert [user.id for user in artifact.used_by()] == [run.id]


def test_using_a_draft_logs_it_first() -> None:
    with wandb.init() as run:
        artifact = run.use_artifact(new_draft(cat="meow"), aliases=["mine"])
    assert (artifact.name, artifact.aliases) == ("animals:v0", ["latest", "mine"])
    assert [used.name for used in Api().run(run.id).used_artifacts()] == ["animals:v0"]


@pytest.mark.parametrize("kind", [ValueError, wandb.CommError, wandb.errors.CommError, wandb.Error])
def test_using_with_the_wrong_type_is_a_value_error_and_a_comm_error(kind: type[Exception]) -> None:
    artifact = log_version()
    with wandb.init() as run:
        for argument in ("animals:latest", artifact):
            with pytest.raises(kind, match=r"'model' specified but .*animals.* of type 'dataset'"):
                run.use_artifact(argument, type="model")
    assert list(Api().run(run.id).used_artifacts()) == []


@pytest.mark.parametrize("name", ["animals", "animals:best", "animals:v1", "zoo/animals", "cats:latest"])
def test_using_a_missing_artifact_is_a_comm_error(name: str) -> None:
    if name in ("animals:best", "animals:v1"):
        log_version()
    with wandb.init() as run, pytest.raises(wandb.CommError) as caught:
        run.use_artifact(name)
    assert isinstance(caught.value, NotFound)


def test_only_artifacts_can_be_used() -> None:
    with wandb.init() as run, pytest.raises(ValueError, match="You must pass an artifact name"):
        run.use_artifact(cast(Any, 3))


def test_artifacts_of_other_projects_can_be_used() -> None:
    log_version(project="zoo")
    with wandb.init(project="farm") as run:
        assert run.use_artifact("zoo/animals:latest").project == "zoo"
        assert run.use_artifact("someone/zoo/animals:latest").project == "zoo"
    assert [used.project for used in Api().run(f"farm/{run.id}").used_artifacts()] == ["zoo"]


def test_artifacts_in_the_config_are_used() -> None:
    log_version("cats")
    log_version("dogs")
    with wandb.init(config={"dogs": "wandb-artifact://dogs:latest"}) as run:
        run.config["cats"] = Api().artifact("cats:latest")
        assert isinstance(run.config["dogs"], Artifact)
        Path(run.config.cats.download(), "cat.txt").read_text()
    stored = Api().run(run.id)
    assert {used.name for used in stored.used_artifacts()} == {"cats:v0", "dogs:v0"}
    assert stored.config["cats"]["sequenceName"] == "cats"


# Different on purpose


def test_different_metadata_or_description_makes_a_version_that_costs_nothing() -> None:
    first = log_version(metadata={"a": 1}, description="one")
    assert log_version(metadata={"a": 2}).version == "v1"
    assert Api().artifact("animals:v1").description == "one"
    assert log_version(description="two").version == "v2"
    assert Api().artifact("animals:v2").metadata == {"a": 2}
    assert log_version().version == "v2"
    assert (Api().artifact("animals:v2").owned_bytes, first.owned_bytes) == (0, 4)


def test_the_content_of_an_older_version_is_a_new_version() -> None:
    log_version(files={"cat.txt": b"meow"})
    log_version(files={"cat.txt": b"purr"})
    again = log_version(files={"cat.txt": b"meow"})
    assert (again.version, again.owned_bytes, again.digest) == ("v2", 0, Api().artifact("animals:v0").digest)


def test_an_artifact_can_be_used_right_after_the_run_logged_it() -> None:
    with wandb.init() as run:
        for number in range(5):
            run.log_artifact(new_draft(cat=str(number)))
            assert run.use_artifact("animals:latest").version == f"v{number}"


def test_another_type_is_refused_also_while_the_first_version_is_being_committed() -> None:
    with wandb.init() as run:
        event = commits_held(run)
        run.log_artifact(new_draft("animals", "dataset"))
        with pytest.raises(ValueError, match=r"animals.*dataset"):
            run.log_artifact(new_draft("animals", "model"))
        event.set()


def test_wait_raises_the_error_of_a_failed_log() -> None:
    base = log_version()
    draft = base.new_draft()
    base.delete(delete_aliases=True)
    with wandb.init() as run:
        run.log_artifact(draft)
        with pytest.raises(wandb.CommError, match="was deleted"):
            draft.wait()


def test_an_unawaited_failed_log_is_an_error_at_the_end_of_the_run() -> None:
    base = log_version()
    draft = base.new_draft()
    base.delete(delete_aliases=True)
    run = wandb.init()
    run.log_artifact(draft)
    with pytest.raises(wandb.Error, match="was deleted"):
        run.finish()
    assert Api().run(run.id).state == "failed"


def test_offline_mode_works_like_online_mode() -> None:
    log_version()
    with wandb.init(mode="offline") as run:
        assert run.use_artifact("animals:latest").version == "v0"
        assert run.link_artifact(Api().artifact("animals"), "wandb-registry-pets/best").is_link


def test_a_collection_without_living_versions_keeps_its_numbers_and_takes_a_type() -> None:
    log_version().delete(delete_aliases=True)
    with wandb.init() as run:
        assert run.log_artifact(new_draft("animals", "model")).wait().version == "v1"
    with wandb.init() as run, pytest.raises(ValueError, match="animals"):
        run.log_artifact(new_draft("animals", "dataset"))
