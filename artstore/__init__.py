"""Versioned artifacts for machine-learning work, in one SQLite database and a folder, with no server.

`import artstore as wandb` runs code that was written for W&B Artifacts. What is not needed is not imported: the names
below are fetched from their modules when they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from artstore.runtime.release import VERSION as _VERSION

if TYPE_CHECKING:
    from artstore.core.manifest import Entry, Kind
    from artstore.core.versions import Version
    from artstore.data_types import Audio, Classes, Html, Image, JoinedTable, Molecule, Object3D, Table, Video
    from artstore.errors import ArtstoreError, CommError, Error, UsageError
    from artstore.runtime.terminal import termerror, termlog, termwarn
    from artstore.store import Store
    from artstore.tracking.active_run import (
        AlertLevel,
        alert,
        define_metric,
        finish,
        finish_artifact,
        link_artifact,
        link_model,
        log,
        log_artifact,
        log_code,
        log_model,
        login,
        mark_preempting,
        require,
        save,
        setup,
        teardown,
        unwatch,
        upsert_artifact,
        use_artifact,
        use_model,
        watch,
    )
    from artstore.tracking.api import Api
    from artstore.tracking.artifact import Artifact
    from artstore.tracking.artifact_state import ArtifactTTL
    from artstore.tracking.as_wandb import as_wandb
    from artstore.tracking.config import Config, Summary
    from artstore.tracking.init import Settings, init
    from artstore.tracking.run import Run

    run: Run | None
    config: Config
    summary: Summary

__version__ = _VERSION
__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "ArtifactTTL",
    "ArtstoreError",
    "Audio",
    "Classes",
    "CommError",
    "Config",
    "Entry",
    "Error",
    "Html",
    "Image",
    "JoinedTable",
    "Kind",
    "Molecule",
    "Object3D",
    "Run",
    "Settings",
    "Store",
    "Summary",
    "Table",
    "UsageError",
    "Version",
    "Video",
    "alert",
    "as_wandb",
    "define_metric",
    "finish",
    "finish_artifact",
    "init",
    "link_artifact",
    "link_model",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "require",
    "save",
    "setup",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "upsert_artifact",
    "use_artifact",
    "use_model",
    "watch",
]

_HOMES = {
    "Api": "artstore.tracking.api",
    "Artifact": "artstore.tracking.artifact",
    "ArtifactTTL": "artstore.tracking.artifact_state",
    "ArtstoreError": "artstore.errors",
    "Audio": "artstore.data_types",
    "Classes": "artstore.data_types",
    "CommError": "artstore.errors",
    "Config": "artstore.tracking.config",
    "Entry": "artstore.core.manifest",
    "Error": "artstore.errors",
    "Html": "artstore.data_types",
    "Image": "artstore.data_types",
    "JoinedTable": "artstore.data_types",
    "Kind": "artstore.core.manifest",
    "Molecule": "artstore.data_types",
    "Object3D": "artstore.data_types",
    "Run": "artstore.tracking.run",
    "Settings": "artstore.tracking.init",
    "Store": "artstore.store",
    "Summary": "artstore.tracking.config",
    "Table": "artstore.data_types",
    "UsageError": "artstore.errors",
    "Version": "artstore.core.versions",
    "Video": "artstore.data_types",
    "as_wandb": "artstore.tracking.as_wandb",
    "init": "artstore.tracking.init",
    "termerror": "artstore.runtime.terminal",
    "termlog": "artstore.runtime.terminal",
    "termwarn": "artstore.runtime.terminal",
}
_OF_THE_RUN = ("run", "config", "summary")
_MODULES = ("errors", "api", "data_types")
_PARTS_OF_WANDB = ("apis", "env", "sdk", "util", "wandb_run")


def __getattr__(name: str) -> Any:
    if name in _OF_THE_RUN:
        return getattr(import_module("artstore.tracking.active_run"), name)()
    if name in _MODULES:
        return import_module(f"artstore.{name}")
    if name in _PARTS_OF_WANDB:
        return import_module("artstore.tracking.as_wandb").part(f"wandb.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return getattr(import_module("artstore.tracking.active_run"), name)
    raise AttributeError(f"module 'artstore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, *_OF_THE_RUN, "errors"])
