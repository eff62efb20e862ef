"""Sweeps: values by grid, at random and by optuna, in one process or in several that share the store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import artstore as wandb
from artstore.errors import ArtstoreError, InvalidInput, NotFound, UsageError
from artstore.tracking import search

pytestmark = pytest.mark.usefixtures("workdir")
GRID = {"method": "grid", "parameters": {"lr": {"values": [0.1, 0.01]}, "layers": {"min": 1, "max": 2}}}


def train() -> None:
    with wandb.init(config={"lr": 5, "seed": 1}) as run:
        run.config.update({"layers": 9})
        run.log({"loss": run.config.lr * run.config.layers})


def test_a_grid_tries_each_combination_once_and_its_values_win() -> None:
    id = wandb.sweep({**GRID, "metric": {"name": "loss"}}, project="zoo")
    wandb.agent(id, function=train, project="zoo", count=3)
    assert wandb.Api().sweep(f"zoo/{id}").state == "PENDING"
    wandb.agent(f"zoo/{id}", train)
    wandb.agent(f"local/zoo/{id}", train)
    sweep = wandb.Api().sweep(f"zoo/{id}")
    tried = [(run.config["lr"], run.config["layers"], run.config["seed"]) for run in sweep.runs]
    assert tried == [(0.1, 1, 1), (0.1, 2, 1), (0.01, 1, 1), (0.01, 2, 1)]
    assert (sweep.state, sweep.expected_run_count, sweep.order) == ("FINISHED", 4, "+summary_metrics.loss")
    best = sweep.best_run()
    assert best is not None and best.summary["loss"] == 0.01 and best.sweep_name == id
    assert "WANDB_SWEEP_ID" not in os.environ


def test_random_values_are_in_their_ranges_and_run_cap_ends_the_sweep() -> None:
    ranges: dict[str, Any] = {
        "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 0.1},
        "layers": {"min": 1, "max": 3},
        "drop": {"min": 0.0, "max": 0.5},
        "width": {"distribution": "q_uniform", "min": 8, "max": 32, "q": 8},
        "fixed": {"value": "x"},
        "optimizer": {"parameters": {"kind": {"values": ["adam", "sgd"], "probabilities": [1, 0]}}},
        "noise": {"distribution": "normal", "mu": 0, "sigma": 1},
    }
    id = wandb.sweep({"method": "random", "parameters": ranges, "run_cap": 5})

    def look() -> None:
        run = wandb.init()
        assert run.sweep_id == id == os.environ["WANDB_SWEEP_ID"]

    wandb.agent(id, look)
    configs = [run.config for run in wandb.Api().sweep(id).runs]
    assert len({config["lr"] for config in configs}) == 5
    for config in configs:
        assert 1e-4 <= config["lr"] <= 0.1 and config["layers"] in (1, 2, 3) and 0 <= config["drop"] <= 0.5
        assert config["width"] in (8, 16, 24, 32) and config["fixed"] == "x" and config["optimizer"] == {"kind": "adam"}


def test_bayes_tries_what_was_good_more_often() -> None:
    parameters = {"x": {"min": -10.0, "max": 10.0}, "kind": {"values": ["good", "bad"]}, "fixed": {"value": [1]}}
    config = {"method": "bayes", "metric": {"name": "score", "goal": "maximize"}, "parameters": parameters}
    read = search.read_config(config)
    results: list[tuple[dict[str, Any], float]] = []
    for number in range(40):
        values = search.bayes_values(read, "maximize", results, seed=f"fixed-{number}")
        results.append((values, -abs(values["x"] - 3) - 5 * (values["kind"] == "bad")))
    first, last = results[:10], results[-10:]
    assert sum(score for _, score in last) > sum(score for _, score in first)
    assert sum(values["kind"] == "good" for values, _ in last) > sum(values["kind"] == "good" for values, _ in first)
    assert all(-10 <= values["x"] <= 10 and values["fixed"] == [1] for values, _ in results)


def test_bayes_takes_the_results_of_the_runs_before() -> None:
    metric = {"name": "score", "goal": "maximize"}
    id = wandb.sweep({"method": "bayes", "metric": metric, "parameters": {"x": {"min": 0.0, "max": 1.0}}})

    def score() -> None:
        with wandb.init() as run:
            run.log({"score": run.config.x})

    wandb.agent(id, score, count=3)
    sweep = wandb.Api().sweep(id)
    best = sweep.best_run()
    assert best is not None and best.config["x"] == max(run.config["x"] for run in sweep.runs)
    assert len(sweep.runs) == 3


def test_a_run_that_fails_is_failed_and_the_next_one_begins(capsys: pytest.CaptureFixture[str]) -> None:
    id = wandb.sweep(GRID)

    def sometimes() -> None:
        run = wandb.init()
        if run.config.layers == 2:
            raise RuntimeError("too deep")

    wandb.agent(id, sometimes)
    assert [run.state for run in wandb.Api().sweep(id).runs] == ["finished", "failed"] * 2
    assert "too deep" in capsys.readouterr().err


def test_a_function_that_always_fails_or_begins_no_run_ends_the_agent() -> None:
    id = wandb.sweep({**GRID, "parameters": {"x": {"min": 1, "max": 100}}})

    def fails() -> None:
        wandb.init()
        raise RuntimeError("always")

    with pytest.raises(RuntimeError, match="always"):
        wandb.agent(id, fails)
    assert len(wandb.Api().sweep(id).runs) == 5
    with pytest.raises(UsageError, match="did not call"):
        wandb.agent(id, lambda: None)


def test_several_processes_share_a_sweep_and_a_program_does_one_run(workdir: Path) -> None:
    id = wandb.sweep({"method": "grid", "parameters": {"x": {"values": [1, 2, 3, 4, 5, 6]}}})
    code = f"import artstore as w\nw.agent({id!r}, lambda: w.init().finish())"
    program = "import artstore as w\nwith w.init() as run: print(run.sweep_id)"
    environment = {**os.environ, "WANDB_SWEEP_ID": id}
    one = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert one.stdout.split() == [id]
    agents = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [agent.wait(60) for agent in agents] == [0, 0]
    assert sorted(run.config["x"] for run in wandb.Api().sweep(id).runs) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(UsageError, match="were tried"):
        os.environ["WANDB_SWEEP_ID"] = id
        try:
            wandb.init()
        finally:
            del os.environ["WANDB_SWEEP_ID"]
            os.environ.pop("ARTSTORE_SWEEP_TURN", None)


CHILDREN = """
import os, subprocess, sys
import artstore as wandb

def train():
    child = [sys.executable, "-c", "import artstore as w; w.init(job_type='child', project='other').finish()"]
    if sys.argv[2] == "before":
        subprocess.run(child, check=True)
    elif sys.argv[2] == "forked":
        for _ in range(2):
            if (pid := os.fork()) == 0:
                wandb.init(job_type="child").finish()
                os._exit(0)
            os.waitpid(pid, 0)
    else:
        with wandb.init():
            subprocess.run(child, check=True)
            wandb.init(job_type="second", reinit="create_new").finish()

wandb.agent(sys.argv[1], train)
"""


@pytest.mark.parametrize("when", ["before", "forked", "during"])
def test_a_call_of_the_function_is_one_run_of_the_sweep_whichever_processes_begin_runs(when: str) -> None:
    id = wandb.sweep({"method": "grid", "parameters": {"x": {"values": [1, 2]}}})
    done = subprocess.run([sys.executable, "-c", CHILDREN, id, when], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    of_sweep = list(wandb.Api().sweep(id).runs)
    assert [run.config["x"] for run in of_sweep] == [1, 2]
    assert {run.state for run in of_sweep} == {"finished"}
    assert [run.job_type for run in of_sweep] == ([None] * 2 if when == "during" else ["child"] * 2)
    others = [str(run.job_type) for run in wandb.Api().runs() if run.sweep_name is None]
    assert (
        sorted(others)
        == {"before": [], "forked": ["child"] * 2, "during": ["child", "child", "second", "second"]}[when]
    )


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"parameters": {"x": {"value": 1}}}, "no method None: use one of grid, random, bayes"),
        ({"method": "grid"}, "needs parameters"),
        ({"method": "grid", "parameters": {"x": 3}}, "'x' of a sweep is a dict"),
        ({"method": "grid", "parameters": {"x": {"min": 0.0, "max": 1.0}}}, "a grid needs values for 'x'"),
        ({"method": "random", "parameters": {"x": {"min": 2, "max": 1}}}, "needs a min and a max"),
        ({"method": "random", "parameters": {"x": {"values": []}}}, "needs values"),
        ({"method": "random", "parameters": {"a": {"parameters": {"b": {"distribution": "odd"}}}}}, "'a.b'.*'odd'"),
        ({"method": "bayes", "parameters": {"x": {"value": 1}}}, "needs a metric"),
        (
            {"method": "random", "metric": {"name": "m", "goal": "up"}, "parameters": {"x": {"value": 1}}},
            "no goal 'up'",
        ),
    ],
)
def test_a_wrong_config_is_refused_by_name(config: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        wandb.sweep(config)


def test_an_unknown_sweep_and_an_agent_without_a_function_are_refused() -> None:
    wandb.init().finish()
    with pytest.raises(NotFound, match="no sweep 'nothing'"):
        wandb.agent("nothing", train)
    with pytest.raises(ArtstoreError, match="WANDB_SWEEP_ID=nothing"):
        wandb.agent("nothing")


def test_an_agent_finds_a_sweep_of_any_project_by_its_id() -> None:
    id = wandb.sweep(GRID, project="zoo")
    wandb.agent(id, train, count=1)
    assert [run.project for run in wandb.Api().sweep(id).runs] == ["zoo"]
    with pytest.raises(NotFound, match=f"no sweep '{id}' in project 'other'"):
        wandb.agent(id, train, project="other")
    with pytest.raises(NotFound, match="no sweep 'missing'"):
        wandb.agent("missing", train)


def test_each_distribution_of_wandb_draws_values_in_its_range() -> None:
    ranges: dict[str, dict[str, Any]] = {
        "batch": {"distribution": "q_log_uniform_values", "min": 32, "max": 256, "q": 8},
        "q_log": {"distribution": "q_log_uniform", "min": 0.1, "max": 3, "q": 2},
        "inverse": {"distribution": "inv_log_uniform_values", "min": 0.9, "max": 0.99},
        "inv_log": {"distribution": "inv_log_uniform", "min": 1, "max": 2},
        "beta": {"distribution": "beta", "a": 2, "b": 5},
        "q_beta": {"distribution": "q_beta", "a": 2, "b": 5, "q": 0.25},
        "q_log_normal": {"distribution": "q_log_normal", "mu": 1, "sigma": 1, "q": 0.5},
    }
    parameters = search.read_config({"method": "random", "parameters": ranges})
    for seed in range(50):
        drawn = search.random_values(parameters, str(seed))
        assert drawn["batch"] % 8 == 0 and 32 <= drawn["batch"] <= 256
        assert drawn["q_log"] % 2 == 0 and 2 <= drawn["q_log"] <= 20
        assert 0.9 <= drawn["inverse"] <= 0.99 and 0.135 <= drawn["inv_log"] <= 0.368
        assert 0 <= drawn["beta"] <= 1 and drawn["q_beta"] in (0, 0.25, 0.5, 0.75, 1)
        assert drawn["q_log_normal"] % 0.5 == 0
    bounded = search.read_config(
        {
            "method": "bayes",
            "metric": {"name": "loss"},
            "parameters": {name: ranges[name] for name in ("batch", "q_log", "inverse", "inv_log")},
        }
    )
    results = [(search.random_values(bounded, str(seed)), float(seed)) for seed in range(3)]
    suggested = search.bayes_values(bounded, "minimize", results, "seed")
    assert suggested["batch"] % 8 == 0 and 0.9 <= suggested["inverse"] <= 0.99
