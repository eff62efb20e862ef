"""ultralytics with its callbacks for wandb, training a detector on four pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy
from PIL import Image
from ultralytics import YOLO

from tests.support.boosting import only_run

# In a process of its own, since ultralytics leaves its callbacks out under pytest.
PROGRAM = """
import artstore
artstore.as_wandb()
from ultralytics import YOLO, settings
settings.update({"wandb": True, "runs_dir": "runs"})
YOLO("yolo11n.yaml").train(
    data="data.yaml", epochs=2, imgsz=64, batch=2, workers=0, device="cpu", project="boxes", name="tiny", seed=1
)
"""


def test_training_logs_metrics_plots_curves_and_the_best_model(workdir: Path) -> None:
    for part in ("train", "val"):
        Path("data/images", part).mkdir(parents=True)
        Path("data/labels", part).mkdir(parents=True)
        for number in range(4):
            picture = numpy.zeros((64, 64, 3), "uint8")
            picture[16:48, 16:48] = 255
            Image.fromarray(picture).save(f"data/images/{part}/{number}.png")
            Path(f"data/labels/{part}/{number}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    dataset = {"path": str(workdir / "data"), "train": "images/train", "val": "images/val", "names": {0: "box"}}
    # JSON is YAML.
    Path("data.yaml").write_text(json.dumps(dataset))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GITHUB_"))}
    own = {"YOLO_CONFIG_DIR": str(workdir), "YOLO_OFFLINE": "true", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment = {**kept, **own}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    run = only_run("boxes")
    assert run.name == "tiny"
    assert run.config["epochs"] == 2 and run.config["imgsz"] == 64
    rows = list(run.scan_history(keys=["epoch", "train/box_loss", "metrics/mAP50(B)", "lr/pg0"]))
    assert [row["epoch"] for row in rows] == [1, 2]
    assert run.summary["model/parameters"] > 1_000_000
    assert run.summary["labels"]["_type"] == "image-file"
    logged = {artifact.type: artifact for artifact in run.logged_artifacts()}
    assert logged["model"].name == f"run_{run.id}_model:v0"
    assert sorted(logged["model"].aliases) == ["best", "latest"]
    assert list(logged["model"].manifest.entries) == ["best.pt"]
    assert YOLO(logged["model"].file()).names == {0: "box"}
