"""A pipeline of five stages, run three times: all new, then on new data, then with another training only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import artstore
from artstore import Artifact
from artstore.lineage.lineage import Lineage
from artstore.tracking.run import Run

ROUNDS = 3


def begin(store: Path, id: str, job_type: str, **more: object) -> Run:
    return artstore.init(project="pipe", job_type=job_type, id=id, store=store, config=dict(more))


def product(name: str, type: str, content: str) -> Artifact:
    artifact = Artifact(name, type)
    with artifact.new_file(f"{name}.txt") as file:
        file.write(content)
    return artifact


def run_pipeline(store: Path) -> None:
    """Let the runs `ingest-0` to `evaluate-2` make raw, clean, features, model and report in the project `pipe`.

    The data of round 2 are those of round 1: they stay v1, which two runs then have produced.
    """
    for turn in range(ROUNDS):
        data = f"data of {min(turn, 1)}"
        with begin(store, f"ingest-{turn}", "ingest") as run:
            run.log_artifact(product("raw", "dataset", data))
        with begin(store, f"clean-{turn}", "clean") as run:
            run.use_artifact("raw:latest")
            run.log_artifact(product("clean", "dataset", f"clean {data}"))
        with begin(store, f"features-{turn}", "features") as run:
            run.use_artifact("clean:latest")
            run.log_artifact(product("features", "dataset", f"features of {data}"))
        with begin(store, f"train-{turn}", "train", rate=0.1 * (turn + 1)) as run:
            features = run.use_artifact("features:latest", use_as="training")
            model = product("model", "model", f"weights {turn}")
            model.add_reference(features)
            run.log_artifact(model, aliases=[f"round-{turn}"])
            run.log({"accuracy": 0.7 + 0.1 * turn})
        with begin(store, f"evaluate-{turn}", "evaluate") as run:
            run.use_artifact("model:latest")
            run.use_artifact("features:latest")
            run.log_artifact(product("report", "report", f"report {turn}"))


def edges(found: Lineage) -> set[str]:
    """The edges, short: `raw:v0 -used-> clean-0`, and in a summary ` x2` for two."""
    return {
        f"{short(each.source)} -{each.kind}-> {short(each.target)}{f' x{each.count}' if each.count > 1 else ''}"
        for each in found.edges
    }


def nodes(found: Lineage) -> set[str]:
    return {short(each.id) for each in found.nodes}


def short(id: str) -> str:
    return id.removeprefix("pipe/").removeprefix("pipe ")


def forget_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("ARTSTORE_", "WANDB_")):
            monkeypatch.delenv(name)
