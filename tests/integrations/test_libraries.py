"""Integrations where their library is not installed; `tests/programs` runs them with the libraries."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from artstore.errors import MissingLibrary


@pytest.mark.parametrize("library", ["xgboost"])
def test_an_integration_names_the_library_that_it_needs(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = f"artstore.integrations.{library}"
    monkeypatch.delitem(sys.modules, module, raising=False)
    # Python refuses to import a module that it finds as None here.
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibrary, match=f"this integration needs {library}: pip install {library}"):
        import_module(module)
