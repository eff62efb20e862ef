"""The public names of wandb 0.31 that artstore does not have, or only says what to do instead; the page lists them.

`tests/wandb/wandb_names.json` has every public name, collected by `tests/support/collect_names.py`.
"""

from __future__ import annotations

import inspect
import json
import re
from importlib import import_module
from pathlib import Path

from artstore.tracking.server_only import ServerOnly
from artstore.tracking.wandb_modules import SERVER_ONLY

NAMES: dict[str, list[str]] = json.loads(
    Path(__file__).parents[1].joinpath("wandb", "wandb_names.json").read_text(encoding="utf-8")
)["names"]

INTERNAL = "an internal of W&B"

OWN_CLASSES = {
    "Api": "artstore.tracking.api.Api",
    "Registry": "artstore.tracking.registry.Registry",
    "public.Project": "artstore.tracking.api.Project",
    "public.Run": "artstore.tracking.public_run.PublicRun",
}
"""The classes of artstore that have names which need W&B's server."""

_MEDIA = "bind_to_run captions file_is_set get_media_subdir init_from_json is_bound path_is_reference type_mapping"

ABSENT: dict[str, dict[str, str]] = {
    "ArtifactCollection": {INTERNAL: "project_id project_internal_id"},
    "ArtifactManifest": {INTERNAL: "hash_contents_with_md5 manifest_version storage_policy"},
    "ArtifactManifestEntry": {INTERNAL: "birth_artifact_id skip_cache"},
    "Histogram": {INTERNAL: "init_from_json to_data_array type_mapping"},
    "Image": {
        INTERNAL: f"""
            MAX_DIMENSION MAX_ITEMS all_boxes all_captions all_masks guess_mode seq_to_json {_MEDIA}
        """,
    },
    "Molecule": {
        INTERNAL: f"SUPPORTED_RDKIT_TYPES seq_to_json to_data_array {_MEDIA}",
    },
    "Object3D": {INTERNAL: f"SUPPORTED_POINT_CLOUD_TYPES SUPPORTED_TYPES seq_to_json to_data_array {_MEDIA}"},
    "Plotly": {INTERNAL: f"to_data_array {_MEDIA}"},
    "Table": {INTERNAL: f"has_been_logged to_data_array {_MEDIA}"},
    "wandb": {INTERNAL: "tensorflow wandb_lib wandb_sdk wandb_torch"},
    "wandb.data_types": {INTERNAL: "Node WBTraceTree"},
    "wandb.errors": {INTERNAL: "ansi links util"},
    "wandb.plot": {INTERNAL: "utils viz"},
}
"""For each module and class the names that artstore lacks, by reason."""


def absent(title: str) -> set[str]:
    """Return the names of a module or class that artstore lacks."""
    return {name for names in ABSENT.get(title, {}).values() for name in names.split()}


def stubs() -> dict[str, dict[str, list[str]]]:
    """Return the names of each class, and of the package, that say when they are used what to do instead, by that."""
    found: dict[str, dict[str, list[str]]] = {"wandb": {}}
    for name in sorted({*SERVER_ONLY} & {*NAMES["wandb"]}):
        found["wandb"].setdefault(ServerOnly(name).instead, []).append(name)
    for title, path in OWN_CLASSES.items():
        module, _, kind = path.rpartition(".")
        members = vars(getattr(import_module(module), kind))
        for name in sorted(name for name in NAMES[title] if isinstance(members.get(name), ServerOnly)):
            found.setdefault(title, {}).setdefault(members[name].instead, []).append(name)
    return found


def stub_table() -> str:
    """Return the table of the names that say, when they are used, what to do instead, in Markdown."""
    rows = ["| of | names | |", "|---|---|---|"]
    for title, words in stubs().items():
        for instead, names in words.items():
            listed = ", ".join(f"`{name}`" for name in names)
            rows.append(f"| `{title}` | {listed} | not meaningful locally: {instead} |")
    return "\n".join(rows)


def table() -> str:
    """Return the table of the names that artstore lacks, in Markdown."""
    rows = ["| of | names | |", "|---|---|---|"]
    for title, reasons in ABSENT.items():
        for reason, names in reasons.items():
            listed = ", ".join(f"`{name}`" for name in sorted(names.split()))
            rows.append(f"| `{title}` | {listed} | not meaningful locally: {reason} |")
    return "\n".join(rows)


def attributes_of(kind: type) -> set[str]:
    """Return the names of the attributes of a class and its instances."""
    annotated = {name for cls in kind.__mro__ for name in getattr(cls, "__annotations__", {})}
    assigned = {
        name
        for cls in kind.__mro__
        if cls.__module__.startswith("artstore")
        for name in re.findall(r"^\s+self\.(\w+)(?:: [^=]+)? = ", inspect.getsource(cls), re.MULTILINE)
    }
    return {*dir(kind), *annotated, *assigned}
