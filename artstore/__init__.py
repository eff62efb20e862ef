"""Versioned artifacts for machine learning, in one SQLite database and a folder, without a server.

    >>> import artstore
    >>> with artstore.init(project="animals") as run:
    ...     run.log_artifact("images", name="pets", type="dataset")

Code written for W&B Artifacts runs with `import artstore as wandb`. A name is imported from its module when it is
first used, so `import artstore` itself loads next to nothing. `__init__.pyi` has the same names for type checkers.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from artstore.runtime.release import VERSION as _VERSION

__version__ = _VERSION

_MODULES = {
    "artstore.core.manifest": ("Entry", "Kind"),
    "artstore.core.versions": ("Version",),
    "artstore.data_types": (
        *("Audio", "Classes", "Html", "Image", "JoinedTable", "Molecule", "Object3D", "Table", "Video"),
    ),
    "artstore.errors": ("ArtstoreError", "CommError", "Error", "UsageError"),
    "artstore.runtime.terminal": ("termerror", "termlog", "termwarn"),
    "artstore.store": ("Store",),
    "artstore.tracking.active_run": (
        *("AlertLevel", "alert", "define_metric", "finish", "finish_artifact", "link_artifact", "link_model", "log"),
        *("log_artifact", "log_code", "log_model", "login", "mark_preempting", "require", "save", "setup", "teardown"),
        *("unwatch", "upsert_artifact", "use_artifact", "use_model", "watch"),
    ),
    "artstore.tracking.api": ("Api",),
    "artstore.tracking.artifact": ("Artifact",),
    "artstore.tracking.artifact_state": ("ArtifactTTL",),
    "artstore.tracking.as_wandb": ("as_wandb",),
    "artstore.tracking.config": ("Config", "Summary"),
    "artstore.tracking.init": ("Settings", "init"),
    "artstore.tracking.run": ("Run",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
_OF_OPEN_RUN = ("run", "config", "summary")
_SUBMODULES = ("api", "data_types", "errors")
_WANDB_MODULES = ("apis", "env", "sdk", "util", "wandb_run")

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(_MODULE_OF[name]), name)
    if name in _OF_OPEN_RUN:
        return getattr(import_module("artstore.tracking.active_run"), name)()
    if name in _SUBMODULES:
        return import_module(f"artstore.{name}")
    if name in _WANDB_MODULES:
        return import_module("artstore.tracking.as_wandb").wandb_module(f"wandb.{name}")
    raise AttributeError(f"module 'artstore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, *_OF_OPEN_RUN, "errors"])
