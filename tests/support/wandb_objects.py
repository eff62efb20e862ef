"""An artifact full of tables and media, which the same code makes with wandb and with artstore.

A Python that has wandb runs this file as a program: `wandb_objects.py write FOLDER` writes the artifact with wandb, as
the files in `written_by_wandb` were; `wandb_objects.py read FOLDER NAME...` reads objects with wandb and prints them.
"""

from __future__ import annotations

import datetime
import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLASSES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
UTC = datetime.UTC
MORNING = datetime.datetime(2024, 1, 2, 3, 4, 5, 678000, UTC)
BOX = {
    "position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1},
    "class_id": 1,
    "box_caption": "x",
    "scores": {"acc": 0.5},
    "domain": "pixel",
}


def sources(folder: Path) -> None:
    """Write the files that objects are made of."""
    import numpy
    from PIL import Image

    Image.fromarray(numpy.arange(12, dtype=numpy.uint8).reshape(2, 2, 3)).save(folder / "cat.bmp")
    Image.fromarray(numpy.array([[1, 2], [1, 1]], dtype=numpy.uint8)).save(folder / "mask.bmp")
    (folder / "bark.wav").write_bytes(b"RIFF")
    (folder / "walk.mp4").write_bytes(b"mp4")
    (folder / "page.html").write_text("<p>hi</p>")
    (folder / "cloud.pts.json").write_text("[[1,2,3]]")
    (folder / "water.pdb").write_text("x")


def tables(wandb: Any) -> dict[str, Any]:
    """Return tables by the names under which they are added."""
    import numpy
    import pandas

    table = wandb.Table
    keyed = table(columns=["x"], data=[["a"], ["b"]])
    keyed.set_pk("x")
    pointing = table(columns=["y"], data=[["a"]])
    pointing.set_fk("y", keyed, "x")
    arrays = table(columns=["short", "square"])
    arrays.add_data(numpy.arange(3.0), numpy.zeros((2, 2)))
    frame = pandas.DataFrame(
        {"n": [1, 2], "s": ["x", "y"], "t": pandas.to_datetime(["2024-01-01", "2024-01-02"]), "f": [1.0, None]}
    )
    classified = table(columns=["label"], data=[[1], [2]])
    classified.cast("label", wandb.Classes(CLASSES).get_type())
    return {
        "plain": table(
            columns=["i", "f", "s", "b", "none", "time", "list", "dict"],
            data=[
                [1, 1.5, "a", True, None, MORNING, [1, 2], {"k": 1}],
                [2, float("nan"), "é", False, None, datetime.date(2024, 1, 2), [3], {"k": 2}],
            ],
        ),
        "frame.table.json": table(dataframe=frame),
        "arrays": arrays,
        "raw": table(columns=["x"], data=[[b"xy"]]),
        "mixed": table(columns=["x"], data=[[1], ["a"]], allow_mixed_types=True),
        "numbered": table(columns=[0, 1], data=[[1, 2]]),
        "nested": table(columns=["y"], data=[[[[1, 2], [3]]], [[[4]]], [None]]),
        "infinite": table(columns=["x"], data=[[float("inf")]]),
        "empty": table(columns=[], data=[]),
        "default": table(),
        "strict": table(columns=["x"], data=[[1]], dtype=int, optional=False),
        "numpy": table(columns=["x"], data=[[numpy.int64(3)], [numpy.float32(0.5)], [1]]),
        "parts/table_0": table(columns=["a", "b"], data=[[0, "x"]]),
        "parts/table_1": table(columns=["a", "b"], data=[[1, "y"]], log_mode="MUTABLE"),
        "pointing": pointing,
        "indexed": table(columns=["row"], data=[[row] for row in keyed.get_index()]),
        "classified": classified,
    }


def media(wandb: Any, folder: Path) -> dict[str, Any]:
    """Return media by the names under which they are added."""
    picture = str(folder / "cat.bmp")
    overlaid = wandb.Image(
        picture,
        caption="asleep",
        classes=CLASSES,
        masks={"truth": {"path": str(folder / "mask.bmp")}},
        boxes={"found": {"box_data": [BOX], "class_labels": {1: "cat"}}},
    )
    gallery = wandb.Table(columns=["image", "sound"])
    gallery.add_data(overlaid, wandb.Audio(str(folder / "bark.wav"), caption="loud"))
    return {
        "overlaid": overlaid,
        "picture": wandb.Image(picture, grouping=3),
        "bark": wandb.Audio(str(folder / "bark.wav"), caption="loud"),
        "walk": wandb.Video(str(folder / "walk.mp4"), caption="a fox"),
        "bytes": wandb.Video(io.BytesIO(b"gif"), format="gif"),
        "page": wandb.Html(str(folder / "page.html"), inject=False),
        "styled": wandb.Html("<html><b>x</b></html>"),
        "cloud": wandb.Object3D(str(folder / "cloud.pts.json")),
        "water": wandb.Molecule(str(folder / "water.pdb")),
        "classes": wandb.Classes(CLASSES),
        "gallery": gallery,
    }


def fill(wandb: Any, artifact: Any, folder: Path) -> None:
    """Add all objects to an artifact."""
    for name, item in {**tables(wandb), **media(wandb, folder)}.items():
        artifact.add(item, name)
    artifact.add(wandb.data_types.PartitionedTable("parts"), "all")
    first = wandb.Table(columns=["id", "v"], data=[[1, 2]])
    second = wandb.Table(columns=["id", "w"], data=[[1, 3]])
    artifact.add(first, "first")
    artifact.add(second, "media/tables/second")
    artifact.add(wandb.JoinedTable(first, second, ["id", "id"]), "both")
    artifact.add(wandb.JoinedTable("first.table.json", "plain.table.json", "id"), "named")


class DownloadedFolder:
    """A folder with the interface by which wandb's objects read a downloaded artifact."""

    aliases = ("latest",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = self

    def get_entries_in_directory(self, below: str) -> list[Any]:
        return [self.get_entry(f"{below}/{path.name}") for path in sorted((self.folder / below).iterdir())]

    def get_entry(self, path: str) -> Any:
        local_path = self.folder / path

        class Entry:
            def __init__(self) -> None:
                self.path = path

            def download(self) -> str:
                return str(local_path)

        return Entry()

    def get(self, path: str) -> Any:
        from wandb.sdk.data_types.base_types.wb_value import WBValue

        kind: Callable[..., Any] = WBValue.type_mapping()[path.split(".")[-2]]
        return kind.from_json(json.loads((self.folder / path).read_text()), self)  # type: ignore[attr-defined]


def comparable(item: Any) -> Any:
    """Return what was read in a form that is the same for wandb and for artstore."""
    name = type(item).__name__
    if name in ("Table", "PartitionedTable"):
        return [[comparable(cell) for cell in row] for _, row in item.iterrows()]
    if hasattr(item, "_sha256") and name != "Classes":
        return [name, item._sha256, getattr(item, "_caption", None)]
    if name == "Classes":
        return item._class_set
    if isinstance(item, datetime.datetime):
        return item.isoformat()
    if isinstance(item, bytes):
        return item.decode()
    return item.tolist() if hasattr(item, "tolist") else item


def main() -> None:
    os.environ["WANDB_MODE"] = "offline"
    os.environ["WANDB_SILENT"] = "true"
    import wandb

    action, folder = sys.argv[1], Path(sys.argv[2])
    if action == "write":
        folder.mkdir()
        scratch = folder / "sources"
        scratch.mkdir()
        sources(scratch)
        artifact = wandb.Artifact("everything", "dataset")
        fill(wandb, artifact, scratch)
        shutil.rmtree(scratch)
        for path, entry in artifact.manifest.entries.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(entry.local_path, folder / path)
    else:
        files = DownloadedFolder(folder)
        print(json.dumps({name: comparable(files.get(name)) for name in sys.argv[3:]}, sort_keys=True))


if __name__ == "__main__":
    main()
