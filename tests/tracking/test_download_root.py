"""The default folder of a download holds the files of one version: projects, links and stores share no folder."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import artstore
from artstore import Api, Artifact
from artstore.errors import Damaged
from artstore.tracking import open_stores
from tests.support.cli_runner import output_of, run
from tests.support.files import tree_of, write_files
from tests.support.wandb_fixtures import log_version, new_draft

pytestmark = pytest.mark.usefixtures("workdir")


def files_of(root: str | Path) -> set[str]:
    return set(tree_of(Path(root)))


def log_two_projects(**names: str) -> tuple[Artifact, Artifact]:
    """Log `model:v0` in the projects p1 and p2, each with one file."""
    first, second = names.get("first", "one.txt"), names.get("second", "two.txt")
    return (
        log_version("model", "model", {first: b"first"}, project="p1"),
        log_version("model", "model", {second: b"second"}, project="p2"),
    )


def test_get_of_two_projects_writes_two_folders() -> None:
    log_two_projects()
    assert output_of("get", "p1/model") == "artifacts/model:v0  1 file written, 0 kept\n"
    second = run("get", "p2/model")
    assert second.stdout == "artifacts/model:v0~p2  1 file written, 0 kept\n"
    assert "artifacts/model:v0 holds p1/model:v0: using another folder" in second.stderr
    assert (files_of("artifacts/model:v0"), files_of("artifacts/model:v0~p2")) == ({"one.txt"}, {"two.txt"})
    assert output_of("get", "p2/model") == "artifacts/model:v0~p2  0 files written, 1 kept\n"
    assert output_of("get", "p1/model:v0") == "artifacts/model:v0  0 files written, 1 kept\n"


def test_a_path_that_a_download_returned_keeps_its_content() -> None:
    first, second = log_two_projects(first="weights", second="weights")
    roots = first.download(), second.download()
    assert [Path(root, "weights").read_bytes() for root in roots] == [b"first", b"second"]
    assert first.download() == roots[0] == str(Path.cwd() / "artifacts" / "model:v0")
    for artifact in (first, second):
        artifact.verify()
    assert Path(second.file()) == Path(roots[1], "weights")


def test_a_folder_that_was_removed_or_emptied_is_free_again() -> None:
    first, second = log_two_projects()
    shutil.rmtree(first.download())
    assert Path(second.download()).name == "model:v0"
    assert Path(first.download()).name == "model:v0~p1"


def test_a_stray_file_is_left_alone_in_the_own_folder() -> None:
    first, _ = log_two_projects()
    write_files(Path(first.download()), {"notes.txt": b"mine", "one.txt": b"edited"})
    assert files_of(first.download()) == {"one.txt", "notes.txt"}
    assert Path("artifacts/model:v0/one.txt").read_bytes() == b"first"


def test_a_folder_that_is_there_is_used_unless_it_has_files_of_something_else() -> None:
    first, second = log_two_projects()
    write_files(Path("artifacts/model:v0"), {"one.txt": b"from before"})
    assert Path(second.download()).name == "model:v0~p2"
    assert Path(first.download()).name == "model:v0"
    assert Path("artifacts/model:v0/one.txt").read_bytes() == b"first"


def test_links_of_one_name_in_two_registries_have_folders_of_their_own() -> None:
    first, second = log_two_projects()
    first.link("wandb-registry-a/chosen")
    second.link("wandb-registry-b/chosen")
    output_of("get", "wandb-registry-a/chosen")
    output_of("get", "wandb-registry-b/chosen")
    assert files_of("artifacts/chosen:v0") == {"one.txt"}
    assert files_of("artifacts/chosen:v0~wandb-registry-b") == {"two.txt"}


def test_stores_have_folders_of_their_own_also_for_equal_names() -> None:
    log_version("model", "model", {"one.txt": b"first"})
    root = Api().artifact("model:v0").download()
    open_stores.close()
    shutil.rmtree(".artstore")
    other = log_version("model", "model", {"two.txt": b"second"})
    assert files_of(other.download()) == {"two.txt"}
    assert files_of(root) == {"one.txt"}
    assert len([path for path in Path("artifacts").iterdir() if path.is_dir()]) == 2


def test_checkouts_of_two_projects_have_two_folders() -> None:
    first, second = log_two_projects()
    roots = first.checkout(), second.checkout()
    assert [Path(root).name for root in roots] == ["model", "model~p2"]
    assert [files_of(root) for root in roots] == [{"one.txt"}, {"two.txt"}]


def test_with_inputs_of_two_projects_are_two_folders() -> None:
    log_two_projects()
    for project in ("p1", "p2"):
        output_of("get", f"{project}/model", "--with-inputs")
    assert files_of("artifacts/model:v0-with-inputs") == {"model:v0/one.txt", "run.json"}
    assert files_of("artifacts/model:v0-with-inputs~p2") == {"model:v0/two.txt", "run.json"}


def test_get_uses_the_folder_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    log_version("model", "model", {"one.txt": b"first"})
    monkeypatch.setenv("WANDB_ARTIFACT_DIR", "downloads")
    assert output_of("get", "model").startswith("downloads/model:v0  1 file")


@pytest.mark.parametrize("name", ["../../../escaped", "..", "/escaped", "a\\..\\b"])
def test_a_name_in_the_store_leads_to_no_other_folder(name: str, tmp_path: Path) -> None:
    """Another program wrote the name into the catalog."""
    log_version("input", "dataset", {"one.txt": b"first"})
    with artstore.init() as run_using_it:
        run_using_it.use_artifact("input:latest")
        run_using_it.log_artifact(new_draft("model", "model", file="x"))
    with closing(sqlite3.connect(".artstore/artstore.db")) as catalog, catalog:
        catalog.execute("update collections set name = ? where name = 'input'", (name,))
    before = set(tmp_path.parent.rglob("*"))
    logged_by = Api().artifact("model:v0").logged_by()
    with pytest.raises(Damaged, match="the store has the name"):
        assert logged_by is not None and logged_by.used_artifacts()[0].download()
    (collection,) = [found for found in Api().artifact_type("dataset").collections() if found.name == name]
    with pytest.raises(Damaged, match="the store has the name"):
        next(iter(collection.artifacts())).download()
    made_from = {node.name for node in Api().artifact("model:v0").lineage().nodes}
    assert f"{name}:v0" in made_from
    for words in (["lineage", "model:v0"], ["lineage", "model:v0", "--json"], ["ls"]):
        assert run(*words).exit_code in (0, 2)
    reproduced = run("get", "model:v0", "--with-inputs", "--root", "out")
    assert (reproduced.exit_code, "the store has the name" in reproduced.stderr) == (2, True)
    new = {path for path in set(tmp_path.parent.rglob("*")) - before if ".artstore" not in path.parts}
    assert {path for path in new if path.is_file()} == {tmp_path / "out" / "model:v0" / "file"}
