"""Lightning with its WandbLogger."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger

import artstore
from tests.support.boosting import only_run


class Line(LightningModule):
    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch: Any, index: int) -> Any:
        loss = self.layer(batch).pow(2).mean()
        self.log("train_loss", loss, on_step=True)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", self.layer(batch).pow(2).mean())

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), self.hparams["rate"])


def fit(logger: WandbLogger, checkpoint: ModelCheckpoint, epochs: int = 3) -> Trainer:
    data = torch.utils.data.DataLoader(torch.ones(8, 2), batch_size=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=logger,
            callbacks=[checkpoint],
            log_every_n_steps=1,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Line(), data, data)
    return trainer


def test_metrics_and_the_best_models_are_logged_at_the_end(workdir: Path) -> None:
    logger = WandbLogger(project="lines", name="first", log_model=True, save_dir="logs")
    trainer = fit(logger, ModelCheckpoint(monitor="val_loss", save_top_k=2, filename="{epoch}"))
    artstore.finish()

    run = only_run("lines")
    assert (run.name, run.config) == ("first", {"rate": 0.1})
    rows = list(run.scan_history(keys=["trainer/global_step", "train_loss"]))
    assert [row["trainer/global_step"] for row in rows] == list(range(6))
    assert [row["epoch"] for row in run.scan_history(keys=["epoch", "val_loss"])] == [0, 1, 2]
    versions = list(run.logged_artifacts())
    assert [version.name for version in versions] == [f"model-{run.id}:v0", f"model-{run.id}:v1"]
    assert {"best", "latest"} <= set(versions[-1].aliases)
    assert versions[-1].metadata["score"] == pytest.approx(float(trainer.checkpoint_callback.best_model_score))
    assert versions[-1].metadata["original_filename"] == "epoch=2.ckpt"
    assert list(versions[-1].manifest.entries) == ["model.ckpt"]


def test_every_checkpoint_is_logged_while_it_trains_and_another_run_uses_the_best(workdir: Path) -> None:
    logger = WandbLogger(project="lines", log_model="all", checkpoint_name="line")
    trainer = fit(logger, ModelCheckpoint(monitor="val_loss", save_top_k=-1))
    artstore.finish()
    maker = only_run("lines")
    versions = list(maker.logged_artifacts())
    assert [version.name for version in versions] == ["line:v0", "line:v1", "line:v2"]
    assert "best" in versions[-1].aliases

    user = WandbLogger(project="lines", job_type="evaluate")
    folder = user.download_artifact("lines/line:best", "downloads", use_artifact=False)
    used = user.use_artifact("lines/line:best", artifact_type="model")
    loaded = Line.load_from_checkpoint(Path(folder, "model.ckpt"))
    assert torch.equal(loaded.layer.weight, trainer.model.layer.weight)
    artstore.finish()
    assert [run.job_type for run in used.used_by()] == ["evaluate"]
    assert used.logged_by().id == maker.id


def test_the_logger_takes_tables_images_and_pickles(workdir: Path) -> None:
    logger = WandbLogger(project="lines")
    logger.log_table("rows", columns=["x"], data=[[1]])
    logger.log_image("picture", [numpy.zeros((4, 4, 3), "uint8")], caption=["black"])
    # A launcher that spawns processes sends the logger to them.
    state = logger.__getstate__()
    assert state["_id"] == logger.experiment.id
    logger.watch(torch.nn.Linear(1, 1))
    logger.finalize("success")
    artstore.finish()
    run = only_run("lines")
    assert run.summary["rows"]["nrows"] == 1
    (table,) = run.logged_artifacts()
    assert table.get("rows").data == [[1]]
