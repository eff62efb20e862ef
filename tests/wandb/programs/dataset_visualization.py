"""A dataset of images with masks and boxes in a table, predictions for it, and both joined by their key."""

import numpy as np
import wandb

NAMES = {0: "ground", 1: "fox", 2: "tree"}
rng = np.random.default_rng(3)
classes = wandb.Classes([{"id": id, "name": name} for id, name in NAMES.items()])


def boxes(shift):
    position = {"minX": 0.1 + shift, "maxX": 0.5 + shift, "minY": 0.2, "maxY": 0.6}
    box = {"position": position, "class_id": 1, "box_caption": "fox", "scores": {"sure": 0.9}}
    pixels = {"middle": [8, 8], "width": 4, "height": 6}
    return {"box_data": [box, {"position": pixels, "domain": "pixel", "class_id": 2}], "class_labels": NAMES}


with wandb.init(project="foxes", job_type="upload") as run:
    dataset = wandb.Artifact("foxes", type="dataset")
    table = wandb.Table(columns=["id", "picture", "label"])
    for i in range(4):
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        mask = rng.integers(0, 3, (16, 16), dtype=np.uint8)
        picture = wandb.Image(
            pixels,
            caption=f"picture {i}",
            classes=classes,
            masks={"truth": {"mask_data": mask, "class_labels": NAMES}},
            boxes={"truth": boxes(0.0)},
        )
        table.add_data(f"p{i}", picture, NAMES[i % 3])
    dataset.add(table, "pictures")
    dataset.add(classes, "classes")
    run.log_artifact(dataset)

with wandb.init(project="foxes", job_type="predict") as run:
    source = run.use_artifact("foxes:latest")
    truth = source.get("pictures")
    predictions = wandb.Table(columns=["id", "picture", "guess"])
    for row in truth.data:
        guess = wandb.Image(row[1], classes=classes, boxes={"guess": boxes(0.1)})
        predictions.add_data(row[0], guess, "fox")
    result = wandb.Artifact("fox-predictions", type="predictions")
    result.add(predictions, "predictions")
    result.add(wandb.JoinedTable(truth, predictions, "id"), "compared")
    result.add(wandb.JoinedTable(truth, predictions, "id"), "compared again")
    run.log_artifact(result)
    run.log({"examples": [wandb.Image(row[1], caption=row[0]) for row in truth.data[:2]], "shown": 2})

api = wandb.Api()
made = api.artifact("foxes/fox-predictions:latest")
joined = made.get("compared")
print(joined._join_key, [row[0] for row in joined._table1.data], [row[2] for row in joined._table2.data])
picture = api.artifact("foxes/foxes:latest").get("pictures").data[0][1]
print(picture.width, picture.height)
print(sorted({path.split(".", 1)[1] for path in made.manifest.entries if path.count("/") == 0}))
print([version.name for version in made.logged_by().used_artifacts()])
