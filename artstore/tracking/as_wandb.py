"""Stand in for wandb: after `artstore.as_wandb()`, `import wandb` anywhere in the process gives artstore.

`wandb` has only names that W&B has, and those modules that code outside W&B imports; importing any other module raises
a `ModuleNotFoundError` that names it.
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
"""The release of wandb whose interface artstore has. Integrations check it."""

_OURS = {"ArtstoreError", "Entry", "Kind", "Store", "Version", "as_wandb"}
_ERRORS = "artstore.errors"
_MODULES: Mapping[str, Mapping[str, tuple[str, str]]] = {
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


_TOP_LEVEL = {
    # Not `artstore.__all__`: the stub that type checkers read has none, since it exports every name.
    *(name for name in vars(artstore)["__all__"] if name not in _OURS),
    *("config", "data_types", "errors", "run", "summary"),
    *(name.partition(".")[2] for name in _MODULES if name.count(".") == 1),
}


class RunDisabled:
    """The class of disabled runs in W&B, which integrations compare a run with. No run is of this class."""


class _Wandb(ModuleType):
    """The module `wandb`: those names of artstore that W&B has, and the version of wandb that is mirrored."""

    __version__ = MIRRORED

    def __getattr__(self, name: str) -> Any:
        if name not in _TOP_LEVEL:
            raise AttributeError(f"artstore stands in for wandb, and has no wandb.{name}")
        return getattr(artstore, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_TOP_LEVEL})


class _WandbModule(ModuleType):
    """A module below `wandb`. Its names are imported from artstore when they are used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        home = _MODULES[self.__name__].get(name)
        if home is not None:
            return getattr(import_module(home[0]), home[1])
        if f"{self.__name__}.{name}" in _MODULES:
            return wandb_module(f"{self.__name__}.{name}")
        raise AttributeError(f"artstore stands in for wandb, and has no {self.__name__}.{name}")


def wandb_module(name: str) -> ModuleType:
    """Return the module for a module of wandb, such as `wandb.util`, also without `as_wandb`."""
    return import_module(name) if isinstance(sys.modules.get("wandb"), _Wandb) else _WandbModule(name)


class _Finder(MetaPathFinder, Loader):
    """Finds the modules below `wandb`, and none of an installed wandb."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith("wandb."):
            return None
        if fullname not in _MODULES:
            raise ModuleNotFoundError(f"artstore stands in for wandb, and has no {fullname}", name=fullname)
        return ModuleSpec(fullname, self, is_package=any(name.startswith(f"{fullname}.") for name in _MODULES))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _WandbModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing: names are imported when they are used."""


def as_wandb() -> ModuleType:
    """Make `import wandb` give artstore in this process; return that module. Call it before wandb is imported.

    >>> artstore.as_wandb()
    >>> import wandb

    Raises `UsageError` if the real wandb is imported already.
    """
    loaded = sys.modules.get("wandb")
    if isinstance(loaded, _Wandb):
        return loaded
    if loaded is not None:
        raise UsageError("wandb is imported already: call artstore.as_wandb() before anything imports it")
    module = _Wandb("wandb", artstore.__doc__)
    module.__path__ = []
    module.__spec__ = ModuleSpec("wandb", None, is_package=True)
    sys.meta_path.insert(0, _Finder())
    sys.modules["wandb"] = module
    sys.modules["wandb.errors"] = artstore.errors
    return module
