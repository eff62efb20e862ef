"""Charts of scikit-learn's models, logged to the open run under W&B's keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from artstore.data_types import plot
from artstore.data_types.table import Table
from artstore.errors import InvalidInput
from artstore.integrations.open_run import library, open_run

_MOST_FEATURES = 50


def plot_roc(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    plot_macro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log the receiver operating characteristic of each class as `roc`; the averages have no effect."""
    open_run("plot_roc()").log({"roc": plot.roc_curve(y_true, y_probas, labels, classes_to_plot)})


def plot_precision_recall(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log the precision of each class at each recall as `precision_recall`; the average has no effect."""
    chart = plot.pr_curve(y_true, y_probas, labels, classes_to_plot)
    open_run("plot_precision_recall()").log({"precision_recall": chart})


def plot_confusion_matrix(y_true: Any, y_pred: Any, labels: Sequence[str] | None = None) -> None:
    """Log how often each class was predicted as which, as `confusion_matrix`.

    `labels` names the classes in their order. Raises `InvalidInput` if there are more classes than names.
    """
    classes = sorted({*_plain(y_true), *_plain(y_pred)})
    names = [str(value) for value in classes] if labels is None else list(labels)
    if len(names) < len(classes):
        raise InvalidInput(f"there are {len(classes)} classes, and only {len(names)} labels: give one for each class")
    number = {value: index for index, value in enumerate(classes)}
    actual, predicted = ([number[value] for value in _plain(values)] for values in (y_true, y_pred))
    chart = plot.confusion_matrix(y_true=actual, preds=predicted, class_names=names, title="Confusion Matrix")
    open_run("plot_confusion_matrix()").log({"confusion_matrix": chart})


def plot_feature_importances(
    model: Any,
    feature_names: Sequence[str] | None = None,
    title: str = "Feature Importance",
    max_num_features: int = _MOST_FEATURES,
) -> None:
    """Log the most important features of a fitted model as `feature_importances`, the most important first.

    Raises `InvalidInput` for a model without `feature_importances_` or one row of `coef_`.
    """
    found = getattr(model, "feature_importances_", None)
    values = _plain(getattr(model, "coef_", []) if found is None else found)
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    if not values or isinstance(values[0], list):
        raise InvalidInput(f"{type(model).__name__} does not say which features are important, or is not fitted")
    known = getattr(model, "feature_names_in_", None) if feature_names is None else feature_names
    names = [f"feature {number}" for number in range(len(values))] if known is None else [str(name) for name in known]
    rows = sorted(zip(names, values, strict=True), key=lambda row: -abs(row[1]))[:max_num_features]
    table = Table(columns=["feature_names", "importances"], data=[list(row) for row in rows])
    chart = plot.bar(table, "feature_names", "importances", title=title)
    open_run("plot_feature_importances()").log({"feature_importances": chart})


def plot_class_proportions(y_train: Any, y_test: Any, labels: Sequence[str] | None = None) -> None:
    """Log how many samples of each class there are to train and to test with, as `class_proportions`."""
    train, test = _plain(y_train), _plain(y_test)
    rows = [
        [str(value) if labels is None else labels[number], name, values.count(value)]
        for number, value in enumerate(sorted({*train, *test}))
        for name, values in (("train", train), ("test", test))
    ]
    table = Table(columns=["class", "dataset", "count"], data=rows)
    chart = plot.bar(table, "class", "count", title="Class Proportions")
    open_run("plot_class_proportions()").log({"class_proportions": chart})


def plot_learning_curve(
    model: Any,
    X: Any,
    y: Any,
    cv: Any = None,
    shuffle: bool = False,
    random_state: int | None = None,
    train_sizes: Any = None,
    n_jobs: int = 1,
    scoring: Any = None,
) -> None:
    """Log the scores of a model that is fitted to more and more samples, as `learning_curve`."""
    sizes, train, test = library("sklearn.model_selection").learning_curve(
        model,
        X,
        y,
        cv=cv,
        shuffle=shuffle,
        random_state=random_state,
        train_sizes=[0.1, 0.325, 0.55, 0.775, 1.0] if train_sizes is None else train_sizes,
        n_jobs=n_jobs,
        scoring=scoring,
    )
    rows = [
        [name, float(score), int(size)]
        for name, scores in (("train", train), ("test", test))
        for size, score in zip(sizes, scores.mean(axis=1), strict=True)
    ]
    table = Table(columns=["dataset", "score", "train_size"], data=rows)
    chart = plot.line(table, "train_size", "score", stroke="dataset", title="Learning Curve")
    open_run("plot_learning_curve()").log({"learning_curve": chart})


def plot_summary_metrics(model: Any, X: Any, y: Any, X_test: Any, y_test: Any) -> None:
    """Fit a model, and log its accuracy, precision, recall and f1, or its errors and r2, as `summary_metrics`."""
    metrics, predicted = library("sklearn.metrics"), model.fit(X, y).predict(X_test)
    if library("sklearn.base").is_classifier(model):
        means = {"average": "weighted", "zero_division": 0}
        found = {
            "accuracy_score": metrics.accuracy_score(y_test, predicted),
            "precision": metrics.precision_score(y_test, predicted, **means),
            "recall": metrics.recall_score(y_test, predicted, **means),
            "f1_score": metrics.f1_score(y_test, predicted, **means),
        }
    else:
        found = {
            "mae": metrics.mean_absolute_error(y_test, predicted),
            "mse": metrics.mean_squared_error(y_test, predicted),
            "r2_score": metrics.r2_score(y_test, predicted),
        }
    rows = [[name, float(value), type(model).__name__] for name, value in found.items()]
    table = Table(columns=["metric_name", "metric_value", "model_name"], data=rows)
    chart = plot.bar(table, "metric_name", "metric_value", title="Summary Metrics")
    open_run("plot_summary_metrics()").log({"summary_metrics": chart})


def plot_classifier(
    model: Any,
    X_train: Any,
    X_test: Any,
    y_train: Any,
    y_test: Any,
    y_pred: Any,
    y_probas: Any,
    labels: Sequence[str] | None,
    is_binary: bool = False,
    model_name: str = "Classifier",
    feature_names: Sequence[str] | None = None,
    log_learning_curve: bool = False,
) -> None:
    """Log the charts above for a fitted classifier, and its parameters as config; the learning curve if asked for.

    The feature importances are left out if the model does not have them.
    """
    open_run("plot_classifier()").config.update({model_name: model.get_params(deep=False)}, allow_val_change=True)
    if hasattr(model, "feature_importances_"):
        plot_feature_importances(model, feature_names)
    if log_learning_curve:
        plot_learning_curve(model, X_train, y_train)
    plot_confusion_matrix(y_test, y_pred, labels)
    plot_summary_metrics(library("sklearn.base").clone(model), X_train, y_train, X_test, y_test)
    plot_class_proportions(y_train, y_test, labels)
    plot_roc(y_test, y_probas, labels)
    plot_precision_recall(y_test, y_probas, labels)


def _plain(values: Any) -> list[Any]:
    return list(values.tolist() if hasattr(values, "tolist") else values)
