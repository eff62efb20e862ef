"""Integrations where their library is not installed; `tests/programs` runs them with the libraries."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from artstore.errors import MissingLibrary


@pytest.mark.parametrize("name", ["keras", "sb3", "xgboost"])
def test_an_integration_names_the_library_that_it_needs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, library = f"artstore.integrations.{name}", {"sb3": "stable_baselines3"}.get(name, name)
    monkeypatch.delitem(sys.modules, module, raising=False)
    # Python refuses to import a module that it finds as None here.
    monkeypatch.setitem(sys.modules, library, None)
    package = library.replace("_", "-")
    with pytest.raises(MissingLibrary, match=f"this integration needs {package}: pip install {package}"):
        import_module(module)
