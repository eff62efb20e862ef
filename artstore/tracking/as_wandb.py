"""Stand in for wandb: after `artstore.as_wandb()`, `import wandb` anywhere in the process gives artstore.

`wandb` has only names that W&B has, and those modules that code outside W&B imports; importing any other module raises
a `ModuleNotFoundError` that names it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import artstore
from artstore.errors import UsageError
from artstore.tracking.wandb_modules import MODULES, SERVER_ONLY

MIRRORED = "0.31.0"
"""The release of wandb whose interface artstore has. Integrations check it."""

_OURS = {"ArtstoreError", "Entry", "Kind", "Store", "Version", "as_wandb"}
_TOP_LEVEL = {
    # Not `artstore.__all__`: the stub that type checkers read has none, since it exports every name.
    *(name for name in vars(artstore)["__all__"] if name not in _OURS),
    *("config", "data_types", "run", "summary"),
}
_PARTS = "artstore.tracking.wandb_parts"
_OBJECTS = {
    **{name: (_PARTS, name) for name in ("_attach", "api", "ensure_configured", "patched", "termsetup")},
    "pin_config_keys": ("artstore.tracking.active_run", "pin_config_keys"),
}


class _Wandb(ModuleType):
    """The module `wandb`: those names of artstore that W&B has, and the version of wandb that is mirrored."""

    __version__ = MIRRORED

    def __getattr__(self, name: str) -> Any:
        if name in _OBJECTS:
            module, own_name = _OBJECTS[name]
            return getattr(import_module(module), own_name)
        if f"wandb.{name}" in MODULES:
            return wandb_module(f"wandb.{name}")
        if name in _TOP_LEVEL:
            return getattr(artstore, name)
        if name in SERVER_ONLY:
            return import_module("artstore.tracking.server_only").ServerOnly(name)
        raise AttributeError(f"artstore stands in for wandb, and has no wandb.{name}")

    def __dir__(self) -> list[str]:
        below = {name.split(".")[1] for name in MODULES}
        return sorted({*super().__dir__(), *_TOP_LEVEL, *_OBJECTS, *below})


class _WandbModule(ModuleType):
    """A module below `wandb`. Its names are imported from artstore when they are used."""

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return sorted(MODULES[self.__name__])
        if name.startswith("__"):
            raise AttributeError(name)
        home = MODULES[self.__name__].get(name)
        if home is not None:
            return getattr(import_module(home[0]), home[1])
        if f"{self.__name__}.{name}" in MODULES:
            return wandb_module(f"{self.__name__}.{name}")
        raise AttributeError(f"artstore stands in for wandb, and has no {self.__name__}.{name}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *MODULES[self.__name__]})


def wandb_module(name: str) -> ModuleType:
    """Return the module for a module of wandb, such as `wandb.util`, also without `as_wandb`."""
    return import_module(name) if isinstance(sys.modules.get("wandb"), _Wandb) else _WandbModule(name)


class _Finder(MetaPathFinder, Loader):
    """Finds the modules below `wandb`, and none of an installed wandb; and the metadata of a distribution `wandb`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith("wandb."):
            return None
        if fullname not in MODULES:
            raise ModuleNotFoundError(
                f"artstore stands in for wandb, and has no {fullname}: artstore has what W&B Artifacts need, see "
                "docs/wandb-compatibility.md; run this program with wandb itself if it needs the rest",
                name=fullname,
            )
        return ModuleSpec(fullname, self, origin=artstore.__file__, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _WandbModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing: names are imported when they are used."""

    def find_distributions(self, context: Any = None) -> Iterable[Any]:
        """Return the distribution `wandb` to `importlib.metadata`, if it is asked for that one or for all."""
        name = getattr(context, "name", None)
        if name is not None and name.lower().replace("_", "-") != "wandb":
            return []
        # Imported here: only who asks for distributions needs it.
        return [import_module("artstore.tracking.wandb_distribution").WandbDistribution(MIRRORED)]


def as_wandb() -> ModuleType:
    """Make `import wandb` give artstore in this process; return that module. Call it before wandb is imported.

    >>> artstore.as_wandb()
    >>> import wandb

    `importlib.metadata` then tells of an installed `wandb` as well. Raises `UsageError` if the real wandb is imported
    already.
    """
    loaded = sys.modules.get("wandb")
    if isinstance(loaded, _Wandb):
        return loaded
    if loaded is not None:
        raise UsageError("wandb is imported already: call artstore.as_wandb() before anything imports it")
    finder = _Finder()
    module = _Wandb("wandb", artstore.__doc__)
    module.__path__ = []
    module.__file__ = artstore.__file__
    module.__spec__ = ModuleSpec("wandb", finder, origin=artstore.__file__, is_package=True)
    module.__loader__ = finder
    sys.meta_path.insert(0, finder)
    sys.modules["wandb"] = module
    return module
