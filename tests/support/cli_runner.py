"""Run commands as a person types them, in a working folder that holds two animals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from artstore.cli import verbs
from tests.support.environment import clear_environment
from tests.support.files import noise, write_files


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: it holds `animals` with two files, and no store."""
    return prepare_folder(tmp_path, monkeypatch)


def prepare_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder that holds `animals` with two files and no store, whatever the environment says."""
    clear_environment(monkeypatch)
    monkeypatch.chdir(folder)
    write_noise(folder / "animals", {"cat.jpg": 200_000, "dog.jpg": 100_000})
    return folder


def write_noise(folder: Path, sizes: dict[str, int]) -> None:
    """Write files of these sizes, each with content of its own."""
    write_files(folder, {name: noise(size, name) for name, size in sizes.items()})


def run(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(verbs, list(arguments), prog_name="artstore", catch_exceptions=False)


def output_of(*arguments: str) -> str:
    """Run a command that must succeed; return what it prints."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def json_of(*arguments: str) -> Any:
    """Run a command that must succeed with `--json`; return what it prints."""
    return json.loads(output_of(*arguments, "--json"))


def put_two_versions() -> None:
    """Put `animals:v0` with two entries; and `animals:v1`, with the alias best, with a third."""
    output_of("put", "animals", "--name", "animals", "--type", "dataset")
    write_noise(Path("animals"), {"rat.jpg": 300_000})
    output_of("put", "animals", "--name", "animals", "--alias", "best")


def run_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "artstore", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
