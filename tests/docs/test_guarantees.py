"""docs/guarantees.md and SECURITY.md: every test that they name exists, and every promise names one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.own_imports import ROOT

PAGES = [ROOT / "docs" / "guarantees.md", ROOT / "SECURITY.md"]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def functions(path: Path) -> set[str]:
    module = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_named_test_exists(page: Path) -> None:
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    assert named
    missing = [
        f"{path}::{name}" for path, name in named if not (ROOT / path).is_file() or name not in functions(ROOT / path)
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_test_is_named_in_another_way(page: Path) -> None:
    """So that the test above sees all of them."""
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"\btest_\w+(?!\.py|\w)", NAMED.sub("", text))) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_promise_names_a_test_that_breaks(page: Path) -> None:
    """A promise begins with bold text; what follows it up to the next one names its tests."""
    promises = re.split(r"^(?:- )?\*\*", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert [promise[:60] for promise in promises if not NAMED.search(promise)] == []
    assert len(promises) >= 5
