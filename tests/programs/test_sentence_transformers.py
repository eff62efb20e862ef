"""The trainer of sentence-transformers, which logs through the callback of transformers."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
    losses,
    models,
)

import artstore
from tests.support.boosting import only_run
from tests.support.tiny_models import save_bert


def test_training_logs_metrics_and_a_model_that_can_be_loaded(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_LOG_MODEL", "end")
    word_model = models.Transformer(str(save_bert(workdir / "bert")))
    model = SentenceTransformer(modules=[word_model, models.Pooling(8)], device="cpu")
    data = Dataset.from_dict({"one": ["a good day", "a bad day"] * 4, "other": ["good", "bad"] * 4})
    arguments = SentenceTransformerTrainingArguments(
        "out",
        report_to="wandb",
        num_train_epochs=1,
        per_device_train_batch_size=4,
        logging_steps=1,
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
        run_name="sentences",
    )
    trainer = SentenceTransformerTrainer(
        model, arguments, train_dataset=data, loss=losses.MultipleNegativesRankingLoss(model)
    )
    trainer.train()
    artstore.finish()

    run = only_run("sentence-transformers")
    assert run.name == "sentences"
    assert [row["train/global_step"] for row in run.scan_history(keys=["train/global_step", "train/loss"])] == [1, 2]
    final = artstore.Api().artifact("sentence-transformers/model-sentences:final_model")
    assert final.name in [version.name for version in run.logged_artifacts()]
    assert final.metadata["final_model"]
    assert "model_architecture.txt" in final.manifest.entries
