"""ignite with its WandBLogger."""

from __future__ import annotations

from pathlib import Path

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import ModelCheckpoint, global_step_from_engine
from ignite.handlers.wandb_logger import WandBLogger
from ignite.metrics import Loss

from tests.support.boosting import only_run


def test_a_trainer_logs_losses_the_learning_rate_and_a_model(workdir: Path) -> None:
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loss = torch.nn.MSELoss()
    data = [(torch.ones(4, 2), torch.ones(4, 1))] * 3
    trainer = create_supervised_trainer(model, optimizer, loss)
    evaluator = create_supervised_evaluator(model, {"mse": Loss(loss)})
    logger = WandBLogger(project="ignite", name="line", config={"rate": 0.1}, tags=["cpu"])
    logger.attach_output_handler(
        trainer, Events.ITERATION_COMPLETED, tag="training", output_transform=lambda value: {"loss": value}
    )
    logger.attach_opt_params_handler(trainer, Events.ITERATION_COMPLETED, optimizer=optimizer)
    logger.attach_output_handler(
        evaluator,
        Events.EPOCH_COMPLETED,
        tag="validation",
        metric_names=["mse"],
        global_step_transform=global_step_from_engine(trainer, Events.ITERATION_COMPLETED),
    )
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: evaluator.run(data))
    checkpoint = ModelCheckpoint(logger.run.dir, n_saved=2, filename_prefix="best", require_empty=False)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, checkpoint, {"model": model})
    logger.watch(model)
    trainer.run(data, max_epochs=2)
    logger.log_artifact(checkpoint.last_checkpoint, name="line", type="model")
    logger.close()

    run = only_run("ignite")
    assert (run.name, run.tags, run.config) == ("line", ["cpu"], {"rate": 0.1})
    losses = [row["training/loss"] for row in run.scan_history(keys=["training/loss"])]
    assert len(losses) == 6 and losses == sorted(losses, reverse=True)
    errors = [row["validation/mse"] for row in run.scan_history(keys=["_step", "validation/mse"])]
    assert len(errors) == 2 and errors[-1] < losses[-1]
    assert run.summary["lr/group_0"] == 0.1
    (version,) = run.logged_artifacts()
    assert (version.name, version.type) == ("line:v0", "model")
    assert torch.equal(torch.load(version.file())["weight"], model.weight)
    assert {"best_model_3.pt", "best_model_6.pt"} <= {file.name for file in run.files()}
