"""What the tests of W&B's interface share: a place to work in, and artifacts that are logged in one line."""

from __future__ import annotations

import os
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
from tests.support.files import write


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder without settings from outside. What is open in the end is finished."""
    for name in list(os.environ):
        if name.startswith(("ARTSTORE_", "WANDB_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    while (run := runs.current()) is not None:
        run.finish(quiet=True)
    open_stores.close()


def sample(code: str, **given: Any) -> dict[str, Any]:
    """Run code that was written for W&B, with nothing changed but its import; give the names that it leaves."""
    names = dict(given)
    changed = textwrap.dedent(code).replace("import wandb\n", "import artstore as wandb\n")
    exec(compile(changed, "sample", "exec"), names)
    return names


def made(name: str = "animals", type: str = "dataset", **files: bytes | str) -> Artifact:
    """A draft with these files; `cat="meow"` is the file `cat`."""
    artifact = Artifact(name, type)
    for path, content in files.items():
        with artifact.new_file(path, mode="wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
    return artifact


def logged(
    name: str = "animals",
    type: str = "dataset",
    files: Mapping[str, bytes] | None = None,
    *,
    project: str | None = None,
    **more: Any,
) -> Artifact:
    """A version with these files, logged by a run of its own; the files go through a folder on disk."""
    folder = write(Path("sources", name), {"cat.txt": b"meow"} if files is None else files)
    for path in folder.rglob("*"):
        if path.is_file() and files is not None and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    given = {key: more.pop(key) for key in ("description", "metadata", "ttl") if key in more}
    artifact = Artifact(name, type, **given)
    artifact.add_dir(folder)
    with artstore.init(project=project) as run:
        return run.log_artifact(artifact, **more).wait()


def read(run: Run) -> PublicRun:
    """A run as others see it."""
    return Api().run(f"{run.project}/{run.id}")


def paths(artifact: Artifact) -> list[str]:
    """The paths of an artifact, in their order."""
    return list(artifact.manifest.entries)
