"""Charts of tables, as `wandb.plot` makes them: a table, and the name and the fields of a Vega-Lite chart of it.

A chart that is logged is stored as its table, and as a document that names the table and the chart. The document of
the charts below has their Vega-Lite specification, so that a program that draws Vega-Lite can draw them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from artstore.data_types.table import Table
from artstore.errors import InvalidInput, WrongValue
from artstore.runtime.arguments import checked_values
from artstore.runtime.optional_imports import need

__all__ = [
    "CustomChart",
    "CustomChartSpec",
    "Visualize",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
    "visualize",
]

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_DIGITS = 3
_MOST_POINTS = 100_000
_AREA, _LINES = "wandb/area-under-curve/v0", "wandb/lineseries/v0"
_MARKS: Mapping[str, tuple[Any, Mapping[str, tuple[str, Mapping[str, Any]]]]] = {
    "wandb/line/v0": (
        "line",
        {
            "x": ("x", {"type": "quantitative"}),
            "y": ("y", {"type": "quantitative"}),
            "color": ("stroke", {"type": "nominal"}),
        },
    ),
    _LINES: (
        "line",
        {
            "x": ("step", {"type": "quantitative"}),
            "y": ("lineVal", {"type": "quantitative"}),
            "color": ("lineKey", {"type": "nominal"}),
        },
    ),
    _AREA: (
        "line",
        {
            "x": ("x", {"type": "quantitative"}),
            "y": ("y", {"type": "quantitative"}),
            "color": ("class", {"type": "nominal"}),
        },
    ),
    "wandb/scatter/v0": (
        "point",
        {"x": ("x", {"type": "quantitative"}), "y": ("y", {"type": "quantitative"})},
    ),
    "wandb/bar/v0": ("bar", {"x": ("value", {"type": "quantitative"}), "y": ("label", {"type": "nominal"})}),
    "wandb/histogram/v0": ("bar", {"x": ("value", {"type": "quantitative", "bin": True})}),
    "wandb/confusion_matrix/v1": (
        "rect",
        {
            "x": ("Predicted", {"type": "nominal"}),
            "y": ("Actual", {"type": "nominal"}),
            "color": ("nPredictions", {"type": "quantitative"}),
        },
    ),
}
"""The charts that W&B provides: the mark, and for each channel the field and how it is drawn."""


@dataclass
class CustomChartSpec:
    """The name of a chart, and which columns of its table it draws."""

    spec_name: str
    fields: dict[str, Any]
    string_fields: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    panel_type: str = "Vega2"
    split_table: bool = False

    @property
    def table_key(self) -> str:
        """The key under which the table of the chart is logged."""
        return f"Custom Chart Tables/{self.key}_table" if self.split_table else f"{self.key}_table"

    def vega_lite(self) -> dict[str, Any] | None:
        """Return the Vega-Lite specification, with the data `table`; None for a chart that only its author knows."""
        if self.spec_name not in _MARKS:
            return None
        mark, channels = _MARKS[self.spec_name]
        encoding = {
            channel: {**how, "field": _escape(self.fields[name])}
            for channel, (name, how) in channels.items()
            if self.fields.get(name) is not None
        }
        if self.spec_name == "wandb/histogram/v0":
            encoding["y"] = {"aggregate": "count", "type": "quantitative"}
        for channel, names in {"x": ("x-axis-title", "xname"), "y": ("y-axis-title",)}.items():
            title = next((self.string_fields[name] for name in names if self.string_fields.get(name)), None)
            if title and channel in encoding:
                encoding[channel]["title"] = title
        title = {"title": self.string_fields["title"]} if self.string_fields.get("title") else {}
        return {"$schema": _SCHEMA, **title, "data": {"name": "table"}, "mark": mark, "encoding": encoding}


def _escape(column: Any) -> str:
    """Return a column's name as Vega-Lite reads it, where `.` and `[` stand for parts of objects."""
    return str(column).replace("\\", "\\\\").replace(".", "\\.").replace("[", "\\[").replace("]", "\\]")


@dataclass
class CustomChart:
    """A chart of a table, to be logged.

    >>> run.log({"losses": artstore.plot.line(table, "step", "loss")})
    """

    table: Table
    spec: CustomChartSpec

    def set_key(self, key: str) -> None:
        """Set the key under which the chart is logged."""
        self.spec.key = key

    def document(self, table_path: str) -> dict[str, Any]:
        """Return what stands for the chart among the metrics, when its table is at a path."""
        spec = self.spec
        document = {
            "_type": "custom-chart",
            "panel_type": spec.panel_type,
            "spec_name": spec.spec_name,
            "fields": spec.fields,
            "string_fields": spec.string_fields,
            "table_key": spec.table_key,
            "table": table_path,
        }
        drawn = spec.vega_lite()
        return document if drawn is None else {**document, "vega_lite": drawn}


Visualize = CustomChart


@checked_values
def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: dict[str, Any],
    string_fields: dict[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Return a chart of a table by the name of its specification; `fields` maps the fields of that to columns.

    Raises `WrongValue` if it is not a table.
    """
    if not isinstance(data_table, Table):
        raise WrongValue(f"Expected `data_table` to be `Table` type, instead got {type(data_table).__name__}")
    spec = CustomChartSpec(vega_spec_name, dict(fields), dict(string_fields or {}), split_table=split_table)
    return CustomChart(data_table, spec)


@checked_values
def visualize(id: str, value: Table) -> CustomChart:
    """Return a chart of a table by the name of its specification. W&B's older name of `plot_table`."""
    return plot_table(id, value, {})


@checked_values
def line(
    table: Table, x: str, y: str, stroke: str | None = None, title: str = "", split_table: bool = False
) -> CustomChart:
    """Return a line chart of two columns; `stroke` is the column that tells lines apart."""
    return plot_table("wandb/line/v0", table, {"x": x, "y": y, "stroke": stroke}, {"title": title}, split_table)


@checked_values
def scatter(table: Table, x: str, y: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Return a scatter plot of two columns."""
    return plot_table("wandb/scatter/v0", table, {"x": x, "y": y}, {"title": title}, split_table)


@checked_values
def bar(table: Table, label: str, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Return a bar chart of a column of names and a column of numbers."""
    return plot_table("wandb/bar/v0", table, {"label": label, "value": value}, {"title": title}, split_table)


@checked_values
def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Return a histogram of a column."""
    return plot_table("wandb/histogram/v0", table, {"value": value}, {"title": title}, split_table)


@checked_values
def line_series(
    xs: Any,
    ys: Any,
    keys: Iterable[str] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart:
    """Return a chart of several lines: `ys` has one list for each, `xs` one for all or one for each.

    Raises `InvalidInput` if there are not as many `xs` or `keys` as `ys`.
    """
    rows = [list(values) for values in ys]
    of_each = [xs] * len(rows) if not isinstance(xs[0], Iterable) or isinstance(xs[0], str | bytes) else list(xs)
    if len(of_each) != len(rows):
        raise InvalidInput(f"Number of x-series ({len(of_each)}) must match y-series ({len(rows)}).")
    named = [f"line_{number}" for number in range(len(rows))] if keys is None else list(keys)
    if len(named) != len(rows):
        raise InvalidInput(f"Number of keys ({len(named)}) must match y-series ({len(rows)}).")
    data = [
        [x, key, y]
        for key, line_xs, line_ys in zip(named, of_each, rows, strict=True)
        for x, y in zip(line_xs, line_ys, strict=False)
    ]
    table = Table(columns=["step", "lineKey", "lineVal"], data=data)
    fields = {"step": "step", "lineKey": "lineKey", "lineVal": "lineVal"}
    return plot_table(_LINES, table, fields, {"title": title, "xname": xname}, split_table)


@checked_values
def confusion_matrix(
    probs: Sequence[Sequence[float]] | None = None,
    y_true: Sequence[Any] | None = None,
    preds: Sequence[Any] | None = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> CustomChart:
    """Return a chart of how often each class was predicted as which, from predictions or from probabilities.

    Raises `InvalidInput` if both are given, or the numbers of predictions, labels and classes do not match.
    """
    if probs is not None and preds is not None:
        raise InvalidInput("Only one of `probs` or `preds` should be provided, not both.")
    if y_true is None or (probs is None and preds is None):
        raise InvalidInput("confusion_matrix needs `y_true`, and `preds` or `probs`")
    if probs is not None:
        preds = need("numpy", "a confusion matrix of probabilities", "media").argmax(probs, axis=1)
    predicted, actual = _plain(preds), _plain(y_true)
    if len(predicted) != len(actual):
        raise InvalidInput("The number of predictions and true labels must be equal.")
    if class_names is None:
        ids = sorted({*predicted, *actual})
        class_names = [f"Class_{number + 1}" for number in range(len(ids))]
    else:
        ids = list(range(len(class_names)))
        for values, kind in ((predicted, "predicted classes"), (actual, "true labels")):
            if len(set(values)) > len(ids):
                raise InvalidInput(f"The number of unique {kind} exceeds the number of class names.")
    index = {value: number for number, value in enumerate(ids)}
    counts = [[0.0] * len(ids) for _ in ids]
    for was, guess in zip(actual, predicted, strict=True):
        if was not in index or guess not in index:
            raise InvalidInput(f"{was if was not in index else guess!r} is not an index of `class_names`")
        counts[index[was]][index[guess]] += 1
    data = [[one, other, counts[i][j]] for i, one in enumerate(class_names) for j, other in enumerate(class_names)]
    columns = ["Actual", "Predicted", "nPredictions"]
    table = Table(columns=columns, data=data)
    fields = {name: name for name in columns}
    return plot_table("wandb/confusion_matrix/v1", table, fields, {"title": title}, split_table)


def _plain(values: Any) -> list[Any]:
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return list(values.tolist() if hasattr(values, "tolist") else values)


@checked_values
def roc_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> CustomChart:
    """Return the receiver operating characteristic of each class, from labels and the probabilities of each class."""
    rows = []
    for name, positive, scores in _classes(y_true, y_probas, labels, classes_to_plot, "roc_curve"):
        false, true = _counts(positive, scores)
        false, true = _without_straight(false, true)
        rows += [[name, _part(x, false[-1]), _part(y, true[-1])] for x, y in zip(false, true, strict=True)]
    table = Table(columns=["class", "fpr", "tpr"], data=rows)
    strings = {"title": title, "x-axis-title": "False positive rate", "y-axis-title": "True positive rate"}
    return plot_table(_AREA, table, {"x": "fpr", "y": "tpr", "class": "class"}, strings, split_table)


@checked_values
def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> CustomChart:
    """Return the precision of each class at `interp_size` values of recall, from labels and probabilities."""
    numpy = need("numpy", "a precision-recall curve", "media")
    if interp_size > _MOST_POINTS:
        raise InvalidInput(f"interp_size must be at most {_MOST_POINTS:,}, not {interp_size}")
    rows = []
    for name, positive, scores in _classes(y_true, y_probas, labels, classes_to_plot, "pr_curve"):
        false, true = (numpy.array(counts[1:]) for counts in _counts(positive, scores))
        # From the highest recall down to 0, where the precision is 1.
        precision = numpy.append((true / (true + false))[::-1], 1.0)
        recall = numpy.append((true / true[-1] if true[-1] else numpy.ones(len(true)))[::-1], 0.0)
        rising, ascending = numpy.maximum.accumulate(precision)[::-1], recall[::-1]
        for wanted in numpy.linspace(0, 1, interp_size)[::-1]:
            found = rising[numpy.searchsorted(ascending, wanted, side="left")]
            rows.append([name, round(float(found), _DIGITS), round(float(wanted), _DIGITS)])
    table = Table(columns=["class", "precision", "recall"], data=rows)
    strings = {"title": title, "x-axis-title": "Recall", "y-axis-title": "Precision"}
    return plot_table(_AREA, table, {"x": "recall", "y": "precision", "class": "class"}, strings, split_table)


def _classes(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None, wanted: Sequence[Any] | None, what: str
) -> Iterable[tuple[Any, Any, Any]]:
    """Yield each class with its name, which samples are of it, and their scores for it."""
    if y_true is None or y_probas is None:
        raise InvalidInput(f"{what} needs `y_true` and `y_probas`")
    numpy = need("numpy", what, "media")
    actual, scores = numpy.array(_plain(y_true)), numpy.array(_plain(y_probas))
    classes = numpy.unique(actual)
    if scores.ndim != 2 or len(scores) != len(actual) or scores.shape[1] < len(classes):
        raise InvalidInput(
            f"`y_probas` has one row for each sample and one column for each class: {len(actual)} times "
            f"{len(classes)}, not {list(scores.shape)}"
        )
    for column, value in enumerate(classes):
        if wanted is not None and value not in list(wanted):
            continue
        is_index = labels is not None and numpy.issubdtype(classes.dtype, numpy.integer)
        name = labels[int(value)] if is_index and labels is not None else value.item()
        yield name, actual == value, scores[:, column]


def _counts(positive: Any, scores: Any) -> tuple[list[int], list[int]]:
    """Return how many samples are falsely and rightly positive, for none and above each distinct score."""
    false, true, last = [0], [0], None
    for score, is_positive in sorted(zip(scores.tolist(), positive.tolist(), strict=True), key=lambda pair: -pair[0]):
        if score != last:
            false.append(false[-1])
            true.append(true[-1])
            last = score
        counts = true if is_positive else false
        counts[-1] += 1
    return false, true


def _without_straight(false: list[int], true: list[int]) -> tuple[list[int], list[int]]:
    """Leave out points on a straight line between their neighbours, from the first score on."""
    kept = [
        number
        for number in range(len(false))
        if number <= 1
        or number == len(false) - 1
        or false[number + 1] - 2 * false[number] + false[number - 1]
        or true[number + 1] - 2 * true[number] + true[number - 1]
    ]
    return [false[number] for number in kept], [true[number] for number in kept]


def _part(count: int, total: int) -> float:
    return round(count / total, _DIGITS) if total else 0.0
