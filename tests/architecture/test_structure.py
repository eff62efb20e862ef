"""The structure of artstore: its listing is the design, and each package has a folder of tests."""

from __future__ import annotations

import ast

import pytest

from tests.support.own_imports import ROOT

PACKAGES = {
    *("bench", "catalog", "charts", "checkout", "cli", "core", "data_types", "drivers", "ingest", "lineage"),
    *("operations", "runtime", "storage", "tracking"),
}
MODULES = {
    "__init__.py",
    "__init__.pyi",
    "__main__.py",
    "api.py",
    "errors.py",
    "manifest.py",
    "store.py",
    "testing.py",
    "py.typed",
}


def test_the_listing_is_the_design() -> None:
    listing = {path.name for path in (ROOT / "artstore").iterdir()} - {"__pycache__"}
    assert listing == PACKAGES | MODULES


@pytest.mark.parametrize("package", sorted({*PACKAGES, "store"}))
def test_each_package_has_its_tests(package: str) -> None:
    assert list((ROOT / "tests" / package).glob("test_*.py"))


@pytest.mark.parametrize("package", ["cli", "tracking"])
def test_a_store_is_used_through_its_methods(package: str) -> None:
    """Its catalog and packs are for the operations, which own the transactions."""
    inner = {"db", "packs", "repository"}
    for path in (ROOT / "artstore" / package).rglob("*.py"):
        used = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)} & inner
        assert not used, f"{path} uses {used} of a store"
