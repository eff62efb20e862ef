"""Settings from environment variables: `ARTSTORE_NAME`, for example, or `WANDB_NAME` if that is not set."""

from __future__ import annotations

import getpass
import os

# Only the variables of W&B that mean the same here. WANDB_DIR does not: it is the folder for W&B's own files.
_WANDB_NAMES = {
    "ARTSTORE_PROJECT": "WANDB_PROJECT",
    "ARTSTORE_RUN_GROUP": "WANDB_RUN_GROUP",
    "ARTSTORE_JOB_TYPE": "WANDB_JOB_TYPE",
    "ARTSTORE_NAME": "WANDB_NAME",
    "ARTSTORE_NOTES": "WANDB_NOTES",
    "ARTSTORE_TAGS": "WANDB_TAGS",
    "ARTSTORE_RUN_ID": "WANDB_RUN_ID",
    "ARTSTORE_RESUME": "WANDB_RESUME",
    "ARTSTORE_SWEEP_ID": "WANDB_SWEEP_ID",
    "ARTSTORE_MODE": "WANDB_MODE",
    "ARTSTORE_ARTIFACT_DIR": "WANDB_ARTIFACT_DIR",
    "ARTSTORE_SILENT": "WANDB_SILENT",
}


def get(variable: str) -> str | None:
    """Return the value of a variable or of W&B's variable for the same; None if both are unset or empty."""
    return os.environ.get(variable) or os.environ.get(_WANDB_NAMES[variable]) or None


def flag(variable: str) -> bool:
    """Return whether a variable is on; unset, empty, `0`, `false` and `no` are off."""
    return (get(variable) or "").lower() not in ("", "0", "false", "no")


def user() -> str | None:
    """Return the name of the user who runs this process; None if it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # In a container the number of the user may have no name.
        return None
