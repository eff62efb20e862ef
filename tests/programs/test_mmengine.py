"""MMEngine with its WandbVisBackend."""

from __future__ import annotations

from pathlib import Path

import numpy
from mmengine.config import Config
from mmengine.visualization import Visualizer

from tests.support.boosting import only_run


def test_a_visualizer_logs_config_scalars_images_and_code(workdir: Path) -> None:
    Path("train.py").write_text("print('train')")
    backend = {
        "type": "WandbVisBackend",
        "init_kwargs": {"project": "detection", "name": "small"},
        "define_metric_cfg": {"coco/bbox_mAP": "max"},
    }
    visualizer = Visualizer(vis_backends=[backend], save_dir="work")
    visualizer.add_config(Config({"model": {"type": "Tiny"}, "lr": 0.1}))
    for step, score in enumerate([0.2, 0.7, 0.5]):
        visualizer.add_scalars({"loss": 1 - score, "coco/bbox_mAP": score}, step=step)
    visualizer.add_image("picture", numpy.zeros((4, 4, 3), "uint8"))
    visualizer.close()

    run = only_run("detection")
    assert run.name == "small"
    assert run.config == {"model": {"type": "Tiny"}, "lr": 0.1}
    assert [row["loss"] for row in run.scan_history(keys=["loss"])] == [0.8, 1 - 0.7, 0.5]
    assert run.summary["coco/bbox_mAP"] == {"max": 0.7}
    assert run.summary["picture"]["_type"] == "image-file"
    (code,) = run.logged_artifacts()
    assert code.type == "code"
    assert "train.py" in code.manifest.entries
