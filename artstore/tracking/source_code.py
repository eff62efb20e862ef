"""Find the source files that a run logs as its code."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

_SKIPPED_FOLDERS = {"wandb", ".artstore", ".git", "__pycache__", ".venv", "venv", "node_modules", "site-packages"}
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_.-]")

Choice = Callable[..., bool]


def is_source(path: str) -> bool:
    """Return whether a file is Python, a list of requirements or a Dockerfile."""
    name = os.path.basename(path)
    return path.endswith(".py") or name.endswith("requirements.txt") or name.startswith("Dockerfile")


def artifact_name(project: str, program: str) -> str:
    """Return the name of the artifact with the code of a program."""
    return _NOT_IN_NAMES.sub("_", f"source-{project}-{program or 'interactive'}")[:128]


def files(root: Path, store: Path, include: Choice | None, exclude: Choice | None) -> Iterator[tuple[str, str]]:
    """Return the path of each file to log, and its path below the root. The store itself is left out."""
    includes, excludes = _with_root(include or is_source), _with_root(exclude) if exclude else None
    top = str(root.absolute())
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS and Path(folder, name) != store)
        for name in sorted(names):
            path = os.path.join(folder, name)
            if includes(path, top) and not (excludes and excludes(path, top)):
                yield path, Path(path).relative_to(top).as_posix()


def _with_root(choice: Choice) -> Choice:
    """Return a choice that takes a path and the root, for one that may take only a path."""
    parameters = [
        parameter
        for parameter in inspect.signature(choice).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    takes_root = len(parameters) > 1 or any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters)
    return choice if takes_root else lambda path, root: choice(path)
