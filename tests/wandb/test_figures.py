"""Histograms, charts and figures that are logged: what is stored of them, and what is said of what cannot be kept."""

from __future__ import annotations

import json
from typing import Any

import matplotlib
import numpy as np
import pytest
from bokeh.plotting import figure as bokeh_figure
from matplotlib import pyplot
from plotly import graph_objects

import artstore
from artstore import Api
from artstore.errors import InvalidInput, WrongValue

pytestmark = pytest.mark.usefixtures("workdir")


def logged(value: Any) -> dict[str, Any]:
    """Log a value under the key `key`; return the row of the history."""
    with artstore.init(project="p") as run:
        run.log({"key": value})
    (row,) = Api().run(f"p/{run.id}").scan_history()
    return row


def test_a_histogram_is_made_of_numbers_or_taken_from_numpy() -> None:
    of_numbers = {"_type": "histogram", "values": [1, 0, 1, 1], "bins": [1.0, 1.5, 2.0, 2.5, 3.0]}
    assert logged(artstore.Histogram([1, 2, 3], num_bins=4))["key"] == of_numbers
    assert logged(artstore.Histogram(np_histogram=np.histogram([1, 2, 3], bins=4)))["key"] == of_numbers


@pytest.mark.parametrize(
    "arguments",
    [
        {"np_histogram": ([1, 2], [0, 1])},
        {"np_histogram": ([1], [0, 1], [2])},
        {"np_histogram": ([0] * 513, [0] * 514)},
        {"sequence": ["a", "b"]},
    ],
)
def test_what_is_not_a_histogram_is_a_value_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        artstore.Histogram(**arguments)


def test_a_histogram_is_read_from_an_artifact_as_it_was_added() -> None:
    histogram = artstore.Histogram([1, 2, 3])
    with artstore.init(project="p") as run:
        artifact = artstore.Artifact("weights", "histogram")
        artifact.add(histogram, "layer")
        assert run.log_artifact(artifact).wait().get("layer") == histogram


# Charts of tables

TABLE = artstore.Table(columns=["x", "y", "kind"], data=[[1, 2.0, "a"], [2, 3.0, "b"]])


@pytest.mark.parametrize(
    ("chart", "mark"),
    [
        (lambda: artstore.plot.line(TABLE, "x", "y", stroke="kind", title="T"), "line"),
        (lambda: artstore.plot.scatter(TABLE, "x", "y"), "point"),
        (lambda: artstore.plot.bar(TABLE, "kind", "y"), "bar"),
        (lambda: artstore.plot.histogram(TABLE, "y"), "bar"),
    ],
)
def test_a_chart_is_stored_as_its_table_and_a_specification_of_vega_lite(chart: Any, mark: str) -> None:
    row = logged(chart())
    document, table = row["key"], row["key_table"]
    assert (document["_type"], document["table_key"], document["vega_lite"]["mark"]) == (
        "custom-chart",
        "key_table",
        mark,
    )
    fields = {channel["field"] for channel in document["vega_lite"]["encoding"].values() if "field" in channel}
    assert fields <= set(TABLE.columns) and fields
    assert document["table"] == table["_latest_artifact_path"]
    name, _, path = document["table"].removeprefix("wandb-artifact://local/").rpartition("/")
    assert Api().artifact(name).get(path).data == TABLE.data


def test_a_chart_that_only_its_author_knows_is_stored_by_its_name() -> None:
    row = logged(artstore.plot_table("team/my-chart", TABLE, {"x": "x"}, {"title": "T"}, split_table=True))
    assert row["key"]["spec_name"] == "team/my-chart" and "vega_lite" not in row["key"]
    assert row["key"]["fields"] == {"x": "x"} and row["key"]["string_fields"] == {"title": "T"}
    assert "Custom Chart Tables/key_table" in row


def test_a_chart_needs_a_table() -> None:
    with pytest.raises(WrongValue, match="Expected `data_table` to be `Table` type, instead got list"):
        artstore.plot_table("wandb/line/v0", [[1]], {})  # type: ignore[arg-type]


def test_a_confusion_matrix_counts_as_wandb_does() -> None:
    chart = artstore.plot.confusion_matrix(y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["cat", "dog"])
    assert chart.table.data == [["cat", "cat", 1.0], ["cat", "dog", 0.0], ["dog", "cat", 1.0], ["dog", "dog", 1.0]]
    by_probability = artstore.plot.confusion_matrix(
        y_true=[0, 1, 1], probs=[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], class_names=["cat", "dog"]
    )
    assert by_probability.table.data == chart.table.data
    of_words = artstore.plot.confusion_matrix(y_true=["b", "a"], preds=["b", "b"])
    assert of_words.table.data == [
        ["Class_1", "Class_1", 0.0],
        ["Class_1", "Class_2", 1.0],
        ["Class_2", "Class_1", 0.0],
        ["Class_2", "Class_2", 1.0],
    ]
    with pytest.raises(InvalidInput, match="Only one of `probs` or `preds`"):
        artstore.plot.confusion_matrix(y_true=[0], preds=[0], probs=[[1.0]])


TRUE = [0, 1, 1, 0, 2, 2, 1, 0]
PROBABILITIES = [
    [0.7, 0.2, 0.1],
    [0.2, 0.5, 0.3],
    [0.4, 0.4, 0.2],
    [0.3, 0.6, 0.1],
    [0.1, 0.2, 0.7],
    [0.3, 0.3, 0.4],
    [0.1, 0.8, 0.1],
    [0.6, 0.1, 0.3],
]


ROC = [
    ["cat", 0.0, 0.0],
    ["cat", 0.0, 0.333],
    ["cat", 0.0, 0.667],
    ["cat", 0.2, 0.667],
    ["cat", 0.4, 1.0],
    ["cat", 0.6, 1.0],
    ["cat", 1.0, 1.0],
    ["dog", 0.0, 0.0],
    ["dog", 0.0, 0.333],
    ["dog", 0.2, 0.333],
    ["dog", 0.2, 1.0],
    ["dog", 0.4, 1.0],
    ["dog", 0.8, 1.0],
    ["dog", 1.0, 1.0],
    ["fox", 0.0, 0.0],
    ["fox", 0.0, 0.5],
    ["fox", 0.0, 1.0],
    ["fox", 0.333, 1.0],
    ["fox", 0.5, 1.0],
    ["fox", 1.0, 1.0],
]
PR = [
    ["cat", 0.6, 1.0],
    ["cat", 0.6, 0.75],
    ["cat", 1.0, 0.5],
    ["cat", 1.0, 0.25],
    ["cat", 1.0, 0.0],
    ["dog", 0.75, 1.0],
    ["dog", 0.75, 0.75],
    ["dog", 0.75, 0.5],
    ["dog", 1.0, 0.25],
    ["dog", 1.0, 0.0],
    ["fox", 1.0, 1.0],
    ["fox", 1.0, 0.75],
    ["fox", 1.0, 0.5],
    ["fox", 1.0, 0.25],
    ["fox", 1.0, 0.0],
]
BOX_CORNER = (1.9999999999999996, 1.0, 2.0)


def test_curves_are_those_of_wandb() -> None:
    """The numbers are those of wandb 0.31.0 with scikit-learn."""
    roc = artstore.plot.roc_curve(TRUE, PROBABILITIES, labels=["cat", "dog", "fox"])
    assert roc.table.columns == ["class", "fpr", "tpr"]
    assert roc.table.data == ROC
    curve = artstore.plot.pr_curve(TRUE, PROBABILITIES, labels=["cat", "dog", "fox"], interp_size=5)
    assert curve.table.columns == ["class", "precision", "recall"]
    assert curve.table.data == PR


def test_several_lines_are_one_table() -> None:
    chart = artstore.plot.line_series(xs=[0, 1], ys=[[1, 2], [3, 4]], keys=["a", "b"], xname="epoch")
    assert chart.table.data == [[0, "a", 1], [1, "a", 2], [0, "b", 3], [1, "b", 4]]
    with pytest.raises(InvalidInput, match="Number of keys"):
        artstore.plot.line_series(xs=[0, 1], ys=[[1, 2], [3, 4]], keys=["a"])


# Figures of other libraries


def test_a_figure_of_matplotlib_is_stored_as_a_picture() -> None:
    matplotlib.use("Agg")
    figure, axes = pyplot.subplots()
    axes.plot([1, 2, 3])
    for value in (figure, axes, pyplot):
        document = logged(value)["key"]
        assert (document["_type"], document["format"]) == ("image-file", "png")
        assert document["width"] > 100
    assert [item["_type"] for item in logged([figure, figure])["key"]] == ["image-file"] * 2
    assert logged({"nested": figure})["key"]["nested"]["_type"] == "image-file"
    pyplot.close("all")


def stored_text(run: artstore.Run, path: str) -> str:
    with Api().run(run.path).file(path).download("files") as copy:
        return str(copy.read())


def test_a_figure_of_plotly_is_stored_as_a_chart() -> None:
    figure = graph_objects.Figure(graph_objects.Scatter(x=[1, 2], y=np.array([3, 4])))
    with artstore.init(project="p") as run:
        run.log({"a": figure, "b": artstore.Plotly(figure)})
    (row,) = Api().run(f"p/{run.id}").scan_history()
    assert row["a"] == row["b"] and row["a"]["_type"] == "plotly-file"
    stored = json.loads(stored_text(run, row["a"]["path"]))
    assert stored["data"][0]["x"] == [1, 2] and stored["data"][0]["type"] == "scatter"


def test_a_chart_of_bokeh_is_stored_as_a_chart() -> None:
    chart = bokeh_figure(title="T")
    chart.line([1, 2], [3, 4])
    with artstore.init(project="p") as run:
        run.log({"key": chart})
        artifact = artstore.Artifact("charts", "chart")
        artifact.add(artstore.data_types.Bokeh(chart), "line")
        version = run.log_artifact(artifact).wait()
    (row,) = Api().run(f"p/{run.id}").scan_history()
    assert row["key"]["_type"] == "bokeh-file"
    assert json.loads(stored_text(run, row["key"]["path"]))["roots"][0]["name"] == "Figure"
    assert version.get("line").document["roots"][0]["name"] == "Figure"


def test_what_cannot_be_kept_is_said_once_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    class Model:
        """Something that JSON does not know."""

    with artstore.init(project="p") as run:
        for _ in range(3):
            run.log({"model": Model(), "loss": 0.1})
    said = [line for line in capsys.readouterr().err.splitlines() if "'model'" in line]
    assert len(said) == 1 and "Model, of which only the text is kept" in said[0]


def test_keys_need_not_be_paths() -> None:
    table = artstore.Table(columns=["a"], data=[[1]])
    with artstore.init(project="p") as run:
        run.log({"/eval/table": table, "../x": table, "a//b": table})
    (row,) = Api().run(f"p/{run.id}").scan_history()
    for key in ("/eval/table", "../x", "a//b"):
        name, _, path = row[key]["_latest_artifact_path"].removeprefix("wandb-artifact://local/p/").partition("/")
        assert Api().artifact(f"p/{name}").get(path).data == [[1]]


def test_media_in_the_summary_are_stored_too() -> None:
    with artstore.init(project="p") as run:
        run.summary["histogram"] = artstore.Histogram([1, 2, 3])
        run.summary["table"] = artstore.Table(columns=["a"], data=[[1]])
    summary = Api().run(f"p/{run.id}").summary
    assert (summary["histogram"]["_type"], summary["table"]["_type"]) == ("histogram", "table-file")


def test_two_pairs_of_tables_are_in_one_artifact() -> None:
    def pair(first: int, second: int) -> artstore.JoinedTable:
        one, other = (artstore.Table(columns=["id", "x"], data=[[1, value]]) for value in (first, second))
        return artstore.JoinedTable(one, other, "id")

    with artstore.init(project="p") as run:
        artifact = artstore.Artifact("summary", "dataset")
        artifact.add(pair(1, 2), "train")
        artifact.add(pair(3, 4), "test")
        version = run.log_artifact(artifact).wait()
    assert [version.get(name) == pair(*values) for name, values in (("train", (1, 2)), ("test", (3, 4)))] == [True] * 2


def test_a_box_has_the_corners_that_wandb_computes() -> None:
    box = artstore.box3d(center=(1, 2, 3), size=(2, 2, 2), orientation=(1, 0, 0, 1), color=(1, 0, 0), label="car")
    assert np.allclose(box["corners"][0], BOX_CORNER) and (box["label"], box["score"]) == ("car", None)
    cloud = artstore.Object3D.from_point_cloud(points=[[0, 0, 0]], boxes=[box])
    assert json.loads(cloud.read())["boxes"][0]["label"] == "car"
    with pytest.raises(InvalidInput, match="center of a box has 3 numbers"):
        artstore.box3d(center=(1, 2), size=(1, 1, 1), orientation=(1, 0, 0, 0), color=(1, 0, 0))


@pytest.mark.parametrize(
    ("shape", "mode"),
    [
        ((1, 28, 30), "L"),
        ((28, 30, 1), "L"),
        ((28, 30), "L"),
        ((28, 30, 3), "RGB"),
        ((1, 28, 30, 1), "L"),
        ((1, 28, 30, 3), "RGB"),
        ((3, 28, 30), None),
        ((28, 30, 2), None),
    ],
)
def test_images_of_the_shapes_that_wandb_takes(shape: tuple[int, ...], mode: str | None) -> None:
    for kind in ("uint8", "float32"):
        if mode is None:
            with pytest.raises(InvalidInput, match="Un-supported shape"):
                artstore.Image(np.zeros(shape, kind))
        else:
            image = artstore.Image(np.zeros(shape, kind)).image
            assert (image.size, image.mode) == ((30, 28), mode)


def test_numbers_from_0_to_1_in_an_image_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    artstore.Image(np.full((4, 4, 3), 0.5))
    artstore.Image(np.full((4, 4, 3), 128.0))
    assert capsys.readouterr().err.count("multiply them by 255") == 1
