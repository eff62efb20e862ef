"""Log the training of CatBoost: parameters, metrics of each iteration, the model and the importance of its features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from artstore.integrations.open_run import log_importance, log_model, open_run


class WandbCallback:
    """Logs to the open run the metrics of each iteration, or of every `metric_period`th.

    >>> model.fit(data, eval_set=held_out, callbacks=[WandbCallback()])

    Metrics are `learn-RMSE`, `validation-RMSE` and so on. Raises `UsageError` if no run is open.
    """

    def __init__(self, metric_period: int = 1) -> None:
        self._run = open_run("WandbCallback()")
        self.metric_period = metric_period

    def after_iteration(self, info: Any) -> bool:
        """Log the metrics of an iteration; return True, as the training goes on."""
        if info.iteration % self.metric_period == 0:
            row = {
                f"{data}-{metric}": values[-1]
                for data, metrics in (info.metrics or {}).items()
                for metric, values in metrics.items()
            }
            self._run.log({**row, f"iteration@metric-period-{self.metric_period}": info.iteration})
        return True


def log_summary(
    model: Any, log_all_params: bool = True, save_model_checkpoint: bool = False, log_feature_importance: bool = True
) -> None:
    """Log the parameters of a trained model, its best iteration and score, a chart of its features, and the model.

    The model is logged as an artifact `model_RUN` with the alias `best`, or `last` if it is not cut at the best
    iteration, if `save_model_checkpoint` is set.
    """
    run = open_run("log_summary()")
    parameters = model.get_all_params()
    if log_all_params:
        run.config.update(parameters, allow_val_change=True)
    run.summary["best_iteration"] = model.get_best_iteration()
    run.summary["best_score"] = model.get_best_score()
    if save_model_checkpoint:
        path = Path(run.dir, f"model_{run.id}.cbm")
        model.save_model(str(path))
        alias = "best" if parameters.get("use_best_model") else "last"
        log_model(run, path, f"model_{run.id}", [alias], best_iteration=model.get_best_iteration())
    if log_feature_importance:
        names = model.feature_names_ or [str(number) for number in range(model.n_features_in_)]
        log_importance(run, zip(names, model.get_feature_importance(), strict=True))
