"""XGBoost with the callback of `wandb.integration.xgboost`."""

from __future__ import annotations

import pytest
import wandb
import xgboost
from wandb.integration.xgboost import WandbCallback

from artstore import integrations
from tests.support.boosting import FEATURES, data, importance, only_model, only_run

pytestmark = pytest.mark.usefixtures("workdir")
PARAMETERS = {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"], "max_depth": 2, "eta": 0.7}


def test_training_logs_metrics_config_the_model_and_its_features() -> None:
    rows = data()
    train = xgboost.DMatrix(rows.x, rows.y, feature_names=FEATURES)
    held = xgboost.DMatrix(rows.held_x, rows.held_y, feature_names=FEATURES)
    results: dict[str, dict[str, list[float]]] = {}
    with wandb.init(project="trees"):
        booster = xgboost.train(
            PARAMETERS,
            train,
            12,
            evals=[(train, "train"), (held, "test")],
            evals_result=results,
            early_stopping_rounds=4,
            verbose_eval=False,
            callbacks=[WandbCallback(log_model=True)],
        )

    run = only_run("trees")
    logged = list(run.scan_history(keys=["epoch", "test-logloss", "train-auc"]))
    assert [row["epoch"] for row in logged] == list(range(len(logged)))
    assert [row["test-logloss"] for row in logged] == results["test"]["logloss"]
    assert [row["train-auc"] for row in logged] == results["train"]["auc"]
    assert run.summary["test-logloss"] == {"min": min(results["test"]["logloss"])}
    assert run.summary["test-auc"] == {"max": max(results["test"]["auc"])}
    assert run.summary["best_iteration"] == booster.best_iteration
    assert run.summary["best_score"] == booster.best_score
    assert run.config["learner"]["objective"]["name"] == "binary:logistic"
    assert importance(run) == pytest.approx(booster.get_score(importance_type="gain"))

    model = only_model(run)
    assert (model.name, model.aliases) == (f"{run.id}_model.json:v0", ["latest"])
    loaded = xgboost.Booster(model_file=model.file())
    assert (loaded.predict(held) == booster.predict(held)).all()


def test_an_estimator_of_scikit_learn_logs_as_well() -> None:
    rows = data()
    with wandb.init(project="trees"):
        estimator = xgboost.XGBClassifier(n_estimators=3, callbacks=[WandbCallback(define_metric=False)])
        estimator.fit(rows.x, rows.y, eval_set=[(rows.held_x, rows.held_y)], verbose=False)

    run = only_run("trees")
    losses = [row["validation_0-logloss"] for row in run.scan_history(keys=["validation_0-logloss"])]
    assert losses == estimator.evals_result()["validation_0"]["logloss"]
    assert run.summary["validation_0-logloss"] == losses[-1]
    assert [artifact.type for artifact in run.logged_artifacts()] == ["run_table"]


def test_cross_validation_logs_means_and_deviations() -> None:
    rows = data()
    with wandb.init(project="trees"):
        table = xgboost.cv(
            PARAMETERS, xgboost.DMatrix(rows.x, rows.y), 3, nfold=3, callbacks=[WandbCallback(log_model=True)]
        )

    run = only_run("trees")
    logged = list(run.scan_history(keys=["test-logloss", "test-logloss-std"]))
    assert [row["test-logloss"] for row in logged] == pytest.approx(list(table["test-logloss-mean"]))
    assert [row["test-logloss-std"] for row in logged] == pytest.approx(list(table["test-logloss-std"]))
    assert list(run.logged_artifacts()) == []


def test_a_callback_without_a_run_says_what_to_do() -> None:
    with pytest.raises(wandb.Error, match=r"call artstore.init\(\) before WandbCallback\(\)"):
        WandbCallback()


def test_each_module_has_one_class_under_every_name() -> None:
    from artstore.integrations.xgboost import WandbCallback as own

    assert integrations.xgboost.WandbCallback is own is WandbCallback is wandb.xgboost.WandbCallback
