"""The distribution `wandb` that `importlib.metadata` finds after `as_wandb()`: libraries ask it for the version."""

from __future__ import annotations

import os
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import artstore

_FILES = ("__init__.py", "errors.py", "py.typed")
"""Files of artstore that are shown as files of wandb."""


class WandbDistribution(Distribution):
    """The distribution `wandb`, whose files are those of artstore."""

    def __init__(self, version: str) -> None:
        self._version = version

    def read_text(self, filename: str) -> str | None:
        texts = {
            "METADATA": (
                f"Metadata-Version: 2.1\nName: wandb\nVersion: {self._version}\n"
                "Summary: artstore, which stands in for wandb in this process\n"
            ),
            "RECORD": "".join(f"wandb/{name},,\n" for name in _FILES),
            "top_level.txt": "wandb\n",
            "INSTALLER": "artstore\n",
        }
        return texts.get(filename)

    def locate_file(self, path: str | os.PathLike[str]) -> Any:
        package = Path(str(artstore.__file__)).parent
        parts = Path(path).parts
        return Path(package, *parts[1:]) if parts[:1] == ("wandb",) else package.parent.joinpath(*parts)
