"""The Trainer of transformers, which logs to wandb with `report_to="wandb"`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertForSequenceClassification, Trainer, TrainingArguments

import artstore
from tests.support.boosting import only_run
from tests.support.tiny_models import bert_config, rows


def train(project: str, **more: Any) -> Trainer:
    arguments = TrainingArguments(
        "out",
        report_to="wandb",
        num_train_epochs=2,
        per_device_train_batch_size=4,
        logging_steps=2,
        eval_strategy="epoch",
        use_cpu=True,
        disable_tqdm=True,
        **more,
    )
    model = BertForSequenceClassification(bert_config())
    trainer = Trainer(model, arguments, train_dataset=rows(16), eval_dataset=rows(4))
    trainer.train()
    artstore.finish()
    return trainer


def test_metrics_and_the_config_of_the_model_are_logged(workdir: Path) -> None:
    trainer = train("huggingface", save_strategy="no", run_name="small")

    run = only_run("huggingface")
    assert run.name == "small"
    assert run.config["hidden_size"] == 8
    assert run.config["num_train_epochs"] == 2
    assert run.config["model/num_parameters"] == trainer.model.num_parameters()
    history = {row["step"]: row for row in trainer.state.log_history if "loss" in row}
    losses = list(run.scan_history(keys=["train/global_step", "train/loss", "train/learning_rate"]))
    assert [row["train/global_step"] for row in losses] == list(history) == [2, 4, 6, 8]
    assert [row["train/loss"] for row in losses] == [row["loss"] for row in history.values()]
    evaluated = [row["eval/loss"] for row in run.scan_history(keys=["eval/loss"])]
    assert evaluated == [row["eval_loss"] for row in trainer.state.log_history if "eval_loss" in row]
    assert run.summary["train_loss"] == trainer.state.log_history[-1]["train_loss"]
    assert list(run.logged_artifacts()) == []


def test_the_model_is_logged_at_the_end(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_LOG_MODEL", "end")
    monkeypatch.setenv("WANDB_PROJECT", "texts")
    trainer = train("texts", save_strategy="no", run_name="small")

    run = only_run("texts")
    first, last = run.logged_artifacts()
    assert [(version.name, version.type) for version in (first, last)] == [
        ("model-small:v0", "model"),
        ("model-small:v1", "model"),
    ]
    assert (first.aliases, sorted(last.aliases)) == (["base_model"], ["final_model", "latest"])
    assert first.metadata["initial_model"] and first.metadata["model_config"]["hidden_size"] == 8
    assert last.metadata["final_model"] and last.metadata["train_loss"] == run.summary["train_loss"]
    loaded = BertForSequenceClassification.from_pretrained(last.download())
    assert all(
        torch.equal(one, other)
        for one, other in zip(loaded.state_dict().values(), trainer.model.state_dict().values(), strict=True)
    )


def test_each_checkpoint_is_logged_and_training_resumes_from_one(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_LOG_MODEL", "checkpoint")
    train("huggingface", save_strategy="epoch")

    run = only_run("huggingface")
    versions = list(run.logged_artifacts())
    assert [version.name.partition(":")[2] for version in versions] == ["v0", "v1", "v2", "v3"]
    assert {version.collection.name for version in versions} == {f"model-{run.id}"}
    assert [sorted(version.aliases) for version in versions] == [
        ["base_model"],
        ["checkpoint_global_step_4", "epoch_1.0"],
        ["checkpoint_global_step_8", "epoch_2.0"],
        ["final_model", "latest"],
    ]
    checkpoint = artstore.Api().artifact(f"huggingface/model-{run.id}:checkpoint_global_step_4")
    assert {"model.safetensors", "optimizer.pt", "trainer_state.json"} <= set(checkpoint.manifest.entries)
    assert checkpoint.metadata["model/num_parameters"] == run.config["model/num_parameters"]

    with artstore.init(project="huggingface", id=run.id, resume="must") as resumed:
        folder = resumed.use_artifact(checkpoint).download("checkpoint-4")
        trainer = Trainer(
            BertForSequenceClassification(bert_config()),
            TrainingArguments(
                "more", report_to="wandb", num_train_epochs=3, per_device_train_batch_size=4, use_cpu=True
            ),
            train_dataset=rows(16),
        )
        trainer.train(resume_from_checkpoint=folder)
    assert trainer.state.global_step == 12
    assert [used.name for used in only_run("huggingface").used_artifacts()] == [checkpoint.name]
