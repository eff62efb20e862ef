"""Whole programs that `import wandb` run unchanged after `artstore.as_wandb()`, and find what they stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from artstore.tracking import location

PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(__file__).parents[2]
# One process for all of them: each has a folder and a store of its own.
RUN_ALL = """
import contextlib, io, json, os, runpy, sys, traceback
import artstore
artstore.as_wandb()
from artstore.tracking import open_stores, run
outputs = {}
for path in sys.argv[1:]:
    name = os.path.basename(path)
    os.makedirs(name)
    printed = io.StringIO()
    with contextlib.chdir(name), contextlib.redirect_stdout(printed):
        try:
            runpy.run_path(path, run_name="__main__")
        except BaseException:
            printed.write(traceback.format_exc())
        while (open_run := run.current()) is not None:
            open_run.finish(quiet=True)
        open_stores.close()
    outputs[name] = printed.getvalue().splitlines()
json.dump(outputs, sys.stdout)
"""
EXPECTED = {
    "artifact_basics.py": [
        "v0 COMMITTED True ['2026-05', 'latest', 'raw']",
        "['pets:v1', 'pets:v0'] 2",
        "['images/cats/1.txt', 'images/cats/2.txt', 'images/cats/3.txt', 'images/cats/4.txt', 'images/cats/5.txt', "
        "'labels.csv', 'notes.md', 'outside.csv']",
        "['images/cats/0.txt'] ['images/cats/5.txt']",
        "not found: True",
        "['pets:v1']",
    ],
    "custom_charts.py": [
        "9 ['bar_table', 'histogram_table', 'line_table']",
        "4 60",
        "['Actual', 'Predicted', 'nPredictions'] 9",
    ],
    "dataset_visualization.py": [
        "id ['p0', 'p1', 'p2', 'p3'] ['fox', 'fox', 'fox', 'fox']",
        "16 16",
        "['joined-table.json', 'table.json']",
        "['foxes:v0']",
    ],
    "model_registry.py": [
        "Fox Finder for Cameras:v1 fox:v1 True",
        "fox-1.txt weights 1",
        "v0 0",
        "['latest', 'production', 'staging'] ['v2', 'v1', 'v0']",
    ],
    "pipeline.py": [
        "model-0.25:v2 0.25 True 2",
        "['prepare', 'train', 'evaluate', 'train', 'evaluate']",
        "['evaluate', 'evaluate', 'train', 'train']",
        "['v2']",
    ],
    "registry_tutorial.py": [
        "refused: True",
        "Zoo For the zoo ['dataset', 'model']",
        "['Night Model', 'Night Pictures']",
        "['Night Model:v0', 'Night Pictures:v0']",
        "['Zoo']",
        "dataset 1 local/wandb-registry-Zoo/Night Pictures:v0",
        "['Night Pictures:v0']",
        "wandb-registry-Animals dataset-a:v1",
    ],
    "restore.py": [
        "False 0 0",
        "True 3 3",
        "[0, 10, 20, 30, 40] 4",
        "elsewhere/checkpoint.txt 5 None",
    ],
    "run_dir.py": [
        "['checkpoint-0.txt', 'checkpoint-1.txt', 'deep/log.txt', 'result.json']",
        "{'accuracy': 0.9}",
        "epoch 1 model",
    ],
    "tables.py": ["20", "model 0 8"],
    "ttl_walkthrough.py": [
        "scratch:v0 7 days, 0:00:00",
        "scratch:v1 None",
        "['30 days, 0:00:00', 'None']",
        "link: True",
        "None",
        "negative: True",
    ],
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What each program printed, line by line; a program that failed printed its traceback."""
    settings = [name for name in os.environ if name.startswith(("ARTSTORE_", "WANDB_")) and name != location.CEILING]
    environment = {name: value for name, value in os.environ.items() if name not in settings}
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, *(str(PROGRAMS / name) for name in EXPECTED)],
        cwd=tmp_path_factory.mktemp("programs"),
        env={**environment, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, list[str]] = json.loads(done.stdout)
    return read


@pytest.mark.parametrize("name", EXPECTED)
def test_a_program_runs_whole_and_finds_what_it_stored(name: str, outputs: dict[str, list[str]]) -> None:
    assert outputs[name] == EXPECTED[name]


def test_every_program_is_run() -> None:
    assert {path.name for path in PROGRAMS.glob("*.py")} == EXPECTED.keys()
