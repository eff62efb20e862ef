"""Programs written for W&B run as processes, changed only in their import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from artstore import Api
from tests.support.wandb_fixtures import entry_paths

pytestmark = pytest.mark.usefixtures("workdir")

Program = Callable[..., str]

UNDER_ITS_NAME = """
import runpy, sys
import artstore
artstore.as_wandb()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_program(
    name: str, code: str, *arguments: str, as_wandb: bool = False, status: int = 0, **environment: str
) -> str:
    """Run a program and return its output; with `as_wandb`, even its import is unchanged."""
    code = textwrap.dedent(code)
    assert "import wandb" in code
    if as_wandb:
        command = [sys.executable, "-c", UNDER_ITS_NAME, name]
    else:
        code = code.replace("import wandb\n", "import artstore as wandb\n")
        assert "import wandb" not in code
        command = [sys.executable, name]
    Path(name).write_text(code)
    done = subprocess.run(
        [*command, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def sql(query: str) -> Any:
    """Return the answer of `artstore sql`."""
    command = [sys.executable, "-m", "artstore", "sql", query, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)


@pytest.fixture(params=[False, True], ids=["import artstore as wandb", "as_wandb"])
def program(request: pytest.FixtureRequest) -> Program:
    def started(name: str, code: str, *arguments: str, **more: Any) -> str:
        return run_program(name, code, *arguments, as_wandb=request.param, **more)

    return started


# From data to a promoted model, with old versions removed

PREPARE = """
    import random
    import sys
    import wandb

    seed = int(sys.argv[1])

    with wandb.init(project="mnist", job_type="prepare-data", config={"seed": seed}) as run:
        random.seed(run.config.seed)
        data = wandb.Artifact("digits", type="dataset", description="Digits and labels", metadata={"sizes": [80, 20]})
        for split in ("train", "test"):
            with data.new_file(f"{split}.csv", mode="w") as file:
                for _ in range(20):
                    file.write(f"{random.random()},{random.randint(0, 9)}\\n")
        run.log_artifact(data, aliases=["raw"])
"""
TRAIN = """
    import argparse
    import os
    import wandb

    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()

    wandb.login()
    run = wandb.init(project="mnist", job_type="train", config=args, tags=["baseline"])
    dataset = run.use_artifact("digits:latest", type="dataset")
    folder = dataset.download()
    rows = len(open(os.path.join(folder, "train.csv")).readlines())
    wandb.config.update({"rows": rows})

    wandb.define_metric("loss", summary="min")
    for epoch in range(wandb.config.epochs):
        wandb.log({"epoch": epoch, "loss": wandb.config.lr / (epoch + 1)})
        with open("model.pt", "w") as file:
            file.write(f"lr={wandb.config.lr} epoch={epoch}")
        model = wandb.Artifact(f"model-{wandb.run.project}", type="model", metadata=dict(wandb.config))
        model.add_file("model.pt")
        wandb.log_artifact(model, aliases=[f"epoch-{epoch}"])
    wandb.run.summary["best_epoch"] = epoch
    wandb.finish()
"""
EVALUATE = """
    import wandb

    with wandb.init(project="mnist", job_type="evaluate") as run:
        data = run.use_artifact("digits:raw")
        candidates = wandb.Api().artifacts(type_name="model", name="mnist/model-mnist", per_page=2)
        best = min(candidates, key=lambda candidate: candidate.metadata["lr"])
        model = run.use_artifact(best.qualified_name)
        path = model.file()
        score = 1 - float(open(path).read().split()[0].split("=")[1])
        run.summary.update({"score": score})
        model.metadata["score"] = score
        model.aliases.append("production")
        model.tags = ["evaluated"]
        model.save()
        run.link_artifact(model, "wandb-registry-model/digits", aliases=["production"])
"""
CLEAN_UP = """
    import wandb

    api = wandb.Api(overrides={"project": "mnist"})
    for version in api.artifacts("model", "model-mnist"):
        if "production" in version.aliases or "latest" in version.aliases:
            print("kept", version.name)
            continue
        version.delete(delete_aliases=True)
    for version in api.artifacts("dataset", "digits"):
        if len(version.aliases) == 0:
            version.delete()
"""


def test_a_pipeline_from_data_to_a_promoted_model(program: Program) -> None:
    program("prepare.py", PREPARE, "1")
    program("prepare.py", PREPARE, "2")
    program("prepare.py", PREPARE, "2")
    program("train.py", TRAIN, "--lr", "0.25")
    program("train.py", TRAIN, "--lr", "0.5", "--epochs", "2")
    program("evaluate.py", EVALUATE)
    cleaned = program("clean.py", CLEAN_UP)
    assert cleaned.split("\n")[:2] == ["kept model-mnist:v4", "kept model-mnist:v2"]

    api = Api({"project": "mnist"})
    model = api.artifact("model-mnist:production")
    assert (model.version, model.tags, model.metadata["score"]) == ("v2", ["evaluated"], 0.75)
    assert model.metadata["rows"] == 20
    assert Path(model.download(), "model.pt").read_text() == "lr=0.25 epoch=2"
    assert api.artifact("wandb-registry-model/digits:production").source_name == "model-mnist:v2"

    train = model.logged_by()
    assert train is not None
    assert (train.job_type, train.state, train.tags) == ("train", "finished", ["baseline"])
    assert train.config == {"lr": 0.25, "epochs": 3, "rows": 20}
    assert train.summary["best_epoch"] == 2
    assert [row["loss"] for row in train.scan_history()] == [0.25, 0.125, 0.25 / 3]
    [dataset] = train.used_artifacts()
    assert (dataset.name, dataset.description, entry_paths(dataset)) == (
        "digits:v1",
        "Digits and labels",
        ["test.csv", "train.csv"],
    )
    assert [user.job_type for user in dataset.used_by()] == ["train", "train", "evaluate"]
    made_by = dataset.logged_by()
    assert made_by is not None
    assert made_by.config == {"seed": 2}

    assert [stored.job_type for stored in api.runs("mnist")] == [
        *["prepare-data"] * 3,
        "train",
        "train",
        "evaluate",
    ]
    assert sql("select collection, version from artifact_versions where state = 'committed' order by 1, number") == [
        {"collection": "digits", "version": "v1"},
        {"collection": "model-mnist", "version": "v2"},
        {"collection": "model-mnist", "version": "v4"},
    ]


# Modules of W&B, with an unchanged import

INTEGRATION = """
    import wandb
    from wandb import Artifact
    from wandb.apis.public import Api
    from wandb.errors import CommError, UsageError
    from wandb.sdk.artifacts.artifact import Artifact as Inner
    from wandb.sdk.artifacts.artifact_ttl import ArtifactTTL
    from wandb.sdk.artifacts.exceptions import ArtifactNotLoggedError, WaitTimeoutError
    from wandb.sdk.wandb_run import Run
    import wandb.util

    assert Inner is Artifact is wandb.Artifact
    assert wandb.ArtifactTTL is ArtifactTTL
    assert tuple(map(int, wandb.__version__.split("."))) >= (0, 12)
    run = wandb.init(project="zoo", id=wandb.util.generate_id())
    assert isinstance(run, Run) and isinstance(run, wandb.sdk.wandb_run.Run)
    try:
        run.use_artifact("nothing:latest")
    except wandb.errors.CommError as error:
        print("not found:", error)
    try:
        wandb.Artifact("x", type="t").version
    except ArtifactNotLoggedError as error:
        print("not logged:", error)
    logged = run.log_artifact(Artifact("x", type="t")).wait()
    try:
        Api().artifact("zoo/x:v7")
    except CommError as error:
        assert isinstance(error, wandb.Error)
        print("not found:", error)
    wandb.finish()
    try:
        run.log({"late": 1})
    except UsageError as error:
        print("too late:", error)
"""


def test_code_that_imports_inner_modules_of_wandb_runs() -> None:
    output = run_program("integration.py", INTEGRATION, as_wandb=True)
    assert [line.split(":")[0] for line in output.splitlines()] == ["not found", "not logged", "not found", "too late"]
    assert Api().artifact("zoo/x").version == "v0"


def test_a_missing_module_of_wandb_is_named() -> None:
    code = "import wandb\ntry:\n    import wandb.gym\nexcept ImportError as error:\n    print(error)\n"
    assert "no wandb.gym" in run_program("gym.py", code, as_wandb=True)


def test_no_name_under_wandb_leads_to_a_module_that_is_only_ours() -> None:
    code = """
        import importlib, pkgutil, types
        import artstore
        import wandb

        names = {"as_wandb", "Entry", "Kind", "Store", "Version", "ArtstoreError"}
        assert not [name for name in names if hasattr(wandb, name)]
        modules = [module.name for module in pkgutil.walk_packages(artstore.__path__, "artstore.")]
        for module in modules:
            # Integrations import libraries that are not installed here.
            if module != "artstore.__main__" and not module.startswith("artstore.integrations."):
                importlib.import_module(module)
        parts = {part for module in modules for part in module.split(".")[1:]}
        print(*(part for part in parts if isinstance(getattr(wandb, part, None), types.ModuleType)))
    """
    modules = {"data_types", "errors", "plot", "catboost", "keras", "lightgbm", "sklearn", "xgboost"}
    assert set(run_program("names.py", code, as_wandb=True).split()) == modules


# Habits


def test_checkpoints_are_logged_in_a_loop_and_the_best_is_marked() -> None:
    run_program(
        "loop.py",
        """
        import wandb

        run = wandb.init(project="loop")
        best = None
        for epoch, loss in enumerate([0.9, 0.5, 0.7, 0.3, 0.8]):
            wandb.log({"loss": loss}, step=epoch)
            checkpoint = wandb.Artifact(f"run-{run.name}-checkpoint", type="model", metadata={"epoch": epoch})
            with checkpoint.new_file("weights.bin", mode="wb") as file:
                file.write(bytes([epoch]) * 1000)
            aliases = ["best"] if best is None or loss < best else []
            best = loss if aliases else best
            run.log_artifact(checkpoint, aliases=aliases)
        wandb.save("loop.py")
        """,
        WANDB_NAME="trial",
    )
    versions = Api().artifacts("model", "loop/run-trial-checkpoint", order="version_index")
    assert [(version.version, version.metadata["epoch"]) for version in versions] == [(f"v{n}", n) for n in range(5)]
    assert Api().artifact("loop/run-trial-checkpoint:best").version == "v3"
    assert Api().artifact("loop/run-trial-checkpoint").aliases == ["latest"]
    assert [found.state for found in Api().runs("loop")] == ["finished"]
    assert sql("select sum(size) as size from artifact_versions") == [{"size": 5000}]


def test_models_are_logged_and_used_across_projects() -> None:
    run_program(
        "publish.py",
        """
        import wandb

        with open("model.h5", "w") as file:
            file.write("weights")
        with wandb.init(entity="team", project="research") as run:
            run.log_model(path="model.h5", name="classifier", aliases=["stable"])
            run.link_model(path="model.h5", registered_model_name="zoo-classifier")
        """,
    )
    output = run_program(
        "serve.py",
        """
        import wandb

        with wandb.init(project="service", job_type="inference") as run:
            print(open(run.use_model("team/research/classifier:stable")).read())
            registered = run.use_artifact("team/model-registry/zoo-classifier:latest", type="model")
            print(registered.source_project, registered.is_link)
        """,
    )
    assert output == "weights\nresearch True\n"
    [serving] = Api().runs("service")
    assert serving.used_artifacts()[0].qualified_name.endswith("research/classifier:v0")


RESUMING = """
    import sys
    import wandb

    run = wandb.init(project="long", id="the-run", resume="allow", config={"epochs": 6})
    start = 0
    if wandb.run.resumed:
        start = int(open(run.use_artifact("checkpoint:latest").file()).read()) + 1
    for epoch in range(start, run.config["epochs"]):
        run.log({"epoch": epoch})
        with open("state.txt", "w") as file:
            file.write(str(epoch))
        run.log_artifact("state.txt", name="checkpoint", type="checkpoint").wait()
        if epoch == 2 and not run.resumed:
            sys.exit(5)
"""


def test_an_interrupted_run_is_resumed_from_its_checkpoint() -> None:
    run_program("long.py", RESUMING, status=5)
    assert Api().run("long/the-run").state == "failed"
    run_program("long.py", RESUMING)
    resumed = Api().run("long/the-run")
    assert (resumed.state, resumed.summary["epoch"]) == ("finished", 5)
    assert [(row["_step"], row["epoch"]) for row in resumed.scan_history()] == [(n, n) for n in range(6)]
    assert [artifact.version for artifact in resumed.logged_artifacts()] == [f"v{n}" for n in range(6)]
    assert len(Api().runs("long")) == 1


WORKER = """
    import sys
    import wandb

    with wandb.init(project="sharded", job_type="worker", name=f"worker {sys.argv[1]}") as run:
        shard = wandb.Artifact(f"shard-{sys.argv[1]}", type="shard")
        with shard.new_file("part.txt") as file:
            file.write(sys.argv[1])
        run.log_artifact(shard)
"""
JOIN = """
    import wandb

    with wandb.init(project="sharded", job_type="join") as run:
        joined = wandb.Artifact("joined", type="dataset")
        for worker in wandb.Api().runs("team/sharded"):
            if worker.group == run.group and worker.job_type == "worker":
                for shard in worker.logged_artifacts():
                    run.use_artifact(shard)
                    joined.add_dir(shard.download(), name=shard.name.split(":")[0])
        run.log_artifact(joined)
"""


def test_grouped_runs_in_parallel_are_joined_by_their_group() -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: run_program(f"worker{n}.py", WORKER, str(n), WANDB_RUN_GROUP="g1"), range(3)))
    run_program("worker9.py", WORKER, "9", WANDB_RUN_GROUP="g2")
    run_program("join.py", JOIN, WANDB_RUN_GROUP="g1")
    joined = Api().artifact("sharded/joined")
    assert entry_paths(joined) == ["shard-0/part.txt", "shard-1/part.txt", "shard-2/part.txt"]
    by = joined.logged_by()
    assert by is not None
    assert sorted(used.name for used in by.used_artifacts()) == ["shard-0:v0", "shard-1:v0", "shard-2:v0"]
    assert sql("select count(*) as files from artifact_entries where path = 'part.txt'") == [{"files": 4}]


def test_a_search_over_settings_makes_one_run_for_each() -> None:
    run_program(
        "search.py",
        """
        import wandb

        api = wandb.Api()
        for lr in (0.1, 0.2, 0.3):
            run = wandb.init(project="search", config={"lr": lr}, reinit=True, group="search")
            run.log({"accuracy": 1 - lr})
            run.finish()
        best = max(api.runs("search"), key=lambda run: run.summary["accuracy"])
        print(best.config["lr"], best.state)
        """,
    )
    runs = list(Api().runs("search"))
    assert [stored.config["lr"] for stored in runs] == [0.1, 0.2, 0.3]
    assert {(stored.state, stored.group) for stored in runs} == {("finished", "search")}


def test_an_uncaught_exception_fails_the_run_and_keeps_logged_versions() -> None:
    run_program(
        "broken.py",
        """
        import wandb

        wandb.init(project="broken")
        wandb.log({"loss": 1})
        wandb.log_artifact("broken.py", name="code", type="script")
        raise RuntimeError("out of memory")
        """,
        status=1,
    )
    [failed] = Api().runs("broken")
    assert (failed.state, failed.exit_code, failed.summary) == ("failed", 1, {"loss": 1})
    assert [artifact.name for artifact in failed.logged_artifacts()] == ["code:v0"]
