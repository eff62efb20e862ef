"""The command line takes the project from the environment, and says what a misspelt name probably means."""

from __future__ import annotations

import pytest

import artstore
from tests.support.cli_runner import json_of, output_of, run

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture(autouse=True)
def zoo(workspace: object) -> None:
    """Two projects: `zoo` with the collection animals and two runs, and `lab` with a run."""
    for alias in ("best", "production"):
        output_of("put", "animals", "--name", "animals", "--type", "dataset", "--project", "zoo", "--alias", alias)
    for uid, loss in (("first", 0.5), ("second", 0.25)):
        with artstore.init("zoo", id=uid, name=f"{uid} try", config={"lr": loss}) as run:
            run.log({"loss": loss})
    artstore.init("lab", id="first").finish()


def test_the_project_of_the_environment_counts_for_every_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("show", "animals").exit_code == 2
    monkeypatch.setenv("WANDB_PROJECT", "lab")
    monkeypatch.setenv("ARTSTORE_PROJECT", "zoo")
    for verb in (
        ["show", "animals"],
        ["log", "animals"],
        ["ls", "animals:v0"],
        ["lineage", "animals"],
        ["du", "animals"],
    ):
        assert run(*verb).exit_code == 0, verb
    assert output_of("show", "animals").startswith("animals:v0\n")
    assert output_of("lineage", "animals").startswith("animals:v0  (dataset")
    assert output_of("ls", "animals").splitlines()[2].startswith("animals:v0 ")
    assert output_of("runs", "first").startswith("first try\n")
    assert {row["id"] for row in json_of("runs")} == {"first", "second"}
    assert {row["project"] for row in json_of("runs", "--project", "")} == {"zoo", "lab"}
    assert {row["project"] for row in json_of("runs", "--project", "lab")} == {"lab"}
    assert output_of("alias", "animals:v0", "new") == "animals:v0  latest, best, new, production\n"
    output_of("put", "animals", "--name", "fresh", "--type", "dataset")
    assert [row["project"] for row in json_of("ls")] == ["zoo", "zoo"]
    assert artstore.Api().artifact("animals:best").project == "zoo"
    monkeypatch.setenv("ARTSTORE_PROJECT", "a/b")
    failed = run("show", "animals")
    assert failed.exit_code == 2 and "invalid project name 'a/b'" in failed.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["sohw", "animals"], "No such command 'sohw': did you mean 'show'?"),
        (["lineag"], "did you mean 'lineage'?"),
        (["xyzzy"], "`artstore --help` lists the verbs."),
        (["show", "zoo/animls"], "no artifact 'animls' in project 'zoo': did you mean 'animals'?"),
        (["show", "zo/animals"], "there is 'zoo/animals'"),
        (["show", "zooo/animls"], "did you mean 'zoo/animls'?"),
        (["get", "zoo/animals:bset"], """no version "animals:bset" (latest is v0): did you mean 'animals:best'?"""),
        (["show", "zoo/animals:Production"], "did you mean 'animals:production'?"),
        (["runs", "zoo/scond"], "Could not find run 'zoo/scond': did you mean 'zoo/second'?"),
        (["runs", "zooo/second"], "no project 'zooo', did you mean 'zoo/second'?"),
        (["runs", "--project", "zooo"], "no such runs, no project 'zooo' (did you mean 'zoo'?)"),
        (["ls", "--project", "zooo"], "no project 'zooo' (did you mean 'zoo'?)"),
        (["runs", "--project", "zoo", "--columns", "los"], "no column 'los': did you mean 'loss'?"),
        (["runs", "--project", "zoo", "--order", "-los"], "no column 'los': did you mean 'loss'?"),
        (["runs", "--sate", "failed"], "--state"),
    ],
)
def test_a_misspelt_name_gets_the_one_that_was_meant(words: list[str], hint: str) -> None:
    assert hint in run(*words).stderr


def test_runs_are_sorted_by_the_short_names_of_their_values() -> None:
    def ids(order: str) -> list[str]:
        return [row["id"] for row in json_of("runs", "--project", "zoo", "--order", order)]

    assert ids("loss") == ids("+loss") == ids("summary_metrics.loss") == ["second", "first"]
    assert ids("-loss") == ids("-lr") == ["first", "second"]


def test_a_project_that_is_not_there_is_named_in_python() -> None:
    with pytest.raises(artstore.errors.NotFound, match="did you mean 'zoo'"):
        artstore.Api().project("zooo")
