"""Artifacts, their entries, configs and disabled runs can be pickled: data loaders hand them to processes."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import artstore
from artstore import Api
from artstore.errors import ArtifactNotLoggedError, UsageError
from tests.support.wandb_fixtures import log_version, new_draft

pytestmark = pytest.mark.usefixtures("workdir")


def test_a_version_and_what_belongs_to_it_come_back() -> None:
    version = log_version("animals", "dataset", {"a/cat": b"meow"}, project="p")
    artifact, entry, manifest = pickle.loads(pickle.dumps((version, version.get_entry("a/cat"), version.manifest)))
    assert (artifact.qualified_name, artifact.digest) == (version.qualified_name, version.digest)
    assert entry.parent_artifact() is artifact
    assert Path(entry.download()).read_bytes() == b"meow"
    assert list(manifest.entries) == ["a/cat"] and manifest.digest() == version.digest
    artifact.description = "by another process"
    artifact.save()
    assert Api().artifact("p/animals:v0").description == "by another process"


def test_listings_and_runs_of_the_api_come_back() -> None:
    log_version("animals", "dataset", {"cat": b"meow"}, project="p")
    api = pickle.loads(pickle.dumps(Api()))
    [run] = api.runs("p")
    assert pickle.loads(pickle.dumps(run)).id == run.id
    assert [artifact.name for artifact in run.logged_artifacts()] == ["animals:v0"]


def test_a_draft_is_refused() -> None:
    with pytest.raises(ArtifactNotLoggedError, match=r"Call run\.log_artifact"):
        pickle.dumps(new_draft("animals", cat="meow"))


def test_config_and_summary_are_pickled_as_values() -> None:
    with artstore.init(project="p", config={"lr": 0.1, "layers": [1, 2]}) as run:
        run.summary["loss"] = 0.5
        config, summary = pickle.loads(pickle.dumps((run.config, run.summary)))
        config.lr = 0.1
        config.update({"lr": 0.2}, allow_val_change=True)
        summary["loss"] = 0.1
        copied = copy.deepcopy(run.config)
        assert (config.lr, run.config.lr, copied.layers) == (0.2, 0.1, [1, 2])
        assert (summary["loss"], run.summary["loss"]) == (0.1, 0.5)


def test_only_a_disabled_run_can_be_handed_on(capsys: pytest.CaptureFixture[str]) -> None:
    with artstore.init(project="p") as run, pytest.raises(UsageError, match=r"artstore.Api\(\)\.run\('p/"):
        pickle.dumps(run)
    capsys.readouterr()
    with artstore.init(mode="disabled") as disabled:
        other = pickle.loads(pickle.dumps(disabled))
        other.log({"loss": 1})
        assert other.disabled and other is not disabled
        other.finish()
    assert capsys.readouterr().err == ""


def test_a_spawned_process_reads_an_artifact() -> None:
    log_version("animals", "dataset", {"cat": b"meow"}, project="p")
    Path("program.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "program.py"], capture_output=True, text=True, check=False)
    assert done.stdout == "b'meow'\n", done.stderr


PROGRAM = """
import multiprocessing, pathlib
import artstore

def read(artifact):
    return pathlib.Path(artifact.get_entry("cat").download()).read_bytes()

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply(read, (artstore.Api().artifact("p/animals:v0"),)))
"""
