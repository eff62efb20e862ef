"""The rules of the structure that import-linter cannot hold: the listing, sizes, late imports and circles."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.own_imports import ROOT, circles, imports, modules

PACKAGES = {
    *("bench", "catalog", "charts", "checkout", "cli", "core", "data_types", "drivers", "ingest", "integrations"),
    *("lineage", "operations", "runtime", "storage", "tracking", "web"),
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

NUMBERED_VALUE = re.compile(r"[=(,] *\?\d")
LONGEST_FILE = 400
LONGER = {Path("artstore/catalog/schema.py")}
"""The schema of the store, which is read as one text."""

LATE_IMPORTS = {
    "artstore.catalog.catalog_file": "the schema is needed to create or upgrade a store only",
    "artstore.catalog.db": "the schema is needed to create or upgrade a store only",
    "artstore.catalog.schema_check": "the schema is needed to name what differs only",
    "artstore.checkout.download": "drivers load an event loop, which a download without references does not need",
    "artstore.cli._completion": "a shell that completes a verb waits for each import",
    "artstore.cli._open": "verbs that fail before they open a store, and --help, do not need it",
    "artstore.cli.bench.checksum": "--help needs neither the measurements nor their libraries",
    "artstore.cli.bench.dedup": "--help needs neither the measurements nor their libraries",
    "artstore.cli.ui": "the libraries of the pages are optional",
    "artstore.data_types.registry": "images need NumPy and Pillow, which programs without images do not load",
    "artstore.data_types.table": "Parquet and JSON are loaded when a table is written or read",
    "artstore.operations.store_reader": "lineage, comparison and status are loaded when they are called",
    "artstore.runtime.terminal": "most verbs are done before progress is shown",
    "artstore.store": "references load drivers and their event loop",
    "artstore.tracking.artifact_media": "objects are loaded when one is added or read",
    "artstore.tracking.crossings": "an artifact has its runs and a run its artifacts: the one circle, as in W&B",
    "artstore.tracking.logged_media": "tables and media are loaded when one is logged",
    "artstore.tracking.media_reader": "reading an image does not load tables",
    "artstore.tracking.notebook": "charts are drawn in notebooks only",
}
"""The modules with imports of other modules of artstore inside functions, and the reason: start-up time but for one."""


def test_the_listing_is_the_design() -> None:
    listing = {path.name for path in (ROOT / "artstore").iterdir()} - {"__pycache__"}
    assert listing == PACKAGES | MODULES


@pytest.mark.parametrize("package", sorted({*PACKAGES, "store"}))
def test_each_package_has_its_tests(package: str) -> None:
    assert list((ROOT / "tests" / package).glob("test_*.py"))


@pytest.mark.parametrize("package", ["cli", "tracking", "web"])
def test_a_store_is_used_through_its_methods(package: str) -> None:
    """Its catalog and packs are for the operations, which own the transactions."""
    inner = {"db", "packs", "repository"}
    for path in (ROOT / "artstore" / package).rglob("*.py"):
        used = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)} & inner
        assert not used, f"{path} uses {used} of a store"


def test_no_file_is_long() -> None:
    files = [path for folder in ("artstore", "drivers") for path in (ROOT / folder).rglob("*.py")]
    lines = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {path for path, count in lines.items() if count > LONGEST_FILE} == LONGER


def test_imports_inside_functions_have_a_reason() -> None:
    late = [edge for edge in imports() if edge.late]
    unexplained = {f"{edge.importer}:{edge.line}" for edge in late if edge.importer not in LATE_IMPORTS}
    assert unexplained == set()
    assert LATE_IMPORTS.keys() == {edge.importer for edge in late}


def test_the_only_circle_of_imports_goes_through_crossings() -> None:
    edges = {(edge.importer, edge.imported) for edge in imports() if not edge.typing}
    assert len(circles(edges)) <= 1
    crossings = "artstore.tracking.crossings"
    assert circles({(importer, imported) for importer, imported in edges if importer != crossings}) == []


def test_only_the_store_and_its_operations_use_the_catalog_of_a_store() -> None:
    users = {
        name
        for name, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "db" and ast.unparse(node.value).endswith("store")
    }
    assert {name for name in users if name != "artstore.store" and not name.startswith("artstore.operations.")} == set()


def test_values_of_statements_have_names_or_none() -> None:
    """Python 3.14 refuses a sequence of values for `?1`, which SQLite takes for a name."""
    numbered = {
        f"{name}:{node.lineno}"
        for name, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NUMBERED_VALUE.search(node.value)
    }
    assert numbered == set()


def test_no_test_imports_another_test() -> None:
    importers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.")
        if not f"{node.module}.".startswith("tests.support.")
    }
    assert importers == set()


@pytest.mark.parametrize("harness", ["plain_reader", "format_reference", "power_cuts", "system_calls"])
def test_harnesses_that_judge_artstore_import_nothing_of_it(harness: str) -> None:
    """Otherwise they would share its mistakes."""
    seen, waiting = set(), [f"tests.support.{harness}"]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _imported_by(name)
    assert {name for name in seen if name.split(".")[0] in ("artstore", "artstore_drivers")} == set()


def _imported_by(name: str) -> Iterator[str]:
    """Yield the modules that a module of the tests imports, and whatever else may be one."""
    path = ROOT.joinpath(*name.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if name.split(".")[0] != "tests" or not source.is_file():
        return
    yield name.rpartition(".")[0] or name
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
