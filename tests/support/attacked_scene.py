"""What hostile calls attack: a store with a bit of everything, its public objects, and arguments that are right."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import artstore
from artstore.errors import ArtstoreError
from artstore.store import Store


@dataclass
class Scene:
    """A store in the working folder with a bit of everything, and arguments that are right, by their names."""

    store: Store
    run: Any
    api: Any
    draft: Any
    good: dict[str, Any] = field(default_factory=dict)

    def close(self) -> None:
        """Close what is open."""
        for end in (self.run.finish, self.store.close):
            with suppress(ArtstoreError):
                end()


def make(folder: Path) -> Scene:
    """Make a store below a folder, which must be the working folder."""
    source = folder / "source"
    (source / "sub").mkdir(parents=True)
    (source / "cat.txt").write_text("meow")
    (source / "cell.pdb").write_text("END")
    (source / "chart.plotly.json").write_text("{}")
    (source / "chart.bokeh.json").write_text("{}")
    (source / "sub" / "dog.txt").write_text("woof")
    run = artstore.init(project="p", store=folder / "store", config={"lr": 1})
    store = run.store
    table = artstore.Table(columns=["x", "y"], data=[[1, "a"], [2, "b"]])
    logged = artstore.Artifact("animals", "dataset", metadata={"a": 1})
    logged.add_dir(source)
    logged.add(table, "table")
    run.log_artifact(logged, aliases=["best"], tags=["tag"]).wait()
    run.log({"loss": 0.5})
    run.save("source/cat.txt", policy="now")
    version = store.version("p/animals:v0")
    store.link(version, "wandb-registry-model/animals", aliases=["prod"])
    draft_artifact = artstore.Artifact("draft", "dataset")
    draft_artifact.add_file(source / "cat.txt", name="cat.txt")
    api = artstore.Api({"project": "p"}, store=folder / "store")
    draft = store.draft("other", "dataset", project="p")
    store.add_dir(draft, source)
    scene = Scene(store, run, api, draft_artifact)
    scene.good = _good_arguments(scene, draft, version)
    return scene


def _good_arguments(scene: Scene, draft: Any, version: Any) -> dict[str, Any]:
    store = scene.store
    entry = store.entry(version, "cat.txt")
    artifact = scene.api.artifact("animals:v0")
    table = artstore.Table(columns=["x", "y"], data=[[1, "a"], [2, "b"]])
    return {
        **dict.fromkeys(("of", "version", "wanted", "linked", "old", "new", "other"), version),
        **dict.fromkeys(("path", "item", "name_or_path"), "cat.txt"),
        **dict.fromkeys(("project", "project_name"), "p"),
        **dict.fromkeys(("type", "type_name"), "dataset"),
        **dict.fromkeys(("artifact", "artifact_or_name"), artifact),
        **dict.fromkeys(("table", "obj", "table1", "table2", "data_table"), table),
        **dict.fromkeys(("uri", "url_or_path"), "file:///nowhere/x"),
        **dict.fromkeys(("text", "title", "msg", "string"), "t"),
        **dict.fromkeys(("error", "cause"), ValueError()),
        **dict.fromkeys(("x", "col_name", "table_col", "join_key", "label", "value"), "x"),
        "api": scene.api,
        "draft": draft,
        "entry": entry,
        "remote": entry,
        "local_path": "source/cat.txt",
        "name": "animals",
        "versions": [version],
        "pending": "night",
        "distributed_id": "night",
        "root": "out",
        "directory": "sub",
        "backup": "backup",
        "source": "source",
        "query": "select 1",
        "run": scene.run._record.id,
        "id": version.id,
        "data": b"data",
        "words": "cat",
        "count": 3,
        "registered_model_name": "model",
        "timeout": 0.01,
        "y": "y",
        "target_path": "wandb-registry-model/animals",
        "artifact_or_path": "source",
        "key": "k",
        "index": 0,
        "fn": lambda number, row: {"z": number},
        "run_id": scene.run.id,
        "sweep_id": "nothing",
        "level": "INFO",
        "function": lambda: None,
        "class_set": [{"id": 1, "name": "a"}],
        "key_type": "x",
        "parts_path": "parts",
        "sweep": {"method": "grid", "parameters": {"x": {"values": [1]}}},
        "changed": lambda: None,
        "values": None,
        "resolve": lambda *given: dict(*given[:1]),
        "y_true": [0, 1],
        "y_probas": [[0.1, 0.9], [0.8, 0.2]],
        "xs": [1, 2],
        "ys": [[1, 2]],
        "preds": [0, 1],
        "vega_spec_name": "x",
        "fields": {},
        "size": (1, 1, 1),
        "center": (0, 0, 0),
        "orientation": (1, 0, 0, 0),
        "color": (1, 2, 3),
        "mode": None,
        "scheme": "s3",
    }


TARGETS: dict[str, Callable[[Scene], Any]] = {
    "Store": lambda scene: scene.store,
    "Pages": lambda scene: scene.store.pages,
    "Browse": lambda scene: scene.store.browse,
    "Registries": lambda scene: scene.store.registries,
    "Runs": lambda scene: scene.store.runs,
    "RunFiles": lambda scene: scene.store.runs.files,
    "Lineage": lambda scene: scene.store.lineage("p/animals:v0"),
    "Api": lambda scene: scene.api,
    "Project": lambda scene: scene.api.project("p"),
    "Registry": lambda scene: scene.api.registry("model"),
    "Registries, listed": lambda scene: scene.api.registries(),
    "Collections": lambda scene: scene.api.registries().collections(),
    "Artifact": lambda scene: scene.api.artifact("animals:v0"),
    "Artifact, not logged": lambda scene: scene.draft,
    "Artifact, linked": lambda scene: scene.api.artifact("wandb-registry-model/animals:prod"),
    "ArtifactCollection": lambda scene: scene.api.artifact_collection("dataset", "animals"),
    "ArtifactType": lambda scene: scene.api.artifact_type("dataset"),
    "ArtifactEntry": lambda scene: scene.api.artifact("animals:v0").get_entry("cat.txt"),
    "ArtifactManifest": lambda scene: scene.api.artifact("animals:v0").manifest,
    "ArtifactFile": lambda scene: scene.api.artifact("animals:v0").files()[0],
    "ReservedFile": lambda scene: artstore.Artifact("reserved", "dataset").new_file("x"),
    "Listing": lambda scene: scene.api.artifacts("dataset", "animals"),
    "Run": lambda scene: scene.run,
    "Config": lambda scene: scene.run.config,
    "Summary": lambda scene: scene.run.summary,
    "Metric": lambda scene: scene.run.define_metric("loss"),
    "Settings": lambda scene: scene.run.settings,
    "PublicRun": lambda scene: scene.api.run(f"p/{scene.run.id}"),
    "PublicSummary": lambda scene: scene.api.run(f"p/{scene.run.id}").summary,
    "RunFile": lambda scene: scene.api.run(f"p/{scene.run.id}").file("source/cat.txt"),
    "Sweep": lambda scene: scene.api.sweep(artstore.sweep(scene.good["sweep"], project="p")),
    "Table": lambda scene: artstore.Table(columns=["x", "y"], data=[[1, "a"], [2, "b"]]),
    "TableIndex": lambda scene: scene.good["table"].get_index(),
}
"""Objects of the public classes that are no constructors: what the methods are called on."""
TAKE_RECORDS = ("Runs", "RunFiles")
"""Targets whose parameter `run` is the record of a run, and not its number."""
GOOD_OF: dict[str, dict[str, Any]] = {
    "Image": {"data_or_path": np.zeros((3, 3, 3), dtype=np.uint8)},
    "Audio": {"data_or_path": np.zeros(10), "sample_rate": 100},
    "Video": {"data_or_path": np.zeros((2, 3, 3, 3), dtype=np.uint8), "format": "gif"},
    "Html": {"data": "<p>"},
    "Object3D": {"data_or_path": np.zeros((4, 3))},
    "Molecule": {"data_or_path": "source/cell.pdb"},
    "Histogram": {"sequence": [1, 2, 3]},
    "Plotly": {"val": "source/chart.plotly.json"},
    "Bokeh": {"data_or_path": "source/chart.bokeh.json"},
    "ImageMask": {"val": {"mask_data": np.zeros((3, 3), dtype=np.uint8)}},
    "BoundingBoxes2D": {"val": {"box_data": []}},
    "Table": {"columns": ["x"], "data": [[1]]},
    "visualize": {"value": artstore.Table(columns=["x"], data=[[1]])},
    "init": {"project": "p", "mode": "disabled", "name": None},
    "sweep": {"project": "p"},
}
