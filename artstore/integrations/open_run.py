"""Find the open run and the library of an integration, and log models and the importance of their features."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from artstore.data_types import plot
from artstore.data_types.table import Table
from artstore.errors import MissingLibrary, UsageError
from artstore.tracking import run as runs
from artstore.tracking.artifact import Artifact
from artstore.tracking.run import Run

_SMALLER_IS_BETTER = {
    *("rmse", "rmsle", "mae", "mape", "mphe", "error", "merror", "logloss", "mlogloss", "poisson-nloglik"),
    *("l1", "l2", "huber", "fair", "poisson", "gamma", "gamma-nloglik", "tweedie-nloglik", "cox-nloglik"),
}
_LARGER_IS_BETTER = {"auc", "aucpr", "pre", "map", "ndcg", "average_precision"}


def library(name: str) -> Any:
    """Import the library of an integration. Raises `MissingLibrary`."""
    package = name.partition(".")[0].replace("_", "-")
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingLibrary(f"this integration needs {package}: pip install {package}") from error


def open_run(what: str) -> Run:
    """Return the open run. Raises `UsageError` if there is none."""
    run = runs.current()
    if run is None:
        raise UsageError(f"You must call artstore.init() before {what}")
    return run


def keep_best(run: Run, key: str, metric: str) -> None:
    """Let the summary keep the best value of a metric, if its name tells whether that is the smallest or largest."""
    name = metric.lower().partition("@")[0]
    if "loss" in name or name in _SMALLER_IS_BETTER:
        run.define_metric(key, summary="min")
    elif name in _LARGER_IS_BETTER:
        run.define_metric(key, summary="max")


def log_importance(run: Run, rows: Iterable[tuple[str, Any]]) -> None:
    """Log a bar chart of features and how important each is to a model."""
    table = Table(columns=["Feature", "Importance"], data=[[name, float(value)] for name, value in rows])
    run.log({"Feature Importance": plot.bar(table, "Feature", "Importance", title="Feature Importance")})


def log_model(run: Run, path: Path, name: str, aliases: list[str] | None = None, **metadata: Any) -> Artifact:
    """Log a file as the next version of a model."""
    artifact = Artifact(name, "model", metadata=metadata)
    artifact.add_file(path)
    return run.log_artifact(artifact, aliases=aliases)
