"""Arguments of runs and artifacts that are wrong in a way that nothing but the call itself can see."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import artstore
from artstore.errors import InvalidInput, NotAModel, NotFound, WrongValue


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    with artstore.init(project="p", store=tmp_path / "store") as run:
        yield run


def test_an_array_in_the_config_may_be_set_again_and_not_changed(run: Any) -> None:
    run.config["weights"] = np.zeros(3)
    run.config["weights"] = np.zeros(3)
    with pytest.raises(InvalidInput, match="Attempted to change value of key 'weights'"):
        run.config["weights"] = np.ones(3)


def test_half_of_a_surrogate_pair_is_the_replacement_character_in_data_frames(run: Any, tmp_path: Path) -> None:
    run.log({"answer \ud83d": 1, "text": "caf\udce9", "face": "\ud83d\ude00"})
    run.finish()
    runs = artstore.Api({"project": "p"}, store=tmp_path / "store").runs("p")
    assert runs[0].history(pandas=False)[0]["text"] == "caf\udce9"
    [row] = runs[0].history().to_dict("records")
    assert (row["answer \ufffd"], row["text"], row["face"]) == (1, "caf\ufffd", "\N{GRINNING FACE}")
    assert runs.histories(format="polars")["answer \ufffd"].to_list() == [1]


@pytest.mark.parametrize("fields", [{"name": {"a": 1}}, {"notes": [1]}, {"job_type": b"x"}])
def test_fields_of_a_run_are_text(run: Any, fields: dict[str, Any]) -> None:
    for write in (run.store.runs.edit, run.store.runs.write):
        with pytest.raises(WrongValue, match=f"the {next(iter(fields))} of a run cannot be "):
            write(run._record, fields)
    assert run.store.runs.find(run.id, "p").name == run.name


def test_a_message_that_is_too_deep_to_show_is_refused() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(WrongValue, match=r"termwarn\(\): string must be a string, not "):
        artstore.termwarn(nested)


@pytest.mark.parametrize("name", ["", "..", "."])
def test_a_folder_cannot_be_restored(run: Any, name: str) -> None:
    assert run.restore(name) is None


@pytest.mark.parametrize("description", [{"a": 1}, b"x", 3])
def test_a_description_is_refused_when_it_is_given(description: Any) -> None:
    with pytest.raises(WrongValue, match=f"a description is a string, not {type(description).__name__}"):
        artstore.Artifact("animals", "dataset", description=description)


def test_models_are_asked_for_as_in_wandb(run: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    run.log_artifact("x", name="animals", type="dataset").wait()
    for wrong in (partial(run.use_model, "animals:latest"), partial(run.link_model, "x", "a/b")):
        with pytest.raises(AssertionError) as raised:
            wrong()
        assert isinstance(raised.value, NotAModel)


def test_numbers_of_numpy_find_versions_and_what_is_no_number_is_refused(run: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    run.log_artifact("x", name="animals", type="dataset").wait()
    version = run.store.version("p/animals:v0")
    assert run.store.version_by_id(np.int64(version.id)) == version
    with pytest.raises(WrongValue, match=r"version_by_id\(\): id must be an integer, not str"):
        run.store.version_by_id(str(version.id))
    with pytest.raises(NotFound, match="no run has the number 99"):
        run.store.run_lineage(99)


@pytest.mark.parametrize("start", ["x", "-1", "1.5", "9" * 30, ""])
def test_a_listing_starts_after_a_number(run: Any, start: str) -> None:
    run.log_artifact(artstore.Artifact("animals", "dataset")).wait()
    api = artstore.Api({"project": "p"}, store=run.store.path)
    with pytest.raises(InvalidInput, match="number of a row"):
        run.store.runs.page("p", after=start)
    with pytest.raises(InvalidInput, match="number of a version"):
        list(api.artifacts("dataset", "animals", start=start))
