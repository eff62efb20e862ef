"""Write `tests/wandb/wandb_names.json`: the public names of the installed wandb. Run it with a Python that has it.

python tests/support/collect_names.py            write the file
python tests/support/collect_names.py --check    name what the file lacks; the exit code is 1 if it lacks something
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
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


FILE = Path(__file__).parents[1] / "wandb" / "wandb_names.json"


def unlisted(found: dict[str, list[str]], listed: dict[str, list[str]]) -> list[str]:
    """Return the names that were found and are not listed, each as `Api.runs`."""
    return [f"{title}.{name}" for title, names in found.items() for name in names if name not in listed.get(title, ())]


def collect() -> dict[str, list[str]]:
    """Return the public names of the installed wandb, by module and class."""
    found: dict[str, list[str]] = {module: public(importlib.import_module(module)) for module in MODULES}
    # Methods that pydantic gives to its models, and helpers of W&B's own classes.
    inherited = {*dir(importlib.import_module("pydantic").BaseModel), "snake_to_camel", "to_html", "display"}
    for title, path in CLASSES.items():
        module, _, name = path.rpartition(".")
        found[title] = sorted(set(public(getattr(importlib.import_module(module), name))) - inherited)
    return found


def check() -> int:
    """Print the names of the installed wandb that the file lacks; return the exit code."""
    if importlib.util.find_spec("wandb") is None:
        print("wandb is not installed")
        return 0
    missing = unlisted(collect(), json.loads(FILE.read_text(encoding="utf-8"))["names"])
    print(f"wandb {version('wandb')}: {len(missing)} names are not listed", *missing, sep="\n")
    return 1 if missing else 0


def write() -> int:
    """Write the file; return the exit code."""
    text = json.dumps({"wandb": version("wandb"), "names": collect()}, indent=1, sort_keys=True)
    FILE.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(check() if "--check" in sys.argv else write())
