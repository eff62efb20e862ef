"""A pipeline of five stages, run three times: all new, then on new data, then with another training only."""

from __future__ import annotations

from pathlib import Path

import pytest

import artstore
from artstore import Artifact
from artstore.lineage.lineage import Lineage
from artstore.tracking.run import Run
from tests.support.environment import clear_environment

ROUNDS = 3


@pytest.fixture(scope="session")
def pipeline_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which the pipeline ran three times; tests only read it."""
    store = tmp_path_factory.mktemp("pipeline") / "store"
    run_pipeline(store)
    return store


@pytest.fixture
def store_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path at which a test may create a store of its own, in an empty working folder."""
    clear_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "store"


def start_run(store: Path, id: str, job_type: str, **config: object) -> Run:
    """Start a run in the project `pipe`."""
    return artstore.init(project="pipe", job_type=job_type, id=id, store=store, config=dict(config))


def new_artifact(name: str, type: str, content: str) -> Artifact:
    """Return a draft with one text file."""
    artifact = Artifact(name, type)
    with artifact.new_file(f"{name}.txt") as file:
        file.write(content)
    return artifact


def run_pipeline(store: Path) -> None:
    """Let the runs `ingest-0` to `evaluate-2` make raw, clean, features, model and report in the project `pipe`.

    Round 2 has the data of round 1: they stay v1, a version that two runs have produced.
    """
    for turn in range(ROUNDS):
        data = f"data of {min(turn, 1)}"
        with start_run(store, f"ingest-{turn}", "ingest") as run:
            run.log_artifact(new_artifact("raw", "dataset", data))
        with start_run(store, f"clean-{turn}", "clean") as run:
            run.use_artifact("raw:latest")
            run.log_artifact(new_artifact("clean", "dataset", f"clean {data}"))
        with start_run(store, f"features-{turn}", "features") as run:
            run.use_artifact("clean:latest")
            run.log_artifact(new_artifact("features", "dataset", f"features of {data}"))
        with start_run(store, f"train-{turn}", "train", rate=0.1 * (turn + 1)) as run:
            features = run.use_artifact("features:latest", use_as="training")
            model = new_artifact("model", "model", f"weights {turn}")
            model.add_reference(features)
            run.log_artifact(model, aliases=[f"round-{turn}"])
            run.log({"accuracy": 0.7 + 0.1 * turn})
        with start_run(store, f"evaluate-{turn}", "evaluate") as run:
            run.use_artifact("model:latest")
            run.use_artifact("features:latest")
            run.log_artifact(new_artifact("report", "report", f"report {turn}"))


def edges(lineage: Lineage) -> set[str]:
    """Return the edges in short: `raw:v0 -used-> clean-0`; in a summary, ` x2` is added for two."""
    return {
        f"{short(edge.source)} -{edge.kind}-> {short(edge.target)}{f' x{edge.count}' if edge.count > 1 else ''}"
        for edge in lineage.edges
    }


def nodes(lineage: Lineage) -> set[str]:
    """Return the ids of the nodes in short."""
    return {short(node.id) for node in lineage.nodes}


def short(id: str) -> str:
    """Return the id of a node without its project."""
    return id.removeprefix("pipe/").removeprefix("pipe ")
