"""Two concurrent drafts of one version are both committed, know their base, and each costs only its change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import artstore
from artstore import Api, Artifact, Store
from artstore.errors import PathConflict
from artstore.operations.drafts import rebase_on_newest
from tests.support.files import noise
from tests.support.store_checks import check_clean
from tests.support.wandb_fixtures import entry_paths, log_version

pytestmark = pytest.mark.usefixtures("workdir")

WRITER = """
import sys
import artstore
name, how = sys.argv[1:]
with artstore.init() as run:
    if how == "incremental":
        artifact = artstore.Artifact("animals", "dataset", incremental=True)
    else:
        artifact = run.use_artifact("animals:v3").new_draft()
    with artifact.new_file(f"new/{name}") as file:
        file.write(name)
    print("ready", flush=True)
    sys.stdin.readline()
    print(run.log_artifact(artifact).wait().name)
"""


def four_versions() -> None:
    every = {f"{number // 10}/{number}": noise(100, number) for number in range(150)}
    for number in range(4):
        log_version(files={**every, "number": str(number).encode()})


def log_in_two_processes(how: str) -> list[str]:
    """Let two processes each begin a draft, and then log both at the same time."""
    command = [sys.executable, "-c", WRITER]
    started = [
        subprocess.Popen([*command, name, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    for process in started:
        assert process.stdout is not None
        while process.stdout.readline() != "ready\n":
            assert process.poll() is None
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate()[0].split()[-1] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    return outputs


def count_rows() -> int:
    return int(str(Api().store.sql("select count(*) as n from entries")[0]["n"]))


def test_two_concurrent_incremental_artifacts_become_consecutive_versions() -> None:
    four_versions()
    before = count_rows()
    assert sorted(log_in_two_processes("incremental")) == ["animals:v4", "animals:v5"]
    v4, v5 = (Api().artifact(f"animals:v{number}") for number in (4, 5))
    assert (v4.base, v5.base) == ("uncategorized/animals:v3", "uncategorized/animals:v4")
    assert [entry.path for entry in Api().artifact("animals:v3").diff(v5).added] == ["new/one", "new/two"]
    assert count_rows() - before < 300, "an edit costs a segment or two"
    check_clean(Api().store)


def test_two_concurrent_drafts_of_one_version_are_committed_with_their_base() -> None:
    four_versions()
    before = count_rows()
    assert sorted(log_in_two_processes("new_draft")) == ["animals:v4", "animals:v5"]
    versions = [Api().artifact(f"animals:v{number}") for number in (4, 5)]
    assert [version.base for version in versions] == ["uncategorized/animals:v3"] * 2
    added = [Api().artifact("animals:v3").diff(version).added for version in versions]
    assert sorted(entry.path for entries in added for entry in entries) == ["new/one", "new/two"]
    assert [len(entries) for entries in added] == [1, 1]
    assert count_rows() - before < 300
    nodes = versions[1].lineage().to_json()["nodes"]
    assert {node["id"]: node["base"] for node in nodes if node["kind"] == "version"} == {
        "uncategorized/animals:v5": "uncategorized/animals:v3",
        "uncategorized/animals:v3": None,
    }
    check_clean(Api().store)


def test_a_version_from_scratch_has_no_base() -> None:
    assert log_version().base is None
    draft = log_version().new_draft()
    draft.save()
    assert draft.wait().base is None, "nothing changed, so it is the same version"


@pytest.mark.parametrize(("there", "added"), [("dir", "dir/file"), ("dir/file", "dir")])
def test_an_incremental_file_conflicts_with_a_folder_of_the_newest_version(there: str, added: str) -> None:
    log_version(files={there: b"x"})
    artifact = Artifact("animals", "dataset", incremental=True)
    with artifact.new_file(added) as file:
        file.write("y")
    with artstore.init() as run, pytest.raises(PathConflict, match="dir"):
        run.log_artifact(artifact).wait()
    assert entry_paths(Api().artifact("animals")) == [there]


def test_a_draft_that_conflicts_with_the_newest_version_keeps_its_changes(tmp_path: Path) -> None:
    with Store.init(tmp_path / "store") as store:
        other = store.draft("animals", "dataset")
        store.add_bytes(other, b"theirs", "b")
        store.commit(other)
        draft = store.draft("animals", "dataset")
        for path in ("a", "b/b", "c"):
            store.add_bytes(draft, b"mine", path)
        with pytest.raises(PathConflict, match="b/b"):
            store.commit(draft, on_newest=True)
        draft.remove("b/b")
        version = store.commit(draft, on_newest=True)
        assert [entry.path for entry in store.entries(version)] == ["a", "b", "c"]


def test_an_incremental_file_is_added_to_an_empty_folder() -> None:
    (Path("source") / "dir").mkdir(parents=True)
    with artstore.init() as run:
        run.log_artifact("source", name="animals", type="dataset")
        artifact = Artifact("animals", "dataset", incremental=True)
        with artifact.new_file("dir/file") as file:
            file.write("y")
        run.log_artifact(artifact)
    assert entry_paths(Api().artifact("animals:v1")) == ["dir/file"]


def test_a_draft_that_follows_the_newest_version_retries_when_overtaken(tmp_path: Path) -> None:
    with Store.init(tmp_path / "store") as store:
        draft = store.draft("animals", "dataset")
        store.add_bytes(draft, b"mine", "mine")
        rebase_on_newest(store.repository, store.drafts.of(draft))
        other = store.draft("animals", "dataset")
        store.add_bytes(other, b"theirs", "theirs")
        store.commit(other)
        version = store.commit(draft, on_newest=True)
        assert [entry.path for entry in store.entries(version)] == ["mine", "theirs"]
        assert version.base == "uncategorized/animals:v0"


def test_a_draft_that_follows_the_newest_version_starts_again_when_all_are_deleted(tmp_path: Path) -> None:
    with Store.init(tmp_path / "store") as store:
        first = store.draft("animals", "dataset")
        store.add_bytes(first, b"theirs", "theirs")
        store.commit(first)
        draft = store.draft("animals", "dataset")
        store.add_bytes(draft, b"mine", "mine")
        rebase_on_newest(store.repository, store.drafts.of(draft))
        store.delete("animals:v0", delete_aliases=True)
        version = store.commit(draft, on_newest=True)
        assert [entry.path for entry in store.entries(version)] == ["mine"]
        assert version.base is None
        check_clean(store)
