"""The names of the package: what `import artstore` offers, when it is loaded, and what type checkers are told of it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

import artstore
from artstore import Run
from artstore.tracking import active_run

STUB = ast.parse(Path(artstore.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
IMPORTS = [node for node in STUB.body if isinstance(node, ast.ImportFrom)]
MODULE_OF = {name.name: node.module for node in IMPORTS for name in node.names if node.module != "artstore"}
LOADER: dict[str, str] = vars(artstore)["_MODULE_OF"]
OF_OPEN_RUN = [name for name in LOADER if LOADER[name] == active_run.__name__ and hasattr(Run, name)]


def test_the_stub_and_the_loader_have_the_same_names_from_the_same_modules() -> None:
    assert {name: module for name, module in MODULE_OF.items() if name != "ModuleType"} == LOADER
    assert all(name.asname == name.name for node in IMPORTS[1:] for name in node.names)


def test_the_stub_declares_everything_else_that_the_package_has() -> None:
    submodules = {name.name for node in IMPORTS if node.module == "artstore" for name in node.names}
    assert submodules == set(vars(artstore)["_SUBMODULES"])
    declared = {node.target.id for node in STUB.body if isinstance(node, ast.AnnAssign) and hasattr(node.target, "id")}
    assert declared == {"__version__", *vars(artstore)["_OF_OPEN_RUN"], *vars(artstore)["_WANDB_MODULES"]}


def test_each_name_is_there_once_and_is_what_its_module_has() -> None:
    public: list[str] = vars(artstore)["__all__"]
    assert public == sorted(set(public)) and set(public) <= set(dir(artstore))
    for name in public:
        assert getattr(artstore, name) is getattr(import_module(LOADER[name]), name)
    with pytest.raises(AttributeError, match="module 'artstore' has no attribute 'nothing'"):
        artstore.nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", OF_OPEN_RUN)
def test_a_function_of_the_open_run_is_called_as_the_method_is(name: str) -> None:
    function, method = getattr(artstore, name), getattr(Run, name)
    _, *parameters = inspect.signature(method).parameters.values()
    assert list(inspect.signature(function).parameters.values()) == parameters
    assert function.__doc__


PUBLIC_METHODS = [
    method for name, method in inspect.getmembers(artstore.Artifact, inspect.isfunction) if not name.startswith("_")
]


@pytest.mark.parametrize("method", PUBLIC_METHODS, ids=lambda method: method.__name__)
def test_no_method_of_an_artifact_shows_the_version_or_draft_that_it_is_passed(method: Callable[..., object]) -> None:
    assert not {"version", "draft"} & set(inspect.signature(method).parameters)
