"""The config, the metrics and the summary of a run, compared with W&B."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import artstore as wandb
from artstore.errors import InvalidInput, UsageError
from tests.support.wandb_fixtures import public_run

pytestmark = pytest.mark.usefixtures("workdir")


# Equal: config


@dataclass
class Options:
    lr: float = 0.1


@pytest.mark.parametrize("source", [{"lr": 0.1}, argparse.Namespace(lr=0.1), Options()])
def test_a_config_is_a_dict_or_has_attributes(source: Any) -> None:
    with wandb.init(config=source) as run:
        assert (run.config.lr, run.config["lr"], run.config.get("lr")) == (0.1, 0.1, 0.1)
        assert ("lr" in run.config, "x" in run.config, run.config.get("x", 7)) == (True, False, 7)
        assert dict(run.config) == run.config.as_dict() == {"lr": 0.1}
        assert list(run.config.keys()) == ["lr"]
        assert list(run.config.items()) == [("lr", 0.1)]
    assert public_run(run).config == {"lr": 0.1}


def test_a_missing_key_is_a_key_error_or_an_attribute_error() -> None:
    with wandb.init() as run:
        with pytest.raises(KeyError):
            run.config["x"]
        with pytest.raises(AttributeError):
            _ = run.config.x
        assert getattr(run.config, "x", 5) == 5


def test_a_key_keeps_its_value_unless_a_change_is_allowed() -> None:
    with wandb.init(config={"lr": 0.1}) as run:
        run.config.lr = 0.1
        refused = "Attempted to change value of key .lr. from 0.1 to 1"
        with pytest.raises(wandb.Error, match=refused):
            run.config.update({"lr": 1})
        with pytest.raises(wandb.Error, match=refused):
            run.config["lr"] = 1
        run.config.update({"lr": 0.2, "new": 1}, allow_val_change=True)
        run.config.setdefaults({"lr": 9, "epochs": 3})
        assert run.config.as_dict() == {"lr": 0.2, "new": 1, "epochs": 3}


@pytest.mark.parametrize("source", [3, [1]])
def test_an_invalid_config_is_a_type_error(source: Any) -> None:
    with pytest.raises(TypeError, match="config must be a dict"):
        wandb.init(config=source)
    assert wandb.run is None


def test_keys_of_a_config_are_included_or_excluded() -> None:
    source = {"a": 1, "b": 2}
    assert wandb.init(config=source, config_include_keys=["a"]).config.as_dict() == {"a": 1}
    assert wandb.init(config=source, config_exclude_keys=["a"]).config.as_dict() == {"b": 2}
    with pytest.raises(UsageError, match="Expected at most only one"):
        wandb.init(config=source, config_include_keys=["a"], config_exclude_keys=["b"])


# Equal: log and summary


def test_logging_counts_steps_and_the_summary_has_the_last_values() -> None:
    with wandb.init() as run:
        run.log({"loss": 0.5, "acc": 0.1})
        run.log({"loss": 0.4}, commit=False)
        run.log({"acc": 0.2})
        assert run.step == 2
        run.log({"loss": 0.3}, step=10)
        assert run.step == 10
        run.log({"late": True})
        run.log({"nested": {"a": [1, 2]}})
    rows = [
        {k: v for k, v in row.items() if k not in ("_timestamp", "_runtime")} for row in public_run(run).scan_history()
    ]
    assert rows == [
        {"_step": 0, "loss": 0.5, "acc": 0.1},
        {"_step": 1, "loss": 0.4, "acc": 0.2},
        {"_step": 10, "loss": 0.3, "late": True},
        {"_step": 11, "nested": {"a": [1, 2]}},
    ]
    assert public_run(run).summary == {"loss": 0.3, "acc": 0.2, "late": True, "nested": {"a": [1, 2]}}


def test_an_earlier_step_is_dropped_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    with wandb.init() as run:
        run.log({"loss": 1}, step=5)
        run.log({"loss": 2}, step=3)
    assert public_run(run).summary["loss"] == 1
    assert "step 3 is behind step 5" in capsys.readouterr().err


@pytest.mark.parametrize("source", [[1], 3, {1: 2}])
def test_invalid_metrics_are_a_type_error(source: Any) -> None:
    with wandb.init() as run, pytest.raises(TypeError):
        run.log(source)


def test_the_summary_can_be_set_directly() -> None:
    with wandb.init() as run:
        run.log({"acc": 0.5})
        run.summary["best"] = 0.9
        run.summary.update({"acc": 0.8, "deep": {"a": 1}})
        run.summary.note = "x"
        assert (run.summary["acc"], run.summary.best, run.summary.get("none", 1)) == (0.8, 0.9, 1)
        with pytest.raises(KeyError):
            run.summary["none"]
        del run.summary["note"]
    assert public_run(run).summary == {"acc": 0.8, "best": 0.9, "deep": {"a": 1}}


def test_name_notes_and_tags_can_change_during_a_run() -> None:
    with wandb.init(tags=["a"]) as run:
        run.tags += ("b",)
        run.name, run.notes = "new", "words"
    stored = public_run(run)
    assert (stored.tags, stored.name, stored.notes) == (["a", "b"], "new", "words")


def test_numbers_that_json_cannot_hold_are_stored_as_wandb_does() -> None:
    with wandb.init() as run:
        run.log({"loss": float("nan"), "ratio": float("inf")})
    assert json.dumps(public_run(run).summary) == '{"loss": "NaN", "ratio": "Infinity"}'


# Different on purpose


def test_a_config_is_read_from_a_json_file(workdir: Path) -> None:
    (workdir / "config.json").write_text('{"lr": 0.1}')
    (workdir / "config.txt").write_text("lr\n")
    assert wandb.init(config="config.json").config.lr == 0.1
    for wrong in ("config.txt", "nowhere.json"):
        with pytest.raises(InvalidInput, match=wrong):
            wandb.init(config=wrong)
