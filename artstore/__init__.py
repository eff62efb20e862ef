"""Versioned artifacts for machine learning, in one SQLite database and a folder, without a server.

    >>> import artstore
    >>> with artstore.init(project="animals") as run:
    ...     run.log_artifact("images", name="pets", type="dataset")

Code written for W&B Artifacts runs with `import artstore as wandb`. A name is imported from its module when it is
first used, so `import artstore` itself loads next to nothing. `__init__.pyi` has the same names for type checkers.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from artstore.runtime.release import VERSION as _VERSION

__version__ = _VERSION

_MODULES = {
    "artstore.core.manifest": ("Entry", "Kind"),
    "artstore.core.versions": ("Version",),
    "artstore.data_types": (
        *("Audio", "Classes", "Histogram", "Html", "Image", "JoinedTable", "Molecule", "Object3D", "Plotly", "Table"),
        *("Video", "box3d", "plot"),
    ),
    "artstore.data_types.plot": ("plot_table", "visualize"),
    "artstore.errors": ("ArtstoreError", "CommError", "Error", "UsageError"),
    "artstore.runtime.terminal": ("termerror", "termlog", "termwarn"),
    "artstore.store": ("Store",),
    "artstore.tracking.active_run": (
        *("AlertLevel", "alert", "define_metric", "finish", "finish_artifact", "link_artifact", "link_model", "log"),
        *("join", "log_artifact", "log_code", "log_model", "login", "mark_preempting", "require", "restore", "save"),
        *("setup", "teardown", "unwatch", "upsert_artifact", "use_artifact", "use_model", "watch"),
    ),
    "artstore.tracking.api": ("Api",),
    "artstore.tracking.artifact": ("Artifact",),
    "artstore.tracking.artifact_state": ("ArtifactTTL",),
    "artstore.tracking.as_wandb": ("as_wandb",),
    "artstore.tracking.config": ("Config", "Summary"),
    "artstore.tracking.init": ("init",),
    "artstore.tracking.run": ("Run",),
    "artstore.tracking.settings": ("Settings",),
    "artstore.tracking.sweeps": ("agent", "sweep"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
_OF_OPEN_RUN = ("run", "config", "summary")
_SUBMODULES = ("api", "data_types", "errors")
_WANDB_MODULES = ("apis", "env", "integration", "sdk", "sklearn", "util", "wandb_run")

_SERVER_ONLY = ("controller",)
"""Functions of W&B that only say, when they are called, that they need its server."""

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
    if name in _SERVER_ONLY:
        return import_module("artstore.tracking.server_only").ServerOnly(name)
    raise AttributeError(f"module 'artstore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, *_OF_OPEN_RUN, "errors"])


def _offer_magic() -> None:
    """Give notebooks the magic `%%wandb`, where IPython runs this process."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None
    if shell is not None:
        import_module("artstore.tracking.magic").register(shell)


_offer_magic()
