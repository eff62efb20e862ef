"""Which store is found: never one of another user, nor one at or above a folder where the search ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from artstore import Api, Store
from artstore.errors import ForeignStore, NoStore
from artstore.tracking import location
from tests.support.cli_runner import json_of, output_of, run
from tests.support.wandb_fixtures import log_version

OTHER_USER = 54321


@pytest.fixture
def shared(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the store of another user; the working folder is below it."""
    Store.init(workspace / ".artstore").close()
    for path in [workspace / ".artstore", *(workspace / ".artstore").rglob("*")]:
        os.chown(path, OTHER_USER, OTHER_USER)
    monkeypatch.chdir(workspace / "animals")
    return workspace


VERBS = [
    ["put", "cat.jpg", "--name", "animals", "--type", "dataset"],
    ["ref", "https://example.com/x", "--name", "animals", "--type", "dataset", "--no-checksum"],
    ["ls"],
    ["verify"],
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb[0]))
def test_a_store_of_another_user_is_not_used_because_it_was_found(shared: Path, verb: list[str]) -> None:
    refused = run(*verb)
    assert refused.exit_code == 2
    assert f"{shared}/.artstore belongs to another user (id {OTHER_USER})" in refused.stderr
    assert f"pass --store {shared}/.artstore" in refused.stderr
    assert f"ARTSTORE_SAFE_DIRECTORY={shared}/.artstore" in refused.stderr
    with pytest.raises(ForeignStore):
        Api().runs()
    assert [path.name for path in (shared / ".artstore" / "packs").iterdir()] == []


@pytest.mark.parametrize("allowed", ["{shared}/.artstore", "/elsewhere:{shared}", "*"])
def test_it_is_used_when_it_is_allowed(shared: Path, allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTSTORE_SAFE_DIRECTORY", allowed.format(shared=shared))
    assert json_of("ls") == []


@pytest.mark.parametrize("other", ["/elsewhere", "{shared}/animals", "{shared}/.art", ""])
def test_another_folder_allows_nothing(shared: Path, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTSTORE_SAFE_DIRECTORY", other.format(shared=shared))
    assert run("ls").exit_code == 2


def test_it_is_used_when_it_is_named(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json_of("ls", "--store", str(shared / ".artstore")) == []
    monkeypatch.setenv("ARTSTORE_DIR", str(shared / ".artstore"))
    assert json_of("ls") == []


def test_a_link_of_another_user_to_the_own_store_is_not_followed(workspace: Path) -> None:
    Store.init(workspace / "mine").close()
    (workspace / ".artstore").symlink_to(workspace / "mine")
    assert json_of("ls") == []
    os.lchown(workspace / ".artstore", OTHER_USER, OTHER_USER)
    assert "belongs to another user" in run("ls").stderr


def test_root_by_sudo_uses_the_store_of_the_user(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", str(OTHER_USER))
    assert json_of("ls") == []


def test_put_ref_and_init_say_which_store_they_used(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "created the store .artstore" in output_of("init")
    monkeypatch.chdir(workspace / "animals")
    for verb in VERBS[:2]:
        assert f"in the store {workspace}/.artstore\n" in run(*verb).stderr
        assert json_of(*verb)["store"] == str(workspace / ".artstore")


def test_a_run_says_which_store_above_it_uses(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log_version()
    assert "using the store" not in capsys.readouterr().err
    (workdir / "below").mkdir()
    monkeypatch.chdir(workdir / "below")
    log_version()
    log_version()
    assert capsys.readouterr().err.count(f"artstore: using the store {workdir}/.artstore\n") == 1


def test_the_search_ends_at_a_ceiling(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.init(workspace / ".artstore").close()
    monkeypatch.setenv("ARTSTORE_CEILING_DIRECTORIES", f"/elsewhere:{workspace}")
    assert location.existing() == workspace / ".artstore"
    monkeypatch.chdir(workspace / "animals")
    assert location.find() == workspace / "animals" / ".artstore"
    with pytest.raises(NoStore):
        location.existing()


def test_tests_find_no_store_above_their_folders(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp()
    assert location.CEILING in os.environ and workspace.is_relative_to(base)
    stray = base / ".artstore"
    Store.init(stray).close()
    try:
        with pytest.raises(NoStore):
            location.existing()
        listed = subprocess.run(
            [sys.executable, "-m", "artstore", "ls"], capture_output=True, text=True, check=False, env={**os.environ}
        )
        assert (listed.returncode, "no store here" in listed.stderr) == (2, True)
    finally:
        stray.rename(workspace / "stray")


def test_the_demo_uses_no_folder_of_the_environment(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTSTORE_ARTIFACT_DIR", str(workspace / "elsewhere"))
    output_of("demo")
    assert not (workspace / "elsewhere").exists()
