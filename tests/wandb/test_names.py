"""Names, types, aliases, tags, metadata and paths that are accepted, compared with W&B."""

from __future__ import annotations

import math
import os
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

import artstore as wandb
from artstore import Api, Artifact
from artstore.errors import InvalidName
from tests.support.wandb_fixtures import entry_paths, log_version, new_draft

pytestmark = pytest.mark.usefixtures("workdir")

# Equal


@pytest.mark.parametrize("name", ["animals", "A-1_b.c", "0", "...", "-", "x" * 128])
def test_names_that_wandb_accepts_are_accepted(name: str) -> None:
    assert Artifact(name, "dataset").name == name
    assert log_version(name).name == f"{name}:v0"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "alphanumeric characters, dashes, underscores, and dots"),
        ("two words", r"Invalid name: 'two words'"),
        ("a/b", "Artifact name may only contain"),
        ("a:b", "Artifact name may only contain"),
        ("ä", "Artifact name may only contain"),
        ("x" * 129, "longer than 128 characters"),
    ],
)
def test_names_that_wandb_refuses_are_refused_with_its_message(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Artifact(name, "dataset")


@pytest.mark.parametrize(
    ("name", "type"), [("x", "job"), ("x", "wandb-history"), ("run-abc-table", "run_table"), ("source-x-y", "code")]
)
def test_types_reserved_by_wandb_are_refused(name: str, type: str) -> None:
    with pytest.raises(ValueError, match=r"is reserved for internal use. Please use a different type"):
        Artifact(name, type)


@pytest.mark.parametrize(("name", "type"), [("mine", "code"), ("table", "run_table"), ("x", "two words"), ("x", "ä")])
def test_types_are_any_text(name: str, type: str) -> None:
    assert log_version(name, type).type == type


@pytest.mark.parametrize("alias", ["a/b", "a:b"])
def test_aliases_with_a_slash_or_a_colon_are_refused(alias: str) -> None:
    with pytest.raises(ValueError, match="Aliases must not contain any of the following characters: '/', ':'"):
        log_version(aliases=[alias])
    version = log_version()
    with pytest.raises(ValueError, match="must not contain"):
        version.aliases = [alias]


@pytest.mark.parametrize("alias", ["best", "two words", "v1.2", "V1", "ünïcode", "v", "1"])
def test_any_other_text_is_an_alias(alias: str) -> None:
    log_version(aliases=alias)
    assert Api().artifact(f"animals:{alias}").version == "v0"


def test_latest_is_always_added_and_aliases_are_not_repeated() -> None:
    assert log_version(aliases=["best", "best", "latest"]).aliases == ["latest", "best"]


@pytest.mark.parametrize("tag", ["good", "two words", "a-b_c", "ünïcode", "9"])
def test_tags_of_wandb_are_accepted(tag: str) -> None:
    assert log_version(tags=[tag, tag]).tags == [tag]


@pytest.mark.parametrize("tag", ["", "a/b", "a:b", " a", "a ", "a.b", "a\n"])
def test_other_tags_are_refused(tag: str) -> None:
    with pytest.raises(ValueError, match=r"only contain alphanumeric characters.*hyphens, underscores, and/or spaces"):
        log_version(tags=[tag])
    version = log_version()
    with pytest.raises(ValueError, match="only contain alphanumeric"):
        version.tags = [tag]


@pytest.mark.parametrize(
    ("metadata", "stored"),
    [
        (None, {}),
        ('{"a": 1}', {"a": 1}),
        ({"a": (1, 2), 3: None}, {"a": [1, 2], "3": None}),
        ({"a": math.nan}, {"a": None}),
        ({"day": date(2024, 2, 29)}, {"day": "2024-02-29"}),
        ({"deep": {"er": [{"x": 1.5}]}}, {"deep": {"er": [{"x": 1.5}]}}),
        ({"rows": slice(0, 10)}, {"rows": {"slice_start": 0, "slice_step": None, "slice_stop": 10}}),
        ({"kind": date, "loss": [os.path.join]}, {"kind": "datetime.date", "loss": ["posixpath.join"]}),
    ],
)
def test_metadata_is_stored_as_json(metadata: Any, stored: dict[str, Any]) -> None:
    assert Artifact("x", "t", metadata=metadata).metadata == stored
    assert Api().artifact(log_version(metadata=metadata).name).metadata == stored


@pytest.mark.parametrize(
    ("metadata", "kind", "message"),
    [
        (3, TypeError, "Cannot parse <class 'int'> as artifact metadata"),
        ([1], TypeError, "Cannot parse <class 'list'> as artifact metadata"),
        ("[1]", TypeError, "Cannot parse <class 'list'> as artifact metadata"),
        ("not json", ValueError, "metadata"),
        ({"a": object()}, TypeError, "is not JSON serializable"),
        ({"a": math.inf}, ValueError, "Out of range float values are not JSON compliant"),
        ({"a": [{"b": -math.inf}]}, ValueError, "Out of range float values are not JSON compliant"),
    ],
)
def test_metadata_that_json_cannot_hold_is_refused(metadata: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        Artifact("x", "t", metadata=metadata)
    with pytest.raises(wandb.Error):
        Artifact("x", "t").metadata = metadata


def test_metadata_is_copied() -> None:
    metadata = {"labels": ["cat"]}
    artifact = Artifact("x", "t", metadata=metadata)
    metadata["labels"].append("dog")
    assert artifact.metadata == {"labels": ["cat"]}


def test_metadata_is_checked_again_when_it_is_logged() -> None:
    artifact = new_draft()
    artifact.metadata["loss"] = math.inf
    with wandb.init() as run, pytest.raises(ValueError, match="Out of range float values"):
        run.log_artifact(artifact)
    assert not Api().artifact_exists("animals")


@pytest.mark.parametrize(
    ("path", "normalised"), [("a//b", "a/b"), ("./a", "a"), ("a/./b/", "a/b"), ("a b", "a b"), ("a..b/...", "a..b/...")]
)
def test_paths_are_normalised(path: str, normalised: str) -> None:
    Path("file").write_text("x")
    artifact = Artifact("x", "t")
    assert artifact.add_file("file", name=path).path == normalised
    assert entry_paths(artifact) == [normalised]


@pytest.mark.parametrize("path", ["..", "../a", "a/../b", "/a", "\\a", "a\\..\\b", "//host/share/x", "."])
def test_paths_that_leave_the_artifact_are_refused_everywhere(path: str) -> None:
    Path("file").write_text("x")
    Path("folder").mkdir()
    artifact = Artifact("x", "t")
    with pytest.raises(ValueError, match="Invalid artifact path"):
        artifact.add_file("file", name=path)
    with pytest.raises(ValueError, match="Invalid artifact path"):
        artifact.add_dir("folder", name=path)
    with pytest.raises(ValueError, match="Invalid artifact path"):
        artifact.new_file(path)
    assert entry_paths(artifact) == []


@pytest.mark.parametrize("project", ["a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "a\nb", "x" * 129])
def test_project_names_that_wandb_refuses_are_refused(project: str) -> None:
    with pytest.raises(ValueError, match="project"):
        wandb.init(project=project)
    assert wandb.run is None


@pytest.mark.parametrize(
    "name", ["animals", "animals:v0", "animals:best", "zoo/animals:best", "me/zoo/animals:best", "me/zoo/animals"]
)
def test_an_artifact_is_named_with_and_without_project_and_entity(name: str) -> None:
    log_version(project="zoo", aliases=["best"])
    with wandb.init(project="zoo") as run:
        assert run.use_artifact(name).qualified_name.endswith("/zoo/animals:v0")
    assert Api({"project": "zoo"}).artifact(name).version == "v0"


# Different on purpose


@pytest.mark.parametrize("name", ["x\n", ".", ".."])
def test_names_that_wandb_accepts_by_mistake_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Artifact name may only contain"):
        Artifact(name, "dataset")


def test_a_name_that_is_not_a_string_is_a_value_error() -> None:
    with pytest.raises(InvalidName, match="Invalid name: 3"):
        Artifact(cast(Any, 3), "dataset")


@pytest.mark.parametrize("type", ["", "a/b", "x:y", "x\ny", None])
def test_types_that_cannot_be_part_of_a_path_are_refused(type: Any) -> None:
    with pytest.raises(ValueError, match="invalid artifact type"):
        Artifact("x", type)


@pytest.mark.parametrize("alias", ["v7", "v0"])
def test_an_alias_that_would_hide_a_version_is_refused(alias: str) -> None:
    with pytest.raises(InvalidName):
        log_version(aliases=[alias])


def test_empty_aliases_are_dropped() -> None:
    version = log_version(aliases=["last", "", "epoch 3"])
    assert sorted(version.aliases) == ["epoch 3", "last", "latest"]
    version.aliases = ["best", ""]
    version.aliases.append("")
    version.save()
    assert sorted(Api().artifact("uncategorized/animals:latest").aliases) == ["best", "latest"]
    link = version.link("zoo/shown", aliases=["", "production"])
    assert sorted(link.aliases) == ["latest", "production"]


def test_metadata_may_have_any_number_of_keys() -> None:
    many = {f"key{number}": number for number in range(1000)}
    assert log_version(metadata=many).metadata == many


def test_a_path_cannot_be_both_a_file_and_a_folder() -> None:
    artifact = new_draft(images="a file")
    with pytest.raises(ValueError, match=r"'images/cat.png' cannot be added: 'images' is a file"):
        artifact.new_file("images/cat.png")


def test_the_default_folder_of_a_download_is_the_name_with_its_version() -> None:
    version = log_version()
    expected = "animals:v0" if os.name == "posix" else "animals-v0"
    assert Path(version.download()) == Path.cwd() / "artifacts" / expected


@pytest.mark.parametrize("name", ["a/b/c/d", "a/b/c/d:v0", "", "animals:", "two words"])
def test_an_invalid_name_and_a_missing_one_are_different_errors(name: str) -> None:
    log_version()
    with pytest.raises(InvalidName):
        Api().artifact(name)
    with wandb.init() as run, pytest.raises(ValueError, match=r"invalid artifact name|Invalid name"):
        run.use_artifact(name)
