"""Which files below a folder are the source code that a run logs."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

_LEFT_OUT = {"wandb", ".artstore", ".git", "__pycache__", ".venv", "venv", "node_modules", "site-packages"}
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_.-]")

Choice = Callable[..., bool]


def is_source(path: str) -> bool:
    """Whether a file is Python, a list of requirements or a Dockerfile."""
    name = os.path.basename(path)
    return path.endswith(".py") or name.endswith("requirements.txt") or name.startswith("Dockerfile")


def name(project: str, program: str) -> str:
    """The name of the artifact with the code of a program."""
    return _NOT_IN_NAMES.sub("_", f"source-{project}-{program or 'interactive'}")[:128]


def chosen(root: Path, store: Path, include: Choice | None, exclude: Choice | None) -> Iterator[tuple[str, str]]:
    """The files to take: where each is, and its path below the root. The store itself is left out."""
    takes, leaves = _of_two(include or is_source), _of_two(exclude) if exclude else None
    top = str(root.absolute())
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(each for each in folders if each not in _LEFT_OUT and Path(folder, each) != store)
        for each in sorted(files):
            path = os.path.join(folder, each)
            if takes(path, top) and not (leaves and leaves(path, top)):
                yield path, Path(path).relative_to(top).as_posix()


def _of_two(choice: Choice) -> Choice:
    """A choice that takes a path and the root, of one that may take the path alone."""
    takes = [
        each
        for each in inspect.signature(choice).parameters.values()
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD, each.VAR_POSITIONAL)
    ]
    two = len(takes) > 1 or any(each.kind == each.VAR_POSITIONAL for each in takes)
    return choice if two else lambda path, root: choice(path)
