"""Lineage, runs, and versions with their inputs on the command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import artstore
from artstore.errors import InvalidName
from artstore.store import Store
from tests.support.cli_runner import json_of, output_of, prepare_folder, run
from tests.support.files import write_files
from tests.support.json_schemas import OPENLINEAGE_EVENT, PROV_JSON, violations
from tests.support.lineage_pipeline import edges, new_artifact


@pytest.fixture(autouse=True)
def here(tmp_path: Path, pipeline_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a copy of the store in which the pipeline ran."""
    prepare_folder(tmp_path, monkeypatch)
    shutil.copytree(pipeline_store, tmp_path / ".artstore")
    return tmp_path


# lineage


def test_lineage_shows_trees_upstream_and_downstream() -> None:
    assert output_of("lineage", "pipe/model:round-0").splitlines() == [
        "pipe/model:v0  (model, round-0)",
        "upstream:",
        "├─ produced by run pipe/train-0  (train, finished)",
        "│  └─ used pipe/features:v0 as training  (dataset)",
        "│     └─ produced by run pipe/features-0  (features, finished)",
        "│        └─ used pipe/clean:v0  (dataset)",
        "│           └─ produced by run pipe/clean-0  (clean, finished)",
        "│              └─ used pipe/raw:v0  (dataset)",
        "│                 └─ produced by run pipe/ingest-0  (ingest, finished)",
        "└─ references pipe/features:v0  (dataset) ... see above",
        "downstream:",
        "└─ used by run pipe/evaluate-0  (evaluate, finished)",
        "   └─ produced pipe/report:v0  (report)",
    ]
    near = output_of("lineage", "report:v2", "--project", "pipe", "--direction", "upstream", "--depth", "1")
    assert near == "pipe/report:v2  (report)\nupstream:\n└─ produced by run pipe/evaluate-2  (evaluate, finished)\n"
    assert output_of("lineage", "pipe/report", "--direction", "downstream").endswith("\ndownstream: nothing recorded\n")


def test_lineage_is_summarised_by_collections_and_job_types() -> None:
    assert output_of("lineage", "pipe/raw:v1", "--summary", "--depth", "2").splitlines() == [
        "collection pipe/raw  (dataset, 1 version)",
        "upstream:",
        "└─ produced by job pipe/ingest  (2 runs) (2 times)",
        "downstream:",
        "└─ used by job pipe/clean  (2 runs) (2 times)",
        "   └─ produced collection pipe/clean  (dataset, 1 version) (2 times)",
    ]


def test_lineage_prints_every_format_of_the_library() -> None:
    lineage = artstore.Api().artifact("pipe/model:v2").lineage()

    def form(name: str) -> str:
        return output_of("lineage", "pipe/model:v2", "--format", name)

    assert form("dot") == lineage.to_dot()
    assert form("mermaid") == lineage.to_mermaid()
    assert form("svg") == lineage.to_svg() + "\n"
    assert json.loads(form("json")) == json_of("lineage", "pipe/model:v2") == json.loads(json.dumps(lineage.to_json()))
    assert len(json_of("lineage", "pipe/model:v2")["edges"]) == len(edges(lineage))
    events = [json.loads(line) for line in form("openlineage").splitlines()]
    assert events == lineage.to_openlineage()
    assert [violations(OPENLINEAGE_EVENT, event) for event in events] == [[]] * len(events)
    assert violations(PROV_JSON, json.loads(form("prov"))) == []


# runs


def test_runs_are_listed_newest_first() -> None:
    lines = [line.split() for line in output_of("runs", "-n", "2", "--columns", "").splitlines()]
    assert lines[0] == ["id", "project", "job", "type", "state", "started", "duration"]
    assert [line[:4] for line in lines[2:]] == [
        ["evaluate-2", "pipe", "evaluate", "finished"],
        ["train-2", "pipe", "train", "finished"],
    ]
    assert len(output_of("runs").splitlines()) == 2 + 15


def test_runs_are_filtered_and_sorted() -> None:
    with pytest.raises(RuntimeError), artstore.init(project="zoo", id="broken", group="g"):
        raise RuntimeError

    def chosen(*arguments: str) -> list[str]:
        return [run["id"] for run in json_of("runs", *arguments)]

    assert chosen("--state", "failed") == chosen("--project", "zoo") == chosen("--group", "g") == ["broken"]
    assert chosen("--job-type", "train") == ["train-2", "train-1", "train-0"]
    assert chosen("--job-type", "train", "--filter", '{"config.rate": {"$lt": 0.15}}') == ["train-0"]
    by_accuracy = ("--order", "-summary_metrics.accuracy", "-n", "2")
    assert chosen(*by_accuracy) == ["train-2", "train-1"]
    nothing = run("runs", "--state", "crashed")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "no such runs" in nothing.stderr
    assert chosen("--state", "crashed") == []


def test_runs_show_the_values_that_differ_or_that_are_named() -> None:
    with artstore.init(
        project="sweep", id="one", group="g", config={"lr": 0.1, "layers": 3, "opt": {"name": "sgd"}}
    ) as one:
        one.log({"accuracy": 0.81234567})
    with artstore.init(
        project="sweep", id="two", group="g", config={"lr": 0.2, "layers": 3, "opt": {"name": "adam"}}
    ) as two:
        two.log({"accuracy": 0.5})
    lines = [line.split() for line in output_of("runs", "--project", "sweep").splitlines()]
    assert lines[0][-6:] == ["state", "started", "duration", "lr", "opt.name", "accuracy"]
    assert [line[-3:] for line in lines[2:]] == [["0.2", "adam", "0.5"], ["0.1", "sgd", "0.81235"]]
    assert [line[:3] for line in (lines[0], *lines[2:])] == [
        ["id", "group", "state"],
        ["two", "g", "finished"],
        ["one", "g", "finished"],
    ]
    named = output_of("runs", "--project", "sweep", "--columns", "accuracy,config.layers", "--absolute").splitlines()
    assert named[0].split()[-2:] == ["accuracy", "layers"]
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d.* 0\.5 +3$", named[2])
    refused = run("runs", "--project", "sweep", "--columns", "acuracy")
    assert refused.exit_code == 2
    assert "no column 'acuracy': did you mean 'accuracy'?" in refused.stderr
    assert "they have lr, layers, opt.name, accuracy" in run("runs", "--project", "sweep", "--columns", "xyz").stderr


def test_columns_without_room_are_the_least_telling() -> None:
    artstore.init(project="sweep", id="prepare").finish()
    for number in range(3):
        config = {"epochs": 5, **{f"option_{letter}": number for letter in "abcdefgh"}}
        with artstore.init(project="sweep", id=f"r{number}", name=f"try {number}", config=config) as tried:
            table = artstore.Table(columns=["n"], data=[[number]])
            tried.log({"epoch": number, "train/loss": 2 - number, "guesses": table, "val/accuracy": number / 10})
    heads = output_of("runs", "--project", "sweep").splitlines()[0].split()
    assert heads[:2] == ["id", "name"]
    assert heads[-8:] == [*(f"option_{letter}" for letter in "abcde"), "epoch", "train/loss", "val/accuracy"]
    ordered = output_of("runs", "--project", "sweep", "--order", "option_h").splitlines()[0].split()
    assert "option_h" in ordered and "val/accuracy" in ordered


def test_runs_without_a_number_come_last_in_both_directions() -> None:
    for id, loss in (("worse", 2.0), ("diverged", float("nan")), ("better", 1.0), ("burst", float("inf"))):
        with artstore.init(project="odd", id=id) as odd:
            odd.log({"loss": loss})
    for order, expected in (
        ("loss", ["better", "worse", "burst", "diverged"]),
        ("-loss", ["burst", "worse", "better", "diverged"]),
    ):
        assert [one["id"] for one in json_of("runs", "--project", "odd", "--order", order)] == expected
    pages = [one.id for one in artstore.Api().runs("odd", order="-summary_metrics.loss", per_page=1)]
    assert pages == ["burst", "worse", "better", "diverged"]


def test_the_lineage_of_a_run_is_shown_by_its_id() -> None:
    lines = output_of("lineage", "pipe/train-1").splitlines()
    assert lines[0] == "run pipe/train-1  (train, finished)"
    assert any("used pipe/features:v1" in line for line in lines)
    assert any("produced pipe/model:v1" in line for line in lines)
    refused = run("lineage", "pipe/modle")
    assert (refused.exit_code, "did you mean 'model'?" in refused.stderr) == (2, True)
    elsewhere = run("lineage", "modle")
    assert (elsewhere.exit_code, "did you mean 'pipe/model'?" in elsewhere.stderr) == (2, True)


def test_what_two_runs_used_is_told_where_it_is_the_same() -> None:
    for id in ("left", "right"):
        with artstore.init(project="pipe", id=id) as one:
            one.use_artifact("features:v0")
    assert "used  pipe/features:v0" in re.sub(" {3,}", "  ", output_of("runs", "diff", "pipe/left", "pipe/right"))


def test_runs_are_compared_with_what_differs_first() -> None:
    lines = [line.split() for line in output_of("runs", "diff", "pipe/train-0", "pipe/train-1").splitlines()]
    assert lines[0] == ["different", "pipe/train-0", "pipe/train-1"]
    assert ["config.rate", "0.1", "0.2"] in lines
    assert ["used", "pipe/features:v0", "pipe/features:v1"] in lines
    compared = json_of("runs", "diff", "train-0", "train-1", "--project", "pipe")
    assert compared["runs"] == ["pipe/train-0", "pipe/train-1"]
    assert compared["different"]["config.rate"] == [0.1, 0.2]
    alone = run("runs", "diff", "pipe/train-0")
    assert (alone.exit_code, "Name two runs or more" in alone.stderr) == (2, True)
    assert "artstore runs diff a b" in run("runs", "a", "b").stderr


def test_a_run_is_shown_in_full() -> None:
    output = output_of("runs", "pipe/train-1")
    assert output.startswith("pipe/train-1\n  id           train-1\n  project      pipe\n  state        finished\n")
    assert '  config       {\n                 "rate": 0.2\n               }\n' in output
    assert "\n  used         pipe/features:v1\n  logged       pipe/model:v1\n" in output
    run = json_of("runs", "train-1", "--project", "pipe")
    assert (run["config"], run["summary"]["accuracy"]) == ({"rate": 0.2}, pytest.approx(0.8))
    assert (run["used"], run["logged"]) == (["pipe/features:v1"], ["pipe/model:v1"])
    assert run["environment"]["python"]


def test_an_error_for_the_name_of_a_run_gives_its_id(here: Path) -> None:
    with artstore.init(store=here / ".artstore", project="pipe", id="x1", name="baseline"):
        pass
    for name in ("baseline", "pipe/baseline"):
        refused = run("runs", name)
        assert refused.exit_code == 2 and "'baseline' is the name of pipe/x1" in refused.stderr
    assert "`artstore runs`" in run("runs", "elsewhere/baseline").stderr
    nothing: Any = None
    with pytest.raises(InvalidName, match="invalid run path None"):
        artstore.Api(store=here / ".artstore").run(nothing)


def test_depth_zero_is_not_shown_as_no_lineage() -> None:
    assert "upstream: not searched (depth 0)" in output_of("lineage", "pipe/model", "--depth", "0")


def test_a_shell_completes_the_ids_of_runs() -> None:
    from artstore.cli import _completion, runs

    context = runs.command.make_context("runs", [], resilient_parsing=True)
    offered = _completion.runs(context, runs.command.params[0], "train")
    assert [item.value for item in offered] == ["train-0", "train-1", "train-2"]


# get --with-inputs


def files_below(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def test_a_version_is_downloaded_with_its_inputs() -> None:
    Path("train.py").write_text("print('train')")
    with artstore.init(project="pipe", id="again", config={"rate": 0.5}) as run:
        run.log_code(".", name="source", include_fn=lambda path: path.endswith("train.py"))
        run.use_artifact("features:latest")
        run.use_artifact("raw:v0")
        run.log_artifact(new_artifact("model", "model", "new weights"))
    output = output_of("get", "pipe/model", "--with-inputs", "--root", "again")
    assert output.splitlines() == [
        "again/model:v3  1 file written, 0 kept",
        "again/inputs/features:v1  1 file written, 0 kept",
        "again/inputs/raw:v0  1 file written, 0 kept",
        "again/code/source:v0  1 file written, 0 kept",
        "again/run.json  of run again",
    ]
    assert files_below("again") == [
        "code/source:v0/train.py",
        "inputs/features:v1/features.txt",
        "inputs/raw:v0/raw.txt",
        "model:v3/model.txt",
        "run.json",
    ]
    assert Path("again/inputs/raw:v0/raw.txt").read_text() == "data of 0"
    recorded = json.loads(Path("again/run.json").read_text())
    assert (recorded["id"], recorded["config"], recorded["state"]) == ("again", {"rate": 0.5}, "finished")
    assert recorded["used"] == ["pipe/features:v1", "pipe/raw:v0"]
    result = json_of("get", "pipe/model", "--with-inputs", "--root", "again")
    assert (result["name"], result["written"], result["kept"]) == ("model:v3", 0, 1)
    assert [item["name"] for item in result["inputs"]] == ["features:v1", "raw:v0"]
    assert [item["name"] for item in result["code"]] == ["source:v0"]
    assert result["run"]["id"] == "again" and result["missing"] == []


def test_drafts_that_killed_processes_left_are_removed() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for process in (ended.pid, os.getppid()):
        write_files(Path("again"), {f".run.json.{process}": b"{"})
    output_of("get", "pipe/features:v0", "--with-inputs", "--root", "again")
    hidden = [path.name for path in Path("again").iterdir() if path.name[0] == "."]
    assert hidden == [f".run.json.{os.getppid()}"]


def test_inputs_of_other_projects_and_referenced_versions_are_downloaded() -> None:
    with artstore.init(project="zoo") as run:
        run.log_artifact(new_artifact("features", "dataset", "of the zoo"))
    with artstore.init(project="pipe") as run:
        mixed = new_artifact("mixed", "model", "1")
        mixed.add_reference(run.use_artifact("zoo/features:v0"))
        mixed.add_reference(artstore.Api().artifact("pipe/features:v0"))
        run.log_artifact(mixed)
    output_of("get", "pipe/mixed", "--with-inputs")
    assert files_below("artifacts/mixed:v0-with-inputs") == [
        "inputs/features:v0/features.txt",
        "inputs/zoo/features:v0/features.txt",
        "mixed:v0/mixed.txt",
        "run.json",
    ]


def test_a_deleted_input_is_named_and_the_others_are_downloaded() -> None:
    with Store.open(".artstore") as store:
        store.delete(store.version("pipe/clean:v0"), delete_aliases=True, force=True)
    result = run("get", "pipe/features:v0", "--with-inputs", "--root", "again")
    assert result.exit_code == 1
    assert "pipe/clean:v0 was deleted and cannot be written\n" in result.stderr
    assert files_below("again") == ["features:v0/features.txt", "run.json"]
    assert json.loads(Path("again/run.json").read_text())["used"] == ["pipe/clean:v0"]
    result = run("get", "pipe/features:v0", "--with-inputs", "--root", "again", "--json")
    assert (result.exit_code, json.loads(result.stdout)["missing"]) == (1, ["pipe/clean:v0"])
