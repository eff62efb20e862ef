"""Log the training of XGBoost: config, metrics of each iteration, the model and the importance of its features."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from artstore.integrations.open_run import keep_best, library, log_importance, log_model, open_run

_Callback: Any = library("xgboost.callback").TrainingCallback


class WandbCallback(_Callback):
    """Logs to the open run what XGBoost does while it trains.

    >>> xgboost.train(parameters, data, evals=[(held_out, "test")], callbacks=[WandbCallback(log_model=True)])

    Metrics are `test-rmse` and so on, and the summary keeps the best of each (`define_metric`). The importance of
    features is logged as a chart (`log_feature_importance`, counted by `importance_type`), and the model as the
    artifact `RUN_model.json` (`log_model`). Raises `UsageError` if no run is open.
    """

    def __init__(
        self,
        log_model: bool = False,
        log_feature_importance: bool = True,
        importance_type: str = "gain",
        define_metric: bool = True,
    ) -> None:
        super().__init__()
        self._run = open_run("WandbCallback()")
        self.log_model = log_model
        self.log_feature_importance = log_feature_importance
        self.importance_type = importance_type
        self.define_metric = define_metric
        self._defined: set[str] = set()

    def before_training(self, model: Any) -> Any:
        """Add the parameters of the booster to the config."""
        if not _is_of_folds(model):
            self._run.config.update(json.loads(model.save_config()), allow_val_change=True)
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Log the metrics of an iteration, and never stop the training."""
        row: dict[str, Any] = {"epoch": epoch}
        for data, metrics in evals_log.items():
            for metric, values in metrics.items():
                key = f"{data}-{metric}"
                if self.define_metric and key not in self._defined:
                    self._defined.add(key)
                    keep_best(self._run, key, metric)
                # Cross-validation gives the mean and the standard deviation of the folds.
                last = values[-1]
                row[key] = last[0] if isinstance(last, tuple) else last
                if isinstance(last, tuple):
                    row[f"{key}-std"] = last[1]
        self._run.log(row)
        return False

    def after_training(self, model: Any) -> Any:
        """Log the model, the importance of its features, and which iteration was the best."""
        if _is_of_folds(model):
            return model
        best = model.attributes().get("best_score"), model.attributes().get("best_iteration")
        if None not in best:
            self._run.log({"best_score": float(best[0]), "best_iteration": int(best[1])})
        if self.log_model:
            name = f"{self._run.id}_model.json"
            path = Path(self._run.dir, name)
            model.save_model(path)
            log_model(self._run, path, name)
        if self.log_feature_importance:
            log_importance(self._run, model.get_score(importance_type=self.importance_type).items())
        return model


def _is_of_folds(model: Any) -> bool:
    """Whether this is what `xgboost.cv` trains: several boosters, none of which is the model."""
    return hasattr(model, "cvfolds")
