"""Standing in for wandb: after `artstore.as_wandb()`, `import wandb` anywhere in the process gives artstore.

Only the modules that code outside W&B imports are there; any other `wandb.x` is a `ModuleNotFoundError` that says so.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import artstore
from artstore import data_types
from artstore.errors import UsageError

MIRRORED = "0.31.0"
"""The release of wandb whose interface is mirrored. Integrations ask for it."""

_ERRORS = "artstore.errors"
_PARTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "wandb.data_types": {name: ("artstore.data_types", name) for name in (*data_types.__all__, "WBValue")},
    "wandb.env": {},
    "wandb.util": {"generate_id": ("artstore.tracking.run", "generate_id")},
    "wandb.apis": {},
    "wandb.apis.public": {
        "Api": ("artstore.tracking.api", "Api"),
        "Run": ("artstore.tracking.public_run", "PublicRun"),
        "ArtifactCollection": ("artstore.tracking.collection", "ArtifactCollection"),
        "ArtifactType": ("artstore.tracking.collection", "ArtifactType"),
        "Registry": ("artstore.tracking.api", "Registry"),
    },
    "wandb.sdk": {
        "Artifact": ("artstore.tracking.artifact", "Artifact"),
        "Run": ("artstore.tracking.run", "Run"),
        "Settings": ("artstore.tracking.init", "Settings"),
        "init": ("artstore.tracking.init", "init"),
    },
    "wandb.sdk.lib": {"RunDisabled": ("artstore.tracking.as_wandb", "RunDisabled")},
    "wandb.sdk.wandb_run": {"Run": ("artstore.tracking.run", "Run")},
    "wandb.wandb_run": {"Run": ("artstore.tracking.run", "Run")},
    "wandb.sdk.wandb_config": {"Config": ("artstore.tracking.config", "Config")},
    "wandb.sdk.wandb_summary": {"Summary": ("artstore.tracking.config", "Summary")},
    "wandb.sdk.wandb_settings": {"Settings": ("artstore.tracking.init", "Settings")},
    "wandb.sdk.artifacts": {},
    "wandb.sdk.artifacts.artifact": {"Artifact": ("artstore.tracking.artifact", "Artifact")},
    "wandb.sdk.artifacts.artifact_ttl": {"ArtifactTTL": ("artstore.tracking.artifact_state", "ArtifactTTL")},
    "wandb.sdk.artifacts.artifact_manifest_entry": {
        "ArtifactManifestEntry": ("artstore.tracking.entries", "ArtifactEntry")
    },
    "wandb.sdk.artifacts.artifact_manifest": {"ArtifactManifest": ("artstore.tracking.entries", "ArtifactManifest")},
    "wandb.sdk.artifacts.exceptions": {
        name: (_ERRORS, name)
        for name in ("ArtifactStatusError", "ArtifactNotLoggedError", "ArtifactFinalizedError", "WaitTimeoutError")
    },
}


class RunDisabled:
    """What integrations compare a run with, to know one that is disabled. None is of this class, as in W&B."""


class _Wandb(ModuleType):
    """The module `wandb`: artstore, with the version of what it mirrors."""

    __version__ = MIRRORED

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "errors":
            return artstore.errors
        return getattr(artstore, name)


class _Part(ModuleType):
    """A module below `wandb`, whose names are fetched from artstore when they are used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        home = _PARTS[self.__name__].get(name)
        if home is not None:
            return getattr(import_module(home[0]), home[1])
        if f"{self.__name__}.{name}" in _PARTS:
            return part(f"{self.__name__}.{name}")
        raise AttributeError(f"artstore stands in for wandb, and has no {self.__name__}.{name}")


def part(name: str) -> ModuleType:
    """What stands for a module of wandb, such as `wandb.util`, also where artstore was imported by its own name."""
    return import_module(name) if isinstance(sys.modules.get("wandb"), _Wandb) else _Part(name)


class _Finder(MetaPathFinder, Loader):
    """Finds the modules below `wandb`, and nothing of the installed wandb."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith("wandb."):
            return None
        if fullname not in _PARTS:
            raise ModuleNotFoundError(f"artstore stands in for wandb, and has no {fullname}", name=fullname)
        return ModuleSpec(fullname, self, is_package=any(each.startswith(f"{fullname}.") for each in _PARTS))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Part(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run: names are fetched when they are used."""


def as_wandb() -> ModuleType:
    """Have `import wandb` give artstore in this process; return that module. Call it before wandb is imported.

    >>> artstore.as_wandb()
    >>> import wandb

    Raises `UsageError` if the real wandb is imported already.
    """
    found = sys.modules.get("wandb")
    if isinstance(found, _Wandb):
        return found
    if found is not None:
        raise UsageError("wandb is imported already: call artstore.as_wandb() before anything imports it")
    module = _Wandb("wandb", artstore.__doc__)
    module.__path__ = []
    module.__spec__ = ModuleSpec("wandb", None, is_package=True)
    sys.meta_path.insert(0, _Finder())
    sys.modules["wandb"] = module
    sys.modules["wandb.errors"] = artstore.errors
    return module
