"""The public names of wandb 0.31 that artstore does not have, and why; the page of compatibility lists them.

`tests/wandb/wandb_names.json` has every public name, collected by `tests/wandb/collect_names.py`.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

NAMES: dict[str, list[str]] = json.loads(
    Path(__file__).parents[1].joinpath("wandb", "wandb_names.json").read_text(encoding="utf-8")
)["names"]

SERVER, INTERNAL, NOT_YET = "needs W&B's server", "an internal of W&B", "not there"

_MEDIA = "bind_to_run captions file_is_set get_media_subdir init_from_json is_bound path_is_reference type_mapping"

ABSENT: dict[str, dict[str, str]] = {
    "Api": {
        SERVER: """
            automation automations create_automation create_custom_chart create_project create_registry create_run
            create_run_queue create_team create_user delete_automation from_path integrations job list_jobs organization
            queued_run reports run_queue slack_integrations sync_tensorboard team update_automation
            upsert_run_queue user user_agent users viewer webhook_integrations
        """,
    },
    "Artifact": {NOT_YET: "digest_algorithm"},
    "ArtifactCollection": {NOT_YET: "change_type load", INTERNAL: "project_id project_internal_id"},
    "ArtifactManifest": {
        NOT_YET: "add_entry digest_algorithm from_manifest_json remove_entry",
        INTERNAL: "hash_contents_with_md5 manifest_version storage_policy",
    },
    "ArtifactManifestEntry": {INTERNAL: "birth_artifact_id skip_cache"},
    "ArtifactType": {NOT_YET: "load"},
    "Histogram": {INTERNAL: "init_from_json to_data_array type_mapping"},
    "Image": {
        INTERNAL: f"""
            MAX_DIMENSION MAX_ITEMS all_boxes all_captions all_masks guess_mode seq_to_json {_MEDIA}
        """,
    },
    "Molecule": {
        NOT_YET: "from_rdkit from_smiles",
        INTERNAL: f"SUPPORTED_RDKIT_TYPES seq_to_json to_data_array {_MEDIA}",
    },
    "Object3D": {INTERNAL: f"SUPPORTED_POINT_CLOUD_TYPES SUPPORTED_TYPES seq_to_json to_data_array {_MEDIA}"},
    "Plotly": {INTERNAL: f"to_data_array {_MEDIA}"},
    "Registry": {
        SERVER: """
            add_members allow_all_artifact_types artifact_types create created_at delete description id internal_id load
            members path remove_members save team_members update_member updated_at user_members visibility
        """,
    },
    "Table": {INTERNAL: f"has_been_logged to_data_array {_MEDIA}"},
    "public.Project": {SERVER: "owner sweeps"},
    "public.Run": {
        SERVER: "console_logs create stop storage_id sweep system_metrics update_state",
        NOT_YET: "beta_scan_history download_history_exports",
    },
    "wandb": {
        SERVER: "agents analytics ensure_configured patched pin_config_keys proto sagemaker_auth termsetup",
        INTERNAL: "tensorflow wandb_lib wandb_sdk wandb_torch",
    },
    "wandb.data_types": {NOT_YET: "EvalTable Graph", INTERNAL: "Node WBTraceTree"},
    "wandb.errors": {INTERNAL: "ansi links util"},
    "wandb.plot": {INTERNAL: "utils viz"},
}
"""For each module and class the names that artstore lacks, by reason."""


def absent(title: str) -> set[str]:
    """Return the names of a module or class that artstore lacks."""
    return {name for names in ABSENT.get(title, {}).values() for name in names.split()}


def table() -> str:
    """Return the table of the names that artstore lacks, in Markdown."""
    rows = ["| of | names | |", "|---|---|---|"]
    for title, reasons in ABSENT.items():
        for reason, names in reasons.items():
            listed = ", ".join(f"`{name}`" for name in sorted(names.split()))
            verdict = "planned" if reason == NOT_YET else f"not meaningful locally: {reason}"
            rows.append(f"| `{title}` | {listed} | {verdict} |")
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
