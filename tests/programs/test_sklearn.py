"""scikit-learn with the charts of `wandb.sklearn`."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
import wandb
from sklearn import metrics
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from tests.support.boosting import FEATURES, data, only_run

pytestmark = pytest.mark.usefixtures("workdir")
ROWS = data()
LABELS = ["short", "tall"]


def tables(project: str) -> dict[str, list[list[Any]]]:
    """Return the rows of each chart that a run logged, by its key."""
    run = only_run(project)
    found = {}
    for artifact in run.logged_artifacts():
        (entry,) = [name for name in artifact.manifest.entries if name.endswith(".table.json")]
        found[entry.removesuffix("_table.table.json")] = artifact.get(entry).data
    return found


def test_all_charts_of_a_classifier() -> None:
    model = RandomForestClassifier(20, random_state=1).fit(ROWS.x, ROWS.y)
    predicted, probabilities = model.predict(ROWS.held_x), model.predict_proba(ROWS.held_x)
    with wandb.init(project="charts"):
        wandb.sklearn.plot_classifier(
            *(model, ROWS.x, ROWS.held_x, ROWS.y, ROWS.held_y, predicted, probabilities, LABELS),
            model_name="forest",
            feature_names=FEATURES,
            log_learning_curve=True,
        )

    found = tables("charts")
    importance = dict(zip(FEATURES, model.feature_importances_.tolist(), strict=True))
    assert found["feature_importances"][0] == ["height", importance["height"]]
    assert dict(found["feature_importances"]) == importance
    matrix = metrics.confusion_matrix(ROWS.held_y, predicted)
    assert found["confusion_matrix"] == [
        [one, other, matrix[i, j]] for i, one in enumerate(LABELS) for j, other in enumerate(LABELS)
    ]
    accuracy = metrics.accuracy_score(ROWS.held_y, predicted)
    assert found["summary_metrics"][0] == ["accuracy_score", accuracy, "RandomForestClassifier"]
    assert ["short", "train", int((ROWS.y == 0).sum())] in found["class_proportions"]
    assert found["learning_curve"][-1][2] == 64
    tall = [row[1:] for row in found["roc"] if row[0] == "tall"]
    area = numpy.trapezoid([y for _, y in tall], [x for x, _ in tall])
    assert area == pytest.approx(metrics.roc_auc_score(ROWS.held_y, probabilities[:, 1]), abs=0.01)
    assert {row[0] for row in found["precision_recall"]} == set(LABELS)
    assert only_run("charts").config["forest"]["n_estimators"] == 20


def test_labels_may_be_names() -> None:
    actual, predicted = ["cat", "dog", "dog"], ["cat", "cat", "dog"]
    with wandb.init(project="charts"):
        wandb.sklearn.plot_confusion_matrix(actual, predicted)
        wandb.sklearn.plot_feature_importances(LogisticRegression().fit(ROWS.x, ROWS.y), FEATURES)
        wandb.sklearn.plot_summary_metrics(LinearRegression(), ROWS.x, ROWS.y, ROWS.held_x, ROWS.held_y)
        with pytest.raises(ValueError, match="there are 2 classes, and only 1 labels"):
            wandb.sklearn.plot_confusion_matrix(actual, predicted, ["cat"])
        with pytest.raises(ValueError, match="KNeighborsClassifier does not say which features are important"):
            wandb.sklearn.plot_feature_importances(KNeighborsClassifier().fit(ROWS.x, ROWS.y))

    found = tables("charts")
    assert found["confusion_matrix"] == [["cat", "cat", 1], ["cat", "dog", 0], ["dog", "cat", 1], ["dog", "dog", 1]]
    assert found["feature_importances"][0][0] == "height"
    assert [row[0] for row in found["summary_metrics"]] == ["mae", "mse", "r2_score"]
