"""optuna with the callback for W&B of optuna-integration."""

from __future__ import annotations

import warnings

import optuna
import pytest

import artstore

pytestmark = pytest.mark.usefixtures("workdir")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from optuna_integration.wandb import WeightsAndBiasesCallback


def objective(trial: optuna.Trial) -> float:
    return (trial.suggest_float("x", -10, 10) - 2) ** 2


def test_a_study_is_one_run_with_a_step_for_each_trial() -> None:
    callback = WeightsAndBiasesCallback(metric_name="loss", wandb_kwargs={"project": "tuning"})
    study = optuna.create_study(study_name="parabola", sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=4, callbacks=[callback])
    artstore.finish()

    (run,) = artstore.Api().runs("tuning")
    assert run.state == "finished"
    assert run.config == {"direction": ["MINIMIZE"]}
    rows = list(run.scan_history(keys=["_step", "x", "loss"]))
    assert rows == [
        {"_step": trial.number, "x": trial.params["x"], "loss": trial.value} for trial in study.get_trials()
    ]


def test_each_trial_is_a_run_of_its_own() -> None:
    callback = WeightsAndBiasesCallback(wandb_kwargs={"project": "tuning", "tags": ["search"]}, as_multirun=True)

    @callback.track_in_wandb()
    def tracked(trial: optuna.Trial) -> float:
        value = objective(trial)
        artstore.log({"inside": value + 1}, commit=False)
        return value

    study = optuna.create_study(study_name="parabola")
    study.optimize(tracked, n_trials=3, callbacks=[callback])

    runs = list(artstore.Api().runs("tuning"))
    assert [run.config["x"] for run in runs] == [trial.params["x"] for trial in study.get_trials()]
    assert [run.name.split("/")[:2] for run in runs] == [["trial", str(number)] for number in range(3)]
    assert {tuple(run.tags) for run in runs} == {("search", "parabola")}
    assert {run.state for run in runs} == {"finished"}
    # The run that optimises best is found by its summary.
    best = artstore.Api().runs("tuning", order="+summary_metrics.value")[0]
    assert best.summary["value"] == study.best_value
    assert best.summary["inside"] == study.best_value + 1
