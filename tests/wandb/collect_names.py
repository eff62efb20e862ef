"""Write `wandb_names.json`: every public name of the installed wandb. Run it with a Python that has wandb 0.31.

python tests/wandb/collect_names.py
"""

from __future__ import annotations

import importlib
import json
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

CLASSES = {
    "Artifact": "wandb.Artifact",
    "Run": "wandb.sdk.wandb_run.Run",
    "Api": "wandb.apis.public.Api",
    "public.Run": "wandb.apis.public.Run",
    "public.Project": "wandb.apis.public.Project",
    "public.File": "wandb.apis.public.File",
    "ArtifactCollection": "wandb.apis.public.ArtifactCollection",
    "ArtifactType": "wandb.apis.public.ArtifactType",
    "Registry": "wandb.apis.public.registries.registry.Registry",
    "ArtifactManifest": "wandb.sdk.artifacts.artifact_manifest.ArtifactManifest",
    "ArtifactManifestEntry": "wandb.sdk.artifacts.artifact_manifest_entry.ArtifactManifestEntry",
    "Table": "wandb.Table",
    "Image": "wandb.Image",
    "Histogram": "wandb.Histogram",
    "Plotly": "wandb.Plotly",
    "Object3D": "wandb.Object3D",
    "Molecule": "wandb.Molecule",
}
MODULES = ("wandb", "wandb.data_types", "wandb.errors", "wandb.plot")


def public(thing: object) -> list[str]:
    """Return the public names of a module or a class, without modules of other packages."""
    names = [name for name in dir(thing) if not name.startswith("_") and name != "annotations"]
    if not isinstance(thing, ModuleType):
        return sorted({*names, *(name for name in getattr(thing, "__annotations__", {}) if not name.startswith("_"))})
    values = {name: getattr(thing, name, None) for name in names}
    return sorted(
        name
        for name, value in values.items()
        if not isinstance(value, ModuleType) or value.__name__.startswith("wandb.")
    )


def main() -> None:
    """Collect the names and write the file."""
    names = {"wandb": version("wandb")}
    found: dict[str, list[str]] = {module: public(importlib.import_module(module)) for module in MODULES}
    # Methods that pydantic gives to its models, and helpers of W&B's own classes.
    inherited = {*dir(importlib.import_module("pydantic").BaseModel), "snake_to_camel", "to_html", "display"}
    for title, path in CLASSES.items():
        module, _, name = path.rpartition(".")
        found[title] = sorted(set(public(getattr(importlib.import_module(module), name))) - inherited)
    text = json.dumps({**names, "names": found}, indent=1, sort_keys=True)
    Path(__file__).with_name("wandb_names.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
