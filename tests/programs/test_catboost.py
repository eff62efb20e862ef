"""CatBoost with the callback of `wandb.integration.catboost`."""

from __future__ import annotations

import catboost
import pytest
import wandb
from wandb.integration.catboost import WandbCallback, log_summary

from tests.support.boosting import FEATURES, data, importance, only_model, only_run

pytestmark = pytest.mark.usefixtures("workdir")


def test_training_logs_metrics_parameters_the_model_and_its_features() -> None:
    rows = data()
    pool = catboost.Pool(rows.x, rows.y, feature_names=FEATURES)
    held = catboost.Pool(rows.held_x, rows.held_y, feature_names=FEATURES)
    model = catboost.CatBoostClassifier(
        iterations=10, depth=2, learning_rate=0.5, verbose=False, allow_writing_files=False
    )
    with wandb.init(project="trees"):
        model.fit(pool, eval_set=held, callbacks=[WandbCallback(metric_period=2)])
        log_summary(model, save_model_checkpoint=True)

    run = only_run("trees")
    losses = model.get_evals_result()["validation"]["Logloss"]
    logged = list(run.scan_history(keys=["iteration@metric-period-2", "validation-Logloss"]))
    assert [row["iteration@metric-period-2"] for row in logged] == [2, 4, 6, 8, 10]
    assert [row["validation-Logloss"] for row in logged] == losses[1::2]
    assert run.summary["best_iteration"] == model.get_best_iteration()
    assert run.summary["best_score"]["validation"]["Logloss"] == min(losses)
    assert run.config["depth"] == 2
    assert importance(run) == pytest.approx(dict(zip(FEATURES, model.get_feature_importance(), strict=True)))

    artifact = only_model(run)
    assert (artifact.name, sorted(artifact.aliases)) == (f"model_{run.id}:v0", ["best", "latest"])
    loaded = catboost.CatBoostClassifier().load_model(artifact.file())
    assert loaded.predict(held).tolist() == model.predict(held).tolist()
