"""skorch with its WandbLogger."""

from __future__ import annotations

from pathlib import Path

import torch
import wandb
from skorch import NeuralNetClassifier
from skorch.callbacks import WandbLogger

from tests.support.boosting import data, only_run


def test_every_epoch_is_logged_and_the_best_model_is_a_file_of_the_run(workdir: Path) -> None:
    rows = data()
    run = wandb.init(project="skorch", config={"rate": 0.1})
    torch.manual_seed(1)
    net = NeuralNetClassifier(
        torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Softmax(dim=-1)),
        max_epochs=4,
        lr=0.1,
        verbose=0,
        callbacks=[WandbLogger(run)],
    )
    net.fit(rows.x.astype("float32"), rows.y)
    run.finish()

    found = only_run("skorch")
    assert all(net.history[:, "valid_loss_best"])
    logged = list(found.scan_history(keys=["train_loss", "valid_loss", "valid_acc"]))
    assert [row["valid_loss"] for row in logged] == net.history[:, "valid_loss"]
    assert found.summary["valid_acc"] == net.history[-1, "valid_acc"]
    found.file("best_model.pth").download("saved")
    trained = net.predict(rows.held_x.astype("float32"))
    net.initialize()
    net.load_params(f_params="saved/best_model.pth")
    # Each epoch is better than the one before, so the best model is the last.
    assert net.predict(rows.held_x.astype("float32")).tolist() == trained.tolist()
