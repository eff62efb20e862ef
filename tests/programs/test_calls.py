"""The calls of programs that are not installed here: YOLOv5, LeRobot and SAELens, as their loggers make them."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy
import wandb

from tests.support.boosting import only_run


def test_yolov5_logs_checkpoints_with_empty_aliases_and_boxes(workdir: Path) -> None:
    options = argparse.Namespace(epochs=3, data="coco.yaml", hyp={"lr0": 0.01}, save_period=1)
    run = wandb.init(
        config=options, project="YOLOv5", entity=None, name="exp", job_type="Training", id=None, allow_val_change=True
    )
    names = {0: "cat"}
    for epoch, fitness in enumerate([0.2, 0.5, 0.4]):
        Path("last.pt").write_bytes(bytes([epoch]) * 10)
        model = wandb.Artifact(
            f"run_{wandb.run.id}_model", type="model", metadata={"original_url": ".", "epochs_trained": epoch + 1}
        )
        model.add_file("last.pt", name="last.pt")
        best = fitness in (0.2, 0.5)
        wandb.log_artifact(model, aliases=["latest", "last", f"epoch {epoch}", "best" if best else ""])
        box = {
            "position": {"minX": 1, "minY": 1, "maxX": 3, "maxY": 3},
            "class_id": 0,
            "box_caption": "cat 0.9",
            "scores": {"class_score": 0.9},
            "domain": "pixel",
        }
        boxes = {"predictions": {"box_data": [box], "class_labels": names}}
        picture = wandb.Image(numpy.zeros((4, 4, 3), "uint8"), boxes=boxes, caption="0.jpg")
        wandb.log({"metrics/mAP_0.5": fitness, "BoundingBoxDebugger": [picture]})
    run.finish()

    found = only_run("YOLOv5")
    assert (found.config["hyp"], found.job_type) == ({"lr0": 0.01}, "Training")
    aliases = [sorted(version.aliases) for version in found.logged_artifacts()]
    assert aliases == [["epoch 0"], ["best", "epoch 1"], ["epoch 2", "last", "latest"]]
    assert [row["metrics/mAP_0.5"] for row in found.scan_history(keys=["metrics/mAP_0.5"])] == [0.2, 0.5, 0.4]
    assert found.summary["BoundingBoxDebugger"][0]["_type"] == "image-file"


def test_lerobot_logs_policies_and_resumes_its_run(workdir: Path) -> None:
    def begin(resume: str | None, id: str | None) -> str:
        wandb.init(
            id=id,
            project="lerobot",
            entity=None,
            name="act_pusht",
            notes="first try",
            tags=["policy:act", "seed:1000"],
            dir=workdir / "outputs",
            config={"steps": 2, "policy": {"type": "act"}},
            save_code=False,
            job_type="train_eval",
            resume=resume,
            mode="online",
        )
        assert isinstance(wandb.run.get_url(), str | None)
        return str(wandb.run.id)

    id = begin(None, None)
    for step in (1, 2):
        wandb.log(data={"train/loss": 1 / step}, step=step)
        Path("model.safetensors").write_bytes(bytes([step]) * 10)
        policy = wandb.Artifact(f"act-seed_1000-dataset_pusht-00000{step}", type="model")
        policy.add_file("model.safetensors")
        wandb.log_artifact(policy)
    wandb.finish()
    begin("must", id)
    wandb.define_metric("train/samples", hidden=True)
    wandb.log({"train/loss": 0.1, "train/samples": 3})
    wandb.finish()

    run = only_run("lerobot")
    assert (run.id, run.notes, run.tags) == (id, "first try", ["policy:act", "seed:1000"])
    rows = [(row["_step"], row["train/loss"]) for row in run.scan_history(keys=["_step", "train/loss"])]
    assert rows == [(1, 1.0), (2, 0.5), (3, 0.1)]
    names = [artifact.name for artifact in run.logged_artifacts()]
    assert names == ["act-seed_1000-dataset_pusht-000001:v0", "act-seed_1000-dataset_pusht-000002:v0"]


def test_saelens_logs_histograms_and_a_dictionary_with_its_config(workdir: Path) -> None:
    wandb.init(project="sae", config={"d_sae": 16, "hook_name": "blocks.0"}, name="gpt2-16", id="sae1")
    sparsity = numpy.log10(numpy.linspace(0.01, 1, 100))
    wandb.log({"losses/mse_loss": 0.5, "details/n_training_samples": 4096}, step=1)
    wandb.log({"plots/feature_density_line_chart": wandb.Histogram(sparsity), "metrics/mean_log10": -0.5}, step=2)
    Path("checkpoint").mkdir()
    Path("checkpoint/sae_weights.safetensors").write_bytes(b"weights")
    Path("checkpoint/sparsity.safetensors").write_bytes(b"sparsity")
    for name, file, kind in (("gpt2_blocks.0_16", "sae_weights", "model"), ("gpt2_log_sparsity", "sparsity", "log")):
        artifact = wandb.Artifact(name, type=kind, metadata={"d_sae": 16, "hook_name": "blocks.0"})
        artifact.add_file(f"checkpoint/{file}.safetensors")
        wandb.log_artifact(artifact, aliases=["final_model"])
    wandb.finish()

    run = only_run("sae")
    histogram = run.summary["plots/feature_density_line_chart"]
    assert histogram["_type"] == "histogram" and sum(histogram["values"]) == 100
    assert [row["losses/mse_loss"] for row in run.scan_history(keys=["losses/mse_loss"])] == [0.5]
    weights, _ = run.logged_artifacts()
    assert (weights.name, sorted(weights.aliases)) == ("gpt2_blocks.0_16:v0", ["final_model", "latest"])
    assert weights.metadata == {"d_sae": 16, "hook_name": "blocks.0"}
