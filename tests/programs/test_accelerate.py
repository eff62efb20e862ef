"""accelerate with its tracker for wandb."""

from __future__ import annotations

from pathlib import Path

import numpy
import torch
from accelerate import Accelerator

from tests.support.boosting import only_run


def test_a_training_loop_logs_config_metrics_images_and_tables(workdir: Path) -> None:
    accelerator = Accelerator(log_with="wandb", cpu=True)
    accelerator.init_trackers("loops", config={"rate": 0.1}, init_kwargs={"wandb": {"name": "loop", "tags": ["cpu"]}})
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model, optimizer = accelerator.prepare(model, optimizer)
    losses = []
    for step in range(3):
        loss = (model(torch.ones(4, 2)) - 1).pow(2).mean()
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        accelerator.log({"loss": loss.item()}, step=step)
    tracker = accelerator.get_tracker("wandb")
    tracker.log_images({"samples": [numpy.zeros((4, 4, 3), "uint8")]}, step=3)
    tracker.log_table("rows", columns=["x"], data=[[1], [2]], step=4)
    torch.save(accelerator.unwrap_model(model).state_dict(), "model.pt")
    tracker.tracker.log_artifact("model.pt", name="line", type="model", aliases=["trained"])
    accelerator.end_training()

    run = only_run("loops")
    assert (run.name, run.tags, run.config) == ("loop", ["cpu"], {"rate": 0.1})
    assert [row["loss"] for row in run.scan_history(keys=["loss"])] == losses
    assert run.summary["samples"][0]["_type"] == "image-file"
    logged = {artifact.type: artifact for artifact in run.logged_artifacts()}
    assert logged["run_table"].get("rows").data == [[1], [2]]
    assert sorted(logged["model"].aliases) == ["latest", "trained"]
    assert logged["model"].manifest.entries.keys() == {"model.pt"}
