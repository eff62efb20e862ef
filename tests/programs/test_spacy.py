"""spaCy with the logger for W&B of spacy-loggers, as `spacy train` runs it."""

from __future__ import annotations

from pathlib import Path

import spacy
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.tokens import DocBin

import artstore

CONFIG = """
[paths]
train = null
dev = null

[nlp]
lang = "en"
pipeline = ["textcat"]

[components]

[components.textcat]
factory = "textcat"

[components.textcat.model]
@architectures = "spacy.TextCatBOW.v3"
exclusive_classes = true
ngram_size = 1
no_output_layer = false

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${paths.dev}

[training]
max_steps = 4
eval_frequency = 2
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"

[training.optimizer]
@optimizers = "Adam.v1"

[training.score_weights]
cats_score = 1.0

[training.logger]
@loggers = "spacy.WandbLogger.v5"
project_name = "texts"
remove_config_values = ["paths.train", "paths.dev"]
model_log_interval = 2
log_dataset_dir = "corpus"
run_name = "bag of words"
log_best_dir = "out/model-best"
log_latest_dir = "out/model-last"
"""


def test_training_logs_scores_the_corpus_and_models(workdir: Path) -> None:
    nlp = spacy.blank("en")
    texts = {"a good day": {"good": 1.0, "bad": 0.0}, "a bad night": {"good": 0.0, "bad": 1.0}}
    docs = [nlp.make_doc(text) for text in texts for _ in range(5)]
    for doc in docs:
        doc.cats = texts[doc.text]
    Path("corpus").mkdir()
    DocBin(docs=docs).to_disk("corpus/train.spacy")
    Path("base.cfg").write_text(CONFIG)
    fill_config(Path("config.cfg"), Path("base.cfg"))
    both = {"paths.train": "corpus/train.spacy", "paths.dev": "corpus/train.spacy"}
    train(Path("config.cfg"), Path("out"), overrides=both)

    assert artstore.run is None
    (run,) = artstore.Api().runs("texts")
    assert (run.state, run.name) == ("finished", "bag of words")
    assert run.config["training"]["max_steps"] == 4
    assert "train" not in run.config["paths"]
    assert [row["score"] for row in run.scan_history(keys=["score"])] == [1.0, 1.0, 1.0]
    assert run.summary["loss_textcat"] >= 0

    logged = {artifact.name: artifact for artifact in run.logged_artifacts()}
    checkpoints = [f"pipeline_{run.id}:v0", f"pipeline_{run.id}:v1"]
    assert {name: artifact.type for name, artifact in logged.items()} == {
        "dataset:v0": "dataset",
        **dict.fromkeys(checkpoints, "checkpoint"),
        "model_best:v0": "model",
        "model_last:v0": "model",
    }
    steps = [logged[name].metadata["step"] for name in checkpoints]
    assert steps == [2, 4]
    for name, step in zip(checkpoints, steps, strict=True):
        epoch = logged[name].metadata["epoch"]
        assert f"epoch {epoch} step {step}" in logged[name].aliases
    assert "best" in logged[checkpoints[-1]].aliases
    folder = artstore.Api().artifact("texts/model_last:latest").download()
    trained = spacy.load(Path(folder, "model_last"))
    assert trained("a good day").cats.keys() == {"good", "bad"}
    assert logged["dataset:v0"].manifest.entries.keys() == {"dataset/train.spacy"}
