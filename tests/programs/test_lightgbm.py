"""LightGBM with the callback of `wandb.integration.lightgbm`."""

from __future__ import annotations

import lightgbm
import pytest
import wandb
from wandb.integration.lightgbm import log_summary, wandb_callback

from tests.support.boosting import FEATURES, data, importance, only_model, only_run

pytestmark = pytest.mark.usefixtures("workdir")
PARAMETERS = {"objective": "binary", "metric": ["binary_logloss", "auc"], "min_data_in_leaf": 5, "verbosity": -1}


def test_training_logs_metrics_parameters_the_model_and_its_features() -> None:
    rows = data()
    train = lightgbm.Dataset(rows.x, rows.y, feature_name=FEATURES)
    held = train.create_valid(rows.held_x, rows.held_y)
    results: dict[str, dict[str, list[float]]] = {}
    with wandb.init(project="trees"):
        booster = lightgbm.train(
            PARAMETERS,
            train,
            12,
            valid_sets=[held],
            callbacks=[
                wandb_callback(),
                lightgbm.record_evaluation(results),
                lightgbm.early_stopping(4, verbose=False),
            ],
        )
        log_summary(booster, save_model_checkpoint=True)

    run = only_run("trees")
    logged = list(run.scan_history(keys=["iteration", "valid_0_binary_logloss", "valid_0_auc"]))
    assert [row["iteration"] for row in logged] == list(range(len(logged)))
    assert [row["valid_0_binary_logloss"] for row in logged] == results["valid_0"]["binary_logloss"]
    assert run.summary["valid_0_binary_logloss"] == {"min": min(results["valid_0"]["binary_logloss"])}
    assert run.summary["valid_0_auc"] == {"max": max(results["valid_0"]["auc"])}
    assert run.summary["best_iteration"] == booster.best_iteration
    assert run.summary["best_score"]["valid_0"]["auc"] == booster.best_score["valid_0"]["auc"]
    assert run.config["objective"] == "binary"
    assert importance(run) == dict(zip(FEATURES, booster.feature_importance().tolist(), strict=True))

    model = only_model(run)
    assert (model.name, sorted(model.aliases)) == (f"model_{run.id}:v0", ["best", "latest"])
    assert model.metadata == {"best_iteration": booster.best_iteration}
    loaded = lightgbm.Booster(model_file=model.file())
    assert loaded.predict(rows.held_x) == pytest.approx(booster.predict(rows.held_x))


def test_cross_validation_logs_means_and_deviations() -> None:
    rows = data()
    with wandb.init(project="trees"):
        table = lightgbm.cv(
            PARAMETERS, lightgbm.Dataset(rows.x, rows.y), 3, nfold=3, seed=1, callbacks=[wandb_callback()]
        )

    run = only_run("trees")
    logged = list(run.scan_history(keys=["valid_auc-mean", "valid_auc-stdv"]))
    assert [row["valid_auc-mean"] for row in logged] == pytest.approx(table["valid auc-mean"])
    assert [row["valid_auc-stdv"] for row in logged] == pytest.approx(table["valid auc-stdv"])
