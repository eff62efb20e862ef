"""fastai with its WandbCallback."""

from __future__ import annotations

from pathlib import Path

import numpy
import pandas
import pytest
import wandb
from fastai.callback.tracker import SaveModelCallback
from fastai.callback.wandb import WandbCallback, log_model
from fastai.tabular.all import CategoryBlock, Normalize, TabularDataLoaders, accuracy, tabular_learner
from fastai.vision.all import ImageDataLoaders, Resize, resnet18, vision_learner
from PIL import Image

from tests.support.boosting import FEATURES, data, only_run


def test_a_tabular_learner_logs_metrics_the_dataset_the_model_and_predictions(workdir: Path) -> None:
    rows = data()
    frame = pandas.DataFrame(rows.x, columns=FEATURES).assign(tall=rows.y)
    Path("data").mkdir()
    frame.to_csv("data/rows.csv", index=False)
    loaders = TabularDataLoaders.from_df(
        frame,
        path="data",
        procs=[Normalize],
        cont_names=FEATURES,
        y_names="tall",
        y_block=CategoryBlock(),
        valid_idx=list(range(60, 80)),
        bs=20,
    )
    with wandb.init(project="tables"):
        learner = tabular_learner(loaders, layers=[8], metrics=accuracy)
        callbacks = [
            SaveModelCallback(),
            WandbCallback(log_dataset=True, log_model=True, dataset_name="people", seed=1),
        ]
        with learner.no_bar(), learner.no_logging():
            learner.fit(2, 0.1, cbs=callbacks)

    run = only_run("tables")
    epochs = list(run.scan_history(keys=["_step", "epoch", "valid_loss", "accuracy"]))
    assert [row["epoch"] for row in epochs] == [1, 2]
    assert [row["accuracy"] for row in epochs] == pytest.approx([values[2] for values in learner.recorder.values])
    batches = list(run.scan_history(keys=["_step", "train_loss", "lr_0"]))
    assert [row["_step"] for row in batches] == list(range(6))
    assert run.config["batch size"] == 20 and "SaveModelCallback" in run.config

    (dataset,) = run.used_artifacts()
    assert (dataset.name, dataset.type) == ("people:v0", "dataset")
    assert "rows.csv" in dataset.manifest.entries
    kinds = {artifact.type: artifact for artifact in run.logged_artifacts()}
    assert kinds["model"].name == "model:v0"
    assert list(kinds["model"].manifest.entries) == ["model.pth"]
    table = kinds["run_table"].get("Prediction_Samples")
    assert len(table.data) == 20 and "tall" in table.columns


def test_a_vision_learner_logs_images_with_predictions(workdir: Path) -> None:
    for name, colour in (("dark", 0), ("light", 255)):
        Path("images", name).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(numpy.full((8, 8, 3), colour, "uint8")).save(f"images/{name}/{number}.png")
    loaders = ImageDataLoaders.from_folder("images", valid_pct=0.5, seed=2, item_tfms=Resize(32), bs=2, num_workers=0)
    with wandb.init(project="pictures"):
        learner = vision_learner(loaders, resnet18, pretrained=False, metrics=accuracy)
        with learner.no_bar(), learner.no_logging():
            learner.fit(1, cbs=[WandbCallback(n_preds=2, log_preds_every_epoch=True)])
        learner.save("trained")
        log_model("images/models/trained.pth", name="shades", metadata={"epochs": 1})

    run = only_run("pictures")
    kinds = {artifact.type: artifact for artifact in run.logged_artifacts()}
    table = kinds["run_table"].get("Prediction_Samples")
    assert table.columns == ["Input image", "Ground_Truth", "Predictions"]
    assert {row[1] for row in table.data} <= {"dark", "light"}
    assert table.data[0][0].image.size == (32, 32)
    assert (kinds["model"].name, kinds["model"].metadata) == ("shades:v0", {"epochs": "1"})
