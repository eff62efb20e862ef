"""The start, attributes and end of runs, compared with W&B."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import pytest

import artstore as wandb
from artstore import Api
from artstore.errors import InvalidName, UsageError
from tests.support.files import write_files
from tests.support.wandb_fixtures import entry_paths, new_draft, public_run

pytestmark = pytest.mark.usefixtures("workdir")


# Equal: init


def test_every_argument_of_wandb_is_accepted_by_its_name() -> None:
    run = wandb.init(
        entity="someone", project="zoo", dir=".", id="r1", name="first", notes="n", tags=("a", "b"), config={"x": 1},
        config_exclude_keys=["y"], config_include_keys=None, allow_val_change=True, group="g", job_type="train",
        mode="online", force=True, reinit=True, resume="allow", resume_from=None, fork_from=None, save_code=True,
        tensorboard=False, sync_tensorboard=False, monitor_gym=False, settings=wandb.Settings(silent=True),
    )  # fmt: skip
    assert (run.id, run.name, run.project, run.notes) == ("r1", "first", "zoo", "n")
    assert (run.tags, run.group, run.job_type, run.config.as_dict()) == (("a", "b"), "g", "train", {"x": 1})
    assert wandb.run is run
    run.finish()
    stored = public_run(run)
    assert (stored.name, stored.notes, stored.tags, stored.group, stored.job_type) == (
        "first",
        "n",
        ["a", "b"],
        "g",
        "train",
    )


def test_a_run_starts_with_defaults() -> None:
    run = wandb.init()
    assert (run.project, run.job_type, run.group, run.notes, run.tags) == ("uncategorized", None, None, None, ())
    assert len(run.id) == 8
    assert run.id.isalnum()
    assert run.name
    assert (run.step, run.starting_step, run.resumed, run.disabled, run.offline) == (0, 0, False, False, False)
    assert (run.url, run.project_url) == (None, None)
    assert run.path.endswith(f"uncategorized/{run.id}")
    assert Path(run.dir).is_dir()


def test_an_argument_that_wandb_does_not_know_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'color'"):
        wandb.init(color="red")


def test_settings_and_the_environment_replace_missing_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PROJECT": "zoo",
        "NAME": "from outside",
        "RUN_GROUP": "g",
        "JOB_TYPE": "train",
        "TAGS": "a, b",
        "NOTES": "n",
        "RUN_ID": "r1",
    }.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    with wandb.init() as run:
        assert (run.project, run.name, run.group, run.job_type) == ("zoo", "from outside", "g", "train")
        assert (run.tags, run.notes, run.id) == (("a", "b"), "n", "r1")
    with wandb.init(settings=wandb.Settings(run_group="s", project="farm"), id="r2") as run:
        assert (run.group, run.project) == ("s", "farm")
    with wandb.init(settings={"run_name": "by dict"}, project="mine", group="given", id="r3") as run:
        assert (run.project, run.group, run.name) == ("mine", "given", "by dict")
    monkeypatch.setenv("ARTSTORE_PROJECT", "ours")
    with wandb.init(id="r4") as run:
        assert run.project == "ours"


def test_the_environment_resumes_disables_and_silences(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    wandb.init(id="r1").finish()
    monkeypatch.setenv("WANDB_RESUME", "must")
    with wandb.init(id="r1") as run:
        assert run.resumed
    monkeypatch.delenv("WANDB_RESUME")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with wandb.init() as run:
        assert run.disabled
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("id", ["a/b", "a:b", " ", " a", "x" * 129])
def test_an_invalid_id_is_refused(id: str) -> None:
    with pytest.raises(wandb.Error, match="invalid run id"):
        wandb.init(id=id)
    assert wandb.run is None


@pytest.mark.parametrize("arguments", [{"mode": "loud"}, {"resume": "perhaps"}, {"reinit": "sometimes"}])
def test_a_setting_that_wandb_does_not_know_is_a_value_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="init does not know"):
        wandb.init(**arguments)


def test_the_block_finishes_a_run_and_an_exception_makes_it_failed() -> None:
    with wandb.init() as good:
        assert wandb.run is good
    with pytest.raises(ZeroDivisionError), wandb.init() as bad:
        bad.log({"loss": 1})
        bad.log_artifact(new_draft(cat="meow"))
        _ = 1 / 0
    assert wandb.run is None
    assert (public_run(good).state, public_run(good).exit_code) == ("finished", 0)
    assert (public_run(bad).state, public_run(bad).exit_code, public_run(bad).summary["loss"]) == ("failed", 1, 1)
    assert Api().artifact("animals").version == "v0"


def test_leaving_a_block_by_sys_exit_keeps_its_code() -> None:
    for code, state in ((0, "finished"), (3, "failed")):
        with pytest.raises(SystemExit), wandb.init() as run:
            sys.exit(code)
        assert (public_run(run).state, public_run(run).exit_code) == (state, code)


def test_finish_takes_an_exit_code_and_acts_once() -> None:
    run = wandb.init()
    wandb.finish(exit_code=2)
    run.finish()
    wandb.finish()
    assert (public_run(run).state, public_run(run).exit_code) == ("failed", 2)


def test_a_finished_run_refuses_calls() -> None:
    run = wandb.init()
    run.finish()
    for late in (
        lambda: run.log({"a": 1}),
        lambda: run.log_artifact(new_draft(cat="meow")),
        lambda: run.use_artifact("animals"),
        lambda: run.config.update({"a": 1}),
        lambda: run.summary.update({"a": 1}),
        lambda: setattr(run, "notes", "x"),
        lambda: run.link_artifact(new_draft(cat="meow"), "x"),
    ):
        with pytest.raises(UsageError, match="is finished"):
            late()
    assert run.id == public_run(run).id


# Equal: functions of the package


def test_before_init_the_package_has_no_run() -> None:
    assert wandb.run is None
    for early in (
        lambda: wandb.log({"a": 1}),
        lambda: wandb.config.a,
        lambda: wandb.config.update({"a": 1}),
        lambda: wandb.summary["a"],
        lambda: wandb.log_artifact("x"),
        lambda: wandb.use_artifact("x"),
    ):
        with pytest.raises(wandb.Error, match=r"You must call artstore.init\(\) before artstore\."):
            early()
    wandb.finish()
    assert wandb.login(key="x")


def test_the_package_has_the_functions_of_the_open_run(capsys: pytest.CaptureFixture[str]) -> None:
    write_files(Path("."), {"model.pt": b"weights"})
    run = wandb.init(project="zoo")
    wandb.config.lr = 0.1
    wandb.config.update({"epochs": 3})
    wandb.log({"loss": 0.5})
    wandb.summary["best"] = 0.4
    wandb.log_artifact(new_draft(cat="meow"), aliases=["a"])
    wandb.log_model("model.pt", name="m")
    assert wandb.use_artifact("animals:a").version == "v0"
    assert Path(wandb.use_model("m")).read_bytes() == b"weights"
    wandb.define_metric("loss", summary="min")
    wandb.watch(object())
    wandb.alert(title="done", text="really")
    assert "done: really" in capsys.readouterr().err
    wandb.finish()
    stored = public_run(run)
    assert (stored.config, stored.summary) == ({"lr": 0.1, "epochs": 3}, {"loss": 0.5, "best": 0.4})
    assert [artifact.name for artifact in stored.logged_artifacts()] == ["animals:v0", "m:v0"]


# Equal: resuming, code


def test_a_run_is_resumed_with_its_config_summary_and_step() -> None:
    first = wandb.init(id="r1", config={"lr": 0.1})
    first.log({"loss": 0.5})
    first.finish()
    with wandb.init(id="r1", resume="must", config={"lr": 0.2}) as run:
        assert (run.resumed, run.starting_step, run.summary["loss"], run.config.lr) == (True, 1, 0.5, 0.2)
        run.log({"loss": 0.4})
    assert [row["loss"] for row in public_run(run).scan_history()] == [0.5, 0.4]
    assert public_run(run).state == "finished"


def test_a_run_is_resumed_only_if_that_is_possible() -> None:
    with pytest.raises(UsageError, match="must"):
        wandb.init(id="nobody", resume="must")
    with wandb.init(id="r1", resume="allow") as run:
        assert not run.resumed
    with pytest.raises(UsageError, match="r1"):
        wandb.init(id="r1", resume="never")
    run = wandb.init(id="r1")
    assert (run.resumed, run.step) == (False, 0)


def test_code_is_logged_by_the_rules_of_wandb() -> None:
    write_files(
        Path("code"), {"a.py": b"1", "deep/b.py": b"2", "data.csv": b"3", "requirements.txt": b"4", "wandb/c.py": b"5"}
    )
    with wandb.init(project="zoo") as run:
        code = run.log_code("code")
        chosen = run.log_code("code", name="mine", include_fn=lambda path, root: path.endswith(".csv"))
        nothing = run.log_code("code", include_fn=lambda path: False)
        excluded = run.log_code("code", name="less", exclude_fn=lambda path: "deep" in path)
    assert code is not None and chosen is not None and excluded is not None
    assert code.type == "code"
    assert code.name.startswith("source-zoo-")
    assert entry_paths(code) == ["a.py", "deep/b.py", "requirements.txt"]
    assert (entry_paths(chosen), nothing) == (["data.csv"], None)
    assert "deep/b.py" not in entry_paths(excluded)


def test_files_are_saved_with_the_run() -> None:
    write_files(Path("logs"), {"a.txt": b"1", "b.txt": b"2", "c.bin": b"3"})
    with wandb.init() as run:
        saved = run.save("logs/*.txt", base_path=".")
        assert run.save("logs/*.txt", glob=False) == []
        [exact] = run.save(Path("logs/c.bin"), policy="now", glob=False)
        assert Path(exact).read_bytes() == b"3"
    assert sorted(Path(path).relative_to(run.dir).as_posix() for path in saved) == ["logs/a.txt", "logs/b.txt"]
    with wandb.Api().run(run.path).file("logs/b.txt").download("copies") as copy:
        assert copy.read() == "2"


# Different on purpose


def test_init_finishes_the_open_run_by_default() -> None:
    first = wandb.init()
    second = wandb.init()
    assert (public_run(first).state, wandb.run) == ("finished", second)
    assert wandb.init(reinit="return_previous") is second
    third = wandb.init(reinit="create_new")
    assert (public_run(second).state, wandb.run) == ("running", third)
    third.finish()
    assert wandb.run is second


def test_an_invalid_project_is_a_value_error_and_not_a_usage_error() -> None:
    with pytest.raises(InvalidName):
        wandb.init(project="a/b")


def test_the_first_argument_of_init_is_the_project() -> None:
    with wandb.init("zoo") as run:
        assert run.project == "zoo"


def test_arguments_without_a_meaning_are_noted_once_and_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    wandb.init(sync_tensorboard=True, save_code=True)
    notes = [line for line in capsys.readouterr().err.splitlines() if "no meaning" in line]
    assert len(notes) == 1
    assert "sync_tensorboard" in notes[0] and "save_code" in notes[0]


def test_a_disabled_run_works_and_leaves_nothing() -> None:
    with wandb.init(mode="disabled") as run:
        assert run.disabled
        run.log({"a": 1})
        artifact = run.log_artifact(new_draft(cat="meow"))
        assert Path(artifact.download("here"), "cat").read_text() == "meow"
    assert not Path(".artstore").exists()


def test_tags_given_as_one_word_are_one_tag() -> None:
    assert wandb.init(tags="abc").tags == ("abc",)
    assert wandb.init(tags=cast(Any, ["b", "a", "b"])).tags == ("b", "a")
