"""What programs and libraries find when they look for wandb after `artstore.as_wandb()`."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.collect_names import unlisted
from tests.support.wandb_names import NAMES, absent

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("workdir")


ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def stand_in(code: str) -> list[str]:
    """Run code in a process in which artstore stands in for wandb; return what it prints, line by line."""
    text = "import artstore; artstore.as_wandb()\n" + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", text], env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_metadata_of_a_distribution_wandb_are_found() -> None:
    code = """
        import importlib.metadata, importlib.util
        print(importlib.metadata.version("wandb"))
        distribution = importlib.metadata.distribution("wandb")
        print(distribution.metadata["Name"], all(file.locate().exists() for file in distribution.files))
        print("wandb" in {found.metadata["Name"] for found in importlib.metadata.distributions()})
        print(importlib.util.find_spec("wandb") is not None, importlib.util.find_spec("wandb.sdk") is not None)
        try:
            importlib.metadata.version("wandb-nothing")
        except importlib.metadata.PackageNotFoundError:
            print("not there")
    """
    assert stand_in(code) == ["0.31.0", "wandb True", "True", "True True", "not there"]


def test_the_imports_of_libraries_work() -> None:
    code = """
        from wandb import Artifact, finish, init, join, log, restore
        from wandb.apis.public import Api, Artifacts, File, Files, Project, Projects, Registry, Run, Runs
        from wandb.apis.public.runs import Runs
        from wandb.data_types import WBValue, Histogram, Plotly, Bokeh, box3d, BatchableMedia
        from wandb.errors import AuthenticationError, CommError, Error, UnsupportedError, UsageError
        from wandb.errors.errors import CommError as same
        from wandb.errors.term import termlog, termwarn
        from wandb.plot import CustomChart, line
        from wandb.sdk.artifacts.artifact_state import ArtifactState
        from wandb.sdk.data_types.base_types.wb_value import WBValue
        from wandb.sdk.data_types.image import Image
        from wandb.sdk.lib import RunDisabled, runid, telemetry
        from wandb.sdk.lib.config_util import ConfigError
        from wandb.sdk.lib.filesystem import mkdir_exists_ok
        from wandb.sdk.lib.paths import LogicalPath, StrPath
        from wandb.sdk.lib.printer import get_printer
        from wandb.sdk.wandb_login import login
        from wandb.util import generate_id, get_module, make_artifact_name_safe
        from wandb.env import get_project
        from wandb.apis.public import Sweep, Sweeps, User, Users
        from wandb.apis.public.sweeps import Sweep
        from wandb.sdk.lib.hashutil import b64_to_hex_id, hex_to_b64_id, md5_file_b64, md5_file_hex, md5_string
        from wandb.sdk.lib.ipython import in_ipython, in_jupyter, in_notebook
        from wandb.sdk.wandb_alerts import AlertLevel
        from wandb.sdk.wandb_setup import setup, teardown
        import wandb, wandb.sdk.lib.runid
        assert same is CommError and issubclass(ConfigError, Error)
        with telemetry.context(run=None) as record:
            record.feature.keras = True
        print(make_artifact_name_safe("eval/results 1"), get_module("no_such_module"), len(runid.generate_id()))
        print(LogicalPath("a//b/./c"), wandb.api.default_entity, wandb.api.api_key is None)
        print(get_printer().name("x"), wandb.Settings()._jupyter)
        print(wandb.env.MODE, wandb.env.PROJECT)
        with open("hi.txt", "w") as file:
            file.write("hi")
        print(md5_string("hi") == md5_file_b64("hi.txt") == hex_to_b64_id(md5_file_hex("hi.txt")), md5_string("hi"))
        print(in_ipython(), in_notebook(), wandb.util.json_dumps_safer({"a": {1, 2}}), wandb.util.is_numpy_array(3))
        wandb.env.set_project("zoo")
        wandb.env.set_entity("me")
        with wandb.init() as run:
            print(run.project, run.entity, wandb.Api().runs("zoo").length)
    """
    assert stand_in(code) == [
        "eval_results_1 None 8",
        "a/b/c local False",
        "x None",
        "WANDB_MODE WANDB_PROJECT",
        "True SfaKXIST7CwL9ImCHCH8Ow==",
        'False False {"a": [1, 2]} False',
        "zoo local 1",
    ]


def test_what_needs_the_server_says_so_when_it_is_called_and_not_before() -> None:
    code = """
        import wandb
        for name in ("controller", "attach"):
            function = getattr(wandb, name)
            try:
                function({"method": "grid"})
            except wandb.errors.UnsupportedError as error:
                print(error)
    """
    said = stand_in(code)
    assert [line.partition(":")[0] for line in said] == [
        f"wandb.{name} needs W&B's server, or is a part of W&B that artstore does not have"
        for name in ("controller", "attach")
    ]
    assert all(line.partition(": ")[2] for line in said)


def test_what_an_api_cannot_do_is_there_and_says_what_to_do_instead() -> None:
    code = """
        import wandb
        from wandb.errors import UnsupportedError
        api = wandb.Api()
        with wandb.init(project="zoo") as run:
            pass
        link = api.create_registry("models", "organization")
        calls = {
            "Api.create_team": lambda: api.create_team("cats"),
            "Api.automations": lambda: list(api.automations()),
            "Registry.members": link.members,
            "Run.stop": api.run(f"zoo/{run.id}").stop,
            "EvalTable": lambda: wandb.data_types.EvalTable(),
        }
        for name, call in calls.items():
            try:
                call()
            except UnsupportedError as error:
                print(str(error).startswith(f"wandb.{name} needs W&B's server"), str(error).partition(": ")[2])
        print(api.viewer.entity, api.from_path("local/zoo").name, api.from_path(f"zoo/{run.id}").state)
        print(wandb.termsetup(), wandb.ensure_configured(), wandb.patched["keras"])
    """
    said = stand_in(code)
    assert said[:5] == [
        "True a store has one owner; who may read its folder is decided by the file system",
        "True leave the call out, or run this program with wandb itself",
        "True a store has one owner; who may read its folder is decided by the file system",
        "True end its process, as with os.kill",
        "True log a Table",
    ]
    assert said[5:] == ["local zoo finished", "None None []"]


def test_the_list_has_every_name_of_an_installed_wandb() -> None:
    assert unlisted({"Api": ["runs", "fly"], "Wings": ["flap"]}, NAMES) == ["Api.fly", "Wings.flap"]
    script = ROOT / "tests" / "support" / "collect_names.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_of_artstore_is_found_under_the_name_of_wandb() -> None:
    code = """
        import sys, artstore.store, artstore.catalog.db, artstore.tracking.run, artstore.cli
        import wandb
        own = {name.split(".")[1] for name in sys.modules if name.startswith("artstore.")}
        shared = {"api", "data_types", "errors"}
        print(sorted(name for name in own - shared if hasattr(wandb, name)))
        print(type(wandb.api).__name__, type(wandb.errors).__name__, wandb.errors.__name__)
        try:
            import wandb.nothing
        except ModuleNotFoundError as error:
            print(error.name, "run this program with wandb itself" in str(error))
        try:
            wandb.nothing
        except AttributeError as error:
            print(error)
    """
    assert stand_in(code) == [
        "[]",
        "InternalApi _WandbModule wandb.errors",
        "wandb.nothing True",
        "artstore stands in for wandb, and has no wandb.nothing",
    ]


@pytest.mark.parametrize("title", NAMES)
def test_every_public_name_of_wandb_is_there_or_listed_with_a_reason(title: str) -> None:
    """After a new release of wandb, run `collect_names.py`: each new name must be added here or to artstore."""
    code = f"""
        from importlib import import_module
        import wandb
        from tests.support.wandb_names import NAMES, attributes_of
        from tests.support.collect_names import CLASSES
        title = {title!r}
        if title in CLASSES:
            module, _, name = CLASSES[title].rpartition(".")
            known = attributes_of(getattr(import_module(module), name))
        else:
            known = {{name for name in NAMES[title] if hasattr(import_module(title), name)}}
        print(*(name for name in NAMES[title] if name not in known))
    """
    (missing,) = stand_in(code)
    assert set(missing.split()) == absent(title)


def test_standing_in_imports_nothing_that_takes_time() -> None:
    code = """
        import sys
        heavy = {"importlib.metadata", "numpy", "pandas", "sqlite3", "sqlite_utils", "PIL", "fsspec", "click"}
        print(sorted(heavy & set(sys.modules)))
    """
    assert stand_in(code) == ["[]"]
