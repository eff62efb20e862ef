"""Commands as a person types them, in a working folder with two animals in it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from artstore.cli import verbs


def settle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go into a folder that then has two animals in it, and no store, whatever the environment says."""
    for name in list(os.environ):
        if name.startswith("ARTSTORE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    write(folder / "animals", {"cat.jpg": 200_000, "dog.jpg": 100_000})
    return folder


def write(folder: Path, sizes: dict[str, int]) -> None:
    folder.mkdir(exist_ok=True)
    for name, size in sizes.items():
        (folder / name).write_bytes(random.Random(name).randbytes(size))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(verbs, list(arguments), prog_name="artstore", catch_exceptions=False)


def done(*arguments: str) -> str:
    """What a command that must work prints."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def data(*arguments: str) -> Any:
    return json.loads(done(*arguments, "--json"))


def two_versions() -> None:
    """`animals:v0` with two entries; `animals:v1`, also called best, with a third."""
    done("put", "animals", "--name", "animals", "--type", "dataset")
    write(Path("animals"), {"rat.jpg": 300_000})
    done("put", "animals", "--name", "animals", "--alias", "best")


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "artstore", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
