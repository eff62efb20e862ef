"""A place for tests of the library: an empty working folder, with no settings from outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from artstore import runs, stores
from artstore.artifact import Artifact


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder. What is open in the end is finished."""
    for name in list(os.environ):
        if name.startswith(("ARTSTORE_", "WANDB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ARTSTORE_SILENT", "1")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    while (run := runs.current()) is not None:
        run.finish(quiet=True)
    stores.close()


def kept(name: str = "things", /, **objects: Any) -> Artifact:
    """A version with these objects in it."""
    artifact = Artifact(name, "dataset")
    for each, item in objects.items():
        artifact.add(item, each)
    artifact.save()
    return artifact.wait()


def back(item: Any) -> Any:
    """An object after it was in an artifact."""
    return kept(item=item).get("item")
