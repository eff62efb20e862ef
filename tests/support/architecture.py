"""The parts of docs/architecture.md that are drawn from the code: floors, imports, and what each module does."""

from __future__ import annotations

import ast
import string
import tomllib
from functools import cache
from pathlib import Path

from tests.support import own_imports
from tests.support.own_imports import ROOT

SOURCE = ROOT / "artstore"


@cache
def floors() -> tuple[tuple[str, ...], ...]:
    """Return the packages and modules right in artstore/, a tuple for each floor of pyproject.toml, highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers")
    named = [[name.strip(" ()") for name in layer.split("|")] for layer in layers]
    existing = [tuple(name for name in floor if source_of(name).is_file()) for floor in named]
    return tuple(floor for floor in existing if floor)


def rooms() -> list[str]:
    """Return the packages and modules right in artstore/, the highest floor first."""
    return [name for floor in floors() for name in floor]


def source_of(room: str) -> Path:
    """Return the file that describes a package or module right in artstore/."""
    folder = SOURCE / room
    return folder / "__init__.py" if folder.is_dir() else SOURCE / f"{room}.py"


@cache
def arrows() -> frozenset[tuple[str, str]]:
    """Return which package or module imports which other: late imports count, and those for types only."""
    pairs = {(_room(found.importer), _room(found.imported)) for found in own_imports.imports()}
    return frozenset(pair for pair in pairs if pair[0] != pair[1])


def _room(module: str) -> str:
    return (module.split(".") + ["artstore"])[1]


def picture() -> str:
    """Draw the floors, with a mark wherever the package of a row imports that of a column."""
    letters = dict(zip(rooms(), string.ascii_lowercase, strict=False))
    width = max(map(len, rooms()))
    margin = " " * (width + 8)
    lines = [margin + " ".join(letters.values())]
    for number, floor in zip(reversed(range(len(floors()))), floors(), strict=True):
        lines.append("─" * (len(margin) + 2 * len(letters)))
        for name in floor:
            marks = " ".join(_mark(name, other) for other in rooms())
            lines.append(f"{number if name == floor[0] else '':>2}  {letters[name]} {name:<{width}}  {marks}".rstrip())
    return "\n".join(lines)


def _mark(importer: str, imported: str) -> str:
    if importer == imported:
        return "\\"
    return "●" if (importer, imported) in arrows() else " "


def modules(room: str) -> dict[str, str]:
    """Return the modules of a package by name, each with what it does."""
    folder = SOURCE / room
    names = {path.relative_to(folder).with_suffix(""): path for path in sorted(folder.rglob("*.py"))}
    paths = {str(name).removesuffix("/__init__"): path for name, path in names.items()}
    return {name: first_paragraph(path) for name, path in paths.items() if name != "__init__"}


def first_paragraph(path: Path) -> str:
    """Return the first paragraph of a module's docstring, on one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, f"{path} has no docstring; its first paragraph is what docs/architecture.md says of it"
    return " ".join(docstring.split("\n\n")[0].split()).replace("|", r"\|")


def listing() -> str:
    """List every package, the highest floor first, and its modules, each with what it does."""
    return "\n".join(line for room in rooms() for line in _listed(room))


def _listed(room: str) -> list[str]:
    source = source_of(room)
    title = f"{room}/" if source.stem == "__init__" else f"{room}.py"
    rows = [f"| `{name}` | {text} |" for name, text in modules(room).items()]
    table = ["| module | |", "|---|---|", *rows, ""] if rows else []
    return [f"### `{title}`", "", first_paragraph(source), "", *table]
