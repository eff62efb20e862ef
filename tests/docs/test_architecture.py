"""docs/architecture.md matches the code: every name in it exists, and every thread is listed.

Its picture of the imports and its list of modules are generated, which `test_docs.py` checks in all documents.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import pytest

from tests.support import architecture
from tests.support.own_imports import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMES = sorted(
    {
        name
        for name in re.findall(r"`((?:\w+\.)*\w+)`", PAGE)
        if "." in name and name.split(".")[0] in architecture.rooms() and not name.endswith(".py")
    }
)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_exists(name: str) -> None:
    parts = name.split(".")
    named: object = import_module(f"artstore.{parts[0]}")
    for depth, part in enumerate(parts[1:], 2):
        if (
            isinstance(named, ModuleType)
            and (architecture.SOURCE / "/".join(parts[:depth])).with_suffix(".py").is_file()
        ):
            named = import_module(".".join(["artstore", *parts[:depth]]))
        else:
            named = getattr(named, part)


def test_every_thread_is_listed() -> None:
    sources = [path for folder in ("artstore", "drivers") for path in (ROOT / folder).rglob("*.py")]
    names = {name for path in sources for name in thread_names(ast.parse(path.read_text(encoding="utf-8")))}
    assert names == set(re.findall(r"`(artstore-\w+)`", PAGE))


def thread_names(module: ast.Module) -> Iterator[str]:
    """Yield the names given to threads and pools of threads."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("ThreadPool", "SignalSafePool", "Thread")):
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            constants = [argument.value for argument in arguments if isinstance(argument, ast.Constant)]
            yield from (value for value in constants if isinstance(value, str))


@pytest.mark.parametrize("heading", ["`put`", "`ref`", "`get`", "`rm`", "`log`", "in the background", "After a crash"])
def test_the_page_has_its_sections(heading: str) -> None:
    assert re.search(rf"^## .*{heading}$", PAGE, re.MULTILINE)
