"""What the values of a config, of metrics and of a summary are while the run is open, compared with W&B."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import artstore as wandb
from artstore.errors import ArtstoreError, ConfigError, InvalidInput, WrongValue
from tests.support.wandb_fixtures import public_run

pytestmark = pytest.mark.usefixtures("workdir")


class Size(Enum):
    SMALL = 1


class Defaults:
    lr = 0.1
    layers = 2

    def method(self) -> None: ...


class Flags:
    """As absl's FLAGS: its attributes are not the values."""

    def __init__(self) -> None:
        self.parsed = True

    def flag_values_dict(self) -> dict[str, Any]:
        return {"lr": 0.1}


def test_values_of_a_config_have_json_types_as_soon_as_they_are_set() -> None:
    given = {
        "lr": np.float32(0.5),
        "widths": np.arange(3),
        "shape": (1, (2, 3)),
        "size": Size.SMALL,
        "path": Path("a/b"),
        "loss": np.mean,
        "nested": {"betas": (0.9, np.float64(0.5))},
    }
    wanted = {
        "lr": 0.5,
        "widths": [0, 1, 2],
        "shape": [1, [2, 3]],
        "size": "SMALL",
        "path": "a/b",
        "loss": "numpy.mean",
        "nested": {"betas": [0.9, 0.5]},
    }
    with wandb.init(config=given) as run:
        assert run.config.as_dict() == wanted == json.loads(json.dumps(dict(run.config)))
        assert wandb.Artifact("model", "model", metadata=dict(run.config)).metadata == wanted
        run.config.update({"shape": (1, (2, 3)), "widths": np.arange(3)})
        with pytest.raises(ConfigError, match=r"Attempted to change value of key 'lr' from 0\.5 to 0\.7"):
            run.config.lr = 0.7
    assert public_run(run).config == wanted


@pytest.mark.parametrize(
    ("given", "values"),
    [(Defaults, {"lr": 0.1, "layers": 2}), (Flags(), {"lr": 0.1}), (SimpleNamespace(a=1), {"a": 1})],
)
def test_a_config_is_read_from_a_class_or_flags(given: Any, values: dict[str, Any]) -> None:
    with wandb.init(config=given) as run:
        assert run.config.as_dict() == values


def test_a_config_error_is_the_class_that_programs_catch() -> None:
    assert wandb.sdk.lib.config_util.ConfigError is ConfigError
    assert dict(wandb.Config()) == {}


def test_metadata_keep_the_text_of_values_of_other_libraries() -> None:
    class Device:
        def __str__(self) -> str:
            return "cuda:0"

    values = {"device": Device(), "each": [Device()], "share": Decimal("0.5"), "after": timedelta(days=1)}
    kept = {"device": "cuda:0", "each": ["cuda:0"], "share": "0.5", "after": "1 day, 0:00:00"}
    assert wandb.Artifact("model", "model", metadata=values).metadata == kept
    for wrong in (object(), 1j, ...):
        with pytest.raises(TypeError, match="is not JSON serializable"):
            wandb.Artifact("model", "model", metadata={"a": wrong})


def test_steps_are_integers_of_any_kind() -> None:
    with wandb.init() as run:
        run.log({"loss": 1}, step=np.int64(3))
        run.log({"loss": 2}, step=np.int32(7))
        assert run.step == 7 and type(run.step) is int
        for wrong in (2.5, "9"):
            with pytest.raises(TypeError):
                run.log({"loss": 3}, step=wrong)  # type: ignore[arg-type]
    assert [(row["_step"], row["loss"]) for row in public_run(run).scan_history()] == [(3, 1), (7, 2)]


def test_a_summary_has_nan_and_infinity_while_the_run_is_open() -> None:
    with wandb.init() as run:
        run.log({"loss": math.nan, "most": math.inf, "each": [math.nan, 1.0], "n": np.float32("nan")})
        assert math.isnan(run.summary["loss"]) and run.summary["most"] == math.inf and math.isnan(run.summary["n"])
        run.summary["array"] = np.arange(2)
        run.summary["worst"] = -math.inf
        assert run.summary["array"] == [0, 1] and run.summary["worst"] < 0
    assert public_run(run).summary["loss"] == "NaN" and public_run(run).summary["worst"] == "-Infinity"
    row = next(iter(public_run(run).scan_history()))
    assert (row["loss"], row["most"], row["each"]) == ("NaN", "Infinity", ["NaN", 1.0])


def test_nan_and_text_do_not_take_the_place_of_what_a_metric_keeps() -> None:
    with wandb.init() as run:
        run.define_metric("loss", summary="min,max,mean,last")
        run.log({"loss": 2})
        run.log({"loss": 1})
        run.log({"loss": math.nan})
        run.log({"loss": "diverged"})
        kept = dict(run.summary["loss"])
    assert math.isnan(kept.pop("last")) and kept == {"min": 1, "max": 2, "mean": 1.5}


@pytest.mark.parametrize("name", [5, "", "l*s", None])
def test_a_metric_without_a_usable_name_is_refused_and_logging_goes_on(name: Any) -> None:
    with wandb.init() as run:
        with pytest.raises(wandb.Error):
            run.define_metric(name)
        with pytest.raises(WrongValue):
            run.define_metric("loss", step_metric=5)
        with pytest.raises(InvalidInput):
            run.define_metric("loss", summary=["min", "max"])  # type: ignore[arg-type]
        run.define_metric("val/*", step_metric=run.define_metric("epoch"), summary="min")
        run.log({"loss": 1, "val/loss": 2})
        assert run.summary["val/loss"] == {"min": 2} and run.summary["loss"] == 1


def test_errors_of_values_are_those_of_the_package() -> None:
    with wandb.init() as run, pytest.raises(ArtstoreError, match="step"):
        run.log({"a": 1}, step=1.5)  # type: ignore[arg-type]
