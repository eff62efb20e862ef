"""Phrases that read as if translated do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.own_imports import ROOT

# Each string is split, so that a search for the phrase does not find this file.
PHRASES = [
    "is no ",
    "whoever",
    "somebody",
    "nobody",
    "anew",
    "one behind the other",
    "what is said of",
    "for ever",
    "waits to hear that an artifact was waited for",
    "Says of an argument that what it is about",
    "committed beside the run, by something that tells its name then",
    "What a long verb tells about how far it is",
    "deciding for each thing in it what it will be",
    "What a draft holds of the store",
    "Check a type that someone gives an artifact",
    "what was put, unchangeable",
    "what tells whether it is still the same",
    "what runs put together by upserts",
    "is changed once something newer is there",
    "an address is noted alone",
    "what changed against the version before it that lives",
    "Tell what became of the objects",
    "those of a collection that a rule means",
    "Remove what crashes left, and versions past their ttl",
    "nothing that is known",
    "is no span of time",
    "Find no cut again where paths stay",
]


def pattern(phrase: str) -> str:
    """Return a regular expression for a phrase, which may continue on the next line or in the next comment.

    A colon ends an answer, as in "the answer is no: damage was found".
    """
    words = r"[\s#]+".join(re.escape(word) for word in phrase.split())
    return rf"\b{words}\b(?!:)"


PATTERN = re.compile("|".join(pattern(phrase) for phrase in PHRASES), re.IGNORECASE)


def texts() -> Iterator[Path]:
    """Yield every file that people read."""
    yield from (
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "Makefile", "pyproject.toml")
    )
    for folder in ("artstore", "drivers", "docs", "benchmarks"):
        for pattern in ("*.py", "*.pyi", "*.md"):
            yield from sorted((ROOT / folder).rglob(pattern))


@pytest.mark.parametrize("path", [*texts()], ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_plain_english(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [(text.count("\n", 0, match.start()) + 1, match[0]) for match in PATTERN.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "path", [path for path in texts() if path.suffix == ".py"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_docstrings_name_the_thing(path: Path) -> None:
    """They do not begin with a noun clause, as in "What a deletion did"."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    documented = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    firsts = [(ast.get_docstring(node) or "").split("\n")[0] for node in documented]
    assert [first for first in firsts if first.startswith(("What ", "Where ", "How ", "Who", "Those "))] == []
