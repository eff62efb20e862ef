"""Log the training of LightGBM: parameters, metrics of each iteration, the model and the importance of its features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from artstore.integrations.open_run import keep_best, log_importance, log_model, open_run


class _Callback:
    """Logs the metrics of each iteration; the attributes say when LightGBM calls it."""

    order = 20
    before_iteration = False

    def __init__(self, log_params: bool, define_metric: bool) -> None:
        self._run = open_run("wandb_callback()")
        self._log_params = log_params
        self._define_metric = define_metric

    def __call__(self, env: Any) -> None:
        results = env.evaluation_result_list or []
        if env.iteration == env.begin_iteration:
            if self._log_params:
                self._run.config.update(env.params, allow_val_change=True)
            for data, metric, *_ in results if self._define_metric else ():
                keep_best(self._run, f"{data}_{metric}", metric)
        row = {"iteration": env.iteration}
        for data, metric, value, _, *deviation in results:
            # Cross-validation gives the mean and the standard deviation of the folds.
            if deviation and deviation[0] is not None:
                row |= {f"{data}_{metric}-mean": value, f"{data}_{metric}-stdv": deviation[0]}
            else:
                row[f"{data}_{metric}"] = value
        self._run.log(row)


def wandb_callback(log_params: bool = True, define_metric: bool = True) -> Callable[[Any], None]:
    """Return a callback that logs to the open run what LightGBM does while it trains.

    >>> lightgbm.train(parameters, data, valid_sets=[held_out], callbacks=[wandb_callback()])

    Metrics are `valid_0_l2` and so on, and the summary keeps the best of each (`define_metric`). The parameters are
    added to the config (`log_params`). Raises `UsageError` if no run is open.
    """
    return _Callback(log_params, define_metric)


def log_summary(
    model: Any, log_params: bool = True, save_model_checkpoint: bool = False, feature_importance: bool = True
) -> None:
    """Log the best iteration and score of a trained booster, a chart of its features, and the model.

    The model is logged as an artifact `model_RUN` with the alias `best` if `save_model_checkpoint` is set.
    """
    run = open_run("log_summary()")
    if log_params:
        run.config.update(model.params, allow_val_change=True)
    run.summary["best_iteration"] = model.best_iteration
    run.summary["best_score"] = {data: dict(scores) for data, scores in model.best_score.items()}
    if save_model_checkpoint:
        path = Path(run.dir, f"model_{run.id}.txt")
        model.save_model(path, num_iteration=model.best_iteration)
        log_model(run, path, f"model_{run.id}", ["best"], best_iteration=model.best_iteration)
    if feature_importance:
        log_importance(run, zip(model.feature_name(), model.feature_importance(), strict=True))
