"""PyKEEN with its tracker for wandb."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from pykeen.pipeline import pipeline
from pykeen.triples import TriplesFactory

from tests.support.boosting import only_run


@pytest.mark.parametrize("offline", [False, True])
def test_a_pipeline_logs_losses_parameters_and_results(
    offline: bool, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tracker sets this one.
    monkeypatch.setenv("WANDB_MODE", "online")
    names = [f"n{number}" for number in range(6)]
    triples = numpy.array([[one, "next", other] for one, other in zip(names, names[1:] + names[:1], strict=True)])
    factory = TriplesFactory.from_labeled_triples(triples)
    result = pipeline(
        training=factory,
        testing=factory,
        model="TransE",
        model_kwargs={"embedding_dim": 4},
        training_kwargs={"num_epochs": 3, "use_tqdm": False, "batch_size": 6},
        evaluation_kwargs={"use_tqdm": False},
        result_tracker="wandb",
        result_tracker_kwargs={"project": "graphs", "offline": offline, "job_type": "train"},
        random_seed=1,
        device="cpu",
    )

    run = only_run("graphs")
    assert run.job_type == "train"
    assert run.config["model"] == "TransE"
    losses = [row["loss"] for row in run.scan_history(keys=["loss"])]
    assert losses == pytest.approx(result.losses)
    rank = result.get_metric("both.realistic.hits_at_10")
    assert run.summary["testing.both.realistic.hits_at_10"] == pytest.approx(rank)
