"""Keras with the callbacks of `wandb.integration.keras`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy
import pytest
import wandb
from wandb.integration.keras import WandbEvalCallback, WandbMetricsLogger, WandbModelCheckpoint

from tests.support.boosting import data, only_run

pytestmark = pytest.mark.usefixtures("workdir")
ROWS = data()


def new_model(rate: Any = 0.1) -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def fit(model: Any, *callbacks: Any, epochs: int = 3) -> dict[str, list[float]]:
    held_out = (ROWS.held_x, ROWS.held_y)
    history = model.fit(
        ROWS.x, ROWS.y, batch_size=20, epochs=epochs, validation_data=held_out, verbose=0, callbacks=list(callbacks)
    )
    return history.history


def test_metrics_and_the_learning_rate_are_logged_after_each_epoch() -> None:
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([7], [0.5, 0.25])
    with wandb.init(project="nets"):
        history = fit(new_model(schedule), WandbMetricsLogger())

    run = only_run("nets")
    rows = list(run.scan_history(keys=["epoch/epoch", "epoch/loss", "epoch/val_accuracy", "epoch/learning_rate"]))
    assert [row["epoch/epoch"] for row in rows] == [0, 1, 2]
    assert [row["epoch/loss"] for row in rows] == pytest.approx(history["loss"])
    assert [row["epoch/val_accuracy"] for row in rows] == pytest.approx(history["val_accuracy"])
    assert [row["epoch/learning_rate"] for row in rows] == [0.5, 0.25, 0.25]


def test_metrics_can_be_logged_after_batches() -> None:
    with wandb.init(project="nets"):
        fit(new_model(), WandbMetricsLogger(log_freq=2), epochs=2)

    rows = list(only_run("nets").scan_history(keys=["batch/batch_step", "batch/loss", "batch/learning_rate"]))
    assert [row["batch/batch_step"] for row in rows] == [0, 2, 4, 6]
    assert {round(row["batch/learning_rate"], 6) for row in rows} == {0.1}


def test_each_checkpoint_is_a_version_with_its_epoch_and_metrics() -> None:
    with wandb.init(project="nets"):
        model = new_model()
        history = fit(model, WandbModelCheckpoint("checkpoints/{epoch:02d}.keras"))

    run = only_run("nets")
    versions = list(run.logged_artifacts())
    assert [version.name for version in versions] == [f"run_{run.id}_model:v{number}" for number in range(3)]
    assert [sorted(version.aliases) for version in versions] == [["epoch_0"], ["epoch_1"], ["epoch_2", "latest"]]
    assert [version.metadata["val_loss"] for version in versions] == pytest.approx(history["val_loss"])
    assert {version.type for version in versions} == {"model"}
    loaded = keras.saving.load_model(versions[-1].file())
    assert numpy.allclose(loaded.predict(ROWS.held_x, verbose=0), model.predict(ROWS.held_x, verbose=0))


def test_only_checkpoints_that_were_saved_are_versions() -> None:
    with wandb.init(project="nets"):
        # Nothing is better than this threshold after the second epoch: the rate is 0 from there on.
        rate = keras.optimizers.schedules.PiecewiseConstantDecay([7], [0.5, 0.0])
        checkpoint = WandbModelCheckpoint("best.weights.h5", save_best_only=True, save_weights_only=True)
        fit(new_model(rate), checkpoint, epochs=5)

    versions = list(only_run("nets").logged_artifacts())
    assert [version.metadata["epoch"] for version in versions] == [0, 1]
    assert sorted(versions[-1].aliases) == ["best", "epoch_1", "latest"]


def test_checkpoints_after_batches_are_versions() -> None:
    with wandb.init(project="nets"):
        fit(
            new_model(),
            WandbModelCheckpoint("{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=3),
            epochs=2,
        )

    versions = list(only_run("nets").logged_artifacts())
    aliases = [[alias for alias in version.aliases if alias != "latest"] for version in versions]
    assert aliases == [["epoch_0_batch_2"], ["epoch_1_batch_1"]]
    assert [list(version.manifest.entries) for version in versions] == [["1-3.weights.h5"], ["2-2.weights.h5"]]


class Predictions(WandbEvalCallback):
    def __init__(self, count: int) -> None:
        super().__init__(["x", "label"], ["epoch", "sample", "prediction"])
        self.count = count

    def add_ground_truth(self, logs: Mapping[str, Any] | None = None) -> None:
        for number in range(self.count):
            self.data_table.add_data(ROWS.held_x[number].tolist(), int(ROWS.held_y[number]))

    def add_model_predictions(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        predicted = self.model.predict(ROWS.held_x[: self.count], verbose=0)
        for number in self.data_table_ref.get_index():
            self.pred_table.add_data(epoch, self.data_table_ref.data[number][1], float(predicted[number, 0]))


def test_samples_are_logged_once_and_predictions_after_each_epoch(workdir: Path) -> None:
    with wandb.init(project="nets"):
        fit(new_model(), Predictions(4), epochs=2)

    run = only_run("nets")
    (samples,) = run.used_artifacts()
    assert (samples.name, samples.type) == ("val:v0", "dataset")
    assert samples.get("val_data").data[0] == [ROWS.held_x[0].tolist(), int(ROWS.held_y[0])]
    predictions = [version for version in run.logged_artifacts() if version.type == "evaluation"]
    assert [version.name for version in predictions] == [f"run_{run.id}_pred:v0", f"run_{run.id}_pred:v1"]
    assert [[row[0] for row in version.get("eval_data").data] for version in predictions] == [[0] * 4, [1] * 4]
    assert samples.used_by()[0].id == run.id
