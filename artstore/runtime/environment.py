"""Settings from the environment: `ARTSTORE_NAME`, and where that is not set, what W&B calls `WANDB_NAME`."""

from __future__ import annotations

import os

# Of W&B's variables only those count whose meaning is the same here. WANDB_DIR is not among them: it says where W&B
# keeps its own files.
_SHARED = {
    "ARTSTORE_PROJECT": "WANDB_PROJECT",
    "ARTSTORE_RUN_GROUP": "WANDB_RUN_GROUP",
    "ARTSTORE_JOB_TYPE": "WANDB_JOB_TYPE",
    "ARTSTORE_NAME": "WANDB_NAME",
    "ARTSTORE_NOTES": "WANDB_NOTES",
    "ARTSTORE_TAGS": "WANDB_TAGS",
    "ARTSTORE_RUN_ID": "WANDB_RUN_ID",
    "ARTSTORE_RESUME": "WANDB_RESUME",
    "ARTSTORE_MODE": "WANDB_MODE",
    "ARTSTORE_ARTIFACT_DIR": "WANDB_ARTIFACT_DIR",
    "ARTSTORE_SILENT": "WANDB_SILENT",
}


def text(variable: str) -> str | None:
    """What a variable says, by its name here; None where neither it nor W&B's is set to anything."""
    return os.environ.get(variable) or os.environ.get(_SHARED[variable]) or None


def flag(variable: str) -> bool:
    """Whether a variable says yes. `0`, `false` and `no` are a no."""
    return (text(variable) or "").lower() not in ("", "0", "false", "no")
