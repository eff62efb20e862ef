"""A store as a small team would have it: a data set that grew, a sweep of forty runs, a registry, an evaluation."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import artstore
from artstore import Artifact, Image, Run, Table

PROJECT = "birds"
_SPECIES = ("robin", "wren", "heron", "jay", "owl")
_SWEEP = 40
_STEPS = 60


def make_showcase(store: Path) -> None:
    """Make the store. The same numbers come out each time."""
    chance = random.Random(7)
    for number, images in enumerate((40, 60, 75)):
        with artstore.init(project=PROJECT, job_type="collect", name=f"collect {number}", id=f"collect-{number}",
                           store=store) as run:  # fmt: skip
            run.log_artifact(_photos(images), aliases=["labelled"] if number else []).wait()
    scores = {number: _train(store, number, chance) for number in range(_SWEEP)}
    best = max(scores, key=lambda number: scores[number])
    with artstore.init(project=PROJECT, job_type="evaluate", id="evaluate", name="evaluate best", store=store) as run:
        run.use_artifact(f"classifier:v{best}")
        run.use_artifact("photos:labelled")
        run.log_artifact(_predictions()).wait()
        run.log({"accuracy": scores[best], "images": 75})
    api = artstore.Api(store=store)
    api.artifact(f"{PROJECT}/classifier:v{best}").link("wandb-registry-model/bird-classifier", aliases=["production"])


def _photos(count: int) -> Artifact:
    photos = Artifact("photos", "dataset", description="Birds at the feeder, one species a picture.",
                      metadata={"images": count, "species": list(_SPECIES), "camera": "feeder-2"})  # fmt: skip
    rows = ["file,species"]
    for number in range(count):
        species = _SPECIES[number % len(_SPECIES)]
        path = f"{species}/{number:03}.ppm"
        with photos.new_file(path, "wb") as file:
            file.write(b"P6 48 48 255\n" + _picture(number).tobytes())
        rows.append(f"{path},{species}")
    with photos.new_file("labels.csv") as labels:
        labels.write("\n".join(rows) + "\n")
    return photos


def _picture(number: int) -> NDArray[np.uint8]:
    """Return a small picture: a coloured disc on a ground of another colour."""
    across, down = np.meshgrid(np.arange(48), np.arange(48))
    disc = ((across - 16 - number % 16) ** 2 + (down - 24) ** 2) < (8 + number % 7) ** 2
    ground = np.array([214, 226, 235]) - (number * 7) % 40
    colour = np.array([(37 * number) % 200, (91 * number) % 160, (53 * number) % 220])
    return np.where(disc[..., None], colour, ground).astype(np.uint8)


def _train(store: Path, number: int, chance: random.Random) -> float:
    rate, depth = round(10 ** chance.uniform(-4.2, -1.5), 5), chance.choice([18, 34, 50])
    optimizer, augment = chance.choice(["adam", "sgd", "adamw"]), chance.random() < 0.5
    config = {"lr": rate, "optimizer": optimizer, "model": {"depth": depth}, "augment": augment, "epochs": _STEPS}
    # The best rate is near 0.002; a deeper model, adamw and augmentation help.
    fit = 0.97 - 0.06 * (math.log10(rate) + 2.7) ** 2 + 0.0006 * depth + 0.02 * augment - 0.03 * (optimizer == "sgd")
    with artstore.init(project=PROJECT, job_type="train", group="sweep-1", id=f"train-{number:02}",
                       name=f"train {number}", config=config, store=store) as run:  # fmt: skip
        run.use_artifact("photos:labelled")
        accuracy = _log_training(run, min(fit, 0.985) - 0.05, rate, chance)
        model = Artifact("classifier", "model", metadata={"accuracy": accuracy})
        with model.new_file("weights.bin", "wb") as file:
            file.write(chance.randbytes(20_000))
        run.log_artifact(model).wait()
    return accuracy


def _log_training(run: Run, reached: float, rate: float, chance: random.Random) -> float:
    accuracy = 0.0
    for step in range(_STEPS):
        done = 1 - math.exp(-(step + 1) * (4 + 3000 * rate) / (10 * _STEPS) * 10)
        accuracy = round(0.2 + (reached - 0.2) * done + chance.gauss(0, 0.006), 4)
        loss = round(1.61 * (1 - 0.93 * done * reached) + abs(chance.gauss(0, 0.02)), 4)
        run.log({"accuracy": accuracy, "loss": loss, "lr": rate * (1 - step / _STEPS)})
    return accuracy


def _predictions() -> Artifact:
    table = Table(columns=["id", "picture", "species", "guess", "confidence"])
    for number in range(30):
        species = _SPECIES[number % len(_SPECIES)]
        guess = _SPECIES[(number + (number % 7 == 0)) % len(_SPECIES)]
        table.add_data(number, Image(_picture(number)), species, guess, round(0.99 - (number * 37 % 40) / 100, 2))
    predictions = Artifact("predictions", "evaluation")
    predictions.add(table, "guesses")
    return predictions
