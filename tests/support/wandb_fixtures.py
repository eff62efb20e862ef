"""Helpers for the tests of W&B's interface: an empty working folder, and artifacts logged in one line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import artstore
from artstore import Api, Run
from artstore.tracking import open_stores
from artstore.tracking import run as runs
from artstore.tracking.artifact import Artifact
from artstore.tracking.public_run import PublicRun
from tests.support.environment import clear_environment
from tests.support.files import write_files


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder without settings from outside; runs that are still open at the end are finished."""
    clear_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    while (run := runs.current()) is not None:
        run.finish(quiet=True)
    open_stores.close()


def run_sample(code: str, **given: Any) -> dict[str, Any]:
    """Run code written for W&B, changed only in its import; return its global names."""
    names = dict(given)
    code = textwrap.dedent(code).replace("import wandb\n", "import artstore as wandb\n")
    exec(compile(code, "sample", "exec"), names)
    return names


def new_draft(name: str = "animals", type: str = "dataset", **files: bytes | str) -> Artifact:
    """Return a draft with these files; `cat="meow"` is the file `cat`."""
    artifact = Artifact(name, type)
    for path, content in files.items():
        with artifact.new_file(path, mode="wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
    return artifact


def log_version(
    name: str = "animals",
    type: str = "dataset",
    files: Mapping[str, bytes] | None = None,
    *,
    project: str | None = None,
    **more: Any,
) -> Artifact:
    """Log a version with these files in a run of its own; the files go through a folder on disk."""
    folder = write_files(Path("sources", name), {"cat.txt": b"meow"} if files is None else files)
    for path in folder.rglob("*"):
        if path.is_file() and files is not None and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    arguments = {key: more.pop(key) for key in ("description", "metadata", "ttl") if key in more}
    artifact = Artifact(name, type, **arguments)
    artifact.add_dir(folder)
    with artstore.init(project=project) as run:
        return run.log_artifact(artifact, **more).wait()


def public_run(run: Run) -> PublicRun:
    """Return the run that another process sees in the store."""
    return Api().run(f"{run.project}/{run.id}")


def entry_paths(artifact: Artifact) -> list[str]:
    """Return the paths of an artifact in order."""
    return list(artifact.manifest.entries)
