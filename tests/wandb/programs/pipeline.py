"""Data, training and evaluation as runs of one group; the model is chosen by what its runs recorded."""

import json
import os
import random

import wandb

PROJECT, GROUP = "pipeline", "night"
wandb.login()


def prepare():
    with wandb.init(project=PROJECT, group=GROUP, job_type="prepare") as run:
        artifact = wandb.Artifact("numbers", type="dataset", incremental=False)
        for split, size in {"train": 30, "test": 10}.items():
            with artifact.new_file(f"{split}.json") as file:
                json.dump([random.Random(i).random() for i in range(size)], file)
        run.log_artifact(artifact)


def train(rate):
    with wandb.init(project=PROJECT, group=GROUP, job_type="train", config={"rate": rate}, tags=["grid"]) as run:
        run.define_metric("loss", summary="min")
        folder = run.use_artifact("numbers:latest").download()
        numbers = json.load(open(os.path.join(folder, "train.json")))
        for epoch in range(3):
            run.log({"loss": rate * sum(numbers) / (epoch + 1), "epoch": epoch})
            with open("model.json", "w") as file:
                json.dump({"rate": rate, "epoch": epoch}, file)
            run.log_model(path="model.json", name=f"model-{rate}", aliases=[f"epoch {epoch}", ""])


def evaluate(name):
    with wandb.init(project=PROJECT, group=GROUP, job_type="evaluate") as run:
        model = run.use_artifact(f"{name}:latest", type="model")
        test = run.use_artifact("numbers:latest").get_path("test.json").download()
        assert len(json.load(open(test))) == 10
        run.summary.update({"score": 1 - json.load(open(model.file()))["rate"], "model": name})


prepare()
for rate in (0.5, 0.25):
    train(rate)
    evaluate(f"model-{rate}")

api = wandb.Api()
scored = api.runs(PROJECT, filters={"jobType": "evaluate"}, order="-summary_metrics.score")
best = api.artifact(f"{PROJECT}/{scored[0].summary['model']}:latest")
best.link("wandb-registry-models/best", aliases=["production"])
trained = best.logged_by()
print(best.name, trained.config["rate"], trained.summary["loss"]["min"] > 0, best.history_step)
print([run.job_type for run in api.runs(PROJECT, filters={"group": GROUP})])
print(sorted(user.job_type for user in api.artifact(f"{PROJECT}/numbers:latest").used_by()))
for version in api.artifacts("model", f"{PROJECT}/model-0.5"):
    if not [alias for alias in version.aliases if alias == "latest"]:
        version.delete(delete_aliases=True)
print([version.version for version in api.artifacts("model", f"{PROJECT}/model-0.5")])
