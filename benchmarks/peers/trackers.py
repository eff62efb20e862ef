"""wandb, trackio and mlflow: each in its own environment; each step is a small program."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from benchmarks.peers.peer import Command, Peer, Place, python_with, version_of


class Tracker(Peer):
    """A library in its own environment, used by small programs."""

    package: ClassVar[str]
    logs: ClassVar[str]
    """The program that logs the folder `sys.argv[1]`, with its data below `sys.argv[2]`."""
    gets: ClassVar[str] = ""
    """The program that writes the newest version to `sys.argv[1]`."""
    folders: ClassVar[tuple[str, ...]] = ()
    """Environment variables that name folders for its data."""
    settings: ClassVar[dict[str, str]] = {}

    def __init__(self) -> None:
        self._python = Path()

    def install(self, cache: Path) -> str:
        self._python = python_with(self.package, cache)
        return version_of(self._python, self.package)

    def log(self, place: Place, number: int) -> Command:
        return self._run(place, self.logs, place.data)

    def get(self, place: Place, out: Path) -> Command | None:
        return self._run(place, self.gets, out) if self.gets else None

    def _run(self, place: Place, program: str, path: Path) -> Command:
        folders = {name: str(place.store / name.lower()) for name in self.folders}
        # The tool's Python must not find the modules of this project.
        env = {**folders, **self.settings, "PYTHONPATH": "", "HOME": str(place.store)}
        return Command([self._python, "-c", program, path, place.store], place.store, env)


class Wandb(Tracker):
    """wandb: its SDK in offline mode."""

    name = "wandb"
    package = "wandb"
    remarks = (
        "SDK in offline mode with its defaults: it copies everything into a staging folder and leaves dedup to a "
        "server, so nothing can be downloaded here; the staging folder is not synced to the disk"
    )
    folders = ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR")
    settings: ClassVar[dict[str, str]] = {
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
    }
    logs = """
import os, sys
for name, path in os.environ.items():
    if name.startswith("WANDB_") and name.endswith("_DIR"):
        os.makedirs(path, exist_ok=True)
import wandb
with wandb.init(project="bench") as run:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir(sys.argv[1])
    run.log_artifact(artifact)
"""


class Trackio(Tracker):
    """trackio in local mode."""

    name = "trackio"
    package = "trackio"
    remarks = "local, defaults: one file per content; it hashes everything again at each log; no fsync"
    folders = ("TRACKIO_DIR", "HF_HOME")
    settings: ClassVar[dict[str, str]] = {"HF_HUB_OFFLINE": "1"}
    _setup = """
import sys, trackio
trackio.init(project="bench", auto_log_gpu=False, auto_log_cpu=False, embed=False)
"""
    logs = (
        _setup
        + """
artifact = trackio.Artifact("data", "dataset")
artifact.add_dir(sys.argv[1])
trackio.log_artifact(artifact).wait()
trackio.finish()
"""
    )
    gets = _setup + "trackio.use_artifact('data').download(sys.argv[1])\ntrackio.finish()\n"


class Mlflow(Tracker):
    """mlflow: artifacts of runs in a folder, and SQLite for the rest."""

    name = "mlflow"
    package = "mlflow"
    remarks = "artifacts of runs, a full copy for each run: no versions, no verification, no fsync"
    settings: ClassVar[dict[str, str]] = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    _setup = """
import sys, mlflow
mlflow.set_tracking_uri(f"sqlite:///{sys.argv[2]}/mlflow.db")
"""
    logs = (
        _setup
        + """
with mlflow.start_run():
    mlflow.log_artifacts(sys.argv[1], "data")
"""
    )
    gets = (
        _setup
        + """
newest = mlflow.search_runs(order_by=["start_time desc"], max_results=1, output_format="list")[0]
mlflow.artifacts.download_artifacts(run_id=newest.info.run_id, artifact_path="data", dst_path=sys.argv[1])
"""
    )

    def after_get(self, place: Place, out: Path) -> Path:
        return out / "data"
