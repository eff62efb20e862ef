"""Small data for the tests of gradient boosting, and what they look for afterwards."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy

import artstore
from artstore.tracking.artifact import Artifact
from artstore.tracking.public_run import PublicRun

FEATURES = ["age", "height", "noise"]


class Data(NamedTuple):
    """Rows to train with and rows that are held out."""

    x: Any
    y: Any
    held_x: Any
    held_y: Any


def data() -> Data:
    """Return rows whose second feature decides most, and the last nothing."""
    generator = numpy.random.default_rng(7)
    x = generator.normal(size=(120, len(FEATURES)))
    y = (x[:, 0] + 3 * x[:, 1] > 0).astype(int)
    return Data(x[:80], y[:80], x[80:], y[80:])


def only_run(project: str) -> PublicRun:
    """Return the run of a project, which is finished."""
    (run,) = artstore.Api().runs(project)
    assert run.state == "finished"
    return run


def importance(run: PublicRun) -> dict[str, float]:
    """Return the features that a run logged a chart of, each with its importance."""
    chart = run.summary["Feature Importance"]
    assert chart["_type"] == "custom-chart"
    assert chart["fields"] == {"label": "Feature", "value": "Importance"}
    (tables,) = [artifact for artifact in run.logged_artifacts() if artifact.type == "run_table"]
    (entry,) = tables.manifest.entries
    return dict(tables.get(entry).data)


def only_model(run: PublicRun) -> Artifact:
    """Return the model that a run logged."""
    (model,) = [artifact for artifact in run.logged_artifacts() if artifact.type == "model"]
    maker = model.logged_by()
    assert maker is not None and maker.id == run.id
    return model
