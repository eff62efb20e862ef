"""The imports between the modules of artstore, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Import(NamedTuple):
    """One module importing another."""

    importer: str
    imported: str
    line: int
    late: bool
    """Inside a function, so executed when that is called."""
    typing: bool
    """Under `if TYPE_CHECKING`, so never executed."""


def modules() -> dict[str, Path]:
    """Return the files of artstore by the names of their modules."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / "artstore").rglob("*.py"))
    }


def imports() -> list[Import]:
    """Return every import of one module of artstore by another."""
    files = modules()
    return [
        edge
        for name, path in files.items()
        for edge in _imports_of(name, ast.parse(path.read_text(encoding="utf-8")), files, late=False, typing=False)
    ]


def _imports_of(name: str, node: ast.AST, files: dict[str, Path], *, late: bool, typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            for imported in _imported(child, files):
                yield Import(name, imported, child.lineno, late, typing)
            continue
        in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        yield from _imports_of(name, child, files, late=late or in_function, typing=typing or for_types)


def _imported(node: ast.Import | ast.ImportFrom, files: dict[str, Path]) -> set[str]:
    if isinstance(node, ast.Import):
        names = {alias.name for alias in node.names}
    else:
        assert node.level == 0, "imports are absolute"
        within = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        names = {full if full in files else str(node.module) for full in within.values()}
    return names & files.keys()


def circles(edges: set[tuple[str, str]]) -> list[set[str]]:
    """Return the groups of nodes that reach each other (the strongly connected components of several nodes)."""
    reach = {node: {node} for edge in edges for node in edge}
    targets: dict[str, set[str]] = {node: set() for node in reach}
    for source, target in edges:
        targets[source].add(target)
    for node, reached in reach.items():
        waiting = [node]
        while waiting:
            fresh = targets[waiting.pop()] - reached
            reached |= fresh
            waiting += fresh
    groups = {frozenset(other for other in reach[node] if node in reach[other]) for node in reach}
    return sorted((set(group) for group in groups if len(group) > 1), key=sorted)
